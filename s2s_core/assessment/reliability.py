"""Lower bounds of correlations of a delivered map, and false-coverage control over chosen genes.

A gene's PCC at some scored spots is that of the whole map only up to the luck of the draw. Three
things make a bound by Fisher's z on independent normal values too high: spots are spatially
correlated (a design effect: n scored spots are worth n / :data:`DESIGN_EFFECT`), a few high counts
make the correlation of a skewed gene (:func:`s2s_core.assessment.metrics.pearson_errors`), and
the genes called good are those that were lucky. The last is answered by bounds at the level of
false-coverage control (Benjamini and Yekutieli 2005): of G genes a class of R is chosen by the
Benjamini-Hochberg procedure at 10 %, and its bounds hold at 1 - 10 % R / G, so that at most 10 % of
the genes in a class are expected below theirs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

# Share of all genes, and of the genes in a class, whose map may lie below its bound.
ALL_LEVEL = 0.05
CLASS_LEVEL = 0.10
# Variance of arctanh(PCC) at evenly spread scored spots over that of independent ones: what holds
# both levels for 30 to 500 scored spots on simulated gaps of the development sections
# (benchmarks/reliability.py, benchmarks/results). With 1.0 they are broken for few spots.
DESIGN_EFFECT = 1.4
# With fewer scored spots no class is given.
FEWEST_SPOTS = 30


@dataclass(frozen=True)
class Correlations:
    """Correlations of G genes at scored spots, and what their bounds need.

    Attributes
    ----------
    values : (G,) array
        NaN where a gene is constant.
    errors : (G,) array
        Standard error of arctanh of each, for independent spots.
    n_scored : int
        Scored spots.
    n_unscored : int
        Positions of the map that the bound is about and that were not scored themselves: their
        number adds the luck of a finite map. 0 where the bound is about any such position.
    """

    values: np.ndarray
    errors: np.ndarray
    n_scored: int
    n_unscored: int = 0

    @property
    def _scale(self) -> np.ndarray:
        free = max(self.n_scored - 3.0, 1e-9)
        share = free / max(self.n_unscored - 3.0, 1.0) if self.n_unscored else 0.0
        return self.errors * np.sqrt(DESIGN_EFFECT * (1.0 + share))

    @property
    def _free(self) -> float:
        return max(self.n_scored / DESIGN_EFFECT - 2.0, 1.0)

    @property
    def _z(self) -> np.ndarray:
        return np.arctanh(np.clip(self.values, -0.999999, 0.999999))

    def bounds(self, level: float = ALL_LEVEL) -> np.ndarray:
        """Lower ends (G,) of one-sided intervals that fail with probability ``level``."""
        if self.n_scored < 4:
            return np.where(np.isnan(self.values), np.nan, -1.0)
        return np.tanh(self._z - student.isf(level, self._free) * self._scale)

    def p_above(self, threshold: float) -> np.ndarray:
        """One-sided p-values (G,) of a correlation of at most ``threshold``; 1 for a constant gene."""
        if self.n_scored < 4:
            return np.ones(len(self.values))
        p = student.sf((self._z - np.arctanh(threshold)) / self._scale, self._free)
        return np.where(np.isnan(p), 1.0, p)


def select(p: np.ndarray, n_genes: int) -> tuple[np.ndarray, float]:
    """Genes chosen by Benjamini-Hochberg at :data:`CLASS_LEVEL`, and the level of their bounds.

    Parameters
    ----------
    p : (G,) array
        P-values; 1 for genes that cannot be chosen.
    n_genes : int
        Genes that were scored.

    Returns
    -------
    chosen : (G,) bool array
    level : float
        Failure probability of each chosen gene's bound: CLASS_LEVEL times the share chosen.
    """
    ranked = np.sort(p)
    below = np.flatnonzero(ranked <= CLASS_LEVEL * np.arange(1, len(p) + 1) / max(n_genes, 1))
    if not len(below):
        return np.zeros(len(p), bool), CLASS_LEVEL / max(n_genes, 1)
    count = below[-1] + 1
    return p <= ranked[count - 1], CLASS_LEVEL * count / max(n_genes, 1)
