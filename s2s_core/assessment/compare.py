"""The one rule by which methods, designs and variants are compared: better, as good, worse, or undecided.

Genes share spots, so that a test over genes takes the luck of a few spots for a law. What is
resampled here are compact blocks of the scored spots (:mod:`s2s_core.assessment.block_scores`) of three sizes, and
draws of a design or seed where there are several. A is *as good as* B when two one-sided tests
(TOST, Schuirmann 1987) put the difference inside a margin; *better* when it differs from zero
(p < .05), the mean over genes says so and most genes do not say the opposite; else it is
*undecided*: a large p-value is no evidence of equality.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import t as student
from scipy.stats import wilcoxon

from s2s_core.assessment.block_scores import BlockScores

SIGNIFICANT = 0.05
# With fewer spots a score says more about the spots than about a method.
FEWEST_SPOTS = 30
# With fewer genes a signed-rank test cannot reach p < .05 (two-sided, 2 / 2^5).
FEWEST_GENES = 6
# Blocks joined with their neighbours (along the curve they were cut from) into one: a verdict must
# hold for 16, 8 and 4 blocks. Two maps that are equally good, with errors that are smooth over a
# third of a small section in all genes alike, are told apart in 0 to 6 % of draws by the three
# together, in 5 to 28 % by 16 blocks alone and in more than 40 % by a test over genes
# (tests/test_compare.py; made sections of 48 to 1,800 spots, 300 draws each).
JOINED = (1, 2, 4)
HIGHER_IS_BETTER = frozenset(("pcc", "spearman", "ssim"))
RULE = (
    "Two are as good as each other when an equivalence test over spatial blocks of the scored spots "
    "(two one-sided t tests at 5 %) puts their difference inside the margin: 0.5 % of RMSE or MAE, "
    "0.005 of PCC. One is better when the difference is no chance (p < 0.05) and most genes do not "
    "say the opposite. Else they are undecided."
)


class Verdict(StrEnum):
    """What is known of A compared with B."""

    BETTER = "better"
    EQUIVALENT = "as good"
    WORSE = "worse"
    UNDECIDED = "undecided"


@dataclass(frozen=True)
class Margin:
    """Largest difference of a score that matters to nobody; a share of B's score if ``relative``."""

    size: float
    relative: bool

    def of(self, level: float) -> float:
        """The margin in units of the score, where B has ``level``."""
        return self.size * abs(level) if self.relative else self.size


# Conventions, not measurements: what nobody would change a method for. Every comparison of a score
# uses the same one.
MARGINS = {
    "rmse": Margin(0.005, relative=True),
    "mae": Margin(0.005, relative=True),
    "pcc": Margin(0.005, relative=False),
}


@dataclass(frozen=True)
class Comparison:
    """Comparison of A with B by one score, averaged over genes.

    Attributes
    ----------
    difference : float
        Mean score of A minus that of B.
    relative : float
        The difference as a share of B's score.
    p_difference : float
        Two-sided, over blocks (and over draws: the larger); NaN where nothing was resampled.
    p_equivalence : float
        The larger of the two one-sided tests, over blocks (and over draws: the larger).
    higher_is_better : bool
    n_spots : int
        Scored spots of one draw.
    genes_against : bool
        Whether a signed-rank test over genes finds that most differ the other way.
    """

    difference: float
    relative: float
    p_difference: float
    p_equivalence: float
    higher_is_better: bool
    n_spots: int
    genes_against: bool = False

    @property
    def verdict(self) -> Verdict:
        """What is known of A compared with B (see :data:`RULE`)."""
        # Not a number compares as False: what was not tested is undecided.
        if self.p_equivalence < SIGNIFICANT:
            return Verdict.EQUIVALENT
        if not self.p_difference < SIGNIFICANT or self.genes_against:
            return Verdict.UNDECIDED
        return Verdict.BETTER if (self.difference > 0) == self.higher_is_better else Verdict.WORSE


def compare(
    ours: Sequence[BlockScores],
    theirs: Sequence[BlockScores],
    score: str,
    *,
    genes: tuple[np.ndarray, np.ndarray] | None = None,
    paired_draws: bool = True,
) -> Comparison:
    """Compare A with B.

    Parameters
    ----------
    ours, theirs : list of BlockScores
        Of A and of B, one a draw (seed, phase of a lattice). Block by block they cover the same
        part of the tissue.
    score : {"rmse", "mae", "pcc"}
    genes : two (G,) arrays, optional
        Scores of A and of B by gene, draws averaged; without them genes have no say.
    paired_draws : bool
        Whether the k-th draws of A and B belong together (the same mask).

    Raises
    ------
    ValueError
        If either has no draw.
    """
    if not ours or not theirs:
        raise ValueError("nothing to compare")
    n_spots = min(d.n_spots for d in (*ours, *theirs))
    means = [np.array([d.mean(score) for d in side]) for side in (ours, theirs)]
    if n_spots < FEWEST_SPOTS or len({len(d.spots) for d in (*ours, *theirs)}) > 1:
        levels = [float(side.mean()) for side in means]
        return untested(levels[0] - levels[1], levels[1], score, n_spots)
    first, second = (np.mean([d.weighted(score) for d in side], 0) for side in (ours, theirs))
    level = float(second.mean())
    difference = float((first - second).mean())
    margin = MARGINS[score].of(level)
    # A mean of ratios: what a block of more spots than others adds belongs to its size.
    sizes = ours[0].sizes
    residuals = first - second - difference * sizes
    tests = [
        _t_tests(np.array([part.mean() for part in parts]), difference, margin)
        for parts in (np.array_split(residuals, len(residuals) // n) for n in JOINED)
    ]
    if paired_draws and len(means[0]) == len(means[1]) > 1:
        tests.append(_t_tests(means[0] - means[1] - difference, difference, margin))
    elif not paired_draws and min(map(len, means)) > 1:
        tests.append(_welch_tests(means[0], means[1], margin))
    p_difference, p_equivalence = np.max(tests, axis=0)
    return Comparison(
        difference=difference,
        relative=difference / level if level else 0.0,
        p_difference=float(p_difference),
        p_equivalence=float(p_equivalence),
        higher_is_better=score in HIGHER_IS_BETTER,
        n_spots=n_spots,
        genes_against=genes is not None and _against(genes[0] - genes[1], difference),
    )


def untested(difference: float, level: float, score: str, n_spots: int = 0) -> Comparison:
    """A comparison whose scores by block were not kept: undecided, whatever the difference."""
    return Comparison(
        difference=difference,
        relative=difference / level if level else 0.0,
        p_difference=np.nan,
        p_equivalence=np.nan,
        higher_is_better=score in HIGHER_IS_BETTER,
        n_spots=n_spots,
    )


def paired_wilcoxon(difference: np.ndarray) -> float:
    """Two-sided signed-rank p-value of paired differences; 1 where all are 0 or fewer than six.

    Over genes it is descriptive only: genes share spots.
    """
    difference = np.asarray(difference, float)
    difference = difference[~np.isnan(difference)]
    if len(difference) < FEWEST_GENES or (difference == 0).all():
        return 1.0
    return float(wilcoxon(difference).pvalue)


def _against(by_gene: np.ndarray, difference: float) -> bool:
    by_gene = by_gene[~np.isnan(by_gene)]
    if not by_gene.size or paired_wilcoxon(by_gene) >= SIGNIFICANT:
        return False
    return bool(np.median(by_gene) * difference < 0)


def _t_tests(residuals: np.ndarray, mean: float, margin: float) -> tuple[float, float]:
    """P-values of difference and of equivalence of a mean with these residuals."""
    free = len(residuals) - 1
    return _p_values(
        mean, float(np.sqrt((residuals**2).sum() / free / len(residuals))), free, margin
    )


def _welch_tests(first: np.ndarray, second: np.ndarray, margin: float) -> tuple[float, float]:
    """The same for two independent sets of draws, with Welch's degrees of freedom."""
    a, b = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    below = a**2 / (len(first) - 1) + b**2 / (len(second) - 1)
    free = (a + b) ** 2 / below if below > 0 else 1.0
    return _p_values(float(first.mean() - second.mean()), float(np.sqrt(a + b)), free, margin)


def _p_values(mean: float, error: float, free: float, margin: float) -> tuple[float, float]:
    if error <= 1e-12 * max(abs(mean), 1e-300):
        # Nothing varies (a method without chance on one mask): there is nothing to add.
        return float(mean == 0.0), float(abs(mean) > margin)
    at_least = student.sf((np.array([mean, -mean]) + margin) / error, free).max()
    return float(2.0 * student.sf(abs(mean) / error, free)), float(at_least)
