"""Which of the compared methods to take: the simplest that is not clearly worse than the best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from s2s_core.assessment.metrics import paired_test, summarise
from s2s_core.data.result import HIDDEN

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
SIGNIFICANT = 0.05
# A smaller difference in mean RMSE matters to nobody, however many genes make it significant.
MARGIN = 0.005
# With fewer genes no test can tell, and the margin alone decides.
FEWEST_GENES = 6


@dataclass(frozen=True)
class Recommendation:
    """What to take and why.

    Attributes
    ----------
    method, best : str
        Names of the recommended method and of the one with the lowest mean RMSE.
    table : DataFrame
        Indexed by method, best first: mean scores over genes, ``worse`` (mean RMSE above the
        best, as a share of it), ``p`` (paired Wilcoxon test over genes against the best),
        ``simplicity`` (1 is the simplest) and ``as_good``.
    sentence : str
        For the screen.
    """

    method: str
    best: str
    table: pd.DataFrame
    sentence: str


def recommend(
    metrics: pd.DataFrame,
    order: Sequence[str] = SIMPLICITY,
    labels: Mapping[str, str] | None = None,
) -> Recommendation:
    """Recommend the simplest method that is not significantly worse than the best.

    A method is worse when its mean RMSE over genes is more than 0.5 % above the best one's and a
    paired Wilcoxon test over genes says that this is no chance (p < 0.05). With fewer than six
    genes there is no such test, and the margin alone decides.

    Parameters
    ----------
    metrics : DataFrame
        One row a gene and method, all scored on the same spots.
    order : list of str
        Methods, simplest first; any other comes last.
    labels : dict, optional
        Names of methods for the user.

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
    table["worse"] = table["rmse"] / table["rmse"].iloc[0] - 1.0
    table["p"] = [paired_test(metrics, best, name, "rmse") for name in table.index]
    rank = {name: place for place, name in enumerate(order, start=1)}
    table["simplicity"] = [rank.get(name, len(order) + 1) for name in table.index]
    by_chance = (table["p"] >= SIGNIFICANT) & (metrics["gene"].nunique() >= FEWEST_GENES)
    table["as_good"] = (table["worse"] <= MARGIN) | by_chance
    table.loc[best, "as_good"] = True
    method = str(table.loc[table["as_good"], "simplicity"].idxmin())
    hidden = "spots" in metrics and metrics["spots"].iloc[0] == HIDDEN
    where = "hidden spots" if hidden else "withheld measured spots"
    lowest = (
        f"{table.loc[best, 'rmse']:.3f} at {where}, mean over {metrics['gene'].nunique():,} genes"
    )
    return Recommendation(method, best, table, _sentence(table, method, best, labels, lowest))


def _sentence(table: pd.DataFrame, method: str, best: str, labels, lowest: str) -> str:
    def name(key: str) -> str:
        return str(labels.get(key, key))

    if len(table) == 1:
        return f"Only {name(best)} was computed (RMSE {lowest}), so there is nothing to choose."
    if method == best:
        return f"Take {name(best)}: it has the lowest RMSE ({lowest}), and no simpler method is as good."
    found = table.loc[method]
    return (
        f"Take {name(method)}: it is the simplest method that is not clearly worse than "
        f"{name(best)}, which has the lowest RMSE ({lowest}); its own is {found['worse']:.1%} higher (paired "
        f"Wilcoxon test over genes: p = {found['p']:.2g})."
    )
