"""Random fields: Gaussian fields of a given covariance at the positions of a lattice.

The covariance of a stationary field on a regular grid is made circulant by wrapping a larger grid
around a torus; its eigenvalues are then a Fourier transform, and a field is one more.

References
----------
Dietrich & Newsam, Fast and exact simulation of stationary Gaussian processes through circulant
embedding of the covariance matrix, SIAM J. Sci. Comput. 18, 1997.
"""

from __future__ import annotations

import numpy as np
from scipy import fft

from s2s_core.data.grid import HEX_ROW
from s2s_core.geostat.variograms import KERNELS, Candidate

# Length scales that the torus is larger than the lattice at least: the covariance has faded where
# it meets itself.
MARGIN = 3.0
# Values of the grids transformed at once, which bounds memory: 64 MB.
VALUES = 8_000_000


class LatticeFields:
    """Stationary Gaussian fields of unit variance at lattice positions.

    Parameters
    ----------
    points : (n, 2) array
        Lattice coordinates, in units of the pitch (:meth:`Grid.lattice_xy`).
    kind : str
        Lattice type; hexagonal ones are every other point of a rectangular grid.
    """

    def __init__(self, points: np.ndarray, kind: str) -> None:
        # Rows are v, columns u; on a hexagonal lattice columns are half a pitch apart.
        self._step = np.array([HEX_ROW, 0.5] if kind == "hex" else [1.0, 1.0])
        cells = np.rint(points[:, ::-1] / self._step).astype(int)
        self._cells = tuple((cells - cells.min(0)).T)
        self._extent = np.ptp(cells, axis=0) + 1

    def draw(self, candidate: Candidate, count: int, rng: np.random.Generator) -> np.ndarray:
        """(n, count) float32 independent fields with a candidate's covariance.

        Where the torus is too small for a covariance to be exact, what is negative in its
        spectrum is left out and the rest scaled to unit variance.
        """
        root = self._root_spectrum(candidate)
        out = np.empty((len(self._cells[0]), count), np.float32)
        most = 2 * max(1, VALUES // (4 * root.size))
        for first in range(0, count, most):
            # The real and the imaginary part of one transform are two independent fields.
            pairs = -(-min(most, count - first) // 2)
            noise = rng.standard_normal((2, pairs, *root.shape), np.float32)
            fields = fft.ifft2(root * (noise[0] + 1j * noise[1]), norm="ortho")
            at = fields[:, self._cells[0], self._cells[1]]
            both = np.concatenate([at.real, at.imag])
            out[:, first : first + most] = both[: count - first].T
        return out

    def _root_spectrum(self, candidate: Candidate) -> np.ndarray:
        """Square root of the eigenvalues of the wrapped covariance, one a cell of the torus."""
        kernel, range_ = candidate
        wanted = self._extent + np.maximum(self._extent, np.ceil(MARGIN * range_ / self._step))
        size = [fft.next_fast_len(int(n)) for n in wanted]
        away = [
            np.minimum(np.arange(n), n - np.arange(n)) * step
            for n, step in zip(size, self._step, strict=True)
        ]
        covariance = KERNELS[kernel](np.hypot(away[0][:, None], away[1]), range_)
        spectrum = np.maximum(fft.fft2(covariance).real, 0.0)
        return np.sqrt(spectrum / spectrum.mean()).astype(np.float32)
