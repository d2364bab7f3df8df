"""Outcome of a plan: curves, the recommendation in words, its spots, files for the laboratory."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.compare import RULE
from s2s_core.data.mask_table import mask_table
from s2s_core.data.section import MIN_MEASURED, SCALED, Section
from s2s_core.data.store import atomic
from s2s_core.data.structure import NONE, gene_structure
from s2s_core.errors import S2SError
from s2s_core.methods import METHODS
from s2s_core.output.export import guard
from s2s_core.sampling.apply import sample
from s2s_core.sampling.registry import DESIGNS
from s2s_core.studies.advice import Advice, advise, recommend
from s2s_core.studies.budget_curve import Goal, in_percent
from s2s_core.studies.budget_study import SCORES, map_blocks, only_measured, tabulate
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


@dataclass(frozen=True)
class Findings:
    """Numbers of an outcome, before any words.

    Attributes
    ----------
    about : dict
        What all cases share (see :mod:`s2s_core.studies.budget_study`).
    advice : Advice
    table, counted : DataFrame
        All finished cases by gene, and those of the genes that count.
    blocks : dict
        Scores of the whole map by spatial block, by design and budget.
    patterned : frozenset of str
        Scored genes with a spatial pattern.
    left_out : tuple of str
        Designs and budgets that the pilot has no spots for.
    spec : str
    seed : int
        The draw whose spots are delivered.
    sampled : Section
        The pilot with these spots measured.
    """

    about: dict
    advice: Advice
    table: pd.DataFrame
    counted: pd.DataFrame
    blocks: dict
    patterned: frozenset[str]
    left_out: tuple[str, ...]
    spec: str
    seed: int
    sampled: Section


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
    found = _findings(section, folder, plan, goal, patterned)
    sentences = _sentences(found, plan, goal)
    return Outcome(
        found.advice.curve,
        found.advice.reached,
        sentences,
        found.sampled.measured,
        _tables(found) | {"recommendation.md": _report(found, plan, goal, sentences)},
    )


def _findings(
    section: Section, folder: Path, plan: Plan, goal: Goal, patterned: Collection[str] | None
) -> Findings:
    about, table = read_about(folder), tabulate(folder, plan)
    scored = set(about["genes"])
    patterned = scored & set(patterned_genes(section) if patterned is None else patterned)
    counted = table[table["gene"].isin(patterned)] if goal.patterned else table
    if counted.empty:
        raise S2SError("No scored gene has a spatial pattern in the pilot; count all genes.")
    blocks = map_blocks(folder, plan.seeds)
    advice = advise(counted, goal, blocks)
    best = advice.best
    case = table[(table["design"] == best["design"]) & (table["budget"] == best["budget"])].iloc[0]
    left_out = dict.fromkeys(
        f"{r['design']} at {in_percent(r['budget'])}"
        for r in read_cases(folder)
        if r["spec"] is None and r["design"] in plan.designs and r["budget"] in plan.budgets
    )
    sampled = sample(only_measured(section), case["spec"], int(case["seed"]))
    return Findings(
        about=about,
        advice=advice,
        table=table,
        counted=counted,
        blocks=blocks,
        patterned=frozenset(patterned),
        left_out=tuple(left_out),
        spec=str(case["spec"]),
        seed=int(case["seed"]),
        sampled=sampled,
    )


def _sentences(found: Findings, plan: Plan, goal: Goal) -> tuple[str, ...]:
    """The recommendation, what it leaves open, and where its spots are."""
    about = found.about
    plain = tuple(name for name, design in DESIGNS.items() if design.kind == "periodic")
    whole = goal.cost.total(about["n_spots"], about["n_rows"], about["n_regions"])
    out = recommend(found.counted, goal, whole, LABELS, plain, len(found.patterned), found.blocks)
    followers = [d for d in plan.designs if DESIGNS[d].informed]
    if followers:
        out.append(
            f"{', '.join(followers)} chose their spots by the pilot's own values: their scores say "
            "how they do on a section just like it."
        )
    if found.left_out:
        out.append(
            f"Left out: {', '.join(found.left_out)} (no such period, or fewer than {MIN_MEASURED} "
            "spots)."
        )
    out.append(
        f"mask.csv lists the {CALLED[found.advice.reached]} spots ({found.spec}) on the pilot. Draw the "
        f"same design on the next section with `python -m s2s_core masks SECTION --mask {found.spec} "
        f"--seed {found.seed} --out next_mask.csv`."
    )
    return tuple(out)


def _tables(found: Findings) -> dict[str, str]:
    """CSV of the curve, of the scores by gene and of the spots, by file name."""
    spots = mask_table(found.sampled)
    spots["spot_id"] = spots["spot_id"].map(guard)
    by_gene = found.table.groupby(["design", "budget", "gene"], sort=False)[list(SCORES)].mean()
    tables = {
        "curve.csv": found.advice.curve,
        "genes.csv": by_gene.reset_index(),
        "mask.csv": spots,
    }
    return {name: part.to_csv(index=False) for name, part in tables.items()}


def _report(found: Findings, plan: Plan, goal: Goal, sentences: tuple[str, ...]) -> str:
    """The recommendation and the curve in Markdown."""
    about, count = found.about, len(found.patterned)
    counts = f" (of these {count:,} with a spatial pattern count)" if goal.patterned else ""
    lines = [
        "# How sparsely can this tissue be sampled?",
        "",
        *(f"- {s}" for s in sentences),
        "",
        f"Pilot: {about['n_spots']:,} measured spots; {len(set(about['genes'])):,} genes scored{counts} at the "
        f"spots a design hides ({about.get('scale', SCALED)}); engine: {METHODS[plan.engine].label}; draws: {plan.seeds}. "
        "Intervals: 90 %, bootstrap over genes and draws.",
        "",
        f"Designs are compared by the PCC of the whole map. {RULE}",
        "",
        *_markdown(found.advice.curve, goal),
    ]
    return "\n".join(lines) + "\n"


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
