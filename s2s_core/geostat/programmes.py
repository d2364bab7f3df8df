"""Gene programmes: genes share spatial patterns, and the patterns are imputed, not the genes.

The measured spots x genes table is factorised by principal components; each component's map
is one single-channel image of unit variance. Imputing P programmes costs the same for a panel
of 300 genes as for a whole transcriptome.

References
----------
Halko, Martinsson & Tropp, Finding structure with randomness, SIAM Review 53, 2011 (random
projections for large tables).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh
from sklearn.utils.extmath import randomized_svd

# Tables of more spots and more genes than this are factorised by random projections; untuned.
EXACT_LIMIT = 1000


@dataclass(frozen=True)
class Programmes:
    """A fitted low-rank factorisation ``values ~ mean + (scores * scale) @ loadings``.

    Attributes
    ----------
    mean : (G,) float32 array
    loadings : (P, G) float32 array, orthonormal rows
    scale : (P,) float32 array
        Standard deviation of each programme over the measured spots.
    """

    mean: np.ndarray
    loadings: np.ndarray
    scale: np.ndarray

    def scores(self, values: np.ndarray) -> np.ndarray:
        """(m, P) unit-variance programme scores of (m, G) values."""
        return ((values - self.mean) @ self.loadings.T / self.scale).astype(np.float32)

    def genes(self, scores: np.ndarray) -> np.ndarray:
        """(n, G) values from (n, P) scores."""
        return (scores * self.scale) @ self.loadings + self.mean

    def first(self, count: int) -> Programmes:
        """Only the first ``count`` programmes."""
        return Programmes(self.mean, self.loadings[:count], self.scale[:count])

    def gene_variance(self, variance: np.ndarray) -> np.ndarray:
        """(n, G) variance from (n, P) independent score variances."""
        return (variance * self.scale**2) @ self.loadings**2


def fit_programmes(
    values: np.ndarray, count: int, seed: int = 0, noise: np.ndarray | None = None
) -> Programmes:
    """Principal components of measured values.

    Parameters
    ----------
    values : (m, G) array
        Log-normalised values of measured spots only.
    count : int
        Programmes wanted; fewer where spots, genes or variation do not allow as many.
    seed : int
    noise : (m,) array, optional
        Relative noise variance of each spot; noisy spots count less.
    """
    count = max(1, min(count, values.shape[0] // 4, values.shape[1]))
    precision = np.ones(len(values)) if noise is None else 1.0 / noise
    mean = np.average(values, axis=0, weights=precision)
    weighted = (values - mean) * np.sqrt(precision)[:, None]
    if min(values.shape) <= EXACT_LIMIT:
        loadings = _principal(weighted, count)
    else:
        loadings = randomized_svd(weighted, count, random_state=seed)[2]
    scale = ((values - mean) @ loadings.T).std(0)
    keep = scale > 1e-6 * max(scale[0], 1e-12)
    keep[0] = True
    return Programmes(
        mean.astype(np.float32),
        loadings[keep].astype(np.float32),
        np.maximum(scale[keep], 1e-12).astype(np.float32),
    )


def _principal(table: np.ndarray, count: int) -> np.ndarray:
    """(count, G) principal directions of an (m, G) table, zero beyond its rank.

    From the products of its rows or columns, whichever are fewer: for a whole transcriptome a
    tenth of the time of a singular value decomposition.
    """
    table = table.astype(np.float64)
    rows = len(table) < table.shape[1]
    products = table @ table.T if rows else table.T @ table
    last = len(products) - 1
    value, vectors = eigh(products, subset_by_index=(last - count + 1, last))
    value, directions = value[::-1], vectors[:, ::-1].T
    if rows:
        size = np.sqrt(np.maximum(value, 1e-300))
        directions = directions @ table / size[:, None]
    return np.where(value[:, None] > 1e-10 * max(value[0], 0.0), directions, 0.0)
