"""Lattice positions that a file gives: of what lattice they are, and whether they are what they say."""

from __future__ import annotations

import numpy as np

from s2s_core.data.lattice import OFF, find_lattice


def checked_index(row, col, xy: np.ndarray | None, kind: str = "auto"):
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

    Returns
    -------
    (kind, row, col, note)
    """
    row, col = np.asarray(row, int), np.asarray(col, int)
    if kind != "auto":
        return kind, row, col, ""
    one_parity = len(np.unique((row + col) % 2)) == 1
    steps = _steps(row, col, xy)
    if steps is None:
        return ("hex" if one_parity else "square"), row, col, ""
    step_row, step_col, off = steps
    if off > OFF:
        found = find_lattice(xy) if np.isfinite(xy).all() else None
        if found is not None:
            return (
                found.kind,
                found.row,
                found.col,
                (
                    "array_row and array_col do not fit the coordinates, so the lattice is that of the "
                    f"coordinates. {found.note}"
                ),
            )
    if not one_parity or step_col == 0:
        return "square", row, col, ""
    ratio = step_row / step_col
    if ratio > 1.3:
        return "hex", row, col, ""
    if ratio < 1 / 1.3:
        return (
            "hex",
            col,
            row,
            (
                "array_row and array_col are exchanged (steps along array_row are the shorter ones, as "
                "only columns of a hexagonal lattice are), so they were read the other way round; kind "
                "hex keeps them as they stand."
            ),
        )
    return "square", row, col, ""


def _steps(row, col, xy):
    """(length of a row step, of a column step, typical misfit in steps); None where unknown."""
    if xy is None or len(row) <= 3:
        return None
    known = np.isfinite(xy).all(1)
    design = np.column_stack([col, row, np.ones(len(row))]).astype(float)[known]
    if len(design) <= 3 or np.linalg.matrix_rank(design) < 3:
        return None
    fit, *_ = np.linalg.lstsq(design, xy[known], rcond=None)
    step_col, step_row = np.hypot(*fit[0]), np.hypot(*fit[1])
    shorter = max(min(step_col, step_row), 1e-12)
    off = np.hypot(*(design @ fit - xy[known]).T) / shorter
    return step_row, step_col, float(np.quantile(off, 0.9))
