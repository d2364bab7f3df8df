"""Reliability grade of every gene: what its imputed map is good for."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import norm

from s2s_core.data.result import Result
from s2s_core.data.structure import NONE, SURE, gene_structure
from s2s_core.vocabulary import USE

# The lower end of a correlation's one-sided 95 % interval is what counts: with few scored spots
# the same score earns a poorer light.
CONFIDENCE = 0.95
# Below this correlation a map explains less than 4 % of what is measured, however sure that is.
LOOK_PCC = 0.2
# Half of all pairs of spots or more keep their order, and a quarter of the variance is explained.
RANK = 0.5
# About half of the variance is explained; below that differences are mostly those of the model.
TEST = 0.7
# How far the share of values inside their intervals may be from the promised one.
SLACK = 0.05

GRADES = USE.words
RULE = (
    "A map is for looking at when the gene has a spatial pattern on the measured spots (Moran's I "
    f"{SURE:g} standard errors above chance) and its PCC at hidden or withheld spots is at least "
    f"{LOOK_PCC:g} and surely above 0 (one-sided {CONFIDENCE:.0%} bound by Fisher's z); for ranking "
    f"when the bounds of PCC and Spearman reach {RANK:g}; for testing differences when the bound of "
    f"PCC also reaches {TEST:g} and the intervals hold the promised share of values within "
    f"{100 * SLACK:g} points. "
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
    z_score : float
        Standard errors of Moran's I above chance.
    coverage : float
        Share of values inside their intervals; NaN without intervals.
    spots : float
        Number of scored spots.
    """

    grade: str
    pcc: float
    pcc_bound: float
    rank_bound: float
    z_score: float
    coverage: float
    spots: float

    @property
    def reason(self) -> str:
        """Why a gene has its grade: what speaks for it, or the first thing that is missing."""
        # Rounded down: "0.92, surely above 0.92" would puzzle.
        bound = np.floor(100 * self.pcc_bound) / 100
        sure = f"PCC {self.pcc:.2f} at {self.spots:,.0f} spots, surely above {bound:.2f}"
        if self.grade == "test":
            return f"{sure}; {self.coverage:.1%} of the values lie inside their intervals."
        if self.grade == "rank":
            if self.pcc_bound < TEST:
                return f"{sure}, but not above {TEST:g}."
            if np.isnan(self.coverage):
                return f"{sure}, but without calibrated intervals."
            return f"{sure}, but {self.coverage:.1%} of the values lie inside their intervals."
        if self.grade == "look":
            if self.pcc_bound < RANK:
                return f"{sure}, but not above {RANK:g}."
            return f"{sure}, but Spearman's correlation only above {self.rank_bound:.2f}."
        if self.z_score < SURE:
            return f"{NONE.capitalize()} on the measured spots: nothing to impute from."
        if np.isnan(self.pcc):
            return "Constant at the scored spots: its map cannot be checked."
        if self.pcc < LOOK_PCC:
            return f"PCC {self.pcc:.2f} at {self.spots:.0f} spots is below {LOOK_PCC:g}."
        return f"PCC {self.pcc:.2f} at only {self.spots:.0f} spots may be chance."


def grade_genes(result: Result) -> pd.DataFrame:
    """What the chosen method's map of every gene is good for, by :data:`RULE`.

    Parameters
    ----------
    result : Result
        Only its scores and its measured spots are looked at.

    Returns
    -------
    DataFrame
        Indexed by gene: ``light`` ("test", "rank", "look" or "leave"), ``pcc``, ``spearman``,
        ``coverage`` (NaN without intervals), ``moran`` and ``reason``, one sentence. Scores are
        those of ``result.metrics``: at hidden spots, or at withheld measured spots.
    """
    metrics = result.metrics
    mine = metrics[metrics["method"] == result.config.method].set_index("gene")
    genes = pd.Index(result.section.genes, name="gene")
    mine = mine.reindex(genes)
    structure = gene_structure(result.section)
    spots = mine["n_spots"].fillna(0).to_numpy(float)
    coverage = mine["coverage"] if "coverage" in mine else pd.Series(np.nan, genes)
    table = pd.DataFrame(
        {
            "light": "leave",
            "pcc": mine["pcc"],
            "spearman": mine["spearman"],
            "coverage": coverage,
            "moran": structure["moran"],
        },
        index=genes,
    )
    pcc_bound = lower_bound(table["pcc"].to_numpy(float), spots)
    rank_bound = lower_bound(table["spearman"].to_numpy(float), spots)
    z_score = structure["z_score"].to_numpy()
    # Comparisons with NaN (a constant gene, no interval) are False, which is the strict answer.
    look = (z_score >= SURE) & (table["pcc"].to_numpy() >= LOOK_PCC) & (pcc_bound > 0)
    rank = look & (pcc_bound >= RANK) & (rank_bound >= RANK)
    # A hair wider, so that 85 of 100 is 85 %.
    covered = (coverage - result.config.coverage).abs().to_numpy() <= SLACK + 1e-9
    test = rank & (pcc_bound >= TEST) & covered
    for light, where in (("look", look), ("rank", rank), ("test", test)):
        table.loc[where, "light"] = light
    evidence = (
        Evidence(light, *numbers)
        for light, *numbers in zip(
            table["light"],
            table["pcc"],
            pcc_bound,
            rank_bound,
            z_score,
            coverage,
            spots,
            strict=True,
        )
    )
    table["reason"] = [found.reason for found in evidence]
    return table


def lower_bound(correlation: np.ndarray, spots: np.ndarray) -> np.ndarray:
    """Lower end of the one-sided 95 % interval of correlations, by Fisher's z.

    Parameters
    ----------
    correlation : (G,) array
    spots : (G,) array
        Number of spots of each; fewer than four say nothing (-1).
    """
    free = np.maximum(np.asarray(spots, float) - 3.0, 1e-9)
    z = np.arctanh(np.clip(correlation, -0.999999, 0.999999))
    return np.tanh(z - norm.ppf(CONFIDENCE) / np.sqrt(free))


def count_grades(lights: pd.DataFrame) -> dict[str, int]:
    """Number of genes with each light, best first."""
    counts = lights["light"].value_counts()
    return {light: int(counts.get(light, 0)) for light in GRADES}
