"""Programmes under several weightings of the genes, side by side: an ensemble of PCAs.

Principal components depend on how genes are scaled against each other: as they are, loud genes
lead; divided by their noise, genes with the clearest signal do. Which is best differs between
sections and few spots cannot say, so none is chosen: a position's genes are a weighted average over
the weightings, which has a lower variance than any of them. The average is *stacking*: its weights
have the least squared error at withheld spots, pulled towards equal ones. All programmes are kriged
and corrected in one go.

References
----------
Wolpert, Stacked generalization, Neural Networks 5, 1992.
Breiman, Stacked regressions, Machine Learning 24, 1996 (weights that are not negative).
Lawson & Hanson, Solving Least Squares Problems, 1974: chapter 22 (equality constraints by
weighting) and 23 (non-negative least squares).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from s2s_core.data.observation import Observation
from s2s_core.geostat.programmes import Programmes, fit_programmes

# Powers of its noise that each gene is divided by: 0 leaves genes as they are, 1 gives all genes
# the same noise. Four of them against power 0 alone: 2026-11-21-benchmark.md against
# 2026-11-21-benchmark-one-weighting.md in benchmarks/results (lattice:2, better on ten of eleven
# sections), and the row "one weighting" of 2026-11-21-ablations.md. Which four is untuned.
NOISE_POWERS = (0.0, 0.5, 1.0, 1.5)
# Neighbouring measured spots whose differences are a gene's noise; untuned.
NOISE_NEIGHBOURS = 3
# Pull of stacking weights to equal ones, relative to the mean squared error at withheld spots; and
# the least weight that a weighting is kept for. Untuned.
EQUAL_PULL = 0.05
LEAST_WEIGHT = 0.02
# Weight of the equation that asks for a sum of 1, relative to all others.
SUM_WEIGHT = 1e3
# Spots whose errors are held at once: bounds memory.
SPOTS_AT_ONCE = 256


@dataclass(frozen=True)
class WeightedProgrammes:
    """Programmes of several weightings as columns of one table of scores.

    Attributes
    ----------
    parts : tuple of Programmes
        Each fitted to values divided by its gene scales.
    gene_scales : tuple of (G,) float32 arrays
        Their geometric mean over genes is 1.
    stacking_weights : tuple of float
        Of each weighting in the average; 1 in all.
    """

    parts: tuple[Programmes, ...]
    gene_scales: tuple[np.ndarray, ...]
    stacking_weights: tuple[float, ...]

    @cached_property
    def scale(self) -> np.ndarray:
        """(P,) standard deviation of each programme in its own weighting."""
        return np.concatenate([part.scale for part in self.parts])

    @cached_property
    def size(self) -> np.ndarray:
        """(P,) standard deviation that each programme alone gives all genes together."""
        return self.scale * np.linalg.norm(self._own, axis=1)

    @cached_property
    def loadings(self) -> np.ndarray:
        """(P, G) part of each programme in each gene, in the average over weightings."""
        return self._own * self._column_weights

    @cached_property
    def mean(self) -> np.ndarray:
        """(G,) mean of each gene."""
        each = zip(self.parts, self.gene_scales, self.stacking_weights, strict=True)
        return np.sum([part.mean * scale * np.float32(weight) for part, scale, weight in each], 0)

    @cached_property
    def _own(self) -> np.ndarray:
        """(P, G) part of each programme in each gene, in its own weighting."""
        both = zip(self.parts, self.gene_scales, strict=True)
        return np.concatenate([part.loadings * scale for part, scale in both])

    @property
    def _column_weights(self) -> np.ndarray:
        """(P, 1) stacking weight of each programme's weighting."""
        count = [len(part.scale) for part in self.parts]
        return np.repeat(np.asarray(self.stacking_weights, np.float32), count)[:, None]

    @property
    def columns(self) -> list[slice]:
        """Which of the P columns belong to each weighting."""
        ends = np.cumsum([len(part.scale) for part in self.parts])
        return [
            slice(end - len(part.scale), end) for part, end in zip(self.parts, ends, strict=True)
        ]

    def scores(self, values: np.ndarray) -> np.ndarray:
        """(m, P) unit-variance programme scores of (m, G) values."""
        both = zip(self.parts, self.gene_scales, strict=True)
        return np.hstack([part.scores(values / scale) for part, scale in both])

    def genes(self, scores: np.ndarray) -> np.ndarray:
        """(n, G) values from (n, P) scores: the average over weightings."""
        return (scores * self.scale) @ self.loadings + self.mean

    def gene_variance(self, variance: np.ndarray) -> np.ndarray:
        """(n, G) variance from (n, P) score variances: the weighted mean over weightings.

        The weightings see the same spots, so their errors do not cancel as independent ones would.
        """
        return (variance * self.scale**2) @ (self._own**2 * self._column_weights)

    def first(
        self, counts: list[int], stacking_weights: np.ndarray
    ) -> tuple[WeightedProgrammes, np.ndarray]:
        """Only the first programmes of every weighting, none of those of weight 0.

        Also returns which of these columns they were.
        """
        kept = np.nonzero(stacking_weights)[0]
        programmes = WeightedProgrammes(
            tuple(self.parts[k].first(counts[k]) for k in kept),
            tuple(self.gene_scales[k] for k in kept),
            tuple(float(stacking_weights[k]) for k in kept),
        )
        columns = [self.columns[k].start + np.arange(counts[k]) for k in kept]
        return programmes, np.concatenate(columns)

    def fit_stacking_weights(
        self, obs: Observation, cross_validated: np.ndarray, counts: list[int]
    ) -> np.ndarray:
        """(K,) weights with the least squared error of the average at withheld spots.

        Parameters
        ----------
        obs : Observation
        cross_validated : (m, P) array
            Scores predicted for each measured spot from the other folds.
        counts : list of K int
            Programmes of each weighting to use.
        """
        unit = 1.0 / (np.maximum(obs.values.std(0), 1e-6) * np.sqrt(obs.values.size))
        products = np.zeros((len(self.parts),) * 2)
        for first in range(0, len(cross_validated), SPOTS_AT_ONCE):
            rows = slice(first, first + SPOTS_AT_ONCE)
            errors = []
            for part, scale, at, n in zip(
                self.parts, self.gene_scales, self.columns, counts, strict=True
            ):
                scores = cross_validated[rows, at.start : at.start + n]
                error = obs.values[rows] - part.first(n).genes(scores) * scale
                errors.append((error * unit / np.sqrt(obs.noise[rows, None])).ravel())
            table = np.stack(errors)
            products += table @ table.T
        weights = _stacking_weights(products)
        weights[weights < LEAST_WEIGHT] = 0.0
        return weights / weights.sum()


def _stacking_weights(products: np.ndarray) -> np.ndarray:
    """(K,) weights w >= 0 of sum 1 with the least w' products w, pulled to equal ones.

    A quadratic programme over the simplex, as non-negative least squares with the sum as one more,
    heavily weighted equation (Lawson & Hanson, chapters 22 and 23).
    """
    count = len(products)
    # Where there is no error (or nothing measured varies) weights are equal.
    pull = EQUAL_PULL * np.trace(products) / count + 1e-12
    upper = np.linalg.cholesky(products + pull * np.eye(count)).T
    towards = np.linalg.solve(upper.T, np.full(count, pull / count))
    heavy = SUM_WEIGHT * np.sqrt(np.trace(products) + 1e-6)
    rows = np.vstack([upper, np.full(count, heavy)])
    return nnls(rows, np.append(towards, heavy))[0]


def fit_weighted(obs: Observation, count: int, seed: int = 0) -> WeightedProgrammes:
    """Programmes of an observation under every weighting, at most ``count`` of each."""
    noise = np.log(gene_noise(obs))
    scales = tuple(
        np.exp(power * (noise - noise.mean())).astype(np.float32) for power in NOISE_POWERS
    )
    parts = tuple(fit_programmes(obs.values / scale, count, seed, obs.noise) for scale in scales)
    return WeightedProgrammes(parts, scales, (1.0 / len(parts),) * len(parts))


def gene_noise(obs: Observation) -> np.ndarray:
    """(G,) noise of each gene: standard deviation by which neighbouring measured spots differ."""
    points = obs.lattice_xy(obs.pixels)
    count = min(NOISE_NEIGHBOURS, len(points) - 1)
    near = cKDTree(points).query(points, k=count + 1)[1][:, 1:]
    variance = np.zeros(obs.n_genes)
    for column in near.T:
        variance += 0.5 * ((obs.values - obs.values[column]) ** 2).mean(0)
    return np.sqrt(np.maximum(variance / near.shape[1], 1e-6))
