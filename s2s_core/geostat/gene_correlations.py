"""Correlations between genes over positions: of measured spots, or of draws of a map.

Those of a map of means are no answer: it is smooth, and what is smooth correlates. Made from a map,
many pairs of genes correlate strongly that hardly do in measurements.
"""

from __future__ import annotations

from enum import StrEnum

import numpy as np
import pandas as pd

from s2s_core.data.observation import observe
from s2s_core.data.result import Result
from s2s_core.geostat.draws import draw_maps


class Source(StrEnum):
    """What correlations are computed from.

    ``MEASURED`` are the measured spots alone. ``DRAWS`` are draws of a measurement: with
    correlations shrunk by what so few spots can tell, and at all positions.
    """

    MEASURED = "measured"
    DRAWS = "draws"


def gene_correlations(
    result: Result,
    source: Source = Source.DRAWS,
    *,
    draws: int = 20,
    seed: int = 0,
    rows: np.ndarray | None = None,
) -> pd.DataFrame:
    """Pearson correlations between genes of log-normalised measurements.

    Parameters
    ----------
    result : Result
    source : Source
    draws : int
        Draws that correlations are averaged over.
    seed : int
        Of the draws.
    rows : (n,) bool array, optional
        Positions to correlate over; all (measured ones of them, where the source is measured).

    Returns
    -------
    DataFrame
        (G, G), genes by genes; NaN for genes that are constant there.

    Raises
    ------
    S2SError
        If the result has kept nothing to draw from.
    """
    source = Source(source)
    at = np.ones(result.section.n_positions, bool) if rows is None else np.asarray(rows, bool)
    if source is Source.MEASURED:
        obs = observe(result.section)
        matrix = _correlations(obs.values[at[obs.rows(obs.pixels)]])
    else:
        drawn = draw_maps(result, draws, seed=seed)
        # A gene may be constant in one draw and vary in others.
        parts = np.zeros((2, len(result.section.genes), len(result.section.genes)))
        for values in drawn:
            own = _correlations(values[at])
            parts += np.nan_to_num(own), np.isfinite(own)
        with np.errstate(invalid="ignore"):
            matrix = parts[0] / parts[1]
    return pd.DataFrame(matrix, result.section.genes, result.section.genes)


def _correlations(values: np.ndarray) -> np.ndarray:
    """(G, G) correlations of columns, NaN where one is constant."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.corrcoef(values.T)
