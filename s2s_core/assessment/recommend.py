"""Which of the compared methods to take: the simplest that is shown to be as good as the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.assessment.compare import (
    FEWEST_SPOTS,
    Comparison,
    Verdict,
    compare,
    untested,
)
from s2s_core.assessment.metrics import summarise
from s2s_core.vocabulary import Spots

# Simplest first. What averages noise with settings of its own comes after plain interpolation,
# what shares information between genes after that, what is trained last.
SIMPLICITY = (
    "nearest",
    "linear",
    "bilinear",
    "bicubic",
    "gaussian",
    "kriging",
    "kriging-withheld",
    "kriging-average",
    "programme-kriging",
    "programme-kriging-withheld",
    "programme-kriging-average",
    "s2s",
)
Blocks = Mapping[str, BlockScores]


@dataclass(frozen=True)
class Recommendation:
    """The method to take and the reason.

    Attributes
    ----------
    method, best : str
        Names of the recommended method and of the one with the lowest mean RMSE.
    table : DataFrame
        Indexed by method, best first: mean scores over genes, ``worse`` (mean RMSE above the
        best, as a share of it), ``p`` (of the difference from the best, over spatial blocks of
        spots), ``verdict`` (against the best), ``simplicity`` (1 is the simplest) and ``as_good``.
    sentence : str
        For the screen.
    sure : bool
        Whether every other method was shown to be as good as the best or worse.
    """

    method: str
    best: str
    table: pd.DataFrame
    sentence: str
    sure: bool


def compare_methods(
    metrics: pd.DataFrame, method: str, other: str, blocks: Blocks | None = None
) -> Comparison:
    """Compare two methods of a run by RMSE; undecided where no scores by block were kept.

    Parameters
    ----------
    metrics : DataFrame
        One row a gene and method, all scored on the same spots.
    method, other : str
    blocks : dict of str -> BlockScores, optional
        Of :func:`s2s_core.assessment.block_scores.blocks_of`.
    """
    genes = metrics.pivot_table(index="gene", columns="method", values="rmse", dropna=False)
    ours, theirs = genes[method].to_numpy(float), genes[other].to_numpy(float)
    blocks = blocks or {}
    if method in blocks and other in blocks:
        return compare([blocks[method]], [blocks[other]], "rmse", genes=(ours, theirs))
    level = float(np.nanmean(theirs))
    return untested(float(np.nanmean(ours)) - level, level, "rmse", scored_spots(metrics))


def recommend(
    metrics: pd.DataFrame,
    order: Sequence[str] = SIMPLICITY,
    labels: Mapping[str, str] | None = None,
    blocks: Blocks | None = None,
) -> Recommendation:
    """Recommend the simplest method that is shown to be as good as the best.

    The rule is that of :mod:`s2s_core.assessment.compare`. Where it cannot tell, the method of the
    lowest mean RMSE is named, and that it is not shown to be better.

    Parameters
    ----------
    metrics : DataFrame
        One row a gene and method, all scored on the same spots.
    order : list of str
        Methods, simplest first; any other comes last.
    labels : dict, optional
        Names of methods for the user.
    blocks : dict of str -> BlockScores, optional
        Of :func:`s2s_core.assessment.block_scores.blocks_of`; without them all is undecided.

    Raises
    ------
    ValueError
        If no method has a score.
    """
    labels = labels or {}
    table = summarise(metrics).dropna(subset="rmse").sort_values("rmse", kind="stable")
    if table.empty:
        raise ValueError("no method has a score to compare")
    best = str(table.index[0])
    found = {
        str(name): compare_methods(metrics, str(name), best, blocks) for name in table.index[1:]
    }
    rank = {name: place for place, name in enumerate(order, start=1)}
    table["worse"] = table["rmse"] / table["rmse"].iloc[0] - 1.0
    table["p"] = [1.0, *(c.p_difference for c in found.values())]
    table["verdict"] = ["", *(str(c.verdict) for c in found.values())]
    table["simplicity"] = [rank.get(str(name), len(order) + 1) for name in table.index]
    table["as_good"] = [True, *(c.verdict == Verdict.EQUIVALENT for c in found.values())]
    method = str(table.loc[table["as_good"], "simplicity"].idxmin())
    sure = Verdict.UNDECIDED not in {c.verdict for c in found.values()}
    lowest = (
        f"{table.loc[best, 'rmse']:.3f} at {_where(metrics)}, mean over "
        f"{metrics['gene'].nunique():,} genes"
    )
    sentence = _sentence(table, method, best, found, labels, lowest, scored_spots(metrics))
    return Recommendation(method, best, table, sentence, sure)


def verdict(
    metrics: pd.DataFrame, method: str, labels: Mapping[str, str], blocks: Blocks | None = None
) -> str:
    """One honest sentence: is another method as good as the chosen one?

    Parameters
    ----------
    metrics : DataFrame
        One row a gene and method.
    method : str
        The chosen method.
    labels : dict
        Names of methods for the user.
    blocks : dict of str -> BlockScores, optional
        As for :func:`recommend`.
    """
    means = metrics.groupby("method", sort=False)["rmse"].mean()
    others = means.drop(method)
    if others.empty:
        return "No other method was computed for comparison."
    best = str(others.idxmin())
    found = compare_methods(metrics, method, best, blocks)
    ours, theirs = labels.get(method, method), labels.get(best, best)
    stated = f"{abs(found.relative):.1%} in mean RMSE over genes{_p(found)}"
    if found.verdict == Verdict.EQUIVALENT:
        return (
            f"{theirs} is as good here as {ours} (difference {stated}): the simpler method will do."
        )
    if found.verdict == Verdict.BETTER:
        return f"{ours} is better than {theirs}, the best of the others, by {stated}."
    if found.verdict == Verdict.WORSE:
        return f"{theirs} is better here than {ours} by {stated}: prefer it for this section."
    return (
        f"Whether {ours} or {theirs}, the best of the others, is better here is open: they differ by "
        f"{stated}. {_why_open(found)}"
    )


def scored_spots(metrics: pd.DataFrame) -> int:
    """Number of spots that all methods were scored at; 0 where a table does not say."""
    return int(metrics["n_spots"].iloc[0]) if "n_spots" in metrics else 0


def _where(metrics: pd.DataFrame) -> str:
    hidden = "spots" in metrics and metrics["spots"].iloc[0] == Spots.HIDDEN
    return "hidden spots" if hidden else "withheld measured spots"


def _p(found: Comparison) -> str:
    p = found.p_difference
    return "" if np.isnan(p) else f", t test over blocks of spots p = {p:.2g}"


def _why_open(found: Comparison) -> str:
    """The reason for which nothing is decided."""
    if 0 < found.n_spots < FEWEST_SPOTS:
        return (
            f"{found.n_spots:,} scored spots are too few to tell: it takes {FEWEST_SPOTS} or more."
        )
    if np.isnan(found.p_difference):
        return "This run kept no scores by place to tell it from: run it again."
    if found.genes_against:
        return "The mean and most genes say the opposite of each other."
    return "That may be chance, and so may a larger difference."


def _sentence(
    table: pd.DataFrame,
    method: str,
    best: str,
    found: Mapping[str, Comparison],
    labels: Mapping[str, str],
    lowest: str,
    n_spots: int,
) -> str:
    def name(key: str) -> str:
        return str(labels.get(key, key))

    if not found:
        return f"Only {name(best)} was computed (RMSE {lowest}), so there is nothing to choose."
    if 0 < n_spots < FEWEST_SPOTS:
        return (
            f"No method is recommended: {n_spots:,} scored spots are too few to tell them apart (it "
            f"takes {FEWEST_SPOTS} or more). The lowest RMSE has {name(best)} ({lowest})."
        )
    open_ones = [key for key, c in found.items() if c.verdict == Verdict.UNDECIDED]
    simpler = [k for k in open_ones if table.loc[k, "simplicity"] < table.loc[method, "simplicity"]]
    if method == best:
        if not open_ones:
            return (
                f"Take {name(best)}: it has the lowest RMSE ({lowest}), and no simpler method is as "
                "good."
            )
        text = f"{name(best)} has the lowest RMSE ({lowest}), but is not shown to be better than "
        text += f"{_several([name(key) for key in open_ones])}. {_why_open(found[open_ones[0]])}"
        return text
    row = table.loc[method]
    text = (
        f"Take {name(method)}: it is the simplest method that is as good as {name(best)}, which has "
        f"the lowest RMSE ({lowest}); its own is {row['worse']:.1%} higher (equivalence test over "
        f"blocks of spots: p = {found[method].p_equivalence:.2g})."
    )
    if simpler:
        text += f" Whether {_several([name(key) for key in simpler])} would do as well is open."
    return text


def _several(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"
