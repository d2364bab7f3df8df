"""Scores of the benchmark beyond the product's own: ceilings, Li et al. 2022, spatial structure."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import rel_entr

from s2s_core.assessment.metrics import pearson
from s2s_core.data.observation import log_normalise
from s2s_core.data.section import Section
from s2s_core.data.structure import morans_i, neighbour_weights

SPLITS = 5
# Genes whose overlap is counted: the most spatial ones, at most a third of the panel.
MOST_SPATIAL = 50


def split_correlation(section: Section, target_sum: float | None, seed: int) -> np.ndarray:
    """PCC (G,) at hidden spots between binomially thinned halves of the counts.

    Mean over :data:`SPLITS` thinnings; NaN for values that are no counts.
    """
    counts = section.counts[section.hidden].toarray()
    if section.is_log or (counts != np.round(counts)).any():
        return np.full(counts.shape[1], np.nan)
    rng = np.random.default_rng(seed)
    totals = section.spot_totals[section.hidden]
    found = []
    for _ in range(SPLITS):
        half = rng.binomial(counts.astype(np.int64), 0.5)
        found.append(
            pearson(
                *(
                    log_normalise(sparse.csr_matrix(part.astype(float)), target_sum, totals / 2)
                    for part in (half, counts - half)
                )
            )
        )
    # A gene seen in one half only has no correlation there: as good as none.
    return np.nan_to_num(found).mean(0)


def attainable(halves: np.ndarray) -> np.ndarray:
    """PCC that the best prediction could reach against the full counts, from that of halves.

    sqrt(2 r / (1 + r)): the square root of the reliability that Spearman and Brown give the
    full counts, 0 where the halves do not agree.
    """
    r = np.maximum(halves, 0.0)
    return np.sqrt(2.0 * r / (1.0 + r))


def li_2022(truth: np.ndarray, imputed: np.ndarray) -> dict[str, np.ndarray]:
    """The scores (G,) of Li et al. 2022 (Nature Methods 19) at (t, G) values.

    ``ssim_li``: one window over all spots, both scaled by their own maximum; ``rmse_z``: root mean
    squared difference of z-scores; ``js_li``: Jensen-Shannon divergence (natural logarithm) of
    both scaled to sum 1. NaN where a gene is constant in either.
    """
    a, b = truth.astype(np.float64), imputed.astype(np.float64)
    flat = (np.ptp(a, axis=0) < 1e-9) | (np.ptp(b, axis=0) < 1e-9)
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y = a / a.max(0), b / b.max(0)
        c1, c2 = 0.01**2, 0.03**2
        cov = ((x - x.mean(0)) * (y - y.mean(0))).mean(0)
        ssim = (2 * x.mean(0) * y.mean(0) + c1) * (2 * cov + c2)
        ssim /= (x.mean(0) ** 2 + y.mean(0) ** 2 + c1) * (x.var(0) + y.var(0) + c2)
        z = [(v - v.mean(0)) / v.std(0) for v in (a, b)]
        rmse = np.sqrt(((z[0] - z[1]) ** 2).mean(0))
        p, q = a / a.sum(0), b / b.sum(0)
        middle = (p + q) / 2
        js = (rel_entr(p, middle).sum(0) + rel_entr(q, middle).sum(0)) / 2
    found = {"ssim_li": ssim, "rmse_z": rmse, "js_li": js}
    return {name: np.where(flat, np.nan, values) for name, values in found.items()}


def structure_scores(
    truth: np.ndarray, imputed: np.ndarray, points: np.ndarray
) -> tuple[np.ndarray, float]:
    """Moran bias (G,), imputed minus true, and the overlap of the most spatial genes, 0..1.

    At (t, G) values of hidden spots alone, each with its nearest hidden ones: a positive bias is
    over-smoothing.
    """
    weights = neighbour_weights(points)
    true, found = (morans_i(values, weights)[0] for values in (truth, imputed))
    most = min(MOST_SPATIAL, max(len(true) // 3, 1))
    both = np.intersect1d(np.argsort(-true)[:most], np.argsort(-found)[:most])
    return found - true, len(both) / most


def correlation_distance(truth: np.ndarray, imputed: np.ndarray) -> float:
    """Root mean square distance of the genes' correlation matrices at (t, G) values."""
    with np.errstate(invalid="ignore", divide="ignore"):
        a, b = (np.nan_to_num(np.corrcoef(values.T)) for values in (truth, imputed))
    return float(np.sqrt(((a - b) ** 2).mean()))


def plain_scores(truth: np.ndarray, imputed: np.ndarray) -> pd.DataFrame:
    """PCC and RMSE of each gene at (t, G) values."""
    error = imputed.astype(np.float64) - truth
    return pd.DataFrame({"pcc": pearson(truth, imputed), "rmse": np.sqrt((error**2).mean(0))})
