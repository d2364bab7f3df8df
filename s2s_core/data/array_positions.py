"""Lattice positions that an input gives: what lattice they are, and whether they are what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.data.lattice import Lattice, find_lattice
from s2s_core.data.lattice_basis import OFF

# A step along the rows of a hexagonal lattice in 10x's way is sqrt(3) of one along its columns;
# one of a square lattice is 1. Between the two, and beyond the inverse, it is decided here.
HEX_RATIO = 1.3


@dataclass(frozen=True)
class Steps:
    """Array positions fitted to coordinates.

    Attributes
    ----------
    row, col : float
        Length of a step along array_row and along array_col, in the unit of the coordinates.
    off : float
        Distance from the fitted places that nine in ten spots do not exceed, in shorter steps.
    """

    row: float
    col: float
    off: float


def checked_index(row, col, xy: np.ndarray | None, kind: str = "auto") -> Lattice:
    """Tell what lattice given array positions are of, and whether they are what they say.

    A hexagonal lattice in 10x's way has positions of one parity, and a step along the rows is
    1/1.73 of one along the columns; a square lattice measured on a checkerboard has one parity
    too, but equal steps, and positions that were exchanged have the inverse ratio.

    Parameters
    ----------
    row, col : (n,) int arrays
    xy : (n, 2) array or None
        Coordinates, NaN where unknown; without them parity alone decides.
    kind : {"auto", "square", "hex"}
    """
    row, col = np.asarray(row, int), np.asarray(col, int)
    if kind != "auto":
        return Lattice(kind, row, col)
    one_parity = len(np.unique((row + col) % 2)) == 1
    steps = _steps(row, col, xy)
    if xy is None or steps is None:
        return Lattice("hex" if one_parity else "square", row, col)
    if steps.off > OFF:
        found = find_lattice(xy) if np.isfinite(xy).all() else None
        if found is not None:
            note = (
                "array_row and array_col do not fit the coordinates, so the lattice is that of the "
                f"coordinates. {found.note}"
            )
            return Lattice(found.kind, found.row, found.col, note)
    if not one_parity or steps.col == 0:
        return Lattice("square", row, col)
    ratio = steps.row / steps.col
    if ratio > HEX_RATIO:
        return Lattice("hex", row, col)
    if ratio < 1 / HEX_RATIO:
        note = (
            "array_row and array_col are exchanged (steps along array_row are the shorter ones, as "
            "only columns of a hexagonal lattice are), so they were read the other way round; kind "
            "hex keeps them as they stand."
        )
        return Lattice("hex", row=col, col=row, note=note)
    return Lattice("square", row, col)


def _steps(row: np.ndarray, col: np.ndarray, xy: np.ndarray | None) -> Steps | None:
    """Steps by least squares; None where too few coordinates are known."""
    if xy is None or len(row) <= 3:
        return None
    known = np.isfinite(xy).all(1)
    design = np.column_stack([col, row, np.ones(len(row))]).astype(float)[known]
    if len(design) <= 3 or np.linalg.matrix_rank(design) < 3:
        return None
    fit, *_ = np.linalg.lstsq(design, xy[known], rcond=None)
    step_col, step_row = (float(np.hypot(*step)) for step in fit[:2])
    shorter = max(min(step_col, step_row), 1e-12)
    off = np.hypot(*(design @ fit - xy[known]).T) / shorter
    return Steps(row=step_row, col=step_col, off=float(np.quantile(off, 0.9)))
