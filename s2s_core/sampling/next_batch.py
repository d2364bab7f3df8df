"""Spots to measure next: where a run is most uncertain, spread so that they do not cluster."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.sampling.active import reduce_variance
from s2s_core.sampling.pilot import Pilot


def next_batch(
    section: Section,
    spread: np.ndarray,
    count: int,
    seed: int = 0,
    *,
    allowed: np.ndarray | None = None,
    pilot: Pilot | None = None,
) -> pd.DataFrame:
    """Choose the next spots after a run.

    Each spot is the one whose measurement lowers the kriging variance of the whole tissue most,
    given what is measured and what was chosen before it; positions count by how unsure the run
    itself was there. Nothing but measured values and the run's own deviation is used.

    Parameters
    ----------
    section : Section
        As it was run; only its measured values are looked at.
    spread : (n, G) array
        The run's predictive deviation, or the width of its intervals, in log-normalised units.
    count : int
        Spots to choose.
    seed : int
        Decides between spots of equal gain.
    allowed : (n,) bool array, optional
        Positions that can be measured; all unmeasured ones when not given.
    pilot : Pilot, optional
        Of this section, where it was made already.

    Returns
    -------
    DataFrame
        In the order of choice: order, spot_id, array_row, array_col, x, y and uncertainty (the
        run's own, relative to the mean over unmeasured positions).

    Raises
    ------
    S2SError
        If the batch is empty or larger than what is unmeasured, or the run has no deviation.
    """
    free = ~section.measured if allowed is None else ~section.measured & allowed
    if not 1 <= count <= free.sum():
        raise S2SError(
            f"The next batch must hold between 1 and {int(free.sum())} spots, the number that can "
            f"still be measured; found {count}."
        )
    unsure = uncertainty(section, spread)
    pilot = Pilot(section) if pilot is None else pilot
    picked = reduce_variance(
        pilot.points,
        pilot.covariance,
        free,
        count,
        given=np.nonzero(section.measured)[0],
        weights=unsure**2,
        rng=np.random.default_rng(seed),
    )
    array_row, array_col = section.array_index
    return pd.DataFrame(
        {
            "order": np.arange(1, count + 1),
            "spot_id": section.spot_ids[picked],
            "array_row": array_row[picked],
            "array_col": array_col[picked],
            "x": section.xy[picked, 0],
            "y": section.xy[picked, 1],
            "uncertainty": unsure[picked],
        }
    )


def uncertainty(section: Section, spread: np.ndarray) -> np.ndarray:
    """(n,) how unsure a run is at each position: mean over genes, each in units of its own mean.

    Raises
    ------
    S2SError
        If the run is equally unsure nowhere: it has no deviation.
    """
    away = ~section.measured
    total, genes = np.zeros(section.n_positions), 0
    for start in range(0, spread.shape[1], 512):
        part = np.asarray(spread[:, start : start + 512], np.float64)
        typical = part[away].mean(0)
        good = np.isfinite(typical) & (typical > 1e-9)
        total += (part[:, good] / typical[good]).sum(1)
        genes += int(good.sum())
    if genes == 0:
        raise S2SError(
            "The run says nothing about how unsure it is; run a method with a deviation (s2s or "
            "programme-kriging)."
        )
    return total / genes
