"""Programmes under several weightings of the genes, side by side.

Principal components depend on how genes are weighed against each other: as they are, loud genes
lead; divided by their noise, genes with the clearest signal do. Which is best differs between
sections and can hardly be told from few spots, so none is chosen: a position's genes are the
average over the weightings, which is surer than any of them. Their shares are about equal, less
for a weighting that did badly at withheld spots. All programmes are kriged and corrected in one
go.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.optimize import nnls
from scipy.spatial import cKDTree

from s2s_core.data.observation import Observation
from s2s_core.geostat.programmes import Programmes, fit_programmes

# Power of its noise that each gene is divided by: 0 leaves genes as they are, 1 gives all
# genes the same noise.
POWERS = (0.0, 0.5, 1.0, 1.5)
NEIGHBOURS = 3
# How far shares lean to equal ones, relative to the error at withheld spots; and the least share
# that a weighting is kept for.
LEAN = 0.05
LEAST = 0.02
# Spots whose errors are held at once.
ROWS = 256


@dataclass(frozen=True)
class WeightedProgrammes:
    """Programmes of several weightings as columns of one table of scores.

    Attributes
    ----------
    parts : tuple of Programmes
        Each fitted to values divided by its weight.
    weights : tuple of (G,) float32 arrays
        Their geometric mean over genes is 1.
    share : tuple of float
        Of each weighting in the average; 1 in all.
    """

    parts: tuple[Programmes, ...]
    weights: tuple[np.ndarray, ...]
    share: tuple[float, ...]

    @cached_property
    def scale(self) -> np.ndarray:
        """(P,) standard deviation of each programme in its own weighting."""
        return np.concatenate([part.scale for part in self.parts])

    @cached_property
    def size(self) -> np.ndarray:
        """(P,) standard deviation that each programme alone gives the genes, all together."""
        return self.scale * np.linalg.norm(self._own, axis=1)

    @cached_property
    def loadings(self) -> np.ndarray:
        """(P, G) part of each programme in each gene, as the average over weightings has it."""
        return self._own * self._shares

    @cached_property
    def mean(self) -> np.ndarray:
        """(G,) mean of each gene."""
        each = zip(self.parts, self.weights, self.share, strict=True)
        return sum(part.mean * weight * np.float32(share) for part, weight, share in each)

    @cached_property
    def _own(self) -> np.ndarray:
        both = zip(self.parts, self.weights, strict=True)
        return np.concatenate([part.loadings * weight for part, weight in both])

    @property
    def _shares(self) -> np.ndarray:
        count = [len(part.scale) for part in self.parts]
        return np.repeat(np.float32(self.share), count)[:, None]

    @property
    def columns(self) -> list[slice]:
        """Which of the P columns belong to each weighting."""
        ends = np.cumsum([len(part.scale) for part in self.parts])
        return [
            slice(end - len(part.scale), end) for part, end in zip(self.parts, ends, strict=True)
        ]

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
        return (variance * self.scale**2) @ (self._own**2 * self._shares)

    def first(self, counts: list[int], share: np.ndarray) -> tuple[WeightedProgrammes, np.ndarray]:
        """Only the first programmes of every weighting, none of those without a share.

        Also returns which of these columns they were.
        """
        kept = np.nonzero(share)[0]
        programmes = WeightedProgrammes(
            tuple(self.parts[k].first(counts[k]) for k in kept),
            tuple(self.weights[k] for k in kept),
            tuple(float(share[k]) for k in kept),
        )
        columns = [self.columns[k].start + np.arange(counts[k]) for k in kept]
        return programmes, np.concatenate(columns)

    def favoured(self, obs: Observation, withheld: np.ndarray, counts: list[int]) -> np.ndarray:
        """(K,) shares with the least squared error of the average at withheld spots.

        Parameters
        ----------
        obs : Observation
        withheld : (m, P) array
            Scores predicted for each measured spot from the others.
        counts : list of K int
            Programmes of each weighting to use.
        """
        sure = 1.0 / (np.maximum(obs.values.std(0), 1e-6) * np.sqrt(obs.values.size))
        products = np.zeros((len(self.parts),) * 2)
        for first in range(0, len(withheld), ROWS):
            rows = slice(first, first + ROWS)
            missed = []
            for part, weight, at, n in zip(
                self.parts, self.weights, self.columns, counts, strict=True
            ):
                guess = part.first(n).genes(withheld[rows, at.start : at.start + n]) * weight
                missed.append((obs.values[rows] - guess) * sure / np.sqrt(obs.noise[rows, None]))
            missed = np.reshape(missed, (len(missed), -1))
            products += missed @ missed.T
        share = _simplex(products)
        share[share < LEAST] = 0.0
        return share / share.sum()


def _simplex(products: np.ndarray) -> np.ndarray:
    """(K,) shares w >= 0 of sum 1 with the least w' products w, leaning to equal ones."""
    count = len(products)
    # Where nothing was missed (or nothing measured varies) shares are equal.
    lean = LEAN * np.trace(products) / count + 1e-12
    upper = np.linalg.cholesky(products + lean * np.eye(count)).T
    towards = np.linalg.solve(upper.T, np.full(count, lean / count))
    # The sum is asked for by a row that outweighs all others.
    firm = 1e3 * np.sqrt(np.trace(products) + 1e-6)
    rows = np.vstack([upper, np.full(count, firm)])
    return nnls(rows, np.append(towards, firm))[0]


def fit_weighted(obs: Observation, count: int, seed: int = 0) -> WeightedProgrammes:
    """Programmes of an observation under every weighting, at most ``count`` of each."""
    noise = np.log(gene_noise(obs))
    weights = tuple(np.exp(power * (noise - noise.mean())).astype(np.float32) for power in POWERS)
    parts = tuple(fit_programmes(obs.values / w, count, seed, obs.noise) for w in weights)
    return WeightedProgrammes(parts, weights, (1.0 / len(parts),) * len(parts))


def gene_noise(obs: Observation) -> np.ndarray:
    """(G,) noise of each gene: standard deviation by which neighbouring measured spots differ."""
    points = obs.lattice_xy(obs.pixels)
    near = cKDTree(points).query(points, k=min(NEIGHBOURS, len(points) - 1) + 1)[1][:, 1:]
    variance = np.zeros(obs.n_genes)
    for column in near.T:
        variance += 0.5 * ((obs.values - obs.values[column]) ** 2).mean(0)
    return np.sqrt(np.maximum(variance / near.shape[1], 1e-6))
