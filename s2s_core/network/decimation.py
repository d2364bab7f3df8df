"""The decimated grid: a lattice of measured spots is a section of its own, S times coarser.

S2S-ST (arXiv 2507.16886) learns on it: X_l is to X_m what X_m is to the dense map. The lattice
is found in the measured positions themselves, so it does not matter how they came about.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.data.observation import Observation

# Measured share of a lattice's tissue positions from which it counts as one: a few spots may
# be missing, and runs withhold a tenth for scores.
LEAST_MEASURED = 2 / 3


@dataclass(frozen=True)
class DecimatedGrid:
    """A lattice of stride S in the grid, as a grid.

    Attributes
    ----------
    stride : int
        S.
    pixels : (h, w) int array
        Flat pixel of the fine grid for each position; -1 outside it.
    hexagonal : bool
        Rows are staggered, as those of the fine grid are.
    parity : int
        1 where the first row is displaced by half a pitch, else 0.
    """

    stride: int
    pixels: np.ndarray
    hexagonal: bool = False
    parity: int = 0

    def of(self, image: np.ndarray) -> np.ndarray:
        """(h, w) values of a fine (H, W) image at the positions; 0 outside."""
        return np.where(self.pixels >= 0, image.ravel()[self.pixels], 0).astype(image.dtype)


def decimated_grid(obs: Observation) -> DecimatedGrid | None:
    """The lattice that the measured spots are, of any stride and phase; None if they are none.

    On a hexagonal grid the lattice has to be hexagonal along the same axes: every second row
    and column are a rectangular one, which shows a network none of the staggered rows that it
    is to fill in.
    """
    grid = obs.grid
    row, col = np.divmod(obs.pixels, grid.shape[1])
    hexagonal = grid.kind == "hex"
    down, along = grid.array_index(row, col) if hexagonal else (row, col)
    if hexagonal:
        along = (along - down - grid.parity) // 2
    stride = int(np.gcd.reduce(np.concatenate([down - down[0], along - along[0]])))
    if stride < 2:
        return None
    make = _hexagonal if hexagonal else _square
    found = make(obs, stride, int(down[0]), int(along[0]))
    tissue = found.of(grid.tissue)
    return found if len(obs.pixels) >= LEAST_MEASURED * tissue.sum() else None


def _square(obs: Observation, stride: int, row: int, col: int) -> DecimatedGrid:
    height, width = obs.grid.shape
    rows, cols = np.arange(row % stride, height, stride), np.arange(col % stride, width, stride)
    return DecimatedGrid(stride, rows[:, None] * width + cols)


def _hexagonal(obs: Observation, stride: int, row: int, along: int) -> DecimatedGrid:
    """Offset rows k and columns j of the lattice spanned by S times the axial unit vectors."""
    grid = obs.grid
    height, width = grid.shape
    first = -((row - grid.row0) // stride)
    k = np.arange(first, (height - 1 - (row - grid.row0)) // stride + 1)[:, None]
    most = (height + width) // stride + 2
    j = np.arange(-most, most + 1)
    array_row = np.broadcast_to(row + stride * k, (len(k), len(j)))
    axial = along + stride * (j - k // 2)
    fine_row, fine_col = grid.pixel(array_row, 2 * axial + array_row + grid.parity)
    inside = (fine_row >= 0) & (fine_row < height) & (fine_col >= 0) & (fine_col < width)
    used = np.flatnonzero(inside.any(0))
    pixels = np.where(inside, fine_row * width + fine_col, -1)[:, used[0] : used[-1] + 1]
    return DecimatedGrid(stride, pixels, hexagonal=True, parity=int(k[0, 0]) % 2)


def sublattice(side: int, stride: int, *, hexagonal: bool, parity: int) -> np.ndarray:
    """(side, side) bool: the lattice of stride S whose first position is the upper left one.

    Parameters
    ----------
    side, stride : int
    hexagonal : bool
    parity : int
        1 where the first row of a hexagonal window is displaced by half a pitch.
    """
    pattern = np.zeros((side, side), bool)
    for k, row in enumerate(range(0, side, stride)):
        shift = 0
        if hexagonal:
            # Along the rows the lattice's are displaced by S / 2 pitches, the grid's by 1 / 2.
            shift = (stride * (k % 2) + parity - (row + parity) % 2) // 2
        pattern[row, shift % stride :: stride] = True
    return pattern
