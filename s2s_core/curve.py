"""Reading an accuracy-versus-budget table: intervals, costs, the smallest budget, a recommendation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import ttest_ind, wilcoxon

from s2s_core.errors import S2SError

DRAWS = 400
# Ends of the 90 % bootstrap interval.
ENDS = (0.05, 0.95)
# A smaller difference in PCC is none.
WORTH = 0.005


@dataclass(frozen=True)
class Cost:
    """What measuring costs, in the user's currency.

    A row is a line of the array with any measured spot (a microfluidic channel), a region a
    group of measured spots that touch each other (a field of view).
    """

    per_spot: float = 1.0
    per_row: float = 0.0
    per_region: float = 0.0
    fixed: float = 0.0
    currency: str = ""

    def __post_init__(self) -> None:
        prices = (self.per_spot, self.per_row, self.per_region, self.fixed)
        if not np.isfinite(prices).all() or min(prices) < 0:
            raise S2SError("Costs must be numbers of 0 or more.")

    def total(self, spots, rows, regions):
        """Cost of so many spots, rows and regions (numbers or arrays)."""
        return self.fixed + self.per_spot * spots + self.per_row * rows + self.per_region * regions

    def words(self, amount: float) -> str:
        """Amount with its currency; spots where nothing else is said."""
        return f"{amount:,.0f} {self.currency}".strip()


@dataclass(frozen=True)
class Goal:
    """What the plan is to reach: a share of the genes with a PCC of ``threshold`` or more."""

    threshold: float = 0.5
    share: float = 0.8
    cost: Cost = Cost()

    def __post_init__(self) -> None:
        if not -1 <= self.threshold <= 1 or not 0 < self.share <= 1:
            raise S2SError(
                "The PCC wanted lies between -1 and 1, the share of genes above 0 and up to 1."
            )


def curve(table: pd.DataFrame, goal: Goal, seed: int = 0) -> pd.DataFrame:
    """One row a design and budget, with 90 % intervals by bootstrap over genes and draws.

    Parameters
    ----------
    table : DataFrame
        Of :func:`s2s_core.budget.run_design`: one row a design, budget, seed and gene.
    goal : Goal
    seed : int
        Of the bootstrap.

    Returns
    -------
    DataFrame
        design, budget, n_measured, cost, then pcc, rmse (mean over genes) and reached (share of
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
    return float(filled.sum() / there.sum()), *map(float, np.quantile(means, ENDS))


def smallest_budgets(found: pd.DataFrame, goal: Goal) -> pd.DataFrame:
    """The smallest tested budget at which each design reaches the goal, cheapest first, then best.

    ``sure`` says whether the lower end of the interval reaches it as well.
    """
    enough = found[found["reached"] >= goal.share].sort_values("budget", kind="stable")
    first = enough.drop_duplicates("design")
    first = first.sort_values(["cost", "pcc"], ascending=[True, False], ignore_index=True)
    return first.assign(sure=first["reached_low"] >= goal.share)


def choose(found: pd.DataFrame, goal: Goal) -> pd.Series:
    """Row of :func:`curve` to recommend: the cheapest that reaches the goal, or the closest."""
    first = smallest_budgets(found, goal)
    return found.loc[found["reached"].idxmax()] if first.empty else first.iloc[0]


def paired(
    table: pd.DataFrame, budget: float, one: str, other: str, score: str = "pcc_map"
) -> tuple[float, float]:
    """Mean difference over genes of two designs at a budget, and its p-value.

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
    if len(difference) < 6 or (difference == 0).all():
        return float(difference.mean()), 1.0
    p = float(wilcoxon(difference).pvalue)
    draws = part.groupby(["design", "seed"], sort=False)[score].mean()
    first, second = draws[one].to_numpy(), draws[other].to_numpy()
    if min(len(first), len(second)) > 1 and first.std() + second.std() > 1e-9:
        p = max(p, float(ttest_ind(first, second, equal_var=False).pvalue))
    return float(difference.mean()), p


def recommend(
    table: pd.DataFrame,
    goal: Goal,
    whole: float,
    labels: dict[str, str],
    plain: tuple[str, ...] = (),
) -> list[str]:
    """What to do, in sentences.

    Parameters
    ----------
    table : DataFrame
        As for :func:`curve`.
    goal : Goal
    whole : float
        Cost of measuring everything.
    labels : dict
        Names of designs for the user.
    plain : tuple of str
        Designs that are easiest to carry out: named where they do as well.
    """
    found = curve(table, goal)
    best = choose(found, goal)
    aim = f"{goal.share:.0%} of the genes at a PCC of {goal.threshold:g} or more"
    if best["reached"] < goal.share:
        return [
            f"No tested design and budget keeps {aim}.",
            f"The closest is {labels.get(best['design'], best['design'])} at {best['budget']:.0%}: "
            f"{_share(best)} of the genes.",
            "Test larger budgets, ask for a lower PCC, or leave genes without a spatial pattern out: "
            "no design can bring those back.",
        ]
    label, cost = labels.get(best["design"], best["design"]), goal.cost
    out = [
        f"Measure {best['n_measured']:,} spots ({best['budget']:.0%}) by the design: {label}.",
        f"On the pilot this keeps {_share(best)} of the genes at a PCC of {goal.threshold:g} or more; "
        f"the goal was {goal.share:.0%}.",
    ]
    if cost.currency:
        saved = (
            f", {cost.words(whole - best['cost'])} less than measuring everything"
            if whole > best["cost"]
            else ""
        )
        out.append(f"It costs {cost.words(best['cost'])}{saved}.")
    if not best["sure"]:
        out.append(
            "The lower end of the interval misses the goal: another section may need the next larger "
            "budget."
        )
    return out + _others(table, found, best, labels, plain)


def _others(table, found: pd.DataFrame, best: pd.Series, labels: dict, plain) -> list[str]:
    """How the other designs do at the budget of the best one."""
    words = {"no difference": [], "better": [], "worse": []}
    alike = []
    for name in found.loc[found["budget"] == best["budget"], "design"]:
        if name == best["design"]:
            continue
        gain, p = paired(table, best["budget"], name, best["design"])
        same = p >= 0.05 or abs(gain) < WORTH
        verdict = "no difference" if same else "better" if gain > 0 else "worse"
        words[verdict].append(f"{labels.get(name, name)} ({gain:+.3f}, p = {p:.2g})")
        if verdict != "worse" and name in plain:
            alike.append(labels.get(name, name))
    out = [
        f"At the same budget, PCC of the whole map, {verdict}: {'; '.join(found)}."
        for verdict, found in words.items()
        if found
    ]
    if alike and best["design"] not in plain:
        out.append(f"A design that is easier to carry out does as well here: {', '.join(alike)}.")
    return out


def _share(row: pd.Series) -> str:
    return f"{row['reached']:.0%} ({row['reached_low']:.0%} to {row['reached_high']:.0%})"
