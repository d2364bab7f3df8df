"""Basis vectors behind coordinates: candidates from differences, fitted by least squares.

A lattice's basis is looked for among the commonest differences between near neighbours, and
fitted from the middle of the section outwards, so that an error of the step never adds up.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

# Differences are taken from so many points to so many neighbours of each.
SAMPLE, NEIGHBOURS = 3000, 18
# Vectors nearer than this (in shortest distances) are one; those seen more rarely than this
# share of the commonest are chance.
ALIKE, RARE = 0.15, 0.02
PEAKS = 12
# Vectors at a smaller sine of their angle span no lattice.
LEAST_SINE = 0.3
# Where nearly all spots lie within so many steps of a place, it is a lattice; few spots could
# do so by chance, and must lie closer.
NEARLY_ALL, OFF, OFF_FEW, FEW = 0.98, 0.2, 0.03, 30
# So many points say already that they are no lattice where nearly all lie so far away.
SURE, LOST = 100, 0.35


@dataclass(frozen=True)
class Basis:
    """A fitted lattice.

    Attributes
    ----------
    vectors : (2, 2) array
        Its two basis vectors, in the unit of the coordinates.
    index : (n, 2) int array
        Place of every point in units of them.
    off : float
        Median distance of the points from their places, in steps.
    """

    vectors: np.ndarray
    index: np.ndarray
    off: float


def fit_basis(xy: np.ndarray) -> Basis | None:
    """Lattice of the smallest cell that the points (n, 2) lie on; None where there is none."""
    peaks = _difference_vectors(xy)
    pairs = sorted(
        (pair for pair in combinations(peaks, 2) if _sine(*pair) > LEAST_SINE),
        key=lambda pair: abs(_cross(*pair)),
    )
    fits = (_fit(xy, np.array(pair)) for pair in pairs)
    return next((found for found in fits if found is not None), None)


def _cross(a, b) -> float:
    return float(a[0] * b[1] - a[1] * b[0])


def _sine(a, b) -> float:
    return abs(_cross(a, b)) / float(np.hypot(*a) * np.hypot(*b))


def _difference_vectors(xy: np.ndarray) -> list[np.ndarray]:
    """Vectors on which the differences between neighbours gather, the shortest first."""
    some = np.unique(np.linspace(0, len(xy) - 1, min(SAMPLE, len(xy))).astype(int))
    count = min(NEIGHBOURS, len(xy) - 1)
    distance, near = cKDTree(xy).query(xy[some], k=count + 1)
    nearest = distance[:, 1]
    if not (nearest > 0).any():
        return []
    shortest = float(np.quantile(nearest[nearest > 0], 0.05))
    vectors = (xy[near[:, 1:]] - xy[some][:, None]).reshape(-1, 2)
    vectors = vectors[np.hypot(*vectors.T) > ALIKE * shortest]
    # A difference and its opposite are one.
    flip = (vectors[:, 0] < -1e-9 * shortest) | (
        (np.abs(vectors[:, 0]) <= 1e-9 * shortest) & (vectors[:, 1] < 0)
    )
    vectors[flip] *= -1
    return _gathered(vectors, ALIKE * shortest)


def _gathered(vectors: np.ndarray, width: float) -> list[np.ndarray]:
    """Means of the clusters of vectors, those that hold too few left out."""
    cell = np.floor(vectors / width).astype(int)
    _, member, held = np.unique(cell, axis=0, return_inverse=True, return_counts=True)
    member = member.ravel()
    free = np.ones(len(vectors), bool)
    found: list[tuple[float, np.ndarray]] = []
    most = 0
    for common in np.argsort(-held, kind="stable")[: 20 * PEAKS]:
        mine = free & (member == common)
        if not mine.any():
            continue
        centre = vectors[mine].mean(0)
        for _ in range(2):
            # Opposites at the edge of the half plane belong together.
            sign = np.where(vectors @ centre < 0, -1.0, 1.0)[:, None]
            close = free & (np.hypot(*(sign * vectors - centre).T) < width)
            centre = (sign * vectors)[close].mean(0) if close.any() else centre
        size = int(close.sum())
        most = max(most, size)
        free &= ~close
        if size >= max(2, RARE * most):
            found.append((float(np.hypot(*centre)), centre))
    return [vector for _, vector in sorted(found, key=lambda f: f[0])][:PEAKS]


def _fit(xy: np.ndarray, basis: np.ndarray) -> Basis | None:
    """Lattice fitted from a first guess of its vectors; None where the points do not lie on it."""
    start = xy[np.argmin(np.hypot(*(xy - np.median(xy, axis=0)).T))]
    relative = xy - start
    reach = np.hypot(*relative.T)
    radius, offset = 4.0 * float(np.hypot(*basis.T).max()), np.zeros(2)
    while True:
        inside = reach <= radius
        index = _places(relative[inside] - offset, basis)[0]
        design = np.column_stack([index, np.ones(len(index))])
        if len(index) > 3 and np.linalg.matrix_rank(design) == 3:
            solved = np.linalg.lstsq(design, relative[inside], rcond=None)[0]
            if abs(_cross(*solved[:2])) < 0.5 * abs(_cross(*basis)):
                return None
            basis, offset = solved[:2], solved[2]
            # Points that are no lattice show it near the middle already.
            off = _places(relative[inside] - offset, basis)[1]
            if len(index) >= SURE and np.quantile(off, NEARLY_ALL) > LOST:
                return None
        if inside.all():
            break
        radius *= 1.5
    index, off = _places(relative - offset, basis)
    if np.quantile(off, NEARLY_ALL) > (OFF if len(xy) >= FEW else OFF_FEW):
        return None
    if len(np.unique(index, axis=0)) < len(index):
        return None
    return Basis(vectors=basis, index=index.astype(int), off=float(np.median(off)))


def _places(relative: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(nearest places (n, 2), distance of the points from them in steps (n,))."""
    place = relative @ np.linalg.inv(basis)
    index = np.rint(place)
    off = np.abs(place - index).max(1)
    return index, off
