"""The main job: a Section in, a Result with maps, deviations and scores out."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.assessment.answer import Answer, ScoredSpots
from s2s_core.assessment.block_scores import blocks_to_info
from s2s_core.assessment.intervals import calibrate
from s2s_core.assessment.scoring import MethodScores, score_hidden, score_withheld
from s2s_core.assessment.withheld import compare_withheld
from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation, folds, known_values, observe, withhold
from s2s_core.data.result import Result, Withheld
from s2s_core.data.section import Section
from s2s_core.errors import Cancelled
from s2s_core.hardware import blas_threads, peak_memory_mb
from s2s_core.interfaces import Hooks, Predictor, Progress
from s2s_core.methods import applicable, method
from s2s_core.vocabulary import Phase

# Folds of the spots kept for scores, and their share of the measured spots.
SCORE_FOLDS = 2
SCORE_FRACTION = 0.1
PACKAGES = ("numpy", "scipy", "scikit-learn", "anndata", "torch")


@dataclass(frozen=True)
class MethodRun:
    """One method's part of a run.

    Attributes
    ----------
    name : str
    answer : Answer
        At all tissue positions, measured values in place.
    scored : ScoredSpots or None
        At spots withheld from fitting as well; None where scores are taken at hidden truth.
    scores : MethodScores
    seconds : float
    withheld : Withheld or None
        Predictions at every measured spot; None for methods that are not calibrated.
    """

    name: str
    answer: Answer
    scored: ScoredSpots | None
    scores: MethodScores
    seconds: float
    withheld: Withheld | None


def run(
    section: Section,
    config: RunConfig,
    *,
    folder: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: bool = False,
    preview_gene: str | None = None,
) -> Result:
    """Impute a section with one method, compare it with others, and score them all.

    With hidden truth (a simulated mask) scores are taken there. Otherwise a tenth of the
    measured spots is withheld from training altogether and predicted, in two folds, from all
    the others; the delivered map then uses every measured spot.

    Parameters
    ----------
    section : Section
    config : RunConfig
    folder : Path, optional
        Where the checkpoint is kept.
    on_progress, should_stop : callables, optional
    resume : bool
        Go on from the folder's checkpoint.
    preview_gene : str, optional
        Gene whose map is reported while training.

    Raises
    ------
    S2SError
        For whatever the user can put right.
    Cancelled
        When asked to stop; a resumed run ends with the same result.
    """
    started = time.perf_counter()
    obs = observe(section)
    truth = known_values(section, obs.target_sum)
    hooks = Hooks(
        on_progress or (lambda progress: None),
        should_stop or (lambda: False),
        folder / "checkpoint.pt" if folder else None,
        resume,
        int(section.genes.get_loc(preview_gene)) if preview_gene else None,
    )
    scored = [] if section.hidden.any() else _score_folds(obs, config)
    runs = [
        _run_method(name, section, truth, obs, config, hooks, scored)
        for name in _names(config, obs)
    ]
    return _result(section, config, obs, truth, runs, scored, time.perf_counter() - started)


def _names(config: RunConfig, obs: Observation) -> list[str]:
    """The chosen method, then those it is compared with that can run on this mask.

    Raises
    ------
    S2SError
        If there is no method of a name.
    """
    method(config.method)
    others = [n for n in dict.fromkeys(config.compare) if n != config.method]
    return [config.method, *(n for n in others if applicable(n, obs))]


def _score_folds(obs: Observation, config: RunConfig) -> list[np.ndarray]:
    """Bool masks (m,) of measured spots kept for scores only."""
    first = withhold(obs, SCORE_FRACTION, config.seed + 1000)
    rank = np.cumsum(first) - 1
    return [first & (rank % SCORE_FOLDS == k) for k in range(SCORE_FOLDS)]


def _run_method(
    name: str,
    section: Section,
    truth: np.ndarray,
    obs: Observation,
    config: RunConfig,
    hooks: Hooks,
    folds_scored: Sequence[np.ndarray],
) -> MethodRun:
    begun = time.perf_counter()
    with blas_threads(len(obs.pixels), config.threads):
        answer, spots, withheld = _impute(name, obs, config, hooks, folds_scored)
    seconds = time.perf_counter() - begun
    if spots is None:
        scores = score_hidden(section, truth, answer.mean, answer.intervals)
    else:
        scores = score_withheld(section, truth, spots)
    if answer.constant is not None:
        scores.genes["median_constant"] = answer.constant
    return MethodRun(name, answer, spots, scores, seconds, withheld)


def _impute(
    name: str, obs: Observation, config: RunConfig, hooks: Hooks, scored: Sequence[np.ndarray]
) -> tuple[Answer, ScoredSpots | None, Withheld | None]:
    """Answer at all targets, at the withheld spots of the scored folds, and at all spots in turn."""
    chosen = method(name)
    if hooks.should_stop():
        raise Cancelled
    if name != config.method:
        hooks.on_progress(Progress(Phase.COMPARING, 0, 1, detail=chosen.label))
    # Fitted without any of the scored spots; each fold is then predicted from all others.
    known = _without(obs, np.any(scored, axis=0)) if scored else obs
    predictor = chosen.fit(known, config, hooks)
    withheld = _predict_withheld(predictor, known, hooks, always=name == config.method)
    calibration = None
    if withheld is not None:
        calibration = calibrate(known.values, withheld.mean, withheld.sd, config.coverage)
    hooks.on_progress(Progress(Phase.PREDICTING, 0, 1, detail=chosen.label))
    asked = [
        Answer.of(predictor(_without(obs, fold), obs.pixels[fold]), calibration) for fold in scored
    ]
    if scored and chosen.refit:
        predictor = chosen.fit(obs, config, hooks)
    # Every measured value in its place: the last step is data consistency.
    delivered = Answer.of(predictor(obs, obs.targets), calibration)
    delivered = delivered.with_measured(obs.rows(obs.pixels), obs.values)
    if not scored:
        return delivered, None, withheld
    rows, measured = zip(*((obs.rows(obs.pixels[f]), obs.values[f]) for f in scored), strict=True)
    everywhere = None if withheld is None else _everywhere(withheld, scored, asked)
    return delivered, ScoredSpots.of(rows, measured, asked), everywhere


def _predict_withheld(
    predictor: Predictor, obs: Observation, hooks: Hooks, *, always: bool
) -> Withheld | None:
    """Every measured spot without itself, fold by fold: what medians and intervals learn from.

    A method that is only compared is asked if it knows how uncertain it is.
    """
    mean, sd = np.empty_like(obs.values), np.ones_like(obs.values)
    parts = folds(obs)
    for k, out in enumerate(parts):
        if hooks.should_stop():
            raise Cancelled
        hooks.on_progress(Progress(Phase.INTERVALS, k, len(parts)))
        prediction = predictor(_without(obs, out), obs.pixels[out])
        if prediction.sd is None and not always:
            return None
        mean[out] = prediction.mean
        if prediction.sd is not None:
            sd[out] = prediction.sd
    return Withheld(mean, sd)


def _everywhere(
    known: Withheld, scored: Sequence[np.ndarray], answers: Sequence[Answer]
) -> Withheld:
    """Predictions at all measured spots: those kept for scores among the others."""
    held = np.any(scored, axis=0)
    shape = len(held), known.mean.shape[1]
    mean, sd = np.empty(shape, np.float32), np.ones(shape, np.float32)
    mean[~held], sd[~held] = known.mean, known.sd
    for fold, answer in zip(scored, answers, strict=True):
        mean[fold] = answer.mean
        if answer.sd is not None:
            sd[fold] = answer.sd
    return Withheld(mean, sd)


def _without(obs: Observation, fold: np.ndarray) -> Observation:
    # A lattice with a few spots missing is still that lattice to the methods that need one.
    return replace(obs.subset(~fold), lattice=obs.lattice)


def _result(
    section: Section,
    config: RunConfig,
    obs: Observation,
    truth: np.ndarray,
    runs: Sequence[MethodRun],
    scored: Sequence[np.ndarray],
    seconds: float,
) -> Result:
    found = runs[0].answer.intervals
    tables = [run.scores.genes.assign(method=run.name) for run in runs]
    metrics = pd.concat(tables, ignore_index=True)
    return Result(
        section,
        config,
        maps={run.name: run.answer.mean for run in runs},
        sd={run.name: run.answer.sd for run in runs if run.answer.sd is not None},
        layers={}
        if found is None
        else {"median": found.median, "lower": found.lower, "upper": found.upper},
        truth=truth,
        metrics=metrics[["method", *metrics.columns.drop("method")]],
        info=_info(section, config, obs, runs, seconds)
        | blocks_to_info({run.name: run.scores.blocks for run in runs})
        | _kept(obs, runs[0].scored, scored),
        withheld=runs[0].withheld,
    )


def _kept(obs: Observation, spots: ScoredSpots | None, scored: Sequence[np.ndarray]) -> dict:
    """Numbers of the predictions at withheld spots, which checks of the map look at."""
    if spots is None:
        return {}
    points = obs.lattice_xy(obs.pixels)
    found = compare_withheld(
        spots.measured,
        spots.mean,
        obs.lattice_xy(obs.targets[spots.rows]),
        points[~np.any(scored, axis=0)],
    )
    return {} if found is None else found.to_info()


def _info(
    section: Section,
    config: RunConfig,
    obs: Observation,
    runs: Sequence[MethodRun],
    seconds: float,
) -> dict:
    return {
        "design": section.design,
        "n_positions": section.n_positions,
        "n_measured": int(section.measured.sum()),
        "n_hidden": int(section.hidden.sum()),
        "n_genes": obs.n_genes,
        "target_sum": obs.target_sum,
        "scale": section.scale,
        "seconds": round(seconds, 2),
        "seconds_by_method": {run.name: round(run.seconds, 2) for run in runs},
        "details": {
            run.name: {k: v for k, v in run.answer.details.items() if np.isscalar(v)}
            for run in runs
        },
        "peak_memory_mb": round(peak_memory_mb()),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in PACKAGES},
        "notes": list(section.notes),
        "config": asdict(config),
    }
