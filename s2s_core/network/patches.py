"""Square patches of a section, and filling them with the nearest sample."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.data.grid import HEX_ROW
from s2s_core.network.batches import NetworkInput

# Of a patch that counts (published).
LEAST_TISSUE = 0.5
# A point can lie between so many samples of a lattice that are equally near.
NEIGHBOURS = 4


def patch_side(shape: tuple[int, ...], size: int) -> int:
    """Edge of the patches: as asked, or the longer side of a smaller section."""
    return min(size, max(shape))


def padded(image: np.ndarray, side: int) -> np.ndarray:
    """(H, W) image with zeros below and to the right, so that a patch fits."""
    return np.pad(image, [(0, max(0, side - n)) for n in image.shape])


def tissue_corners(tissue: np.ndarray, side: int, stride: int) -> np.ndarray:
    """(n, 2) upper left corners of the patches of which at least half is tissue.

    Where none is, those with the most.
    """
    tissue = padded(tissue, side)
    corners, cover = _corners(tissue, side, stride)
    return corners[cover >= min(LEAST_TISSUE * side**2, cover.max())]


def covering_corners(tissue: np.ndarray, side: int, stride: int) -> np.ndarray:
    """:func:`tissue_corners` and as many more as it takes to cover all tissue."""
    chosen = tissue_corners(tissue, side, stride)
    left = padded(tissue, side).copy()
    for row, col in chosen:
        left[row : row + side, col : col + side] = False
    more = []
    while left.any():
        corners, cover = _corners(left, side, stride)
        row, col = corners[cover.argmax()]
        left[row : row + side, col : col + side] = False
        more.append((row, col))
    return np.concatenate([chosen, np.array(more, int).reshape(-1, 2)])


def _corners(tissue: np.ndarray, side: int, stride: int) -> tuple[np.ndarray, np.ndarray]:
    """Corners of all patches and how much tissue each holds; the last row and column count."""
    rows, cols = (
        np.unique(np.r_[np.arange(0, n - side + 1, stride), n - side]) for n in tissue.shape
    )
    table = np.pad(tissue.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    below, right = rows[:, None] + side, cols + side
    above, left = rows[:, None], cols
    cover = table[below, right] - table[above, right] - table[below, left] + table[above, left]
    corners = np.stack(np.meshgrid(rows, cols, indexing="ij"), -1).reshape(-1, 2)
    return corners, cover.ravel()


def nearest_sample(mask: np.ndarray, *, hexagonal: bool = False, parity: int = 0) -> np.ndarray:
    """Flat index (H, W) of the sample nearest to each pixel, by true distance.

    Of samples that are equally near the upper left one is taken: with every second row and
    column measured that is the published replication of each sample.

    Parameters
    ----------
    mask : (H, W) bool array
        Where there are samples; without any every pixel is its own.
    hexagonal : bool
        Rows are staggered.
    parity : int
        1 where the first row is displaced.
    """
    every = np.arange(mask.size).reshape(mask.shape)
    samples = np.flatnonzero(mask)
    if not len(samples):
        return every
    row, col = np.indices(mask.shape).reshape(2, -1).astype(float)
    if hexagonal:
        col, row = col + 0.5 * ((row + parity) % 2), row * HEX_ROW
    points = np.column_stack([row, col])
    count = min(NEIGHBOURS, len(samples))
    distance, which = cKDTree(points[samples]).query(points, k=count)
    distance, which = distance.reshape(mask.size, -1), which.reshape(mask.size, -1)
    tied = distance <= distance[:, :1] + 1e-9
    return samples[np.where(tied, which, len(samples)).min(1)].reshape(mask.shape)


def sampled(
    values: np.ndarray, mask: np.ndarray, nearest: np.ndarray, acting: np.ndarray | None = None
) -> NetworkInput:
    """What the network sees of (B, h, w) images under masks, filled with the nearest samples.

    ``acting`` is the mask of data consistency where that is another one.
    """
    measured = np.where(mask, values, 0.0)
    flat = measured.reshape(len(measured), -1)
    start = np.take_along_axis(flat, nearest.reshape(len(measured), -1), 1)
    return NetworkInput(start.reshape(measured.shape), measured, mask if acting is None else acting)
