"""The recommendation of a plan: how the other designs compare with the best, and the words for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.assessment.compare import FEWEST_SPOTS, Comparison, Verdict, compare, untested
from s2s_core.studies.budget_curve import (
    LARGEST_BUDGET,
    Cost,
    Goal,
    choose,
    curve,
    in_percent,
)

# Over the whole map every design is scored at the same spots, measured values in place.
SCORE = "pcc"
# Blocks of every finished draw, by design and budget.
DrawBlocks = Mapping[tuple[str, float], Sequence[BlockScores]]


@dataclass(frozen=True)
class Advice:
    """A plan read against a goal.

    Attributes
    ----------
    curve : DataFrame
        Of :func:`s2s_core.studies.budget_curve.curve`.
    best : Series
        Its row to recommend, or the closest to the goal.
    reached : bool
        Whether that reaches the goal.
    rivals : dict of str -> Comparison
        Every other design at the same budget against the best, by PCC of the whole map over all
        scored genes.
    """

    curve: pd.DataFrame
    best: pd.Series
    reached: bool
    rivals: Mapping[str, Comparison]


def advise(table: pd.DataFrame, goal: Goal, blocks: DrawBlocks | None = None) -> Advice:
    """Read a table of finished cases against a goal.

    Parameters
    ----------
    table : DataFrame
        As for :func:`s2s_core.studies.budget_curve.curve`.
    goal : Goal
    blocks : dict, optional
        Scores of the whole map by block, of each draw; without them no design is said to be as
        good as another.
    """
    found = curve(table, goal)
    best = choose(found, goal)
    budget = best["budget"]
    rivals = {
        str(name): _compare(table, blocks or {}, budget, str(name), str(best["design"]))
        for name in found.loc[found["budget"] == budget, "design"]
        if name != best["design"]
    }
    return Advice(found, best, bool(best["reached"] >= goal.share), rivals)


def _compare(
    table: pd.DataFrame, blocks: DrawBlocks, budget: float, name: str, best: str
) -> Comparison:
    ours, theirs = blocks.get((name, budget)), blocks.get((best, budget))
    means = (
        table[table["budget"] == budget].groupby(["design", "gene"])["pcc_map"].mean().unstack(0)
    )
    if ours and theirs:
        genes = (means[name].to_numpy(float), means[best].to_numpy(float))
        # Draws of two designs have nothing to do with each other.
        return compare(ours, theirs, SCORE, genes=genes, paired_draws=False)
    level = float(means[best].mean())
    return untested(float(means[name].mean()) - level, level, SCORE)


def recommend(
    table: pd.DataFrame,
    goal: Goal,
    whole: float,
    labels: Mapping[str, str],
    plain: Collection[str] = (),
    n_patterned: int | None = None,
    blocks: DrawBlocks | None = None,
) -> list[str]:
    """The recommendation in sentences.

    Parameters
    ----------
    table : DataFrame
        As for :func:`s2s_core.studies.budget_curve.curve`.
    goal : Goal
    whole : float
        Cost of measuring everything.
    labels : dict
        Names of designs for the user.
    plain : tuple of str
        Designs that are easiest to carry out: named where they do as well.
    n_patterned : int, optional
        How many of the scored genes have a spatial pattern in the pilot.
    blocks : dict, optional
        As for :func:`advise`.
    """
    advice = advise(table, goal, blocks)
    best = advice.best
    who = "genes with a spatial pattern" if goal.patterned else "genes"
    label, spent = labels.get(best["design"], best["design"]), _spent(best, goal.cost, whole)
    if not advice.reached:
        return [
            f"No tested design and budget keeps {goal.share:.0%} of the {who} at a PCC of "
            f"{goal.threshold:g} or more.",
            f"The best tested is {label} at {in_percent(best['budget'])} ({best['n_measured']:,} "
            f"spots): {_share(best)} of the {who}.",
            *spent,
            f"What you can do: {'; or '.join(_ways_out(table, advice, goal, n_patterned))}.",
        ]
    out = [
        f"Measure {best['n_measured']:,} spots ({in_percent(best['budget'])}) by the design: {label}.",
        f"On the pilot this keeps {_share(best)} of the {who} at a PCC of {goal.threshold:g} or more; "
        f"the goal was {goal.share:.0%}.",
        *spent,
    ]
    if not best["sure"]:
        out.append(
            "The lower end of the interval misses the goal: another section may need the next larger "
            "budget."
        )
    return out + _others(advice, goal, labels, plain)


def _ways_out(
    table: pd.DataFrame, advice: Advice, goal: Goal, n_patterned: int | None
) -> list[str]:
    """What is left where no design reaches the goal."""
    ways = ["test larger budgets"] if advice.curve["budget"].max() < LARGEST_BUDGET else []
    ways.append("ask for a lower PCC or for fewer genes")
    n_genes = table["gene"].nunique()
    if not goal.patterned and n_patterned is not None and 0 < n_patterned < n_genes:
        ways.append(
            f"count only the genes with a spatial pattern ({n_patterned:,} of {n_genes:,}), since no "
            "design can bring the others back"
        )
    return ways


def _others(
    advice: Advice, goal: Goal, labels: Mapping[str, str], plain: Collection[str]
) -> list[str]:
    """How the other designs do at the budget of the best one."""
    words: dict[Verdict, list[str]] = {
        Verdict.EQUIVALENT: [],
        Verdict.BETTER: [],
        Verdict.WORSE: [],
        Verdict.UNDECIDED: [],
    }
    for name, found in advice.rivals.items():
        p = "" if found.p_difference != found.p_difference else f", p = {found.p_difference:.2g}"
        words[found.verdict].append(f"{labels.get(name, name)} ({found.difference:+.3f}{p})")
    scope = " over all scored genes" if goal.patterned else ""
    out = [
        f"At the same budget, PCC of the whole map{scope}, {verdict}: {'; '.join(names)}."
        for verdict, names in words.items()
        if names
    ]
    alike = [
        labels.get(name, name)
        for name, found in advice.rivals.items()
        if name in plain and found.verdict in (Verdict.EQUIVALENT, Verdict.BETTER)
    ]
    if alike and advice.best["design"] not in plain:
        out.append(f"A design that is easier to carry out does as well here: {', '.join(alike)}.")
    few = [c.n_spots for c in advice.rivals.values() if 0 < c.n_spots < FEWEST_SPOTS]
    if few:
        out.append(
            f"A pilot of {min(few):,} spots is too small to tell designs apart: it takes "
            f"{FEWEST_SPOTS} or more."
        )
    return out


def _spent(row: pd.Series, cost: Cost, whole: float) -> list[str]:
    """What a line of the curve costs, if anything is said of costs."""
    if not any(cost.prices):
        return []
    saved = whole - row["cost"]
    less = f", {cost.words(saved)} less than measuring everything" if saved > 0 else ""
    mean = " (means over the draws)" if row["n_rows"] % 1 or row["n_regions"] % 1 else ""
    made_up = cost.made_up(row["n_measured"], row["n_rows"], row["n_regions"])
    return [f"Cost: {made_up}{mean}{less}."]


def _share(row: pd.Series) -> str:
    return f"{row['reached']:.0%} ({row['reached_low']:.0%} to {row['reached_high']:.0%})"
