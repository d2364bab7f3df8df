"""Kriging: Gaussian-process regression with the covariances of :mod:`s2s_core.geostat.variograms`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from s2s_core.geostat.kriging_solvers import KrigingSums, add_dense, fill_tiled
from s2s_core.geostat.variograms import Decompositions, Spots, Variograms


@dataclass(frozen=True)
class Kriged:
    """Predictions of C columns; what was not asked for is None.

    Attributes
    ----------
    mean : (t, C) array
        At the targets.
    variance : (t, C) array, optional
        Of a new measurement of average noise at the targets.
    leave_one_out : (m, C) array, optional
        Each measured spot's mean from all the others.
    """

    mean: np.ndarray
    variance: np.ndarray | None = None
    leave_one_out: np.ndarray | None = None

    def asked_variance(self) -> np.ndarray:
        """(t, C) variance.

        Raises
        ------
        ValueError
            If it was not asked for.
        """
        if self.variance is None:
            raise ValueError("krige was called without variance=True")
        return self.variance

    def asked_leave_one_out(self) -> np.ndarray:
        """(m, C) leave-one-out means.

        Raises
        ------
        ValueError
            If they were not asked for.
        """
        if self.leave_one_out is None:
            raise ValueError("krige was called without leave_one_out=True")
        return self.leave_one_out


def krige(
    spots: Spots,
    values: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    *,
    variance: bool = True,
    leave_one_out: bool = False,
    decompositions: Decompositions | None = None,
) -> Kriged:
    """Kriging of values measured at spots.

    Above 2000 measured spots, and with variograms of so many, targets are predicted tile by
    tile, from the 64 spots nearest to each target of the tile, with every column's heaviest
    candidate: memory and time stay linear in the targets, and so many spots leave little doubt
    about a variogram.

    Parameters
    ----------
    spots : Spots
    values : (m, C) array
        Measured at the spots.
    targets : (t, 2) array
        Positions to predict, in units of the pitch.
    variograms : Variograms of the C columns
    variance, leave_one_out : bool
        Also give the variance; also predict every measured spot from the others.
    decompositions : Decompositions, optional
        Those of the spots, to be made once for several calls.

    Raises
    ------
    ValueError
        For decompositions of other spots.
    """
    centred = (values - variograms.mean).astype(np.float32)
    at_targets = len(targets), values.shape[1]
    sums = KrigingSums(
        mean=np.zeros(at_targets, np.float32),
        explained=np.zeros(at_targets, np.float32) if variance else None,
        leave_one_out=np.zeros(values.shape, np.float32) if leave_one_out else None,
    )
    if spots.exceeds_dense_limit or variograms.tiled:
        # Threads cost more than they give on systems of some hundred spots.
        with threadpool_limits(1, "blas"):
            fill_tiled(spots, centred, targets, variograms.most_probable(), sums)
    else:
        whole = Decompositions.for_spots(spots, decompositions)
        add_dense(whole, centred, targets, variograms, sums)
    offset = variograms.mean.astype(np.float32)
    return Kriged(
        sums.mean + offset,
        None if sums.explained is None else _remaining(variograms, sums.explained),
        None if sums.leave_one_out is None else sums.leave_one_out + offset,
    )


def _remaining(variograms: Variograms, explained: np.ndarray) -> np.ndarray:
    """(t, C) variance of a new measurement: what is not explained, at least the noise."""
    total = variograms.signal + variograms.noise
    return np.maximum(total - explained, variograms.noise).astype(np.float32)
