"""Variograms: covariances of columns (genes or programmes) over measured spots.

All columns share the eigendecomposition of each candidate covariance, so that likelihood,
leave-one-out error and prediction are exact for every column and the cost hardly grows with their
number. How covariances are weighed: :mod:`s2s_core.geostat.variogram_fit`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.linalg import eigh
from scipy.spatial.distance import cdist

from s2s_core.data.observation import Observation

# Most spots of one decomposition (time m^3, memory m^2); more are fitted on blocks and kriged
# tile by tile. Untuned.
DENSE_LIMIT = 2000
# Noise-to-signal variance ratios that are tried; untuned.
NUGGETS = np.geomspace(0.02, 200.0, 21)


def exponential(distance: np.ndarray, range_: float) -> np.ndarray:
    """Exponential (Matern 1/2) correlation at ``distance`` for length scale ``range_``."""
    return np.exp(distance * (-1.0 / range_))


def matern32(distance: np.ndarray, range_: float) -> np.ndarray:
    """Matern 3/2 correlation at ``distance`` for length scale ``range_``."""
    scaled = distance * (np.sqrt(3.0) / range_)
    return (1.0 + scaled) * np.exp(-scaled)


KERNELS = {"exponential": exponential, "matern32": matern32}
# A candidate covariance: kernel name and range in units of the pitch.
Candidate = tuple[str, float]
# An index, slice or bool mask of columns.
Columns = np.ndarray | slice | list[int]


@dataclass(frozen=True)
class Variograms:
    """Covariance of each of C columns: weights over K candidates and N nuggets.

    Attributes
    ----------
    candidates : tuple of (kernel, range)
        K of them.
    weight : (K, N, C) array
        Sums to 1 over candidates and :data:`NUGGETS` (noise-to-signal variance ratios).
    sill : (K, N, C) array
        Weight times the signal variance found with that candidate and nugget.
    mean : (C,) array
    tiled : bool
        Fitted on blocks of more spots than :data:`DENSE_LIMIT`: subsets of those spots are kriged
        tile by tile as all of them are.
    """

    candidates: tuple[Candidate, ...]
    weight: np.ndarray
    sill: np.ndarray
    mean: np.ndarray
    tiled: bool = False

    @property
    def signal(self) -> np.ndarray:
        """(C,) signal variance."""
        return self.sill.sum((0, 1))

    @property
    def noise(self) -> np.ndarray:
        """(C,) noise variance of a measurement of average depth."""
        return np.tensordot(self.sill.sum(0), NUGGETS, (0, 0))

    @property
    def nugget(self) -> np.ndarray:
        """(C,) noise-to-signal variance ratio."""
        return self.noise / self.signal

    def columns(self, which: Columns) -> Variograms:
        """Variograms of some columns."""
        weight, sill, mean = self.weight[..., which], self.sill[..., which], self.mean[which]
        return replace(self, weight=weight, sill=sill, mean=mean)

    def most_probable(self) -> Variograms:
        """Variograms with every column's heaviest candidate and nugget alone (MAP)."""
        flat = self.weight.reshape(-1, self.weight.shape[2])
        best = (np.arange(len(flat))[:, None] == flat.argmax(0)).reshape(self.weight.shape)
        sill = best * self.sill / np.maximum(self.weight, 1e-12)
        return replace(self, weight=best.astype(self.weight.dtype), sill=sill)


@dataclass(frozen=True)
class Spots:
    """Measured positions (m, 2) in units of the pitch with their relative noise variance (m,)."""

    points: np.ndarray
    noise: np.ndarray | None = None

    @property
    def root_precision(self) -> np.ndarray:
        """(m,) square root of each spot's precision; the whitened system has equal noise."""
        if self.noise is None:
            return np.ones(len(self.points), np.float32)
        return (1.0 / np.sqrt(self.noise)).astype(np.float32)

    @property
    def exceeds_dense_limit(self) -> bool:
        """Whether there are too many spots for one decomposition."""
        return len(self.points) > DENSE_LIMIT

    def subset(self, which: np.ndarray) -> Spots:
        """Some of the spots."""
        return Spots(self.points[which], None if self.noise is None else self.noise[which])


def spots_of(obs: Observation) -> Spots:
    """Measured spots of an observation."""
    return Spots(obs.lattice_xy(obs.pixels), obs.noise)


class Decompositions:
    """Eigendecompositions of candidate covariances at some spots, each made once.

    Handed to everything that fits or predicts with the same spots.

    Parameters
    ----------
    spots : Spots
    """

    def __init__(self, spots: Spots) -> None:
        self.spots = spots
        self._made: dict[Candidate, tuple[np.ndarray, np.ndarray]] = {}

    @classmethod
    def for_spots(cls, spots: Spots, made: Decompositions | None) -> Decompositions:
        """Those made before, or new ones.

        Raises
        ------
        ValueError
            If those made before are of other spots.
        """
        if made is None:
            return cls(spots)
        if made.spots is not spots:
            raise ValueError("these decompositions were made for other spots")
        return made

    def __len__(self) -> int:
        """Number of candidates decomposed so far."""
        return len(self._made)

    def of(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        """Spectrum (m,) and vectors (m, m) of the whitened covariance of a candidate."""
        if candidate not in self._made:
            kernel, range_ = candidate
            points, root = self.spots.points, self.spots.root_precision
            gram = KERNELS[kernel](distances(points, points), range_)
            gram *= root[:, None] * root
            spectrum, vectors = eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
            self._made[candidate] = np.maximum(spectrum, 0.0), vectors
        return self._made[candidate]


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a, b) distances between points, float32."""
    return cdist(a, b).astype(np.float32)
