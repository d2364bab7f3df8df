"""Programmes under several weightings of the genes, side by side.

Principal components depend on how genes are weighed against each other: as they are, loud genes
lead; divided by their noise, genes with the clearest signal do. Which is best differs between
sections and cannot be told from few spots, so none is chosen: a position's genes are the average
over the weightings, which is surer than any of them. All programmes are kriged and corrected in
one go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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

    @property
    def scale(self) -> np.ndarray:
        """(P,) standard deviation of each programme in its own weighting."""
        return np.concatenate([part.scale for part in self.parts])

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
        return self._average(lambda part, weight, at: part.genes(scores[:, at]) * weight)

    def gene_variance(self, variance: np.ndarray) -> np.ndarray:
        """(n, G) variance from (n, P) score variances: that of one weighting, typically.

        The weightings see the same spots, so their errors do not cancel.
        """
        return self._average(
            lambda part, weight, at: part.gene_variance(variance[:, at]) * weight**2
        )

    def loadings(self, gene: int) -> tuple[np.ndarray, float]:
        """(P,) weights of the programmes' scores in one gene, and the gene's mean."""
        share, columns, mean = 1.0 / len(self.parts), [], 0.0
        for part, weight in zip(self.parts, self.weights, strict=True):
            columns.append(part.scale * part.loadings[:, gene] * (weight[gene] * share))
            mean += float(part.mean[gene] * weight[gene]) * share
        return np.concatenate(columns), mean

    def first(self, counts: list[int]) -> WeightedProgrammes:
        """Only the first programmes of every weighting, as many as ``counts`` says."""
        return replace(
            self, parts=tuple(p.first(n) for p, n in zip(self.parts, counts, strict=True))
        )

    def _average(self, what) -> np.ndarray:
        """Average over weightings, summed in place: a table of all genes is large."""
        total = None
        for part, weight, at in zip(self.parts, self.weights, self.columns, strict=True):
            piece = what(part, weight, at)
            total = piece if total is None else np.add(total, piece, out=total)
        return np.multiply(total, np.float32(1.0 / len(self.parts)), out=total)


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
