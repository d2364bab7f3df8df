"""Scores per gene: MAE, RMSE, PCC, Spearman and SSIM, on a stated set of spots.

Scale: log1p of counts scaled to the median total of the measured spots. A gene that is
constant on the set has no correlation: NaN, left out of means and counted.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.ndimage import uniform_filter
from scipy.stats import rankdata

from s2s_core.assessment.compare import paired_wilcoxon

WINDOW = 7
SSIM_AT_ONCE = 16


def score_genes(
    truth: np.ndarray,
    imputed: np.ndarray,
    at: np.ndarray,
    pixels: np.ndarray,
    shape: tuple[int, int],
    shown: np.ndarray | None = None,
) -> pd.DataFrame:
    """Scores of every gene.

    Parameters
    ----------
    truth, imputed : (n, G) arrays
        At the section's tissue positions; truth is NaN where unknown.
    at : (n,) bool array
        Positions the scores are taken at.
    pixels : (n,) int array
        Flat grid index of each position, for SSIM.
    shape : (H, W)
    shown : (n,) bool array, optional
        Positions that fill the SSIM map (background elsewhere); default: all known ones.

    Returns
    -------
    DataFrame
        One row per gene: mae, rmse, pcc, spearman, ssim (mean over the map), ssim_spots (mean
        over the scored pixels), pcc_paper (PCC of the full map as in the paper: background and
        measured spots included), and pcc_error and spearman_error, standard errors of their
        inverse hyperbolic tangents (:func:`pearson_errors`).
    """
    shown = np.isfinite(truth[:, 0]) if shown is None else shown
    a, b = truth[at].astype(np.float64), imputed[at].astype(np.float64)
    error = b - a
    # Measured values are in place on every map, so the maps differ at the scored spots only.
    flat = np.zeros((2, shape[0] * shape[1], truth.shape[1]), np.float32)
    flat[0][pixels[shown]] = truth[shown]
    flat[1][pixels[shown]] = np.where(at[shown][:, None], imputed[shown], truth[shown])
    maps = np.ascontiguousarray(flat.transpose(0, 2, 1)).reshape(2, -1, *shape)
    similarity = ssim_map(maps[0], maps[1])
    on_spots = np.zeros(shape, bool)
    on_spots.flat[pixels[at]] = True
    ranks = rankdata(truth[at], axis=0), rankdata(imputed[at], axis=0)
    return pd.DataFrame(
        {
            "mae": np.abs(error).mean(0),
            "rmse": np.sqrt((error**2).mean(0)),
            "pcc": pearson(a, b),
            "spearman": pearson(*ranks),
            "ssim": map_mean(similarity),
            "ssim_spots": similarity[:, on_spots].mean(1),
            "pcc_paper": pearson(*flat),
            "pcc_error": pearson_errors(a, b),
            "spearman_error": pearson_errors(*ranks),
        }
    )


def score_intervals(
    truth: np.ndarray, median: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> dict[str, np.ndarray]:
    """Scores (G,) of medians and intervals at (t, G) true values.

    ``mae_median`` of the median answer, ``coverage`` the share of values inside their
    interval, ``interval_width`` its mean width.
    """
    # A bound computed in float32 may miss the very value it was learned from.
    slack = 1e-5
    inside = (truth >= lower - slack) & (truth <= upper + slack)
    return {
        "mae_median": np.abs(truth - median).mean(0),
        "coverage": inside.mean(0),
        "interval_width": (upper - lower).mean(0),
    }


def pearson(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Column-wise Pearson correlation; NaN where either column is constant."""
    a = a - a.mean(0, dtype=np.float64)
    b = b - b.mean(0, dtype=np.float64)
    spread = np.sqrt((a**2).sum(0) * (b**2).sum(0))
    floor = 1e-10 * max(len(a), 1)
    return np.where(spread > floor, (a * b).sum(0) / np.maximum(spread, floor), np.nan)


def pearson_errors(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Standard error (G,) of Fisher's z = arctanh(PCC) of independent rows; NaN where constant.

    From the influence of each row (Devlin, Gnanadesikan and Kettenring 1975), which knows that a few
    high counts make a correlation; at least 1 / sqrt(n - 3), that of normal values.
    """
    n = len(a)
    spread = a.std(0), b.std(0)
    there = np.minimum(*spread) > 1e-10
    out = np.full(a.shape[1], np.nan)
    if n < 4 or not there.any():
        return out
    x, y = (
        (v[:, there] - v[:, there].mean(0)) / s[there] for v, s in zip((a, b), spread, strict=True)
    )
    r = np.clip((x * y).mean(0), -0.9999, 0.9999)
    influence = (x * y - 0.5 * r * (x**2 + y**2)) / (1.0 - r**2)
    out[there] = np.sqrt(np.maximum((influence**2).sum(0) / (n * (n - 1.0)), 1.0 / (n - 3.0)))
    return out


def ssim_map(truth: np.ndarray, imputed: np.ndarray) -> np.ndarray:
    """Structural similarity (G, H, W) of stacks of maps; 7 x 7 windows.

    ``data_range`` is each gene's maximum in the truth. Equal to scikit-image's
    ``structural_similarity`` with its defaults, computed for all genes at once.
    """
    if min(truth.shape[1:]) < WINDOW:
        return np.full(truth.shape, np.nan)
    out = np.empty(truth.shape, np.float32)
    # In chunks that stay in the processor's cache.
    for start in range(0, len(truth), SSIM_AT_ONCE):
        chunk = slice(start, start + SSIM_AT_ONCE)
        out[chunk] = _ssim_chunk(truth[chunk].astype(np.float64), imputed[chunk].astype(np.float64))
    return out


def _ssim_chunk(truth: np.ndarray, imputed: np.ndarray) -> np.ndarray:
    high = truth.max(axis=(1, 2), keepdims=True)
    c1, c2 = (0.01 * high) ** 2, (0.03 * high) ** 2

    def smooth(x: np.ndarray) -> np.ndarray:
        return uniform_filter(x, (0, WINDOW, WINDOW))

    mean_a, mean_b = smooth(truth), smooth(imputed)
    unbiased = WINDOW**2 / (WINDOW**2 - 1.0)
    var_a = unbiased * (smooth(truth**2) - mean_a**2)
    var_b = unbiased * (smooth(imputed**2) - mean_b**2)
    cov = unbiased * (smooth(truth * imputed) - mean_a * mean_b)
    with np.errstate(invalid="ignore", divide="ignore"):
        out = ((2 * mean_a * mean_b + c1) * (2 * cov + c2)) / (
            (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
        )
    return np.where(high > 0, out, np.nan)


def map_mean(similarity: np.ndarray) -> np.ndarray:
    """Mean (G,) over the map without the border that windows hang over."""
    edge = (WINDOW - 1) // 2
    inner = similarity[:, edge:-edge, edge:-edge]
    return (
        inner.reshape(len(similarity), -1).mean(1)
        if inner.size
        else np.full(len(similarity), np.nan)
    )


def summarise(metrics: pd.DataFrame, by: str = "method") -> pd.DataFrame:
    """Mean over genes of each score per method (or ``by``); ``genes``: how many have a PCC."""
    scores = [
        "mae",
        "mae_median",
        "rmse",
        "pcc",
        "spearman",
        "ssim",
        "ssim_spots",
        "coverage",
        "interval_width",
    ]
    scores = [score for score in scores if score in metrics]
    table = metrics.groupby(by, sort=False)[scores].mean()
    table["genes"] = metrics.groupby(by, sort=False)["pcc"].count()
    return table


def paired_test(metrics: pd.DataFrame, method: str, other: str, score: str = "pcc") -> float:
    """Two-sided Wilcoxon p-value over genes between two methods; 1 where they are equal.

    Descriptive: genes share spots. Methods are compared by :mod:`s2s_core.assessment.compare`.
    """
    if method == other:
        return 1.0
    table = metrics.pivot_table(index="gene", columns="method", values=score, dropna=False)
    return paired_wilcoxon((table[method] - table[other]).to_numpy(float))
