"""Solutions of the kriging equations: dense from all spots, or tile by tile from the nearest.

References
----------
Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006: sections 2.2 (predictions) and
5.4.2 (leave-one-out from the inverse covariance).
Chiles & Delfiner, Geostatistics: Modeling Spatial Uncertainty, 2012: chapter 3 (kriging, also in a
moving neighbourhood).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

from s2s_core.geostat.variograms import (
    KERNELS,
    NUGGETS,
    Candidate,
    Decompositions,
    Spots,
    Variograms,
    distances,
)

# Measured spots that a target is predicted from, and most targets of a tile; untuned.
NEIGHBOURS = 64
TILE = 128


@dataclass(frozen=True)
class KrigingSums:
    """Sums over candidate covariances, filled in place; None where not asked for.

    Attributes
    ----------
    mean : (t, C) array
        Weighted kriging means of centred values.
    explained : (t, C) array, optional
        Signal variance that the measured spots explain.
    leave_one_out : (m, C) array, optional
        Weighted means of each measured spot from the others.
    """

    mean: np.ndarray
    explained: np.ndarray | None
    leave_one_out: np.ndarray | None


@dataclass(frozen=True)
class _Candidate:
    """One candidate covariance in its eigenbasis, for the c columns that use it.

    Attributes
    ----------
    vectors : (m, m) array
        Eigenvectors of the whitened covariance.
    shrink : (m, N) array
        1 / (eigenvalue + nugget) for the N nuggets that any column uses.
    weight, sill : (N, c) arrays
    root_precision : (m,) array
    centred, projected : (m, c) arrays
        Values, and their whitened form in the eigenbasis.
    """

    vectors: np.ndarray
    shrink: np.ndarray
    weight: np.ndarray
    sill: np.ndarray
    root_precision: np.ndarray
    centred: np.ndarray
    projected: np.ndarray


def add_dense(
    decompositions: Decompositions,
    centred: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    sums: KrigingSums,
) -> None:
    """Add every candidate's part, from all spots."""
    # All candidates share the distances.
    apart = distances(targets, decompositions.spots.points)
    for i, (kernel, range_) in enumerate(variograms.candidates):
        columns = np.nonzero(variograms.weight[i].any(0))[0]
        if not len(columns):
            continue
        candidate = _candidate(decompositions, centred, variograms, i, columns)
        cross = KERNELS[kernel](apart, range_)
        cross *= candidate.root_precision
        sums.mean[:, columns] += _means(candidate, cross)
        if sums.explained is not None:
            sums.explained[:, columns] += _explained(candidate, cross)
        if sums.leave_one_out is not None:
            sums.leave_one_out[:, columns] += _leave_one_out(candidate)


def _candidate(
    decompositions: Decompositions,
    centred: np.ndarray,
    variograms: Variograms,
    index: int,
    columns: np.ndarray,
) -> _Candidate:
    """Candidate ``index`` of the variograms for some columns."""
    root = decompositions.spots.root_precision
    spectrum, vectors = decompositions.of(variograms.candidates[index])
    weight, own = variograms.weight[index][:, columns], centred[:, columns]
    used = np.nonzero(weight.any(1))[0]
    return _Candidate(
        vectors=vectors,
        shrink=1.0 / (spectrum[:, None] + NUGGETS[used].astype(np.float32)),
        weight=weight[used],
        sill=variograms.sill[index][:, columns][used],
        root_precision=root,
        centred=own,
        projected=vectors.T @ (root[:, None] * own),
    )


def _means(candidate: _Candidate, cross: np.ndarray) -> np.ndarray:
    """(t, c) weighted means; ``cross`` (t, m) are whitened covariances of targets and spots."""
    shrunk = (candidate.shrink @ candidate.weight.astype(np.float32)) * candidate.projected
    return cross @ (candidate.vectors @ shrunk)


def _explained(candidate: _Candidate, cross: np.ndarray) -> np.ndarray:
    """(t, c) weighted signal variance explained by the spots."""
    return (cross @ candidate.vectors) ** 2 @ (candidate.shrink @ candidate.sill.astype(np.float32))


def _leave_one_out(candidate: _Candidate) -> np.ndarray:
    """(m, c) weighted mean of each spot from the others.

    The residual of spot i is (A^-1 y)_i / (A^-1)_ii (Rasmussen & Williams, equation 5.12), here
    for each nugget in the eigenbasis.
    """
    out = np.zeros_like(candidate.centred)
    inverse_diagonal = (candidate.vectors**2) @ candidate.shrink
    for n, weight in enumerate(candidate.weight):
        columns = np.nonzero(weight)[0]
        shrunk = candidate.shrink[:, n, None] * candidate.projected[:, columns]
        residual = candidate.vectors @ shrunk
        residual /= (inverse_diagonal[:, n] * candidate.root_precision)[:, None]
        out[:, columns] += weight[columns] * (candidate.centred[:, columns] - residual)
    return out


@dataclass(frozen=True)
class _Group:
    """Columns that share a candidate and a nugget, and so the solution; ``sill`` is (C,)."""

    candidate: Candidate
    nugget: float
    columns: np.ndarray
    sill: np.ndarray


def fill_tiled(
    spots: Spots,
    centred: np.ndarray,
    targets: np.ndarray,
    variograms: Variograms,
    sums: KrigingSums,
) -> None:
    """Fill in the sums tile by tile, each from the nearest measured spots of its targets."""
    tree, most = cKDTree(spots.points), min(NEIGHBOURS, len(spots.points) - 1)
    groups = [
        _Group(
            variograms.candidates[i],
            NUGGETS[n],
            np.nonzero(variograms.weight[i, n])[0],
            variograms.sill[i, n],
        )
        for i, n in np.argwhere(variograms.weight.any(2))
    ]
    for rows in tiles(targets):
        near = np.unique(tree.query(targets[rows], k=most)[1])
        apart = cdist(targets[rows], spots.points[near])
        values = centred[near]
        for group, factor in _factors(spots, near, groups):
            kernel, range_ = group.candidate
            cross = KERNELS[kernel](apart, range_).T
            solved = cho_solve(factor, cross, check_finite=False)
            at = np.ix_(rows, group.columns)
            sums.mean[at] = solved.T @ values[:, group.columns]
            if sums.explained is not None:
                part = (solved * cross).sum(0)[:, None]
                sums.explained[at] = part * group.sill[group.columns]
    if sums.leave_one_out is None:
        return
    for rows in tiles(spots.points):
        near = np.unique(tree.query(spots.points[rows], k=most + 1)[1])
        own = (near[:, None] == rows).astype(float)
        values = centred[near]
        for group, factor in _factors(spots, near, groups):
            inverse = cho_solve(factor, own, check_finite=False)
            residual = inverse.T @ values[:, group.columns] / (inverse * own).sum(0)[:, None]
            at = np.ix_(rows, group.columns)
            sums.leave_one_out[at] = centred[at] - residual


def _factors(
    spots: Spots, near: np.ndarray, groups: list[_Group]
) -> Iterator[tuple[_Group, tuple[np.ndarray, bool]]]:
    """Each group with the Cholesky factor of its system of some spots."""
    points, noise = spots.points[near], spots.root_precision[near].astype(float) ** -2
    between = cdist(points, points)
    for group in groups:
        kernel, range_ = group.candidate
        system = KERNELS[kernel](between, range_)
        system[np.diag_indices_from(system)] += group.nugget * noise
        factor = cho_factor(system, lower=True, overwrite_a=True, check_finite=False)
        yield group, factor


def tiles(points: np.ndarray) -> list[np.ndarray]:
    """Indices of points close together, at most :data:`TILE` each: halves of halves."""
    done, todo = [], [np.arange(len(points))] if len(points) else []
    while todo:
        part = todo.pop()
        if len(part) <= TILE:
            done.append(part)
            continue
        along = np.ptp(points[part], axis=0).argmax()
        middle = len(part) // 2
        order = part[np.argpartition(points[part, along], middle)]
        todo += [order[:middle], order[middle:]]
    return done
