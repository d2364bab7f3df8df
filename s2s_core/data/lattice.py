"""Lattices found behind coordinates alone: any rotation, mirroring, scale and axis order.

The differences between near neighbours of a lattice fall on few vectors. The two that span the
smallest cell are fitted to all spots (:mod:`s2s_core.data.lattice_basis`), and the distance of
every spot from its place is looked at before the lattice is believed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from s2s_core.data.lattice_basis import OFF, Basis, fit_basis
from s2s_core.vocabulary import LATTICES

# Fewer points lie on some lattice by chance.
LEAST = 6
# Share of the places between the outermost spots that must be taken.
LEAST_FILLED = 0.01
# A cosine of the angle between the vectors beyond this is no right angle any more.
OBLIQUE = 0.25
# Directions whose grids differ by less are equally good: the one nearest to the x axis counts.
ALIKE_AREA = 1.05


@dataclass(frozen=True)
class Lattice:
    """Places of spots on a lattice.

    Attributes
    ----------
    kind : {"square", "hex", "bins"}
    row, col : (n,) int arrays
        Array positions; hexagonal ones in 10x's way (row and column of one parity).
    note : str
        What was found, for the user; "" where there is nothing to say.
    """

    kind: str
    row: np.ndarray
    col: np.ndarray
    note: str = ""

    def take(self, at: np.ndarray) -> Lattice:
        """Places of some of the spots, in the given order."""
        return replace(self, row=self.row[at], col=self.col[at])


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
        Array positions from 0. None where the points are no lattice (cells, beads).
    """
    xy = np.asarray(xy, float)
    if len(xy) < LEAST:
        return None
    order = np.lexsort(xy.T)
    found = _found(xy[order], kind)
    return None if found is None else found.take(np.argsort(order))


def _found(xy: np.ndarray, kind: str) -> Lattice | None:
    """As :func:`find_lattice`, for points in a fixed order."""
    line = _line(xy)
    if line is not None:
        note = f"The coordinates of {len(xy):,} spots form a single row at equal steps."
        return None if kind == "hex" else Lattice("square", np.zeros_like(line), line, note)
    basis = fit_basis(xy)
    return None if basis is None else _named(basis, xy, kind)


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


def _named(basis: Basis, xy: np.ndarray, kind: str) -> Lattice | None:
    """Rows and columns of a fitted lattice; None where it is not of the wanted kind."""
    (a, b), (i, j) = _reduced(basis.vectors, basis.index)
    cosine = float(a @ b / (np.hypot(*a) * np.hypot(*b)))
    hexagonal = cosine > OBLIQUE
    if kind in ("auto", "hex") and not hexagonal and _array_positions(xy, a, b):
        # Array positions of 10x given as coordinates: columns are half a pitch apart.
        col, row = (np.rint(v).astype(int) for v in xy.T)
        note = (
            "The coordinates are the array positions of a hexagonal lattice (whole numbers of one "
            "parity); kind square reads them as a square lattice turned by 45 degrees."
        )
        return Lattice("hex", row, col, note)
    if kind != "auto" and (kind == "hex") != hexagonal:
        return None
    if hexagonal:
        name, (row, col, along) = "hex", _hexagonal(a, b, i, j)
    else:
        name, (row, col, along) = "square", _square(a, b, i, j)
    row, col = row - row.min(), col - col.min()
    if len(xy) < LEAST_FILLED * (np.ptp(row) + 1.0) * (np.ptp(col) + 1.0) / (1 + hexagonal):
        return None
    return Lattice(name, row, col, _note(name, along, a, b, basis.off, len(xy)))


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
        f"The coordinates of {n:,} spots form a {LATTICES[name]} of pitch {size}, {how} "
        f"(spots typically {off:.1%} of a step from their places); kind points counts them in "
        "square bins instead."
    )
