"""What came of a plan: curves, the recommendation in words, its spots, files for the laboratory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.data.mask_table import mask_table
from s2s_core.data.section import MIN_MEASURED, SCALED, Section
from s2s_core.data.store import atomic
from s2s_core.data.structure import NONE, gene_structure
from s2s_core.errors import S2SError
from s2s_core.methods import METHODS
from s2s_core.output.export import guard
from s2s_core.sampling.apply import sample
from s2s_core.sampling.registry import DESIGNS
from s2s_core.studies.budget_curve import Goal, choose, curve, in_percent, recommend
from s2s_core.studies.budget_study import SCORES, only_measured, tabulate
from s2s_core.studies.cases import read_about, read_cases
from s2s_core.studies.plan import Plan

# Where the goal is missed, nothing is recommended.
CALLED = {True: "recommended", False: "best tested"}
LABELS = {name: design.label for name, design in DESIGNS.items()}


@dataclass(frozen=True)
class Outcome:
    """What is finished of a plan, read against a goal.

    Attributes
    ----------
    curve : DataFrame
        Of :func:`s2s_core.studies.budget_curve.curve`.
    reached : bool
        Whether any tested design and budget reaches the goal.
    sentences : tuple of str
        The recommendation.
    measured : (n,) bool array
        Its spots on the pilot.
    files : dict of str -> str
        What the laboratory needs, by file name: ``curve.csv`` (scores with intervals and costs by
        design and budget), ``genes.csv`` (scores by gene), ``mask.csv`` (the spots) and
        ``recommendation.md``.
    """

    curve: pd.DataFrame
    reached: bool
    sentences: tuple[str, ...]
    measured: np.ndarray
    files: dict[str, str]

    @property
    def called(self) -> str:
        """What the spots are called."""
        return CALLED[self.reached]


def patterned_genes(section: Section, genes: Collection[str] | None = None) -> list[str]:
    """Genes (of those given) with a spatial pattern among the section's measured spots."""
    found = gene_structure(section)["verdict"]
    return [g for g in found.index[found != NONE] if genes is None or g in genes]


def write_plan(section: Section, folder: Path, plan: Plan, goal: Goal) -> list[str]:
    """Write the files of an :class:`Outcome` into a folder; returns the recommendation."""
    found = outcome(section, folder, plan, goal)
    for name, text in found.files.items():
        with atomic(folder / name) as file:
            file.write_text(text, encoding="utf-8")
    return list(found.sentences)


def outcome(
    section: Section, folder: Path, plan: Plan, goal: Goal, patterned: Collection[str] | None = None
) -> Outcome:
    """Read what is finished of a plan.

    Parameters
    ----------
    section : Section
        The pilot.
    folder : Path
        Of :func:`s2s_core.studies.budget_study.run_design`.
    plan : Plan
    goal : Goal
    patterned : collection of str, optional
        Of :func:`patterned_genes`; found out when not given.

    Raises
    ------
    S2SError
        If nothing is finished there, or no scored gene has the pattern that the goal asks for.
    """
    about, table = read_about(folder), tabulate(folder, plan)
    scored = set(about["genes"])
    patterned = scored & set(patterned_genes(section) if patterned is None else patterned)
    counted = table[table["gene"].isin(patterned)] if goal.patterned else table
    if counted.empty:
        raise S2SError("No scored gene has a spatial pattern in the pilot; count all genes.")
    found = curve(counted, goal)
    plain = tuple(name for name, design in DESIGNS.items() if design.kind == "periodic")
    whole = goal.cost.total(about["n_spots"], about["n_rows"], about["n_regions"])
    sentences = recommend(counted, goal, whole, LABELS, plain, len(patterned))
    followers = [d for d in plan.designs if DESIGNS[d].informed]
    if followers:
        sentences.append(
            f"{', '.join(followers)} chose their spots by the pilot's own values: their scores say "
            "how they do on a section just like it."
        )
    missing = {
        f"{r['design']} at {in_percent(r['budget'])}": 0
        for r in read_cases(folder)
        if r["spec"] is None and r["design"] in plan.designs and r["budget"] in plan.budgets
    }
    if missing:
        sentences.append(
            f"Left out: {', '.join(missing)} (no such period, or fewer than {MIN_MEASURED} spots)."
        )
    best = choose(found, goal)
    reached = bool(best["reached"] >= goal.share)
    case = table[(table["design"] == best["design"]) & (table["budget"] == best["budget"])].iloc[0]
    sampled = sample(only_measured(section), case["spec"], int(case["seed"]))
    spots = mask_table(sampled)
    spots["spot_id"] = spots["spot_id"].map(guard)
    by_gene = table.groupby(["design", "budget", "gene"], sort=False)[list(SCORES)].mean()
    tables = {"curve.csv": found, "genes.csv": by_gene.reset_index(), "mask.csv": spots}
    files = {name: part.to_csv(index=False) for name, part in tables.items()}
    sentences.append(
        f"mask.csv lists the {CALLED[reached]} spots ({case['spec']}) on the pilot. Draw the same design on "
        f"the next section with `python -m s2s_core masks SECTION --mask {case['spec']} --seed "
        f"{case['seed']} --out next_mask.csv`."
    )
    counts = (
        f" (of these {len(patterned):,} with a spatial pattern count)" if goal.patterned else ""
    )
    lines = [
        "# How sparsely can this tissue be sampled?",
        "",
        *(f"- {s}" for s in sentences),
        "",
        f"Pilot: {about['n_spots']:,} measured spots; {len(scored):,} genes scored{counts} at the "
        f"spots a design hides ({about.get('scale', SCALED)}); engine: {METHODS[plan.engine].label}; draws: {plan.seeds}. "
        "Intervals: 90 %, bootstrap over genes and draws.",
        "",
        *_markdown(found, goal),
    ]
    files["recommendation.md"] = "\n".join(lines) + "\n"
    return Outcome(found, reached, tuple(sentences), sampled.measured, files)


def _markdown(found: pd.DataFrame, goal: Goal) -> list[str]:
    """The curve as a table; a column of costs only where there are some."""
    priced = any(goal.cost.prices)
    columns = [
        "design",
        "budget",
        "spots",
        *(["cost"] if priced else []),
        "PCC",
        f"genes with PCC of {goal.threshold:g} or more",
        "RMSE",
    ]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    for _, row in found.iterrows():
        scores = [
            f"{row[s]:{f}} ({row[f'{s}_low']:{f}} to {row[f'{s}_high']:{f}})"
            for s, f in (("pcc", ".3f"), ("reached", ".0%"), ("rmse", ".3f"))
        ]
        price = [goal.cost.words(row["cost"])] if priced else []
        cells = [
            row["design"],
            in_percent(row["budget"]),
            f"{row['n_measured']:,}",
            *price,
            *scores,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return lines
