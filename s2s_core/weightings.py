"""Programmes under several weightings of the genes, side by side.

Principal components depend on how genes are weighed against each other: as they are, loud genes
lead; divided by their noise, genes with the clearest signal do. Which is best differs between
sections and cannot be told from few spots, so none is chosen: a position's genes are the average
over the weightings, which is surer than any of them. All programmes are kriged and corrected in
one go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.observation import Observation
from s2s_core.programmes import Programmes, fit_programmes

# Power of its noise that each gene is divided by: 0 leaves genes as they are, 1 gives all
# genes the same noise.
POWERS = (0.0, 0.5, 1.0, 1.5)
NEIGHBOURS = 3


@dataclass(frozen=True)
class WeightedProgrammes:
    """Programmes of several weightings as columns of one table of scores.

    Attributes
    ----------
    parts : tuple of Programmes
        Each fitted to values divided by its weight.
    weights : tuple of (G,) float32 arrays
        Their geometric mean over genes is 1.
    """

    parts: tuple[Programmes, ...]
    weights: tuple[np.ndarray, ...]

    @cached_property
    def scale(self) -> np.ndarray:
        """(P,) standard deviation of each programme in its own weighting."""
        return np.concatenate([part.scale for part in self.parts])

    @cached_property
    def size(self) -> np.ndarray:
        """(P,) standard deviation that each programme alone gives the genes, all together."""
        return self.scale * np.linalg.norm(self.loadings, axis=1) * len(self.parts)

    @cached_property
    def loadings(self) -> np.ndarray:
        """(P, G) share of each programme in each gene, as the average over weightings has it."""
        both = zip(self.parts, self.weights, strict=True)
        return np.concatenate([part.loadings * weight for part, weight in both]) / len(self.parts)

    @cached_property
    def mean(self) -> np.ndarray:
        """(G,) mean of each gene."""
        both = zip(self.parts, self.weights, strict=True)
        return np.mean([part.mean * weight for part, weight in both], axis=0)

    @property
    def columns(self) -> list[slice]:
        """Which of the P columns belong to each weighting."""
        ends = np.cumsum([len(part.scale) for part in self.parts])
        return [slice(end - len(part.scale), end)
                for part, end in zip(self.parts, ends, strict=True)]  # fmt: skip

    def scores(self, values: np.ndarray) -> np.ndarray:
        """(m, P) unit-variance programme scores of (m, G) values."""
        both = zip(self.parts, self.weights, strict=True)
        return np.hstack([part.scores(values / weight) for part, weight in both])

    def genes(self, scores: np.ndarray) -> np.ndarray:
        """(n, G) values from (n, P) scores: the average over weightings."""
        return (scores * self.scale) @ self.loadings + self.mean

    def gene_variance(self, variance: np.ndarray) -> np.ndarray:
        """(n, G) variance from (n, P) score variances: that of one weighting, typically.

        The weightings see the same spots, so their errors do not cancel.
        """
        return (variance * self.scale**2) @ (self.loadings**2 * len(self.parts))

    def first(self, counts: list[int]) -> WeightedProgrammes:
        """Only the first programmes of every weighting, as many as ``counts`` says."""
        parts = tuple(p.first(n) for p, n in zip(self.parts, counts, strict=True))
        return WeightedProgrammes(parts, self.weights)


def fit_weighted(obs: Observation, count: int, seed: int = 0) -> WeightedProgrammes:
    """Programmes of an observation under every weighting, at most ``count`` of each."""
    noise = np.log(gene_noise(obs))
    weights = tuple(np.exp(power * (noise - noise.mean())).astype(np.float32) for power in POWERS)
    parts = tuple(fit_programmes(obs.values / w, count, seed, obs.noise) for w in weights)
    return WeightedProgrammes(parts, weights)


def gene_noise(obs: Observation) -> np.ndarray:
    """(G,) noise of each gene: standard deviation by which neighbouring measured spots differ."""
    points = obs.lattice_xy(obs.pixels)
    near = cKDTree(points).query(points, k=min(NEIGHBOURS, len(points) - 1) + 1)[1][:, 1:]
    variance = np.zeros(obs.n_genes)
    for column in near.T:
        variance += 0.5 * ((obs.values - obs.values[column]) ** 2).mean(0)
    return np.sqrt(np.maximum(variance / near.shape[1], 1e-6))
