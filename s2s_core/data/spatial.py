"""Order of positions in space."""

from __future__ import annotations

import numpy as np


def morton_order(points: np.ndarray) -> np.ndarray:
    """Order (n,) of points along the Z curve: neighbours in it are mostly neighbours in space.

    Parameters
    ----------
    points : (n, 2) array
        Coordinates in cells of the curve; fractions of a cell do not count. At most 65,536 cells
        along each axis are told apart.

    References
    ----------
    Morton, A computer oriented geodetic data base, IBM, 1966.
    """
    cell = np.floor(points - points.min(0)).astype(np.uint64)
    code = np.zeros(len(points), np.uint64)
    for bit in range(16):
        for axis in (0, 1):
            code |= ((cell[:, axis] >> np.uint64(bit)) & np.uint64(1)) << np.uint64(2 * bit + axis)
    return np.argsort(code, kind="stable")
