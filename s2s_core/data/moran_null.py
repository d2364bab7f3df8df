"""Exact permutation moments of Moran's I, and p-values that know skewed and sparse values.

Over all ways of placing a gene's values on the spots, mean, variance (Cliff and Ord 1981) and
skewness of Moran's I follow from the powers of the values and from counts of small subgraphs of the
neighbour graph: no values are drawn. Their Pearson type III distribution gives the tail, as is usual
for permutation statistics (Kazi-Aoual et al. 1995; Josse et al. 2008): for a gene that is seen at
few spots a normal law would call chance a pattern.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse
from scipy.stats import norm, pearson3

# Less skewness than this is none.
SYMMETRIC = 1e-3


@dataclass(frozen=True)
class NeighbourGraph:
    """Counts of small subgraphs of an undirected graph without loops.

    Parameters
    ----------
    weights : (m, m) sparse matrix
        Symmetric 0/1 weights.
    """

    weights: sparse.csr_matrix

    @cached_property
    def edges(self) -> float:
        """Number of edges."""
        return float(self.weights.sum()) / 2.0

    @cached_property
    def _degree(self) -> np.ndarray:
        return np.asarray(self.weights.sum(1), float).ravel()

    @cached_property
    def adjacent(self) -> float:
        """Pairs of edges with a spot in common."""
        return float((self._degree * (self._degree - 1)).sum()) / 2.0

    @cached_property
    def triangles(self) -> float:
        """Triples of edges around three spots."""
        weights = self.weights.astype(np.float64)
        return float(weights.multiply(weights @ weights).sum()) / 6.0

    @cached_property
    def stars(self) -> float:
        """Triples of edges with one spot in common."""
        d = self._degree
        return float((d * (d - 1) * (d - 2)).sum()) / 6.0

    @cached_property
    def paths(self) -> float:
        """Triples of edges that make a path of four spots."""
        d = self._degree - 1.0
        return float(d @ (self.weights @ d)) / 2.0 - 3.0 * self.triangles

    @cached_property
    def corners(self) -> float:
        """Triples of two adjacent edges and one apart from both."""
        # Each adjacent pair with each other edge; other shapes hold several adjacent pairs.
        shared = 3.0 * (self.triangles + self.stars) + 2.0 * self.paths
        return self.adjacent * (self.edges - 2.0) - shared


class _Products:
    """Means of products of powers of the values of distinct spots, under random placing.

    Parameters
    ----------
    values : (m, G) array
        Centred.
    """

    def __init__(self, values: np.ndarray) -> None:
        self._m = len(values)
        power, self._sums = np.ones_like(values), {}
        for k in range(1, 7):
            power = power * values
            self._sums[k] = power.sum(0)
        self._sums[1] = np.zeros_like(self._sums[1])
        self._known: dict[tuple[int, ...], np.ndarray] = {}

    def __call__(self, *powers: int) -> np.ndarray:
        """Mean (G,) of ``z_i**a * z_j**b * ...`` over distinct spots i, j, ..."""
        choices = np.prod(self._m - np.arange(len(powers), dtype=float))
        return self._total(tuple(sorted(powers))) / choices

    def _total(self, powers: tuple[int, ...]) -> np.ndarray:
        if powers not in self._known:
            first, *rest = powers
            total = self._sums[first] * (self._total(tuple(rest)) if rest else 1.0)
            # What was summed with two of the spots equal is taken off.
            for k in range(len(rest)):
                merged = (*rest[:k], rest[k] + first, *rest[k + 1 :])
                total = total - self._total(tuple(sorted(merged)))
            self._known[powers] = total
        return self._known[powers]


def moran_test(values: np.ndarray, graph: NeighbourGraph) -> tuple[np.ndarray, np.ndarray]:
    """Test of Moran's I of each column against random placing of its values.

    Parameters
    ----------
    values : (m, G) array
    graph : NeighbourGraph
        Of the m spots.

    Returns
    -------
    z_score : (G,) array
        Standard errors of Moran's I above chance; 0 for a column without variance.
    p : (G,) array
        One-sided p-values; 1 for a column without variance.
    """
    centred = np.asarray(values, np.float64)
    centred = centred - centred.mean(0)
    spread = centred.std(0)
    there = spread > 1e-8
    z = centred[:, there] / spread[there]
    along = (z * (graph.weights @ z)).sum(0) / 2.0
    mean, sd, skewness = _moments(z, graph)
    z_score, p = np.zeros(len(spread)), np.ones(len(spread))
    z_score[there] = (along - mean) / sd
    p[there] = _tail(z_score[there], skewness)
    return z_score, p


def _moments(z: np.ndarray, graph: NeighbourGraph) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, deviation and skewness (G,) of the sum of ``z_i * z_j`` over edges."""
    of, n, adjacent = _Products(z), graph.edges, graph.adjacent
    apart = n * (n - 1.0) / 2.0 - adjacent
    triples = n * (n - 1.0) * (n - 2.0) / 6.0
    distinct = graph.triangles + graph.stars + graph.paths + graph.corners
    first = n * of(1, 1)
    second = n * of(2, 2) + 2.0 * (adjacent * of(2, 1, 1) + apart * of(1, 1, 1, 1))
    third = (
        n * of(3, 3)
        + 6.0 * (adjacent * of(3, 2, 1) + apart * of(2, 2, 1, 1))
        + 6.0 * (graph.triangles * of(2, 2, 2) + graph.stars * of(3, 1, 1, 1))
        + 6.0 * (graph.paths * of(2, 2, 1, 1) + graph.corners * of(2, 1, 1, 1, 1))
        + 6.0 * (triples - distinct) * of(1, 1, 1, 1, 1, 1)
    )
    variance = np.maximum(second - first**2, 1e-12)
    central = third - 3.0 * first * second + 2.0 * first**3
    return first, np.sqrt(variance), central / variance**1.5


def _tail(z_score: np.ndarray, skewness: np.ndarray) -> np.ndarray:
    """Upper tail of a Pearson type III law with mean 0 and deviation 1."""
    p = norm.sf(z_score)
    skewed = np.abs(skewness) > SYMMETRIC
    p[skewed] = pearson3.sf(z_score[skewed], skewness[skewed])
    return p
