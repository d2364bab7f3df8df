"""Variograms: covariances fitted to measured spots, one for each column, or averaged.

All columns (genes or programmes) share the eigendecomposition of each candidate covariance, so
likelihood and leave-one-out error are exact for every column and the cost hardly grows with
their number. A column gets its best candidate, or an average over candidates: few measured spots
leave the variogram uncertain, and averaging is surer than choosing.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy.linalg import eigh
from scipy.spatial import cKDTree
from scipy.spatial.distance import cdist

# Most spots of one decomposition; more are fitted on blocks and kriged tile by tile.
GLOBAL_MAX = 2000
BLOCK = 1000
NUGGETS = np.geomspace(0.02, 200.0, 21)
# Of an average: power the evidence is raised to (neighbouring spots are no independent
# witnesses), and the weight, relative to the largest, below which a candidate is dropped.
TEMPER = 0.3
NEGLIGIBLE = 0.02


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
    local : bool
        Fitted on blocks of many spots: some of those spots are kriged tile by tile as all are.
    """

    candidates: tuple[Candidate, ...]
    weight: np.ndarray
    sill: np.ndarray
    mean: np.ndarray
    local: bool = False

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

    def columns(self, which) -> Variograms:
        """Only some columns (index, slice or bool mask)."""
        weight, sill, mean = self.weight[..., which], self.sill[..., which], self.mean[which]
        return replace(self, weight=weight, sill=sill, mean=mean)

    def sharpened(self) -> Variograms:
        """The heaviest candidate and nugget of every column alone."""
        flat = self.weight.reshape(-1, self.weight.shape[2])
        best = (np.arange(len(flat))[:, None] == flat.argmax(0)).reshape(self.weight.shape)
        sill = best * self.sill / np.maximum(self.weight, 1e-12)
        return replace(self, weight=best.astype(self.weight.dtype), sill=sill)


@dataclass(frozen=True)
class Spots:
    """Measured positions (m, 2) in units of the pitch with their relative noise variance (m,).

    Eigendecompositions are kept once made: fitting and predicting share them.
    """

    points: np.ndarray
    noise: np.ndarray | None = None
    _kept: dict = field(default_factory=dict, repr=False)

    @property
    def certainty(self) -> np.ndarray:
        """Square root of each spot's precision; the whitened system has equal noise."""
        if self.noise is None:
            return np.ones(len(self.points), np.float32)
        return (1.0 / np.sqrt(self.noise)).astype(np.float32)

    @property
    def many(self) -> bool:
        """Whether there are too many spots for one decomposition."""
        return len(self.points) > GLOBAL_MAX

    def subset(self, which: np.ndarray) -> Spots:
        """Some of the spots."""
        return Spots(self.points[which], None if self.noise is None else self.noise[which])

    def decompose(self, candidate: Candidate) -> tuple[np.ndarray, np.ndarray]:
        """Spectrum (m,) and vectors (m, m) of the whitened covariance of a candidate."""
        if candidate not in self._kept:
            kernel, range_ = candidate
            gram = KERNELS[kernel](distances(self.points, self.points), range_)
            gram *= self.certainty[:, None] * self.certainty
            spectrum, vectors = eigh(gram, overwrite_a=True, check_finite=False, driver="evd")
            self._kept[candidate] = np.maximum(spectrum, 0.0), vectors
        return self._kept[candidate]


def candidates_for(
    points: np.ndarray, kernels: tuple[str, ...] = ("matern32",), ranges: int = 10
) -> tuple[Candidate, ...]:
    """Covariances to try: length scales from below the pitch to half the section's extent."""
    extent = float(np.hypot(*np.ptp(points, axis=0)))
    scales = np.geomspace(0.7, max(2.0, extent / 2), ranges)
    return tuple((kernel, float(scale)) for kernel in kernels for scale in scales)


def fit_variograms(
    spots: Spots,
    values: np.ndarray,
    criterion: str = "likelihood",
    *,
    candidates: tuple[Candidate, ...] | None = None,
    seed: int = 0,
) -> Variograms:
    """Weigh covariances for every column on measured spots.

    Parameters
    ----------
    spots : Spots
    values : (m, C) array
    criterion : {"likelihood", "withheld", "average", "likelihood-average"}
        The best candidate by profile likelihood, or by the squared error of leaving each
        measured spot out in turn; or an average over candidates weighted by both, or by the
        likelihood alone (cheaper by far for many columns).
    candidates : tuple of (kernel, range), optional
        Covariances to try; default Matern 3/2 at ten ranges.
    seed : int
        Of the blocks that stand for the section where it has more than 2000 spots.
    """
    mean = np.average(values, axis=0, weights=spots.certainty**2)
    candidates = candidates_for(spots.points) if candidates is None else candidates
    shape = (len(candidates), len(NUGGETS), values.shape[1])
    likelihood, left_out, sill = (np.zeros(shape) for _ in range(3))
    count = 0
    for block, index in _blocks(spots, seed):
        count += len(index)
        whitened = block.certainty[:, None] * (values[index] - mean)
        for i, candidate in enumerate(candidates):
            spectrum, vectors = block.decompose(candidate)
            projected = (vectors.T @ whitened.astype(np.float32)).astype(np.float64)
            found, cost = _likelihood(spectrum, projected)
            likelihood[i] -= cost
            sill[i] += found * len(index)
            if criterion in ("withheld", "average"):
                left_out[i] += _leave_one_out(spectrum, vectors, projected)
    evidence = likelihood
    if criterion == "withheld":
        evidence = -left_out
    elif criterion == "average":
        # Gaussian log-likelihood of the left-out errors at their own variance, half of each.
        evidence = 0.5 * likelihood - 0.25 * count * np.log(np.maximum(left_out, 1e-12))
    average = criterion.endswith("average")
    weight, sill = _weigh(evidence, sill / count, average=average)
    return Variograms(candidates, weight, sill, mean, local=spots.many)


def distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(a, b) distances between points, float32."""
    return cdist(a, b).astype(np.float32)


def _likelihood(spectrum, projected) -> tuple[np.ndarray, np.ndarray]:
    """Sill and negative profile log-likelihood (N, C) of one candidate."""
    shrink = 1.0 / (spectrum + NUGGETS[:, None])
    sill = np.maximum(shrink @ projected**2 / len(spectrum), 1e-12)
    return sill, 0.5 * len(spectrum) * np.log(sill) - 0.5 * np.log(shrink).sum(1)[:, None]


def _leave_one_out(spectrum, vectors, projected) -> np.ndarray:
    """Sum (N, C) of squared errors of predicting each spot from the others.

    The residual of spot i is (A^-1 y)_i / (A^-1)_ii, in whitened units.
    """
    shrink = (1.0 / (spectrum[:, None] + NUGGETS)).astype(np.float32)
    spread = (vectors**2) @ shrink
    projected = projected.astype(np.float32)
    residuals = (
        vectors @ (s[:, None] * projected) / d[:, None]
        for s, d in zip(shrink.T, spread.T, strict=True)
    )
    return np.stack([(r**2).sum(0) for r in residuals])


def _weigh(
    evidence: np.ndarray, sill: np.ndarray, *, average: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Weights and weighted sills (K, N, C) from evidence: the best alone, or an average."""
    best = evidence.max((0, 1))
    if average:
        weight = np.exp(TEMPER * (evidence - best))
        weight[weight < NEGLIGIBLE] = 0.0
    else:
        flat = evidence.reshape(-1, evidence.shape[2])
        first = np.arange(len(flat))[:, None] == flat.argmax(0)
        weight = first.reshape(evidence.shape).astype(float)
    weight /= weight.sum((0, 1))
    return weight.astype(np.float32), (weight * sill).astype(np.float32)


def _blocks(spots: Spots, seed: int) -> list[tuple[Spots, np.ndarray]]:
    """All spots, or for large sections two compact blocks that stand for them."""
    count = len(spots.points)
    if not spots.many:
        return [(spots, np.arange(count))]
    centres = np.random.default_rng(seed).choice(count, 2, replace=False)
    near = cKDTree(spots.points).query(spots.points[centres], k=BLOCK)[1]
    return [(spots.subset(index), index) for index in near]
