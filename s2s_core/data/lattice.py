"""Lattices found behind coordinates alone: any rotation, mirroring, scale and axis order.

The differences between near neighbours of a lattice fall on few vectors. The two shortest that
every spot can be reached by are fitted by least squares from the middle of the section outwards,
so that an error of the step never adds up, and the distance of every spot from its place is
looked at before the lattice is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from scipy.spatial import cKDTree

KIND_NAMES = {"square": "square", "hex": "hexagonal"}
# Fewer points lie on some lattice by chance.
LEAST = 6
# Differences are taken from so many points to so many neighbours of each.
SAMPLE, NEIGHBOURS = 3000, 18
# Vectors nearer than this (in shortest distances) are one; those seen more rarely than this
# share of the commonest are chance.
ALIKE, RARE = 0.15, 0.02
PEAKS = 12
# Where nearly all spots lie within so many steps of a place, it is a lattice; few spots could
# do so by chance, and must lie closer.
NEARLY_ALL, OFF, OFF_FEW, FEW = 0.98, 0.2, 0.03, 30
# So many points say already that they are no lattice where nearly all lie so far away.
SURE, LOST = 100, 0.35
# Share of the places between the outermost spots that must be taken.
LEAST_FILLED = 0.01
# A cosine of the angle between the vectors beyond this is no right angle any more.
OBLIQUE = 0.25
# Directions whose grids differ by less are equally good: the one nearest to the x axis counts.
ALIKE_AREA = 1.05


@dataclass(frozen=True)
class Lattice:
    """Where spots lie on a lattice.

    Attributes
    ----------
    kind : {"square", "hex"}
    row, col : (n,) int arrays
        Array positions from 0; hexagonal ones in 10x's way (row and column of one parity).
    note : str
        What was found, for the user.
    """

    kind: str
    row: np.ndarray
    col: np.ndarray
    note: str


def find_lattice(xy: np.ndarray, kind: str = "auto") -> Lattice | None:
    """Find the lattice behind coordinates.

    Parameters
    ----------
    xy : (n, 2) array
        In any unit, turned and mirrored in any way; rows in any order give the same places.
    kind : {"auto", "square", "hex"}
        Which kind to look for.

    Returns
    -------
    Lattice or None
        None where the points are no lattice (cells, beads).
    """
    xy = np.asarray(xy, float)
    if len(xy) < LEAST:
        return None
    order = np.lexsort(xy.T)
    back = np.argsort(order)
    xy = xy[order]
    line = _line(xy)
    if line is not None:
        return (
            None
            if kind == "hex"
            else Lattice(
                "square",
                np.zeros_like(line),
                line[back],
                (f"The coordinates of {len(xy):,} spots form a single row at equal steps."),
            )
        )
    peaks = _difference_vectors(xy)
    pairs = sorted(
        (pair for pair in combinations(peaks, 2) if _sine(*pair) > 0.3),
        key=lambda pair: abs(_cross(*pair)),
    )
    for pair in pairs:
        found = _fit(xy, np.array(pair))
        if found is None:
            continue
        named = _named(*found, xy, kind)
        if named is None:
            return None
        name, row, col, note = named
        return Lattice(name, row[back], col[back], note)
    return None


def _line(xy: np.ndarray) -> np.ndarray | None:
    """Places (n,) of points at whole steps along one line; None where they are not."""
    away = xy - xy.mean(0)
    _, size, axes = np.linalg.svd(away, full_matrices=False)
    if size[1] > 1e-6 * size[0]:
        return None
    along = away @ axes[0] * (1 if axes[0][np.argmax(np.abs(axes[0]))] > 0 else -1)
    gaps = np.diff(np.sort(along))
    if gaps.min() <= 0:
        return None
    place = (along - along.min()) / np.median(gaps[gaps < 1.5 * gaps.min()])
    index = np.rint(place).astype(int)
    whole = np.abs(place - index).max() < OFF and len(np.unique(index)) == len(index)
    return index if whole else None


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


def _fit(xy: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray, float] | None:
    """(basis, integer coordinates, typical distance from the places in steps), or None."""
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
    return basis, index.astype(int), float(np.median(off))


def _places(relative: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(nearest places (n, 2), how far the points lie from them in steps (n,))."""
    place = relative @ np.linalg.inv(basis)
    index = np.rint(place)
    off = np.abs(place - index).max(1)
    return index, off


def _named(basis, index, off, xy, kind: str):
    """(kind, row, col, note) of a fitted lattice; None where it is not of the wanted kind."""
    (a, b), (i, j) = _reduced(basis, index)
    cosine = float(a @ b / (np.hypot(*a) * np.hypot(*b)))
    hexagonal = cosine > OBLIQUE
    if kind in ("auto", "hex") and not hexagonal and _array_positions(xy, a, b):
        # Array positions of 10x given as coordinates: columns are half a pitch apart.
        col, row = (np.rint(v).astype(int) for v in xy.T)
        return (
            "hex",
            row,
            col,
            (
                "The coordinates are the array positions of a hexagonal lattice (whole numbers of one "
                "parity); kind square reads them as a square lattice turned by 45 degrees."
            ),
        )
    if kind != "auto" and (kind == "hex") != hexagonal:
        return None
    if hexagonal:
        name, (row, col, along) = "hex", _hexagonal(a, b, i, j)
    else:
        name, (row, col, along) = "square", _square(a, b, i, j)
    row, col = row - row.min(), col - col.min()
    if len(xy) < LEAST_FILLED * (np.ptp(row) + 1.0) * (np.ptp(col) + 1.0) / (1 + hexagonal):
        return None
    return name, row, col, _note(name, along, a, b, off, len(xy))


def _reduced(basis: np.ndarray, index: np.ndarray):
    """Shortest vectors of the lattice at an angle of 60 to 90 degrees, and coordinates in them."""
    a, b = basis
    i, j = index.T
    while True:
        if np.hypot(*a) > np.hypot(*b) * (1 + 1e-9):
            a, b, i, j = b, a, j, i
        turns = int(np.rint(a @ b / (a @ a)))
        # At exactly half a step both choices are as short.
        if turns == 0 or abs(a @ b) <= 0.5 * (a @ a) * (1 + 1e-6):
            break
        b, i = b - turns * a, i + turns * j
    if a @ b < 0:
        b, j = -b, -j
    return (a, b), (i, j)


def _array_positions(xy: np.ndarray, a: np.ndarray, b: np.ndarray) -> bool:
    whole = np.allclose(xy, np.rint(xy), atol=1e-6)
    diagonal = np.allclose(np.abs(np.array([a, b])), 1.0, atol=1e-6)
    return whole and diagonal and len(np.unique(np.rint(xy.sum(1)) % 2)) == 1


def _square(a, b, i, j):
    """(row, col, column step) with columns to the right and rows down the y axis."""
    # How far each vector leans to the x axis; a turn of 45 degrees leaves both alike.
    lean = np.abs([a[0], b[0]]) / [np.hypot(*a), np.hypot(*b)]
    if lean[1] > lean[0] + 1e-6:
        a, b, i, j = b, a, j, i
    col, along = (i, a) if a[0] >= 0 else (-i, -a)
    row = j if b[1] >= 0 else -j
    return row, col, along


def _hexagonal(a, b, i, j):
    """(row, col, direction of rows) of the direction whose grid is the most compact."""
    choices = []
    # Along a, along b and along b - a; the other step ends half a pitch further on.
    for along, across, row, col in (
        (a, b - a / 2, j, 2 * i + j),
        (b, a - b / 2, i, 2 * j + i),
        (b - a, (a + b) / 2, i + j, j - i),
    ):
        area = (np.ptp(row) + 1.0) * (np.ptp(col) + 1.0)
        tilt = abs(along[1]) / np.hypot(*along)
        choices.append((area, tilt, along, across, row, col))
    smallest = min(choice[0] for choice in choices)
    good = [choice for choice in choices if choice[0] <= ALIKE_AREA * smallest]
    _, _, along, across, row, col = min(good, key=lambda choice: round(choice[1], 6))
    lying = abs(along[0]) >= abs(along[1])
    if along[0 if lying else 1] < 0:
        col, along = -col, -along
    if across[1 if lying else 0] < 0:
        row = -row
    return row, col, along


def _note(name: str, along, a, b, off: float, n: int) -> str:
    pitch, other = np.hypot(*along), np.hypot(*(b if along is a else a))
    turned = np.degrees(np.arctan2(along[1], along[0]))
    size = (
        f"{pitch:.4g}"
        if name == "hex" or abs(other / pitch - 1) < 0.05
        else (f"{pitch:.4g} x {other:.4g}")
    )
    how = "along the axes" if abs(turned) < 0.005 else f"turned by {turned:.2f} degrees"
    return (
        f"The coordinates of {n:,} spots form a {KIND_NAMES[name]} lattice of pitch {size}, {how} "
        f"(spots typically {off:.1%} of a step from their places); kind points counts them in "
        "square bins instead."
    )
