"""Accuracy against budget: designs x budgets x seeds on a pilot section, resumable.

Each case hides what a design leaves out of the pilot, imputes it with the chosen engine and is
scored at the hidden spots. Cases are appended to ``cases.jsonl`` in a folder as they are done;
those that stand there are not done again.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from s2s_core.assessment.block_scores import BlockScores, block_scores
from s2s_core.assessment.metrics import pearson
from s2s_core.config import preset
from s2s_core.data.observation import known_values, observe
from s2s_core.data.section import MIN_MEASURED, Section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks, Progress
from s2s_core.methods import method
from s2s_core.sampling.apply import at_budget
from s2s_core.sampling.design_metrics import expected_error
from s2s_core.sampling.pilot import Pilot
from s2s_core.studies.cases import Cases, numbers, read_about, read_cases
from s2s_core.studies.plan import FINAL, Plan
from s2s_core.vocabulary import Phase

# Neighbours on any lattice are one pitch apart.
TOUCHING = 1.2
SCORES = ("pcc", "rmse", "pcc_map", "rmse_map", "expected_pcc", "expected_rmse")
# Scores of the whole map by spatial block, which designs are compared by.
BLOCKS = "map_blocks"


@dataclass(frozen=True)
class Case:
    """One design at one budget with one seed."""

    design: str
    budget: float
    seed: int


def run_design(
    section: Section, plan: Plan, folder: Path, hooks: Hooks | None = None
) -> pd.DataFrame:
    """Run a plan, or what is left of it.

    Parameters
    ----------
    section : Section
        The pilot. Only its measured spots are used; values a mask hides are forgotten first.
    plan : Plan
    folder : Path
        Where finished cases are kept; a plan may be widened later (more designs, budgets,
        seeds) and goes on from them.
    hooks : Hooks, optional
        ``on_progress`` and ``should_stop`` are used.

    Returns
    -------
    DataFrame
        One row a case and gene: design, budget, seed, spec, n_measured, n_rows, n_regions,
        gene; pcc, rmse at the spots a design hides, pcc_map, rmse_map over all spots with the
        measured values in place (the same spots for every design); expected_pcc and
        expected_rmse, what planning foretold for hidden spots. Log scale.

    Raises
    ------
    S2SError
        If the plan cannot be run, or the folder belongs to another pilot, engine or genes.
    Cancelled
        When asked to stop; finished cases are kept.
    """
    hooks = hooks or Hooks()
    section = only_measured(section)
    plan.check(section)
    pilot = Pilot(section)
    genes = list(section.genes if plan.genes is None else dict.fromkeys(plan.genes))
    cases = Cases(folder, _about(section, plan, genes))
    done = {(r["design"], r["budget"], r["seed"]) for r in read_cases(folder)}
    wanted = [Case(d, b, s) for s in range(plan.seeds) for b in plan.budgets for d in plan.designs]
    waiting = [c for c in wanted if (c.design, c.budget, c.seed) not in done]
    columns = section.genes.get_indexer(genes)
    begun = time.perf_counter()
    for k, case in enumerate(waiting):
        if hooks.should_stop():
            raise Cancelled
        left = (time.perf_counter() - begun) / k * (len(waiting) - k) if k else None
        finished = len(wanted) - len(waiting) + k
        hooks.on_progress(Progress(Phase.DESIGNS, finished, len(wanted), left))
        record = _compute(section, pilot, case, plan, columns, hooks)
        cases.add(asdict(case) | record)
    hooks.on_progress(Progress(Phase.DESIGNS, len(wanted), len(wanted)))
    return tabulate(folder, plan)


def tabulate(folder: Path, plan: Plan | None = None) -> pd.DataFrame:
    """Finished cases of a folder as a table (see :func:`run_design`); of a plan's only, if given.

    Raises
    ------
    S2SError
        If nothing is finished there.
    """
    parts = []
    for record in read_cases(folder):
        asked = plan is None or (
            record["design"] in plan.designs
            and record["budget"] in plan.budgets
            and record["seed"] < plan.seeds
        )
        if record["spec"] is not None and asked:
            genes = read_about(folder)["genes"]
            record.pop(BLOCKS, None)
            scores = {k: np.array(record.pop(k), float) for k in SCORES}
            parts.append(pd.DataFrame({**record, "gene": genes, **scores}))
    if not parts:
        raise S2SError(
            "No tested design can have any of these budgets (no such period, or fewer than "
            f"{MIN_MEASURED} spots); choose others."
        )
    return pd.concat(parts, ignore_index=True)


def map_blocks(folder: Path, seeds: int) -> dict[tuple[str, float], list[BlockScores]]:
    """Scores of the whole map by block of every finished draw, by design and budget.

    Cases of an earlier version have kept none: they are missing here.
    """
    found: dict[tuple[str, float], list[BlockScores]] = {}
    for record in read_cases(folder):
        blocks = BlockScores.from_json(record.get(BLOCKS))
        if blocks is not None and record["seed"] < seeds:
            found.setdefault((record["design"], record["budget"]), []).append(blocks)
    return found


def only_measured(section: Section) -> Section:
    """The section as a pilot: what a mask hides of it is forgotten."""
    return section.without_hidden() if section.hidden.any() else section


def measured_parts(section: Section) -> tuple[int, int]:
    """Number of array rows with a measured spot, and of groups of touching measured spots."""
    where = section.measured
    points = section.grid.lattice_xy(section.row[where], section.col[where])
    tree = cKDTree(points)
    touching = tree.sparse_distance_matrix(tree, TOUCHING, output_type="coo_matrix")
    groups = connected_components(touching, directed=False)[0]
    return len(np.unique(section.row[where])), int(groups)


def _compute(
    section: Section, pilot: Pilot, case: Case, plan: Plan, columns: np.ndarray, hooks: Hooks
) -> dict:
    """One case: what was measured and the scores of each gene at the hidden spots."""
    begun = time.perf_counter()
    sampled = at_budget(section, case.design, case.budget, case.seed, pilot=pilot)
    if sampled is None or sampled.measured.sum() < MIN_MEASURED:
        return {"spec": None}
    config = preset(plan.preset, method=plan.engine, compare=(), seed=case.seed)
    obs = observe(sampled)
    quiet = replace(Hooks(), should_stop=hooks.should_stop)
    imputed = method(plan.engine).fit(obs, config, quiet)(obs, obs.targets).mean
    truth, guess = known_values(sampled, obs.target_sum)[:, columns], imputed[:, columns]
    guess[sampled.measured] = truth[sampled.measured]
    sets = {"": sampled.hidden, "_map": sampled.known}
    scores = {f"pcc{name}": pearson(truth[at], guess[at]) for name, at in sets.items()}
    scores |= {
        f"rmse{name}": np.sqrt(((guess[at] - truth[at]) ** 2).mean(0)) for name, at in sets.items()
    }
    rmse, pcc = expected_error(pilot, sampled.measured)
    scores |= {"expected_rmse": rmse[columns], "expected_pcc": pcc[columns]}
    n_rows, n_regions = measured_parts(sampled)
    at = sampled.known
    points = sampled.grid.lattice_xy(sampled.row[at], sampled.col[at])
    return {
        "spec": sampled.design,
        "n_measured": int(sampled.measured.sum()),
        "n_rows": n_rows,
        "n_regions": n_regions,
        "seconds": round(time.perf_counter() - begun, 3),
        BLOCKS: block_scores(truth[at], guess[at], points).to_json(),
        **{name: numbers(scores[name]) for name in SCORES},
    }


def _about(section: Section, plan: Plan, genes: list[str]) -> dict:
    """What all cases of a folder share, with a hash of what they depend on."""
    digest = hashlib.sha256(section.counts.data.tobytes() + section.counts.indices.tobytes())
    digest.update(section.pixels.tobytes() + section.measured.tobytes())
    network = preset(plan.preset).to_json() if plan.engine == FINAL else ""
    digest.update(f"{plan.engine}|{network}|{section.is_log}|{genes}".encode())
    n_rows, n_regions = measured_parts(section)
    return {
        "mark": digest.hexdigest(),
        "n_spots": int(section.measured.sum()),
        "scale": section.scale,
        "n_rows": n_rows,
        "n_regions": n_regions,
        "genes": genes,
    }
