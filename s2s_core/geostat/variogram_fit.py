"""Fits of variograms to measured spots: one covariance for each column, or a weighted average.

Few measured spots leave the variogram uncertain, so that an average over covariances has a lower
variance than the best one alone.

References
----------
Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006: sections 5.4.1 (marginal
likelihood) and 5.4.2 (leave-one-out).
Geisser & Eddy, A predictive approach to model selection, JASA 74, 1979: likelihood of left-out
values.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.geostat.variograms import NUGGETS, Candidate, Decompositions, Spots, Variograms

# Spots of each of the two blocks that stand for a section beyond the dense limit; untuned.
BLOCK = 1000
# Power that the evidence is raised to before it weighs an average. Neighbouring spots are
# correlated, so that the evidence of all of them overstates what is known. Untuned; averaging as
# a whole is the row "one variogram" of benchmarks/results/2026-11-21-ablations.md (Visium breast
# -0.6 %, osmFISH +2.1 %, brain none, in PCC of the first estimate).
TEMPER = 0.3
# Weight, relative to the largest, below which a covariance is dropped from an average: saves
# time. Untuned.
NEGLIGIBLE_WEIGHT = 0.02


class Criterion(StrEnum):
    """Evidence that covariances are judged by; the last two average over them, tempered.

    ``LIKELIHOOD`` is the log marginal likelihood at its best sill, ``LEAVE_ONE_OUT`` the squared
    error of predicting each measured spot from the others. ``AVERAGE`` weighs by half of the
    former and half of the Gaussian log-density of the left-out errors at their own variance;
    ``LIKELIHOOD_AVERAGE`` by the likelihood alone, cheaper by far for many columns.
    """

    LIKELIHOOD = "likelihood"
    LEAVE_ONE_OUT = "withheld"
    AVERAGE = "average"
    LIKELIHOOD_AVERAGE = "likelihood-average"

    @property
    def averages(self) -> bool:
        """Whether covariances are averaged, not chosen."""
        return self in (Criterion.AVERAGE, Criterion.LIKELIHOOD_AVERAGE)

    @property
    def leaves_out(self) -> bool:
        """Whether measured spots are left out in turn."""
        return self in (Criterion.LEAVE_ONE_OUT, Criterion.AVERAGE)


@dataclass
class _Evidence:
    """Running sums (K, N, C) over blocks of spots.

    Attributes
    ----------
    likelihood
        Profile log-likelihood.
    squared_error
        Of leaving each spot out in turn; zero where the criterion does not ask for it.
    sill
        Signal variance times the spots it was found on.
    spots : int
    """

    likelihood: np.ndarray
    squared_error: np.ndarray
    sill: np.ndarray
    spots: int = 0

    @classmethod
    def none(cls, shape: tuple[int, int, int]) -> _Evidence:
        """No spots so far."""
        return cls(np.zeros(shape), np.zeros(shape), np.zeros(shape))

    def log(self, criterion: Criterion) -> np.ndarray:
        """(K, N, C) log evidence up to a constant.

        ``AVERAGE`` mixes the likelihood, right if the covariance is, and the left-out errors, right
        whatever the covariance, in equal parts. Neither the equal parts nor :data:`TEMPER` follow
        from a model: they are a choice, and no table compares others.
        """
        if criterion is Criterion.LEAVE_ONE_OUT:
            return -self.squared_error
        if criterion is Criterion.AVERAGE:
            # Half of -n/2 log(sum of squares), the log-density at the errors' own variance.
            squared = np.maximum(self.squared_error, 1e-12)
            return 0.5 * self.likelihood - 0.25 * self.spots * np.log(squared)
        return self.likelihood


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
    criterion: Criterion = Criterion.LIKELIHOOD,
    *,
    candidates: tuple[Candidate, ...] | None = None,
    seed: int = 0,
    decompositions: Decompositions | None = None,
) -> Variograms:
    """Variograms of every column, weighed on measured spots.

    Parameters
    ----------
    spots : Spots
    values : (m, C) array
    criterion : Criterion
    candidates : tuple of (kernel, range), optional
        Covariances to try; default Matern 3/2 at ten ranges.
    seed : int
        Of the blocks that stand for the section where it has more than 2000 spots.
    decompositions : Decompositions, optional
        Those of the spots, to be made once for several calls.

    Raises
    ------
    ValueError
        For an unknown criterion.
    """
    criterion = Criterion(criterion)
    mean = np.average(values, axis=0, weights=spots.root_precision**2)
    candidates = candidates_for(spots.points) if candidates is None else candidates
    evidence = _Evidence.none((len(candidates), len(NUGGETS), values.shape[1]))
    for block, index in _blocks(spots, seed, decompositions):
        evidence.spots += len(index)
        whitened = block.spots.root_precision[:, None] * (values[index] - mean)
        for i, candidate in enumerate(candidates):
            spectrum, vectors = block.of(candidate)
            projected = (vectors.T @ whitened.astype(np.float32)).astype(np.float64)
            sill, cost = _likelihood(spectrum, projected)
            evidence.likelihood[i] -= cost
            evidence.sill[i] += sill * len(index)
            if criterion.leaves_out:
                evidence.squared_error[i] += _leave_one_out(spectrum, vectors, projected)
    log_evidence = evidence.log(criterion)
    weight = _averaged(log_evidence) if criterion.averages else _best(log_evidence)
    weight /= weight.sum((0, 1))
    sills = weight * (evidence.sill / evidence.spots)
    return Variograms(
        candidates,
        weight.astype(np.float32),
        sills.astype(np.float32),
        mean,
        tiled=spots.exceeds_dense_limit,
    )


def _likelihood(spectrum: np.ndarray, projected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Sill and negative profile log-likelihood (N, C) of one candidate.

    The sill is the one that maximises equation 5.8 of Rasmussen & Williams.
    """
    shrink = 1.0 / (spectrum + NUGGETS[:, None])
    sill = np.maximum(shrink @ projected**2 / len(spectrum), 1e-12)
    return sill, 0.5 * len(spectrum) * np.log(sill) - 0.5 * np.log(shrink).sum(1)[:, None]


def _leave_one_out(spectrum: np.ndarray, vectors: np.ndarray, projected: np.ndarray) -> np.ndarray:
    """Sum (N, C) of squared errors of predicting each spot from the others.

    The residual of spot i is (A^-1 y)_i / (A^-1)_ii, in whitened units (Rasmussen & Williams,
    equation 5.12).
    """
    shrink = (1.0 / (spectrum[:, None] + NUGGETS)).astype(np.float32)
    inverse_diagonal = (vectors**2) @ shrink
    projected = projected.astype(np.float32)
    residuals = (
        vectors @ (s[:, None] * projected) / d[:, None]
        for s, d in zip(shrink.T, inverse_diagonal.T, strict=True)
    )
    return np.stack([(r**2).sum(0) for r in residuals])


def _averaged(log_evidence: np.ndarray) -> np.ndarray:
    """(K, N, C) tempered evidence relative to each column's best, negligible ones zero."""
    weight = np.exp(TEMPER * (log_evidence - log_evidence.max((0, 1))))
    weight[weight < NEGLIGIBLE_WEIGHT] = 0.0
    return weight


def _best(log_evidence: np.ndarray) -> np.ndarray:
    """(K, N, C) 1 at each column's best candidate and nugget, else 0."""
    flat = log_evidence.reshape(-1, log_evidence.shape[2])
    first = np.arange(len(flat))[:, None] == flat.argmax(0)
    return first.reshape(log_evidence.shape).astype(float)


def _blocks(
    spots: Spots, seed: int, decompositions: Decompositions | None
) -> list[tuple[Decompositions, np.ndarray]]:
    """All spots, or for large sections two compact blocks that stand for them."""
    count = len(spots.points)
    if not spots.exceeds_dense_limit:
        return [(Decompositions.for_spots(spots, decompositions), np.arange(count))]
    centres = np.random.default_rng(seed).choice(count, 2, replace=False)
    near = cKDTree(spots.points).query(spots.points[centres], k=BLOCK)[1]
    return [(Decompositions(spots.subset(index)), index) for index in near]
