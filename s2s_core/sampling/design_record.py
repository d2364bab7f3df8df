"""The record of a design's metrics on one pilot."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class DesignMetrics:
    """Gaps, aliasing and expected error of a design on one pilot.

    Attributes
    ----------
    n_measured : int
    fraction : float
        Of the tissue positions.
    largest_gap, mean_gap, typical_gap : float
        Distance of unmeasured tissue positions to the nearest measured one, in pitches: the
        largest, the mean, and what nine in ten do not exceed.
    largest_gap_unit, mean_gap_unit : float
        The same in the section's own ``unit``.
    unit : str
        "" where the section does not say.
    dispersion : float
        Variance of the number of measured spots around a position, over that of a random draw
        from the same lattice: 0 perfectly even, 1 random, above 1 clustered.
    periodic : bool
    aliased : float
        Share (0..1) of the pilot's patterns that a periodic design folds onto coarser ones.
    edge_coverage : float
        Share of the tissue's rim within one mean spacing of a measured spot.
    expected_rmse, expected_pcc : float
        Mean over genes at unmeasured positions, from the kriging variance of the programmes.
    genes : DataFrame
        By gene: ``range`` (pitches), ``signal``, ``correlation`` (kept across the typical gap),
        ``verdict``, ``expected_rmse``, ``expected_pcc``.
    sentences : tuple of str
        All of it in words.
    """

    n_measured: int
    fraction: float
    largest_gap: float
    mean_gap: float
    typical_gap: float
    largest_gap_unit: float
    mean_gap_unit: float
    unit: str
    dispersion: float
    periodic: bool
    aliased: float
    edge_coverage: float
    expected_rmse: float
    expected_pcc: float
    genes: pd.DataFrame
    sentences: tuple[str, ...]
