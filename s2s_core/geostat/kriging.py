"""Kriging: Gaussian-process regression with the covariances of :mod:`s2s_core.geostat.variograms`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist
from threadpoolctl import threadpool_limits

from s2s_core.geostat.variograms import KERNELS, NUGGETS, Candidate, Spots, Variograms, distances

NEIGHBOURS = 64
TILE = 128


@dataclass(frozen=True)
class Kriged:
    """Kriging mean and variance (t, C) at the targets; ``left_out`` (m, C) is each measured
    spot's mean from all the others. What was not asked for is None."""

    mean: np.ndarray
    variance: np.ndarray | None = None
    left_out: np.ndarray | None = None


def krige(
    spots: Spots,
    values: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    *,
    variance: bool = True,
    leave_out: bool = False,
) -> Kriged:
    """Predict (m, C) ``values`` measured at ``spots`` at ``targets`` (t, 2).

    Above 2000 measured spots, and with variograms of so many, targets are predicted tile by
    tile, from the 64 spots nearest to each target of the tile, with every column's heaviest
    candidate: memory and time stay linear in the targets, and so many spots leave little doubt
    about a variogram.

    Parameters
    ----------
    spots : Spots
    values, targets : arrays
    variograms : Variograms of the C columns
    variance, leave_out : bool
        Also give the variance; also predict every measured spot from the others.

    Returns
    -------
    Kriged
        The variance is that of a new measurement of average noise (nugget included).
    """
    centred = (values - variograms.mean).astype(np.float32)
    out = [
        np.zeros((len(targets), values.shape[1]), np.float32),
        np.zeros((len(targets), values.shape[1]), np.float32) if variance else None,
        np.zeros(values.shape, np.float32) if leave_out else None,
    ]
    if spots.many or variograms.local:
        # Threads cost more than they give on systems of some hundred spots.
        with threadpool_limits(1, "blas"):
            _krige_local(spots, centred, targets, variograms.sharpened(), out)
    else:
        _krige_global(spots, centred, targets, variograms, out)
    offset = variograms.mean.astype(np.float32)
    out[0] += offset
    if variance:
        out[1] = np.maximum(variograms.signal + variograms.noise - out[1], variograms.noise)
        out[1] = out[1].astype(np.float32)
    if leave_out:
        out[2] += offset
    return Kriged(*out)


def _krige_global(spots: Spots, centred, targets, variograms: Variograms, out) -> None:
    """Fill in weighted means, explained variances and left-out means from all spots."""
    # All candidates share the distances.
    apart = distances(targets, spots.points)
    for i, candidate in enumerate(variograms.candidates):
        columns = np.nonzero(variograms.weight[i].any(0))[0]
        if len(columns):
            weight = variograms.weight[i][:, columns], variograms.sill[i][:, columns]
            part = _solve_global(spots, centred[:, columns], apart, candidate, *weight, out)
            for total, term in zip(out, part, strict=True):
                if total is not None:
                    total[:, columns] += term


def _solve_global(spots: Spots, centred, apart, candidate: Candidate, weight, sill, wanted):
    """Weighted mean, explained variance and left-out mean of one candidate.

    ``apart`` are the distances (t, m) of targets and spots.
    """
    sure = spots.certainty
    spectrum, vectors = spots.decompose(candidate)
    used = np.nonzero(weight.any(1))[0]
    shrink = 1.0 / (spectrum[:, None] + NUGGETS[used].astype(np.float32))
    projected = vectors.T @ (sure[:, None] * centred)
    cross = KERNELS[candidate[0]](apart, candidate[1])
    cross *= sure
    solved = vectors @ ((shrink @ weight[used].astype(np.float32)) * projected)
    explained = left_out = None
    if wanted[1] is not None:
        explained = (cross @ vectors) ** 2 @ (shrink @ sill[used].astype(np.float32))
    if wanted[2] is not None:
        left_out = np.zeros_like(centred)
        spread = (vectors**2) @ shrink
        for j, n in enumerate(used):
            columns = np.nonzero(weight[n])[0]
            residual = vectors @ (shrink[:, j, None] * projected[:, columns])
            residual /= (spread[:, j] * sure)[:, None]
            left_out[:, columns] += weight[n, columns] * (centred[:, columns] - residual)
    return cross @ solved, explained, left_out


def _krige_local(spots: Spots, centred, targets, variograms: Variograms, out) -> None:
    """The same, tile by tile, each from the nearest measured spots of its targets."""
    mean, explained, left_out = out
    tree, most = cKDTree(spots.points), min(NEIGHBOURS, len(spots.points) - 1)
    # Columns that share a candidate and a nugget share the solution.
    groups = [
        (
            variograms.candidates[i],
            NUGGETS[n],
            np.nonzero(variograms.weight[i, n])[0],
            variograms.sill[i, n],
        )
        for i, n in np.argwhere(variograms.weight.any(2))
    ]
    for rows in _tiles(targets):
        near = np.unique(tree.query(targets[rows], k=most)[1])
        apart = cdist(targets[rows], spots.points[near])
        values = centred[near]
        for (kernel, range_), columns, sill, factor in _factors(spots, near, groups):
            cross = KERNELS[kernel](apart, range_).T
            share = cho_solve(factor, cross, check_finite=False)
            at = np.ix_(rows, columns)
            mean[at] = share.T @ values[:, columns]
            if explained is not None:
                explained[at] = (share * cross).sum(0)[:, None] * sill[columns]
    if left_out is None:
        return
    for rows in _tiles(spots.points):
        near = np.unique(tree.query(spots.points[rows], k=most + 1)[1])
        own = (near[:, None] == rows).astype(float)
        values = centred[near]
        for _, columns, _, factor in _factors(spots, near, groups):
            # The residual of spot i, left out, is (A^-1 y)_i / (A^-1)_ii.
            inverse = cho_solve(factor, own, check_finite=False)
            residual = inverse.T @ values[:, columns] / (inverse * own).sum(0)[:, None]
            left_out[np.ix_(rows, columns)] = centred[np.ix_(rows, columns)] - residual


def _factors(spots: Spots, near: np.ndarray, groups):
    """Candidate, columns and sills of each group, with the Cholesky factor of its system."""
    points, noise = spots.points[near], spots.certainty[near].astype(float) ** -2
    between = cdist(points, points)
    for (kernel, range_), nugget, columns, sill in groups:
        system = KERNELS[kernel](between, range_)
        system[np.diag_indices_from(system)] += nugget * noise
        factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        yield (kernel, range_), columns, sill, factor


def _tiles(points: np.ndarray) -> list[np.ndarray]:
    """Indices of points close together, at most :data:`TILE` each: halves of halves."""
    tiles, todo = [], [np.arange(len(points))] if len(points) else []
    while todo:
        part = todo.pop()
        if len(part) <= TILE:
            tiles.append(part)
            continue
        along = np.ptp(points[part], axis=0).argmax()
        middle = len(part) // 2
        order = part[np.argpartition(points[part, along], middle)]
        todo += [order[:middle], order[middle:]]
    return tiles
