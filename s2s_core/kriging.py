"""Kriging: Gaussian-process regression with a Matern 3/2 covariance and a nugget.

All columns (genes or programmes) share the eigendecomposition of each candidate range, so
likelihood and leave-one-out error are exact for every column and the cost hardly grows with
their number.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

GLOBAL_MAX = 2000
BLOCK = 1000
NEIGHBOURS = 64
NUGGETS = np.geomspace(0.02, 200.0, 21)


@dataclass(frozen=True)
class Variograms:
    """Fitted covariance of each of C columns.

    Attributes
    ----------
    range_ : (C,) array
        Length scale of the Matern 3/2 covariance, in units of the pitch.
    nugget : (C,) array
        Noise-to-signal variance ratio.
    sill : (C,) array
        Signal variance.
    mean : (C,) array
    """

    range_: np.ndarray
    nugget: np.ndarray
    sill: np.ndarray
    mean: np.ndarray


def matern32(distance: np.ndarray, range_: float) -> np.ndarray:
    """Matern 3/2 correlation at ``distance`` for length scale ``range_``."""
    scaled = np.sqrt(3.0) * distance / range_
    return (1.0 + scaled) * np.exp(-scaled)


def candidate_ranges(points: np.ndarray) -> np.ndarray:
    """Length scales to try, from below the pitch to half the extent of the section."""
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    return np.geomspace(0.7, max(2.0, extent / 2), 10)


def fit_variograms(
    points: np.ndarray, values: np.ndarray, criterion: str = "likelihood", seed: int = 0
) -> Variograms:
    """Choose range and nugget of every column on measured spots.

    Parameters
    ----------
    points : (m, 2) array
        Positions in units of the pitch.
    values : (m, C) array
    criterion : {"likelihood", "withheld"}
        Profile likelihood, or squared error of leaving each measured spot out in turn.
    seed : int
        Of the blocks that stand for the section where it has more than 2000 spots.
    """
    mean = values.mean(0)
    ranges = candidate_ranges(points)
    blocks = _blocks(points, seed)
    cost = np.zeros((len(ranges), len(NUGGETS), values.shape[1]))
    sill = np.zeros_like(cost)
    for block in blocks:
        distance = cdist(points[block], points[block])
        for i, range_ in enumerate(ranges):
            spectrum, vectors = _decompose(matern32(distance, range_))
            projected = vectors.T @ (values[block] - mean)
            block_cost, block_sill = _criteria(spectrum, vectors, projected, criterion)
            cost[i] += block_cost
            sill[i] += block_sill / len(blocks)
    flat = cost.reshape(-1, values.shape[1]).argmin(0)
    best_range, best_nugget = np.divmod(flat, len(NUGGETS))
    columns = np.arange(values.shape[1])
    return Variograms(
        ranges[best_range], NUGGETS[best_nugget], sill[best_range, best_nugget, columns], mean
    )


def krige(
    points: np.ndarray,
    values: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    variance: bool = True,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Kriging mean and variance (nugget included) at targets.

    Parameters
    ----------
    points : (m, 2) array
    values : (m, C) array
    targets : (t, 2) array
    variograms : Variograms of the C columns
    variance : bool
        Also return the predictive variance of a new measurement.

    Returns
    -------
    mean, variance : (t, C) float32 arrays
    """
    centred = (values - variograms.mean).astype(np.float64)
    mean = np.empty((len(targets), values.shape[1]), np.float32)
    var = np.empty_like(mean) if variance else None
    for range_ in np.unique(variograms.range_):
        columns = np.nonzero(variograms.range_ == range_)[0]
        solve = _krige_global if len(points) <= GLOBAL_MAX else _krige_local
        solve(points, centred, targets, range_, variograms, columns, mean, var)
    mean += variograms.mean.astype(np.float32)
    return mean, var


def _krige_global(points, centred, targets, range_, variograms, columns, mean, var) -> None:
    spectrum, vectors = _decompose(matern32(cdist(points, points), range_))
    cross = matern32(cdist(targets, points), range_) @ vectors
    shrink = 1.0 / (spectrum[:, None] + variograms.nugget[columns])
    mean[:, columns] = cross @ (shrink * (vectors.T @ centred[:, columns]))
    if var is not None:
        explained = (cross**2) @ shrink
        sill = variograms.sill[columns]
        var[:, columns] = sill * (1.0 + variograms.nugget[columns] - np.minimum(explained, 1.0))


def _krige_local(points, centred, targets, range_, variograms, columns, mean, var) -> None:
    """Kriging from the nearest measured spots: memory and time linear in the targets."""
    _, near = cKDTree(points).query(targets, k=min(NEIGHBOURS, len(points)))
    for nugget in np.unique(variograms.nugget[columns]):
        group = columns[variograms.nugget[columns] == nugget]
        for start in range(0, len(targets), 4096):
            rows = slice(start, start + 4096)
            local = points[near[rows]]
            gram = matern32(np.linalg.norm(local[:, :, None] - local[:, None], axis=-1), range_)
            gram[:, np.arange(gram.shape[1]), np.arange(gram.shape[1])] += nugget
            cross = matern32(np.linalg.norm(local - targets[rows, None], axis=-1), range_)
            weights = np.linalg.solve(gram, cross[..., None])[..., 0]
            gathered = centred[:, group][near[rows]]
            mean[rows, group] = np.einsum("tk,tkc->tc", weights, gathered)
            if var is not None:
                explained = np.minimum((weights * cross).sum(1), 1.0)
                var[rows, group] = variograms.sill[group] * (1.0 + nugget - explained)[:, None]


def _decompose(gram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    spectrum, vectors = eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
    return np.maximum(spectrum, 0.0), vectors


def _criteria(spectrum, vectors, projected, criterion) -> tuple[np.ndarray, np.ndarray]:
    """Cost and sill (nuggets, C) of every nugget for one range."""
    m = len(spectrum)
    cost = np.empty((len(NUGGETS), projected.shape[1]))
    sill = np.empty_like(cost)
    squared = projected**2
    for j, nugget in enumerate(NUGGETS):
        shrink = 1.0 / (spectrum + nugget)
        sill[j] = np.maximum(shrink @ squared / m, 1e-12)
        if criterion == "likelihood":
            cost[j] = 0.5 * m * np.log(sill[j]) - 0.5 * np.log(shrink).sum()
        else:
            # Leave-one-out residual of spot i: (A^-1 y)_i / (A^-1)_ii.
            residual = vectors @ (shrink[:, None] * projected)
            residual /= ((vectors**2) @ shrink)[:, None]
            cost[j] = (residual**2).sum(0)
    return cost, sill


def _blocks(points: np.ndarray, seed: int) -> list[np.ndarray]:
    """All spots, or for large sections two compact blocks that stand for them."""
    if len(points) <= GLOBAL_MAX:
        return [np.arange(len(points))]
    centres = np.random.default_rng(seed).choice(len(points), 2, replace=False)
    return list(cKDTree(points).query(points[centres], k=BLOCK)[1])
