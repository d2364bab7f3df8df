"""Sections as the unit of replication: differences of a score, one number a section.

Genes of a section share its spots and sections of a piece of tissue share the tissue, so neither
tells how a method does on the next section. Draws of a section (phases of a lattice, seeds) are
averaged before anything is compared.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

# Scores of which less is better; of all others more is.
LOWER = {
    "mae",
    "mae_median",
    "rmse",
    "rmse_z",
    "js_li",
    "interval_width",
    "correlation_distance",
    "moran_error",
}


@dataclass(frozen=True)
class Comparison:
    """A score of one method against another's over sections.

    Attributes
    ----------
    better, worse : int
        Sections; equal ones are in neither.
    p : float
        Two-sided sign test over sections.
    mean, low, high : float
        Mean gain (positive is better) and its 95 % t interval over the units.
    units : int
    """

    better: int
    worse: int
    p: float
    mean: float
    low: float
    high: float
    units: int


def compare(gains: pd.Series) -> Comparison:
    """Sign test and interval of gains, one a unit; positive is better."""
    gains = gains.dropna()
    better, worse = int((gains > 0).sum()), int((gains < 0).sum())
    p = stats.binomtest(better, better + worse).pvalue if better + worse else 1.0
    mean, n = float(gains.mean()), len(gains)
    half = stats.t.ppf(0.975, n - 1) * gains.std() / np.sqrt(n) if n > 1 else np.nan
    return Comparison(better, worse, float(p), mean, mean - half, mean + half, n)


def gains(means: pd.DataFrame, score: str, ours: str, rivals: list[str]) -> pd.Series:
    """Gain of a section's score over the best of the rivals at that very score.

    Parameters
    ----------
    means : DataFrame
        Indexed by section and method: mean over genes and draws.
    score, ours : str
    rivals : list of str
    """
    table = means[score].unstack("method")
    there = [name for name in rivals if name in table]
    sign = -1.0 if score in LOWER else 1.0
    return sign * table[ours] - (sign * table[there]).max(axis=1)


def over_tissues(gain: pd.Series, tissues: dict[str, str]) -> pd.Series:
    """Mean gain of each piece of tissue; a section without one is a piece of its own."""
    return gain.groupby([tissues.get(str(name), str(name)) for name in gain.index]).mean()
