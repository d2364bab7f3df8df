"""Forecast of the time that a run takes on this machine, before it starts and while it works.

A simple law fitted on one machine (2 cores, docs/engine.md), corrected by how long earlier runs
took here: the first guess is rough, later ones are not. While a run works, its present stage
tells its own pace, and the stages to come are predicted.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

from s2s_core.config import PRESETS, ProgrammeTraining, RunConfig
from s2s_core.data.section import Section
from s2s_core.hardware import threads
from s2s_core.jobs import jobs
from s2s_core.vocabulary import Phase

# Seconds: at all, for each position, for each value of the map.
COST = {"fast": (3.0, 0.018, 1.0e-6), "balanced": (7.0, 0.04, 1.0e-6)}
CLASSICAL = (4.0, 0.006, 1.4e-6)
# Shares of a run of 300 genes there until training begins and until it ends; balanced differs
# from fast in its training alone.
TRAINED = {"fast": (0.2, 0.7), "balanced": (0.09, 0.86)}
REMEMBERED = 8
REFERENCE_CORES = 2
# Phase and detail of a stage.
StageName = tuple[Phase, str]


def predicted_seconds(n_positions: int, n_genes: int, config: RunConfig) -> float | None:
    """Seconds on the reference machine; None for the published form, which takes hours to days."""
    if config.method == "s2s" and config.preset not in COST:
        return None
    base, each, value = COST[config.preset] if config.method == "s2s" else CLASSICAL
    return base + each * n_positions + value * n_positions * n_genes


def forecast(section: Section, config: RunConfig, factor: float) -> float | None:
    """Seconds that a run will take here; ``factor`` comes from :func:`machine_factor`."""
    seconds = predicted_seconds(section.n_positions, len(section.genes), config)
    return None if seconds is None else seconds * factor


def forecast_training(section: Section, config: RunConfig, factor: float) -> float | None:
    """As :func:`forecast`, for a run whose training differs from its preset's.

    The training's share of the run grows with its steps and cascades.
    """
    seconds = forecast(section, config, factor)
    usual = PRESETS[config.preset]
    mine, theirs = config.train, usual.train
    if seconds is None or config.method != "s2s":
        return seconds
    if not (isinstance(mine, ProgrammeTraining) and isinstance(theirs, ProgrammeTraining)):
        return None
    first, last = TRAINED[config.preset]
    more = mine.steps / theirs.steps * config.model.cascades / usual.model.cascades
    return seconds * (1.0 + (last - first) * (more - 1.0))


def machine_factor() -> tuple[float, bool]:
    """Speed factor of this machine against the reference, and whether it was measured.

    The median over the latest finished runs of the time they took over the time predicted.
    """
    ratios = []
    for job in jobs.all_jobs():
        with suppress(OSError, KeyError, ValueError, TypeError):
            info = json.loads((job.result / "run.json").read_text(encoding="utf-8"))
            config = job.config()
            seconds = predicted_seconds(info["n_positions"], info["n_genes"], config)
            # Short runs are mostly starting and writing.
            if seconds and config.method == "s2s":
                ratios.append(info["seconds"] / seconds)
        if len(ratios) == REMEMBERED:
            break
    if ratios:
        return float(np.median(ratios)), True
    cores = min(threads(), 16)
    return (REFERENCE_CORES / cores) ** 0.6, False


@dataclass(frozen=True)
class RunHistory:
    """Time that an earlier run spent in its stages.

    Attributes
    ----------
    method, preset : str
    stages : tuple of ((Phase, str), float)
        Phase and detail of each stage, and the share (0..1) of the run at which it began.
    """

    method: str
    preset: str
    stages: tuple[tuple[StageName, float], ...]


def run_history() -> tuple[RunHistory, ...]:
    """The latest finished runs that went through in one go, newest first."""
    found = []
    for job in jobs.all_jobs():
        with suppress(OSError, KeyError, ValueError, TypeError):
            state, config = jobs.written_state(job), job.config()
            whole = state.ended - state.started
            if state.status == "done" and state.stages and not state.resume and whole > 0:
                stages = tuple((s.name, (s.began - state.started) / whole) for s in state.stages)
                found.append(RunHistory(config.method, config.preset, stages))
        if len(found) == REMEMBERED:
            break
    return tuple(found)


def seconds_to_go(
    state: jobs.State,
    config: RunConfig,
    whole: float | None,
    history: tuple[RunHistory, ...],
    now: float,
) -> float | None:
    """Seconds until a working run ends; None where nothing is known.

    Parameters
    ----------
    state : State
    config : RunConfig
    whole : float or None
        Of the whole run, by :func:`forecast`.
    history : tuple of RunHistory
        Runs that tell how long the stages to come take; the first that began in the same way
        counts. Without one the reference machine's shares do.
    now : float
        Seconds since the epoch.
    """
    if whole is None:
        return None
    pace = state.seconds_left
    trains = any(stage.phase is Phase.TRAINING for stage in state.stages)
    if state.resume and pace is None and not trains:
        # How much of the training is done already is not known before it goes on.
        return None
    first, last, begun = _present(state, config, history)
    if pace is None:
        pace = max((last - first) * whole - (now - begun), 0.0)
    return (pace + (1.0 - last) * whole) or None


def _present(
    state: jobs.State, config: RunConfig, history: tuple[RunHistory, ...]
) -> tuple[float, float, float]:
    """Shares of the run at which the present stage begins and ends, and when it began."""
    if not state.stages:
        return 0.0, 1.0, state.started
    names = [stage.name for stage in state.stages]
    for run in history:
        alike = (run.method, run.preset) == (config.method, config.preset)
        if alike and [name for name, _ in run.stages[: len(names)]] == names:
            ends = [share for _, share in run.stages[1:]] + [1.0]
            at = len(names) - 1
            return run.stages[at][1], ends[at], state.stages[at].began
    if config.method != "s2s" or config.preset not in TRAINED:
        return 0.0, 1.0, state.started
    before, after = TRAINED[config.preset]
    training = [stage.phase is Phase.TRAINING for stage in state.stages]
    if not any(training):
        return 0.0, before, state.started
    if training[-1]:
        return before, after, state.stages[-1].began
    # All that follows the training is one stage.
    return after, 1.0, state.stages[training.index(True) + 1].began
