"""Kriging: Gaussian-process regression with the covariances of :mod:`s2s_core.variograms`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.variograms import KERNELS, NUGGETS, Candidate, Spots, Variograms, distances

NEIGHBOURS = 64


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

    Above 3000 measured spots each target is predicted from its 64 nearest, with every
    column's heaviest candidate: memory and time stay linear in the targets, and so many spots
    leave little doubt about a variogram.

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
    out = [np.zeros((len(targets), values.shape[1]), np.float32),
           np.zeros((len(targets), values.shape[1]), np.float32) if variance else None,
           np.zeros(values.shape, np.float32) if leave_out else None]  # fmt: skip
    solve = _krige_local if spots.many else _krige_global
    # All candidates share the distances.
    where = targets if spots.many else distances(targets, spots.points)
    variograms = variograms.sharpened() if spots.many else variograms
    for i, candidate in enumerate(variograms.candidates):
        columns = np.nonzero(variograms.weight[i].any(0))[0]
        if len(columns):
            weight = variograms.weight[i][:, columns], variograms.sill[i][:, columns]
            part = solve(spots, centred[:, columns], where, candidate, *weight, out)
            for total, term in zip(out, part, strict=True):
                if total is not None:
                    total[:, columns] += term
    offset = variograms.mean.astype(np.float32)
    out[0] += offset
    if variance:
        out[1] = np.maximum(variograms.signal + variograms.noise - out[1], variograms.noise)
        out[1] = out[1].astype(np.float32)
    if leave_out:
        out[2] += offset
    return Kriged(*out)


def _krige_global(spots: Spots, centred, apart, candidate: Candidate, weight, sill, wanted):
    """Weighted mean, explained variance and left-out mean of one candidate, from all spots.

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


def _krige_local(spots: Spots, centred, targets, candidate: Candidate, weight, sill, wanted):
    """The same from the nearest measured spots."""
    tree = cKDTree(spots.points)
    near = tree.query(targets, k=NEIGHBOURS)[1]
    mean, explained = _solve_local(spots, centred, targets, near, candidate, weight, sill)
    left_out = None
    if wanted[2] is not None:
        near = tree.query(spots.points, k=NEIGHBOURS + 1)[1][:, 1:]
        left_out = _solve_local(spots, centred, spots.points, near, candidate, weight, sill)[0]
    return mean, explained, left_out


def _solve_local(spots: Spots, centred, targets, near, candidate: Candidate, weight, sill):
    kernel, range_ = candidate
    mean = np.zeros((len(targets), centred.shape[1]), np.float32)
    explained = np.zeros_like(mean)
    diagonal = np.arange(near.shape[1])
    for start in range(0, len(targets), 4096):
        rows = slice(start, start + 4096)
        local = spots.points[near[rows]]
        apart = np.linalg.norm(local[:, :, None] - local[:, None], axis=-1)
        gram = KERNELS[kernel](apart, range_)
        cross = KERNELS[kernel](np.linalg.norm(local - targets[rows, None], axis=-1), range_)
        noise = spots.certainty[near[rows]] ** -2
        for n in np.nonzero(weight.any(1))[0]:
            group = np.nonzero(weight[n])[0]
            noisy = gram.copy()
            noisy[:, diagonal, diagonal] += NUGGETS[n] * noise
            share = np.linalg.solve(noisy, cross[..., None])[..., 0]
            gathered = centred[:, group][near[rows]]
            mean[rows, group] += np.einsum("tk,tkc->tc", share, gathered) * weight[n, group]
            explained[rows, group] += (share * cross).sum(1)[:, None] * sill[n, group]
    return mean, explained
