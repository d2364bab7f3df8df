"""Reliability grade of every gene: what its imputed map is good for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.assessment.reliability import (
    ALL_LEVEL,
    CLASS_LEVEL,
    FEWEST_SPOTS,
    Correlations,
    select,
)
from s2s_core.data.result import Result
from s2s_core.data.structure import NONE, gene_structure
from s2s_core.vocabulary import USE, Spots

# Below this correlation a map explains less than 4 % of what is measured, however sure that is.
LOOK_PCC = 0.2
# Half of all pairs of spots or more keep their order, and a quarter of the variance is explained.
RANK = 0.5
# About half of the variance is explained; below that differences are mostly those of the model.
TEST = 0.7
# How far the share of values inside their intervals may be from the promised one.
SLACK = 0.05
# The grade of genes that too few spots were scored for.
UNGRADED = ""

GRADES = USE.words
RULE = (
    "A map is for looking at when the gene has a spatial pattern on the measured spots and its PCC at "
    f"hidden or withheld spots is at least {LOOK_PCC:g} and surely above 0; for ranking when PCC and "
    f"Spearman's correlation are surely above {RANK:g}; for testing differences when PCC is also surely "
    f"above {TEST:g} and the intervals hold the promised share of values within {100 * SLACK:g} "
    f"points. Surely: at most {CLASS_LEVEL:.0%} of the genes in a class, and {ALL_LEVEL:.0%} of all genes, "
    "are expected below their bound (scored spots count for fewer where they are alike, and genes are "
    f"chosen with false-coverage control). With fewer than {FEWEST_SPOTS} scored spots no class is given. "
    "The values it is scored against are noisy counts themselves, so a score can undersell a "
    "map but hardly oversell it; and imputed positions are no independent samples: count the "
    "measured spots as the sample size of any test."
)


@dataclass(frozen=True)
class Evidence:
    """What one gene's grade rests on.

    Attributes
    ----------
    grade : str
    pcc, pcc_bound, rank_bound : float
        PCC at the scored spots, and the lower bounds of PCC and Spearman's correlation.
    patterned : bool
        Whether the measured spots show a spatial pattern.
    coverage : float
        Share of values inside their intervals; NaN without intervals.
    coverage_fits : bool
        Whether that is the promised share.
    spots : int
        Number of scored spots.
    """

    grade: str
    pcc: float
    pcc_bound: float
    rank_bound: float
    patterned: bool
    coverage: float
    coverage_fits: bool
    spots: int

    @property
    def reason(self) -> str:
        """Why a gene has its grade: what speaks for it, or the first thing that is missing."""
        # Rounded down: "0.92, surely above 0.92" would puzzle.
        bound = np.floor(100 * self.pcc_bound) / 100
        sure = f"PCC {self.pcc:.2f} at {self.spots:,} spots, surely above {bound:.2f}"
        many = "when all genes that reach it are counted"
        if self.grade == UNGRADED:
            return f"{self.spots:,} scored spots are too few for a class: it takes {FEWEST_SPOTS}."
        if self.grade == "test":
            return f"{sure}; {self.coverage:.1%} of the values lie inside their intervals."
        if self.grade == "rank":
            if self.pcc_bound < TEST:
                return f"{sure}, but not above {TEST:g}."
            if np.isnan(self.coverage):
                return f"{sure}, but without calibrated intervals."
            if self.coverage_fits:
                return f"{sure}, but not above {TEST:g} {many}."
            return f"{sure}, but {self.coverage:.1%} of the values lie inside their intervals."
        if self.grade == "look":
            if self.pcc_bound < RANK:
                return f"{sure}, but not above {RANK:g}."
            if self.rank_bound < RANK:
                return f"{sure}, but Spearman's correlation only above {self.rank_bound:.2f}."
            return f"{sure}, but not above {RANK:g} {many}."
        if not self.patterned:
            return f"{NONE.capitalize()} on the measured spots: nothing to impute from."
        if np.isnan(self.pcc):
            return "Constant at the scored spots: its map cannot be checked."
        if self.pcc < LOOK_PCC:
            return f"PCC {self.pcc:.2f} at {self.spots:,} spots is below {LOOK_PCC:g}."
        return f"PCC {self.pcc:.2f} at only {self.spots:,} spots may be chance."


def grade_genes(result: Result) -> pd.DataFrame:
    """Grade of the chosen method's map of every gene, by :data:`RULE`.

    Parameters
    ----------
    result : Result
        Only its scores and its measured spots are looked at.

    Returns
    -------
    DataFrame
        Indexed by gene: ``light`` ("test", "rank", "look", "leave", or "" where too few spots were
        scored for a class), ``pcc``, ``spearman``, ``coverage`` (NaN without intervals), ``moran``
        and ``reason``, one sentence. Scores are those of ``result.metrics``: at hidden spots, or at
        withheld measured spots.
    """
    metrics = result.metrics
    mine = metrics[metrics["method"] == result.config.method].set_index("gene")
    genes = pd.Index(result.section.genes, name="gene")
    mine = mine.reindex(genes)
    structure = gene_structure(result.section)
    patterned = (structure["verdict"] != NONE).to_numpy()
    spots = int(mine["n_spots"].fillna(0).max()) if len(mine) else 0
    coverage = mine["coverage"] if "coverage" in mine else pd.Series(np.nan, genes)
    # A hair wider, so that 85 of 100 is 85 %.
    fits = (coverage - result.config.coverage).abs().to_numpy() <= SLACK + 1e-9
    pcc, spearman = (_correlations(result, mine, name, spots) for name in ("pcc", "spearman"))
    grade, bound, rank_bound = grades(pcc, spearman, patterned, fits)
    table = pd.DataFrame(
        {
            "light": grade,
            "pcc": mine["pcc"],
            "spearman": mine["spearman"],
            "coverage": coverage,
            "moran": structure["moran"],
        },
        index=genes,
    )
    table["reason"] = [
        Evidence(
            grade=grade[g],
            pcc=pcc.values[g],
            pcc_bound=bound[g],
            rank_bound=rank_bound[g],
            patterned=bool(patterned[g]),
            coverage=coverage.iloc[g],
            coverage_fits=bool(fits[g]),
            spots=spots,
        ).reason
        for g in range(len(genes))
    ]
    return table


def _correlations(result: Result, mine: pd.DataFrame, name: str, spots: int) -> Correlations:
    """A correlation of every gene with what its bound needs."""
    # Runs of an earlier version have not kept errors: those of normal values.
    plain = np.full(len(mine), 1.0 / np.sqrt(max(spots - 3.0, 1.0)))
    column = f"{name}_error"
    errors = mine[column].to_numpy(float) if column in mine else plain
    hidden = "spots" in mine and (mine["spots"] == Spots.HIDDEN).any()
    unscored = 0 if hidden else int((~result.section.measured).sum())
    return Correlations(mine[name].to_numpy(float), errors, spots, unscored)


def grades(
    pcc: Correlations, spearman: Correlations, patterned: np.ndarray, coverage_fits: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Grade of every gene, and its bounds at the level of its class.

    Parameters
    ----------
    pcc, spearman : Correlations
    patterned, coverage_fits : (G,) bool arrays
        Whether the measured spots show a pattern, and the intervals hold what was promised.

    Returns
    -------
    grade : (G,) object array
        Keys of :data:`GRADES`, or :data:`UNGRADED`.
    bound, rank_bound : (G,) arrays
        Lower bounds of PCC and of Spearman's correlation.
    """
    bound, rank_bound = pcc.bounds(ALL_LEVEL), spearman.bounds(ALL_LEVEL)
    if pcc.n_scored < FEWEST_SPOTS:
        return np.full(len(bound), UNGRADED, object), bound, rank_bound
    n_genes = int(np.isfinite(pcc.values).sum())
    ranks = np.maximum(pcc.p_above(RANK), spearman.p_above(RANK))
    # Comparisons with NaN (a constant gene, no interval) are False, which is the strict answer.
    look = patterned & (pcc.values >= LOOK_PCC)
    grade = np.full(len(bound), "leave", object)
    # Better classes last: they take the genes, and their stricter bounds with them.
    for name, p, may in (
        ("look", pcc.p_above(0.0), look),
        ("rank", ranks, look),
        ("test", np.maximum(ranks, pcc.p_above(TEST)), look & coverage_fits),
    ):
        chosen, level = select(np.where(may, p, 1.0), n_genes)
        grade[chosen] = name
        bound[chosen] = pcc.bounds(level)[chosen]
        rank_bound[chosen] = spearman.bounds(level)[chosen]
    return grade, bound, rank_bound


def count_grades(lights: pd.DataFrame) -> dict[str, int]:
    """Number of genes with each grade, best first; none are counted where no class was given."""
    counts = lights["light"].value_counts()
    return {light: int(counts.get(light, 0)) for light in GRADES}
