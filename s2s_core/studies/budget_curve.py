"""Accuracy against budget: intervals, costs, the smallest budget that reaches a goal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind

from s2s_core.assessment.compare import MARGINS, paired_wilcoxon
from s2s_core.errors import S2SError

DRAWS = 400
# Ends of the 90 % bootstrap interval.
ENDS = (0.05, 0.95)
# A smaller difference in PCC is none.
WORTH = MARGINS["pcc"].size
# So that enough spots are hidden to score a map at.
LARGEST_BUDGET = 0.75


@dataclass(frozen=True)
class Cost:
    """What measuring costs, in the user's currency; nothing is said of costs where all are 0.

    A row is a line of the array with any measured spot (a microfluidic channel), a region a
    group of measured spots that touch each other (a field of view).
    """

    per_spot: float = 0.0
    per_row: float = 0.0
    per_region: float = 0.0
    fixed: float = 0.0
    currency: str = ""

    def __post_init__(self) -> None:
        prices = self.prices
        if not np.isfinite(prices).all() or min(prices) < 0:
            raise S2SError("Costs must be numbers of 0 or more.")

    @property
    def prices(self) -> tuple[float, float, float, float]:
        """Of a spot, a row, a region and the section."""
        return self.per_spot, self.per_row, self.per_region, self.fixed

    def total(self, spots, rows, regions):
        """Cost of so many spots, rows and regions (numbers or arrays)."""
        return self.fixed + self.per_spot * spots + self.per_row * rows + self.per_region * regions

    def words(self, amount: float) -> str:
        """Amount with its currency."""
        return f"{_amount(amount)} {self.currency}".strip()

    def made_up(self, spots: float, rows: float, regions: float) -> str:
        """The cost and what it is made up of, e.g. ``950 EUR = 100 spots x 9 + 50 fixed``."""
        counts = {
            "spot": (spots, self.per_spot),
            "row": (rows, self.per_row),
            "region": (regions, self.per_region),
        }
        parts = [
            f"{_amount(n)} {word}{'' if n == 1 else 's'} x {_amount(price)}"
            for word, (n, price) in counts.items()
            if price
        ]
        parts += [f"{_amount(self.fixed)} fixed"] if self.fixed else []
        return f"{self.words(self.total(spots, rows, regions))} = {' + '.join(parts)}"


@dataclass(frozen=True)
class Goal:
    """What the plan is to reach: a share of the genes with a PCC of ``threshold`` or more.

    With ``patterned`` only genes with a spatial pattern in the pilot count.
    """

    threshold: float = 0.5
    share: float = 0.8
    cost: Cost = Cost()
    patterned: bool = False

    def __post_init__(self) -> None:
        if not -1 <= self.threshold <= 1 or not 0 < self.share <= 1:
            raise S2SError(
                "The PCC wanted lies between -1 and 1, the share of genes above 0 and up to 1."
            )


def in_percent(share: float) -> str:
    """A share (0..1) as it is written: ``25%``, ``12.5%``."""
    return f"{100 * share:.4g}%"


def curve(table: pd.DataFrame, goal: Goal, seed: int = 0) -> pd.DataFrame:
    """One row a design and budget, with 90 % intervals by bootstrap over genes and draws.

    Parameters
    ----------
    table : DataFrame
        Of :func:`s2s_core.studies.budget_study.run_design`: one row a design, budget, seed and gene.
    goal : Goal
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        design, budget, seeds, n_measured, n_rows, n_regions, cost (means over draws), then pcc, rmse (mean over genes) and reached (share of
        genes with a PCC of the threshold or more; a gene without PCC does not reach it), each
        with ``_low`` and ``_high``.
    """
    rows = []
    for (design, budget), part in table.groupby(["design", "budget"], sort=False):
        cases = part.drop_duplicates("seed")
        cost = goal.cost.total(cases["n_measured"], cases["n_rows"], cases["n_regions"])
        row = {
            "design": design,
            "budget": budget,
            "seeds": len(cases),
            "n_measured": round(cases["n_measured"].mean()),
            "n_rows": cases["n_rows"].mean(),
            "n_regions": cases["n_regions"].mean(),
            "cost": cost.mean(),
        }
        values = {
            score: part.pivot(index="seed", columns="gene", values=score).to_numpy(float)
            for score in ("pcc", "rmse")
        }
        values["reached"] = (np.nan_to_num(values["pcc"], nan=-2.0) >= goal.threshold).astype(float)
        for score, matrix in values.items():
            row |= dict(
                zip((score, f"{score}_low", f"{score}_high"), _interval(matrix, seed), strict=True)
            )
        rows.append(row)
    return pd.DataFrame(rows).sort_values(["budget", "design"], kind="stable", ignore_index=True)


def _interval(matrix: np.ndarray, seed: int) -> tuple[float, float, float]:
    """Mean of (draws, genes) and its 90 % interval; draws and genes are resampled."""
    rng = np.random.default_rng(seed)
    there = np.isfinite(matrix)
    if not there.any():
        return np.nan, np.nan, np.nan
    draws, genes = matrix.shape
    chosen = rng.multinomial(draws, np.full(draws, 1 / draws), DRAWS).astype(float)
    filled = np.where(there, matrix, 0.0)
    total, count = np.zeros(DRAWS), np.zeros(DRAWS)
    # Row by row: memory does not grow with resamples times genes.
    for k, weight in enumerate(chosen):
        times = rng.multinomial(genes, np.full(genes, 1 / genes))
        total[k] = weight @ filled @ times
        count[k] = weight @ there @ times
    means = total[count > 0] / count[count > 0]
    low, high = np.quantile(means, ENDS)
    return float(filled.sum() / there.sum()), float(low), float(high)


def smallest_budgets(found: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """The smallest tested budget at which each design reaches the goal: the cheapest first, then
    (where costs are the same or none) the smallest, then the best.

    ``sure`` says whether the lower end of the interval reaches it as well.
    """
    enough = found[found["reached"] >= goal.share].sort_values("budget", kind="stable")
    first = enough.drop_duplicates("design")
    order = ["cost", "budget", "pcc"]
    first = first.sort_values(order, ascending=[True, True, False], ignore_index=True)
    return first.assign(sure=first["reached_low"] >= goal.share)


def choose(found: pd.DataFrame, goal: Goal) -> pd.Series:
    """Row of :func:`curve` to recommend: the cheapest that reaches the goal, or the closest."""
    first = smallest_budgets(found, goal)
    return found.loc[found["reached"].idxmax()] if first.empty else first.iloc[0]


def paired(
    table: pd.DataFrame, budget: float, one: str, other: str, score: str = "pcc_map"
) -> tuple[float, float]:
    """Mean difference over genes of two designs at a budget, and its p-value.

    Descriptive: designs are compared by :mod:`s2s_core.assessment.compare`, over blocks of spots.
    The larger of two p-values: Wilcoxon's over genes (draws averaged first), and Welch's over
    draws (genes averaged first) where there are several. Genes of one draw share its luck, so
    that a difference must hold against both. The whole map is scored on the same spots for
    every design; at the spots that each hides they would differ.
    """
    part = table[table["budget"] == budget]
    means = part.groupby(["design", "gene"], sort=False)[score].mean().unstack(0)
    if one not in means or other not in means:
        return np.nan, np.nan
    difference = (means[one] - means[other]).dropna()
    p = paired_wilcoxon(difference.to_numpy())
    draws = part.groupby(["design", "seed"], sort=False)[score].mean()
    first, second = draws[one].to_numpy(), draws[other].to_numpy()
    if min(len(first), len(second)) > 1 and first.std() + second.std() > 1e-9:
        p = max(p, float(ttest_ind(first, second, equal_var=False).pvalue))
    return float(difference.mean()), p


def _amount(value: float) -> str:
    """A number with as many of two decimals as it needs."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")
