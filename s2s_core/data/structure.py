"""Spatial structure of genes on the measured spots: Moran's I and what it means for imputation.

Whether a gene has a pattern is tested on residuals of its counts given the spots' totals, so that
depth that varies over the tissue is no pattern, against random placing of these residuals, whose
skewness is known exactly (:mod:`s2s_core.data.moran_null`), and corrected for the number of genes.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial import cKDTree
from scipy.stats import false_discovery_control

from s2s_core.data.moran_null import NeighbourGraph, moran_test
from s2s_core.data.observation import log_normalise, normalisation_target
from s2s_core.data.section import Section
from s2s_core.vocabulary import Pattern

NEIGHBOURS = 6
GENES_AT_ONCE = 512
# Moran's I of errors this many standard errors above chance is structure.
SURE = 3.0
# Of the genes said to have a pattern, the share that may have none (Benjamini-Hochberg).
FALSE_SHARE = 0.01
# Moran's I of a clear pattern.
STRONG = 0.25
# Overdispersion of counts beyond Poisson, 1 / theta, that residuals are scaled by (analytic Pearson
# residuals, Lause, Berens and Kobak 2021, who take the same value).
OVERDISPERSION = 0.01
RESIDUALS_AT_ONCE = 256
NONE = Pattern.NONE
RULE = (
    f"What counts is Moran's I among the nearest measured spots: {STRONG:g} or more is a "
    f"{Pattern.CLEAR}, less a {Pattern.WEAK}, and {Pattern.NONE} where it may be chance: tested given each spot's total count, at most "
    f"{FALSE_SHARE:.0%} of the genes with a pattern are expected to have none."
)


def neighbour_weights(points: np.ndarray, count: int = NEIGHBOURS) -> sparse.csr_matrix:
    """Symmetric 0/1 weights (m, m) between each point and its nearest ``count`` others."""
    count = min(count, len(points) - 1)
    near = cKDTree(points).query(points, k=count + 1)[1][:, 1:]
    rows = np.repeat(np.arange(len(points)), count)
    ones = np.ones(rows.size, np.float32)
    weights = sparse.csr_matrix((ones, (rows, near.ravel())), shape=(len(points),) * 2)
    return weights.maximum(weights.T)


def morans_i(values: np.ndarray, weights: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Moran's I of each column and its z-score under randomisation.

    Parameters
    ----------
    values : (m, G) array
    weights : (m, m) sparse matrix
        Symmetric 0/1 weights (see :func:`neighbour_weights`).

    Returns
    -------
    statistic, z_score : (G,) arrays
        Moran's I, 0 for a column without variance; and how many standard errors it lies above
        its expectation, for a normal variable (Cliff & Ord 1981, Spatial Processes).
    """
    m, total = len(values), float(weights.sum())
    statistic = np.zeros(values.shape[1])
    for start in range(0, values.shape[1], GENES_AT_ONCE):
        part = values[:, start : start + GENES_AT_ONCE].astype(np.float32)
        part = part - part.mean(0)
        spread = (part**2).sum(0)
        along = (part * (weights @ part)).sum(0)
        there = spread > 1e-8
        statistic[start : start + GENES_AT_ONCE][there] = (m / total) * along[there] / spread[there]
    degree = np.asarray(weights.sum(1)).ravel()
    s1, s2 = 2.0 * total, 4.0 * float((degree**2).sum())
    expected = -1.0 / (m - 1)
    variance = (m**2 * s1 - m * s2 + 3 * total**2) / ((m**2 - 1) * total**2) - expected**2
    return statistic, (statistic - expected) / np.sqrt(max(variance, 1e-12))


def count_residuals(
    counts: sparse.csr_matrix, totals: np.ndarray, shares: np.ndarray, limit: float
) -> np.ndarray:
    """Pearson residuals (n, G) of counts given each spot's total and each gene's share.

    Without a pattern a spot holds of a gene what its depth lets expect; residuals have mean 0 and
    about equal variance whatever the depth. Clipped, so that one read in a nearly empty spot is no
    pattern by itself (Lause, Berens and Kobak 2021: at the square root of the number of spots).

    Parameters
    ----------
    counts : (n, G) csr_matrix
    totals : (n,) array
        Total count of each spot.
    shares : (G,) array
        Share of each gene in the total of all measured spots.
    limit : float
    """
    expected = np.asarray(totals, float)[:, None] * np.asarray(shares, float)
    deviation = np.sqrt(expected + OVERDISPERSION * expected**2)
    residuals = (counts.toarray() - expected) / np.maximum(deviation, 1e-12)
    residuals[expected == 0] = 0.0
    return np.clip(residuals, -limit, limit)


def pattern_test(section: Section, weights: sparse.csr_matrix) -> tuple[np.ndarray, np.ndarray]:
    """Test of every gene for a spatial pattern beyond that of depth.

    Parameters
    ----------
    section : Section
    weights : (m, m) sparse matrix
        Neighbours of the measured spots. Log-normalised input, whose counts are not known, is
        tested as it is.

    Returns
    -------
    z_score, p : (G,) arrays
        Standard errors of Moran's I above chance, and one-sided p-values corrected for the number
        of genes (Benjamini-Hochberg): a gene has a pattern at :data:`FALSE_SHARE` or less.
    """
    counts = section.counts[section.measured].tocsc()
    totals = section.spot_totals[section.measured]
    shares = np.asarray(counts.sum(0), float).ravel() / max(float(totals.sum()), 1e-12)
    limit = np.sqrt(len(totals))
    graph = NeighbourGraph(weights)
    parts = []
    for start in range(0, counts.shape[1], RESIDUALS_AT_ONCE):
        genes = slice(start, start + RESIDUALS_AT_ONCE)
        part = counts[:, genes]
        values = (
            part.toarray()
            if section.is_log
            else count_residuals(part, totals, shares[genes], limit)
        )
        parts.append(moran_test(values, graph))
    z_score, p = (np.concatenate(column) for column in zip(*parts, strict=True))
    return z_score, false_discovery_control(p)


def gene_structure(section: Section) -> pd.DataFrame:
    """Spatial structure of every gene on the measured spots, before any imputation.

    Returns
    -------
    DataFrame
        Indexed by gene: ``moran`` (I of log-normalised values among the nearest measured spots),
        ``z_score`` (standard errors above chance given depth), ``p`` (of a pattern, corrected for
        the number of genes), ``mean`` (log-normalised), ``detected`` (share of measured spots
        with a count) and ``verdict``, a :class:`~s2s_core.vocabulary.Pattern`. The paper's break condition: without
        spatial structure there is nothing to impute from.
    """
    measured = section.measured
    totals = section.spot_totals[measured]
    values = log_normalise(section.counts[measured], normalisation_target(section), totals)
    rows, cols = np.divmod(section.pixels[measured], section.grid.shape[1])
    weights = neighbour_weights(section.grid.lattice_xy(rows, cols))
    statistic = morans_i(values, weights)[0]
    z_score, p = pattern_test(section, weights)
    verdict = np.select(
        [p > FALSE_SHARE, statistic < STRONG], [Pattern.NONE, Pattern.WEAK], Pattern.CLEAR
    )
    return pd.DataFrame(
        {
            "moran": statistic,
            "z_score": z_score,
            "p": p,
            "mean": values.mean(0),
            "detected": (values > 0).mean(0),
            "verdict": verdict,
        },
        index=pd.Index(section.genes, name="gene"),
    )
