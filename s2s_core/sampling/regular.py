"""Designs that follow the lattice alone, and those that come from a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from s2s_core.data.design_text import hexagonal_shift, integer, strides
from s2s_core.data.mask_table import as_bool, mask_from_table, read_mask_table
from s2s_core.errors import S2SError
from s2s_core.sampling.task import Task, column


def lattice(task: Task) -> np.ndarray:
    """Every R-th row and C-th column of the dense grid."""
    rows, cols, (row, col) = strides(task.argument)
    section = task.section
    return (section.row % rows == row) & (section.col % cols == col)


def hexlattice(task: Task) -> np.ndarray:
    """The part 1/3, 1/4, 1/7, ... of a hexagonal lattice that is a hexagonal lattice itself.

    In axial coordinates (q, r), where neighbours differ by (1, 0), (0, 1) or (1, -1), the
    lattice spanned by (a, b) and its turn by 60 degrees (-b, a + b) has index
    a^2 + ab + b^2.
    """
    grid = task.section.grid
    if grid.kind != "hex":
        raise S2SError(
            "A hexagonal part needs a section on a hexagonal lattice; choose lattice:2 here."
        )
    part, _, phase = task.argument.partition("@")
    index = integer(part, "part of a hexagonal lattice", 2, 64)
    a, b = hexagonal_shift(index)
    shift = integer(phase, "phase", 0, index - 1) if phase else 0
    array_row, array_col = task.section.array_index
    q, r = (array_col - array_row - grid.parity) // 2, array_row

    def coset(q, r):
        return ((q * (a + b) + r * b) % index) * index + (r * a - q * b) % index

    # The cosets in the order in which they appear around the first pixel.
    near = np.indices((index, index)).reshape(2, -1)
    every, first = np.unique(coset(*near), return_index=True)
    return coset(q - q.min(), r - r.min()) == every[np.argsort(first)][shift]


def checkerboard(task: Task) -> np.ndarray:
    """Every second pixel, as on a chess board."""
    phase = integer(task.argument, "checkerboard phase", 0, 1)
    return (task.section.row + task.section.col) % 2 == phase


def stripes(task: Task) -> np.ndarray:
    """Whole rows: of every PERIOD rows the first WIDTH."""
    return _stripes(task.section.row, task.argument)


def columns(task: Task) -> np.ndarray:
    """Whole columns: of every PERIOD columns the first WIDTH."""
    return _stripes(task.section.col, task.argument)


def _stripes(line: np.ndarray, argument: str) -> np.ndarray:
    shape, _, phase_text = argument.partition("@")
    period_text, _, width_text = shape.partition("x")
    period = integer(period_text, "stripe period", 2, 64)
    width = integer(width_text, "stripe width", 1, period - 1) if width_text else 1
    phase = integer(phase_text, "stripe phase", 0, period - 1) if phase_text else 0
    return (line - phase) % period < width


def obs_column(task: Task) -> np.ndarray:
    """A yes/no column of the table."""
    return as_bool(column(task.section, task.argument), task.argument)


def csv_file(task: Task) -> np.ndarray:
    """A CSV of spot ids."""
    path = Path(task.argument)
    if not path.is_file():
        raise S2SError(f"The mask file {task.argument!r} does not exist.")
    return mask_from_table(read_mask_table(path), task.section)
