"""Dense pixel grids for square lattices, hexagonal lattices and binned points.

Every section lives on a grid of H x W pixels. A hexagonal lattice, whose array indices
(10x ``array_row``, ``array_col``) exist only where row and column have equal (or always
unequal) parity, maps to a dense *offset* grid: pixel column = half the array column, so no
cell is empty by construction. Distances are always taken in lattice coordinates
(:meth:`Grid.lattice_xy`), where neighbouring spots are 1 apart on any lattice.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.errors import S2SError

HEX_ROW = np.sqrt(3.0) / 2.0
KINDS = ("square", "hex", "bins")
MAX_PIXELS = 4e6


@dataclass(frozen=True)
class Grid:
    """Geometry of a section's dense grid and its tissue mask T.

    Attributes
    ----------
    kind : {"square", "hex", "bins"}
        Lattice type; ``bins`` are points counted in square pixels.
    tissue : (H, W) bool array
        T, the pixels inside the tissue.
    row0, col0 : int
        Array index of pixel (0, 0); for ``hex`` ``col0`` counts pairs of array columns.
    parity : int
        For ``hex``: (array_row + array_col) mod 2 of the positions that exist; else 0.
    affine : (3, 2) float array
        ``[u, v, 1] @ affine`` gives the user's x, y from lattice coordinates u, v.
    """

    kind: str
    tissue: np.ndarray
    row0: int
    col0: int
    parity: int
    affine: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """(H, W)."""
        return self.tissue.shape

    def pixel(self, array_row, array_col) -> tuple[np.ndarray, np.ndarray]:
        """Pixel row and column of array positions; exact inverse of :meth:`array_index`."""
        array_row, array_col = np.asarray(array_row), np.asarray(array_col)
        row = array_row - self.row0
        if self.kind != "hex":
            return row, array_col - self.col0
        return row, (array_col - (array_row + self.parity) % 2) // 2 - self.col0

    def array_index(self, row, col) -> tuple[np.ndarray, np.ndarray]:
        """Array row and column (the lattice's own indices) of pixels."""
        row, col = np.asarray(row), np.asarray(col)
        array_row = row + self.row0
        if self.kind != "hex":
            return array_row, col + self.col0
        return array_row, 2 * (col + self.col0) + (array_row + self.parity) % 2

    def lattice_xy(self, row, col) -> np.ndarray:
        """Coordinates (n, 2) of pixels in units of the pitch: u to the right, v down."""
        array_row, array_col = self.array_index(row, col)
        return lattice_uv(self.kind, array_row, array_col)

    def to_xy(self, row, col) -> np.ndarray:
        """Coordinates (n, 2) of pixels in the user's own unit."""
        uv = self.lattice_xy(row, col)
        return np.column_stack([uv, np.ones(len(uv))]) @ self.affine

    @property
    def pitch(self) -> float:
        """Distance between neighbouring spots in the user's unit."""
        return float(np.linalg.norm(self.affine[0]))

    def tissue_pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Row and column of every tissue pixel, in row-major order."""
        row, col = np.nonzero(self.tissue)
        return row, col

    def with_tissue(self, tissue: np.ndarray) -> Grid:
        """Return the same geometry with another tissue mask."""
        return replace(self, tissue=tissue)

    def densified(self, stride: int) -> Grid:
        """Return the lattice with ``stride`` times the linear density.

        Every old position is a position of the new lattice: array index (r, c) becomes
        (S r, S c), for hexagonal lattices after shifting to even parity. Tissue is where the
        nearest old position is tissue.
        """
        if stride < 2:
            raise S2SError(f"The densify factor must be 2 or more, found {stride}.")
        rows, cols = self.tissue_pixels()
        new_row, new_col = self.densified_index(rows, cols, stride)
        # S times finer: a lattice step is 1/S of the old pitch, and a shift undoes the parity.
        shift = lattice_uv(self.kind, [0], [self.parity])[0]
        affine = np.vstack([self.affine[:2] / stride, self.affine[2] - shift @ self.affine[:2]])
        margin = stride - 1
        fine = from_array_index(self.kind, new_row, new_col, affine=affine, margin=margin, parity=0)
        all_row, all_col = np.indices(fine.shape).reshape(2, -1)
        old = cKDTree(self.to_xy(rows, cols))
        distance, _ = old.query(fine.to_xy(all_row, all_col))
        # The farthest point of a cell between spots: the centre of a square, or of a triangle.
        reach = (0.6 if self.kind == "hex" else 0.75) * self.pitch
        tissue = (distance < reach).reshape(fine.shape)
        return _trim(fine.with_tissue(tissue))

    def densified_index(self, row, col, stride: int) -> tuple[np.ndarray, np.ndarray]:
        """Array index on the densified lattice of this lattice's pixels."""
        array_row, array_col = self.array_index(row, col)
        return stride * array_row, stride * (array_col + self.parity)


def lattice_uv(kind: str, array_row, array_col) -> np.ndarray:
    """Lattice coordinates (n, 2) of array indices, neighbouring spots being 1 apart."""
    array_row = np.asarray(array_row, float)
    array_col = np.asarray(array_col, float)
    if kind == "hex":
        return np.column_stack([array_col / 2.0, array_row * HEX_ROW])
    return np.column_stack([array_col, array_row])


def _trim(grid: Grid) -> Grid:
    """Cut empty rows and columns off the border."""
    rows, cols = grid.tissue_pixels()
    top, left = rows.min(), cols.min()
    return replace(
        grid,
        tissue=grid.tissue[top : rows.max() + 1, left : cols.max() + 1],
        row0=int(grid.row0 + top),
        col0=int(grid.col0 + left),
    )


def fit_affine(uv: np.ndarray, xy: np.ndarray) -> np.ndarray:
    """Least-squares affine map (3, 2) from lattice coordinates to the user's coordinates."""
    design = np.column_stack([uv, np.ones(len(uv))])
    # A single row or column leaves the map undetermined: complete it as a similarity.
    if np.linalg.matrix_rank(design - design.mean(0) * np.array([1, 1, 0])) < 3:
        affine = np.zeros((3, 2))
        extent_uv, extent_xy = (float(np.linalg.norm(np.ptp(a, axis=0))) for a in (uv, xy))
        scale = extent_xy / max(extent_uv, 1e-12)
        affine[0, 0] = affine[1, 1] = scale or 1.0
        affine[2] = xy.mean(0) - uv.mean(0) @ affine[:2]
        return affine
    affine, *_ = np.linalg.lstsq(design, xy, rcond=None)
    return affine


def from_array_index(
    kind: str,
    array_row,
    array_col,
    *,
    xy: np.ndarray | None = None,
    affine: np.ndarray | None = None,
    margin: int = 0,
    parity: int | None = None,
) -> Grid:
    """Grid around array indices; every given position is tissue, everything else background.

    Parameters
    ----------
    kind : {"square", "hex", "bins"}
    array_row, array_col : (n,) int arrays
        The lattice's own indices; they need not start at 0.
    xy : (n, 2) array, optional
        The user's coordinates, from which ``affine`` is fitted when that is not given.
    margin : int
        Empty pixels to leave around the positions.
    parity : int, optional
        For ``hex``; taken from the indices when not given.

    Raises
    ------
    S2SError
        If hexagonal indices have both parities.
    """
    array_row = np.asarray(array_row, int)
    array_col = np.asarray(array_col, int)
    if kind == "hex":
        found = np.unique((array_row + array_col) % 2)
        if len(found) > 1:
            raise S2SError(
                "A hexagonal lattice has array_row and array_col of equal parity, but both "
                "parities occur here; declare the lattice as square or check the indices."
            )
        parity = int(found[0]) if parity is None else parity
        pixel_col = (array_col - (array_row + parity) % 2) // 2
    else:
        parity = 0
        pixel_col = array_col
    row0, col0 = int(array_row.min()) - margin, int(pixel_col.min()) - margin
    rows, cols = array_row - row0, pixel_col - col0
    if (rows.max() + 1.0) * (cols.max() + 1.0) > MAX_PIXELS:
        raise S2SError(
            f"The lattice positions span {rows.max() + 1} x {cols.max() + 1} places, more than 4 "
            "million; check array_row and array_col, or read the positions as points."
        )
    tissue = np.zeros((rows.max() + 1 + margin, cols.max() + 1 + margin), bool)
    tissue[rows, cols] = True
    if affine is None:
        uv = lattice_uv(kind, array_row, array_col)
        affine = fit_affine(uv, uv if xy is None else np.asarray(xy, float))
    return Grid(kind, tissue, row0, col0, parity, affine)


def close_tissue(grid: Grid) -> np.ndarray:
    """Tissue mask (H, W) with gaps between spots closed.

    A morphological closing in lattice distance. Its radius is 1.5 pitches on a full lattice and
    twice the 95th percentile of the nearest-neighbour distance on a sparse one: single missing
    spots of a full lattice and the wide gaps of a sparse one are inside the tissue, real holes
    and the outside are not.
    """
    rows, cols = grid.tissue_pixels()
    spots = grid.lattice_xy(rows, cols)
    if len(spots) < 3:
        return grid.tissue.copy()
    nearest = cKDTree(spots).query(spots, k=2)[0][:, 1]
    typical = float(np.quantile(nearest, 0.95))
    # Spots scattered at random leave voids that wide by chance alone.
    radius = (1.5 if typical < 1.1 else 2.0) * typical
    margin = int(np.ceil(2 * radius)) + 2
    height, width = grid.shape
    if (height + 2.0 * margin) * (width + 2.0 * margin) > 4 * MAX_PIXELS:
        raise S2SError(
            f"The spots lie {typical:.0f} lattice steps apart, too far to tell what is tissue "
            "between them; check array_row and array_col, or read the positions as points."
        )
    row, col = np.indices((height + 2 * margin, width + 2 * margin)).reshape(2, -1) - margin
    every = grid.lattice_xy(row, col)
    dilated = cKDTree(spots).query(every, distance_upper_bound=radius + 1e-9)[0] <= radius + 1e-9
    outside = every[~dilated]
    closed = cKDTree(outside).query(every)[0] > radius + 1e-9
    inside = (row >= 0) & (row < height) & (col >= 0) & (col < width)
    return closed[inside].reshape(height, width) | grid.tissue


def propose_bin_size(xy: np.ndarray, per_bin: float = 3.0) -> float:
    """Bin edge, in the user's unit, that puts about ``per_bin`` points in a tissue pixel.

    The density comes from the median nearest-neighbour distance (0.47 / sqrt(density) for
    scattered points), which empty background cannot distort. Rounded to two digits.
    """
    nearest = cKDTree(xy).query(xy, k=2)[0][:, 1]
    nearest = nearest[nearest > 0]
    if len(nearest) == 0:
        raise S2SError("All points lie at the same position; check the coordinate columns.")
    size = np.sqrt(per_bin) * float(np.median(nearest)) / 0.47
    digits = 1 - int(np.floor(np.log10(size)))
    return float(np.round(size, digits))


def bin_points(xy: np.ndarray, size: float) -> tuple[Grid, np.ndarray, np.ndarray]:
    """Bin points into square pixels of edge ``size``.

    Returns
    -------
    (grid, row, col)
        ``row``, ``col`` are the pixel of every point; the centre of pixel (0, 0) is half an
        edge from the smallest coordinates.
    """
    if not size > 0:
        raise S2SError(f"The bin size must be positive, found {size:g}.")
    origin = xy.min(0)
    cols, rows = np.floor(np.ptp(xy, axis=0) / size) + 1
    if max(rows, cols) > MAX_PIXELS or rows * cols > MAX_PIXELS:
        raise S2SError(
            f"A bin size of {size:g} gives a grid of {rows:.0f} x {cols:.0f} pixels, "
            "more than 4 million; choose a larger bin."
        )
    col, row = np.floor((xy - origin) / size).astype(int).T
    affine = np.array([[size, 0.0], [0.0, size], origin + size / 2])
    return from_array_index("bins", row, col, affine=affine), row, col
