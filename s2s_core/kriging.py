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

    def first(self, count: int) -> Variograms:
        """Only the first ``count`` columns."""
        columns = (self.range_, self.nugget, self.sill, self.mean)
        return Variograms(*(column[:count] for column in columns))


def matern32(distance: np.ndarray, range_: float) -> np.ndarray:
    """Matern 3/2 correlation at ``distance`` for length scale ``range_``."""
    scaled = np.sqrt(3.0) * distance / range_
    return (1.0 + scaled) * np.exp(-scaled)


def candidate_ranges(points: np.ndarray) -> np.ndarray:
    """Length scales to try, from below the pitch to half the extent of the section."""
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    return np.geomspace(0.7, max(2.0, extent / 2), 10)


def fit_variograms(
    points: np.ndarray,
    values: np.ndarray,
    criterion: str = "likelihood",
    *,
    noise: np.ndarray | None = None,
    ranges: np.ndarray | None = None,
    seed: int = 0,
) -> Variograms:
    """Choose range and nugget of every column on measured spots.

    Parameters
    ----------
    points : (m, 2) array
        Positions in units of the pitch.
    values : (m, C) array
    criterion : {"likelihood", "withheld"}
        Profile likelihood, or squared error of leaving each measured spot out in turn.
    noise : (m,) array, optional
        Relative noise variance of each spot; the nugget is multiplied by it. Default: equal.
    ranges : array, optional
        Length scales to try; default :func:`candidate_ranges`.
    seed : int
        Of the blocks that stand for the section where it has more than 2000 spots.
    """
    certainty = _certainty(noise, len(points))
    mean = np.average(values, axis=0, weights=certainty**2)
    ranges = candidate_ranges(points) if ranges is None else ranges
    blocks = _blocks(points, seed)
    cost = np.zeros((len(ranges), len(NUGGETS), values.shape[1]))
    sill = np.zeros_like(cost)
    for block in blocks:
        distance = cdist(points[block], points[block])
        sure = certainty[block]
        for i, range_ in enumerate(ranges):
            spectrum, vectors = _decompose(matern32(distance, range_), sure)
            projected = vectors.T @ (sure[:, None] * (values[block] - mean))
            block_cost, block_sill = _criteria(spectrum, vectors, projected, criterion)
            cost[i] += block_cost
            sill[i] += block_sill / len(blocks)
    flat = cost.reshape(-1, values.shape[1]).argmin(0)
    best_range, best_nugget = np.divmod(flat, len(NUGGETS))
    columns = np.arange(values.shape[1])
    return Variograms(
        ranges[best_range], NUGGETS[best_nugget], sill[best_range, best_nugget, columns], mean
    )


@dataclass(frozen=True)
class Kriged:
    """Kriging mean and variance (t, C) at the targets; ``left_out`` (m, C) is each measured
    spot's mean from all the others, when asked for."""

    mean: np.ndarray
    variance: np.ndarray
    left_out: np.ndarray | None = None


def krige(
    points: np.ndarray,
    values: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    *,
    noise: np.ndarray | None = None,
    leave_out: bool = False,
) -> Kriged:
    """Predict (m, C) ``values`` measured at ``points`` (m, 2) at ``targets`` (t, 2).

    Parameters
    ----------
    points, values, targets : arrays
    variograms : Variograms of the C columns
    noise : (m,) array, optional
        Relative noise variance of each spot.
    leave_out : bool
        Also predict every measured spot from the others.

    Returns
    -------
    Kriged
        The variance is that of a new measurement of average noise (nugget included).
    """
    certainty = _certainty(noise, len(points))
    centred = (values - variograms.mean).astype(np.float64)
    mean = np.empty((len(targets), values.shape[1]), np.float32)
    variance = np.empty_like(mean)
    left_out = np.empty(values.shape, np.float32) if leave_out else None
    solve = _krige_global if len(points) <= GLOBAL_MAX else _krige_local
    for range_ in np.unique(variograms.range_):
        columns = np.nonzero(variograms.range_ == range_)[0]
        known = _Known(points, centred[:, columns], certainty, range_, variograms.nugget[columns])
        mean[:, columns], explained, other = solve(known, targets, leave_out=leave_out)
        share = 1.0 + known.nugget - np.minimum(explained, 1.0)
        variance[:, columns] = variograms.sill[columns] * share
        if left_out is not None:
            left_out[:, columns] = other
    offset = variograms.mean.astype(np.float32)
    return Kriged(mean + offset, variance, None if left_out is None else left_out + offset)


@dataclass(frozen=True)
class _Known:
    """Measured columns that share one range: centred values, certainty and nuggets."""

    points: np.ndarray
    centred: np.ndarray
    certainty: np.ndarray
    range_: float
    nugget: np.ndarray


def _krige_global(known: _Known, targets: np.ndarray, *, leave_out: bool):
    sure = known.certainty
    gram = matern32(cdist(known.points, known.points), known.range_)
    spectrum, vectors = _decompose(gram, sure)
    cross = (matern32(cdist(targets, known.points), known.range_) * sure) @ vectors
    shrink = 1.0 / (spectrum[:, None] + known.nugget)
    solved = shrink * (vectors.T @ (sure[:, None] * known.centred))
    other = None
    if leave_out:
        residual = (vectors @ solved) / ((vectors**2) @ shrink)
        other = known.centred - residual / sure[:, None]
    return cross @ solved, (cross**2) @ shrink, other


def _krige_local(known: _Known, targets: np.ndarray, *, leave_out: bool):
    """Kriging from the nearest measured spots: memory and time linear in the targets."""
    tree = cKDTree(known.points)
    near = tree.query(targets, k=NEIGHBOURS)[1]
    mean, explained = _solve_local(known, targets, near)
    if not leave_out:
        return mean, explained, None
    near = tree.query(known.points, k=NEIGHBOURS + 1)[1][:, 1:]
    return mean, explained, _solve_local(known, known.points, near)[0]


def _solve_local(known: _Known, targets: np.ndarray, near: np.ndarray):
    mean = np.empty((len(targets), known.centred.shape[1]))
    explained = np.empty_like(mean)
    diagonal = np.arange(near.shape[1])
    for start in range(0, len(targets), 4096):
        rows = slice(start, start + 4096)
        local = known.points[near[rows]]
        gram = matern32(np.linalg.norm(local[:, :, None] - local[:, None], axis=-1), known.range_)
        cross = matern32(np.linalg.norm(local - targets[rows, None], axis=-1), known.range_)
        noise = known.certainty[near[rows]] ** -2
        for nugget in np.unique(known.nugget):
            group = np.nonzero(known.nugget == nugget)[0]
            noisy = gram.copy()
            noisy[:, diagonal, diagonal] += nugget * noise
            weights = np.linalg.solve(noisy, cross[..., None])[..., 0]
            gathered = known.centred[:, group][near[rows]]
            mean[rows, group] = np.einsum("tk,tkc->tc", weights, gathered)
            explained[rows, group] = (weights * cross).sum(1)[:, None]
    return mean, explained


def _certainty(noise: np.ndarray | None, count: int) -> np.ndarray:
    """Square root of each spot's precision; the whitened system has equal noise."""
    return np.ones(count) if noise is None else 1.0 / np.sqrt(noise)


def _decompose(gram: np.ndarray, certainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    gram = gram * certainty[:, None] * certainty
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
