"""Correlation between genes of what a prediction misses, estimated with shrinkage.

A measured spot has one value for each gene, and what predictions miss there is correlated between
genes. With some hundred spots and as many genes the correlations themselves are mostly noise:
shrinking them towards none makes their matrix a better one, and how far is told by their own
sampling variance.

References
----------
Schafer & Strimmer, A shrinkage approach to large-scale covariance matrix estimation, Stat. Appl.
Genet. Mol. Biol. 4, 2005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.utils.extmath import randomized_svd

# Factors that are kept at most; what they leave counts as each gene's own.
MOST_FACTORS = 300
# Variance of a gene's normal score that factors explain at most; the rest is its own.
MOST_SHARED = 0.98
# Least first-order response of values to normal scores that is believed: for genes seen in a few
# spots it is next to nothing, and a correlation divided by it noise.
LEAST_RESPONSE = 0.05


@dataclass(frozen=True)
class ResidualFactors:
    """Normal scores of G genes as K shared factors and each gene's own part.

    Attributes
    ----------
    directions : (K, G) float32 array
        Orthonormal; of the genes' residuals in units of their deviation.
    loadings : (G, K) float32 array
        Of unit-variance factors in each gene's normal score.
    own : (G,) float32 array
        Deviation of a gene's own part; with the loadings its score has unit variance.
    shrinkage : float
        Share 0..1 that correlations were shrunk by.
    """

    directions: np.ndarray
    loadings: np.ndarray
    own: np.ndarray
    shrinkage: float


def fit_residual_factors(
    residuals: np.ndarray, response: np.ndarray, seed: int = 0
) -> ResidualFactors:
    """Factors of (m, G) residuals.

    Parameters
    ----------
    residuals : (m, G) array
        Measured less predicted values at spots that were predicted from others.
    response : (G,) array
        Correlation of a gene's value with its normal score: what normal scores must correlate by is
        the residuals' correlation over the product of both genes' responses.
    seed : int
        Of the randomised decomposition where spots and genes are many.
    """
    centred = residuals - residuals.mean(0)
    table = (centred / np.maximum(centred.std(0), 1e-6)).astype(np.float32)
    shrinkage = shrinkage_intensity(table)
    count = min(*table.shape, MOST_FACTORS)
    scaled = table / np.sqrt(len(table))
    if min(table.shape) <= 2 * MOST_FACTORS:
        size, directions = (part[..., :count] for part in _singular(scaled))
        directions = directions.T
    else:
        _, size, directions = randomized_svd(scaled, count, random_state=seed)
    # The least eigenvalue of all is each gene's own: taking it off leaves every correlation.
    own = size[-1] ** 2 if count == table.shape[1] < len(table) else 0.0
    size = np.sqrt((1.0 - shrinkage) * np.maximum(size**2 - own, 0.0))
    loadings = directions.T * size / np.clip(response, LEAST_RESPONSE, 1.0)[:, None]
    shared = (loadings**2).sum(1)
    loadings *= np.sqrt(np.minimum(1.0, MOST_SHARED / np.maximum(shared, 1e-9)))[:, None]
    own = np.sqrt(1.0 - (loadings**2).sum(1))
    return ResidualFactors(
        directions.astype(np.float32),
        loadings.astype(np.float32),
        own.astype(np.float32),
        shrinkage,
    )


def shrinkage_intensity(table: np.ndarray) -> float:
    """Share 0..1 by which correlations of a standardised (m, G) table are best shrunk to none.

    The sum of the correlations' sampling variances over the sum of their squares, genes with
    themselves apart; products of spots and of genes have the same sum of squares, so that the
    smaller array of both is enough.
    """
    count = len(table)
    table = table.astype(np.float64)
    products = table @ table.T if count < table.shape[1] else table.T @ table
    squares = (products**2).sum() / count**2
    fourth = (table**4).sum()
    mixed = ((table**2).sum(1) ** 2).sum()
    diagonal = ((table**2).mean(0) ** 2).sum()
    off = squares - diagonal
    variance = ((mixed - fourth) / count - off) / (count - 1)
    return float(np.clip(variance / max(off, 1e-12), 0.0, 1.0))


def _singular(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Singular values, falling, and right singular vectors as columns."""
    _, size, directions = np.linalg.svd(table, full_matrices=False)
    return size, directions.T
