"""Spatial structure of genes on the measured spots: Moran's I and what it means for imputation."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.spatial import cKDTree

from s2s_core.data.observation import log_normalise, normalisation_target
from s2s_core.data.section import Section
from s2s_core.vocabulary import Pattern

NEIGHBOURS = 6
GENES_AT_ONCE = 512
# Moran's I this many standard errors above chance is structure, and this high it is strong.
SURE = 3.0
STRONG = 0.25
NONE = Pattern.NONE
RULE = (
    f"What counts is Moran's I among the nearest measured spots: {STRONG:g} or more is a "
    f"{Pattern.CLEAR}, less a {Pattern.WEAK}, and less than {SURE:g} standard errors above chance "
    f"{Pattern.NONE}."
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


def gene_structure(section: Section) -> pd.DataFrame:
    """Spatial structure of every gene on the measured spots, before any imputation.

    Returns
    -------
    DataFrame
        Indexed by gene: ``moran`` (I among the nearest measured spots), ``z_score`` (standard
        errors above chance), ``mean`` (log-normalised), ``detected`` (share of measured spots
        with a count) and ``verdict``, a :class:`~s2s_core.vocabulary.Pattern`. The paper's break condition: without spatial structure
        there is nothing to impute from.
    """
    measured = section.measured
    totals = section.spot_totals[measured]
    values = log_normalise(section.counts[measured], normalisation_target(section), totals)
    rows, cols = np.divmod(section.pixels[measured], section.grid.shape[1])
    weights = neighbour_weights(section.grid.lattice_xy(rows, cols))
    statistic, z_score = morans_i(values, weights)
    verdict = np.select(
        [z_score < SURE, statistic < STRONG], [Pattern.NONE, Pattern.WEAK], Pattern.CLEAR
    )
    return pd.DataFrame(
        {
            "moran": statistic,
            "z_score": z_score,
            "mean": values.mean(0),
            "detected": (values > 0).mean(0),
            "verdict": verdict,
        },
        index=pd.Index(section.genes, name="gene"),
    )
