"""Studies as jobs: accuracy against budget on a pilot, and the paper's experiments.

What is finished of a study stands in the job's result folder and is read from there while the
rest is computed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from s2s_core.config import RunConfig, preset
from s2s_core.data.section import Section
from s2s_core.data.store import atomic
from s2s_core.errors import S2SError
from s2s_core.interfaces import Hooks
from s2s_core.jobs.forecast import forecast_training
from s2s_core.jobs.jobs import ACTIVE, Job, state
from s2s_core.sampling.apply import sample
from s2s_core.studies.budget_study import run_design
from s2s_core.studies.data_consistency import check_consistency
from s2s_core.studies.experiments import EXPERIMENTS, planned, run_experiment
from s2s_core.studies.plan import Plan

CONSISTENCY, SPARSITY = "dc", "sparsity"
# A trained network, and a run in full.
CHECKED = 2


@dataclass(frozen=True)
class Work:
    """What an experiment would do.

    Attributes
    ----------
    n_trainings : int
        How often a network is trained.
    left_out : tuple of str
        Variants whose mask leaves too few spots.
    seconds : float or None
        How long that takes here, where it is known.
    """

    n_trainings: int
    left_out: tuple[str, ...]
    seconds: float | None


def plan_task(plan: Plan) -> dict:
    """Task of a job of kind "plan"."""
    return {"plan": plan.to_json()}


def plan_of(job: Job) -> Plan:
    """Plan of a job of kind "plan"."""
    return Plan.from_json(job.task()["plan"])


def widen(job: Job, designs: tuple[str, ...], budgets: tuple[float, ...], seeds: int) -> Plan:
    """Add designs, budgets and draws to a plan; started again it does what is not done yet.

    Raises
    ------
    S2SError
        If nothing would be added, the wider plan cannot be run, or the plan is at work.
    """
    if state(job).status in ACTIVE:
        raise S2SError("The plan is at work; pause it or wait for its end, then widen it.")
    plan = plan_of(job)
    wider = replace(
        plan,
        designs=tuple(dict.fromkeys((*plan.designs, *designs))),
        budgets=tuple(sorted({*plan.budgets, *budgets})),
        seeds=max(plan.seeds, seeds),
    )
    if wider.n_cases == plan.n_cases:
        raise S2SError("Nothing new is asked for; add a design, a budget or draws.")
    wider.check(job.section())
    with atomic(job.folder / "task.json") as file:
        file.write_text(json.dumps(plan_task(wider)), encoding="utf-8")
    return wider


def experiment_task(name: str, mask: str, seeds: int, preset_name: str) -> dict:
    """Task of a job of kind "experiment".

    Raises
    ------
    S2SError
        If there is no such experiment.
    """
    if name != CONSISTENCY and name not in EXPERIMENTS:
        raise S2SError(f"Unknown experiment {name!r}; choose dc, {', '.join(EXPERIMENTS)}.")
    return {"name": name, "mask": mask, "seeds": seeds, "preset": preset_name}


def experiment_work(section: Section, task: dict, factor: float) -> Work:
    """What an experiment would do on a section; ``factor`` as in :mod:`s2s_core.jobs.forecast`.

    Raises
    ------
    S2SError
        If its mask cannot be drawn, or leaves nothing that can be imputed or scored.
    """
    base, name = preset(task["preset"]), task["name"]
    # What sparsity varies is compared with the mask of the task.
    sampled = sample(section, task["mask"])
    sampled.check_ready()
    if not sampled.hidden.any():
        raise S2SError(
            f"The design {task['mask']} hides no spot, so nothing can be scored; choose a sparser one."
        )
    if name == CONSISTENCY:
        trainings: list[RunConfig] = [base] * CHECKED
        left_out: list[str] = []
    else:
        trainings, left_out = planned(section, name, task["mask"], task["seeds"], base)
    times = [forecast_training(section, config, factor) for config in trainings]
    known = [time for time in times if time is not None]
    seconds = sum(known) if len(known) == len(times) else None
    return Work(len(trainings), tuple(left_out), seconds)


def questions() -> dict[str, str]:
    """Experiments by name, each with the question it answers."""
    return {CONSISTENCY: "Does data consistency keep every measured value?"} | {
        name: experiment.question for name, experiment in EXPERIMENTS.items()
    }


def run_study(job: Job, hooks: Hooks) -> None:
    """Do what is left of a study."""
    section, task = job.section(), job.task()
    if job.kind == "plan":
        run_design(section, plan_of(job), job.result, hooks)
    elif task["name"] == CONSISTENCY:
        check_consistency(
            section, job.result, preset(task["preset"]), mask=task["mask"], hooks=hooks
        )
    else:
        run_experiment(
            section,
            task["name"],
            job.result,
            base=preset(task["preset"]),
            mask=task["mask"],
            seeds=task["seeds"],
            hooks=hooks,
        )
