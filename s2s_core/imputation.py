"""The main job: a Section in, a Result with maps, deviations and scores out."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from s2s_core.assessment.intervals import Calibration, calibrate
from s2s_core.assessment.metrics import score_genes, score_intervals
from s2s_core.assessment.withheld import compare_withheld
from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation, folds, known_values, observe, withhold
from s2s_core.data.result import HIDDEN, WITHHELD, Result
from s2s_core.data.section import Section
from s2s_core.errors import Cancelled
from s2s_core.hardware import threads
from s2s_core.interfaces import Hooks, Prediction, Predictor, Progress
from s2s_core.methods import applicable, method

SCORE_FOLDS = 2
SCORE_FRACTION = 0.1
# Measured spots below which linear algebra runs on one thread.
FEW = 1500


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
    method(config.method)
    names = [config.method, *(n for n in config.compare if n != config.method)]
    names = [n for i, n in enumerate(names) if i == 0 or applicable(n, obs)]
    scored = [] if section.hidden.any() else _score_folds(obs, config)
    maps, sd, layers, tables, times, details = {}, {}, {}, [], {}, {}
    for name in names:
        begun = time.perf_counter()
        with _blas_threads(obs, config):
            answer, withheld = _impute(name, obs, config, hooks, scored)
        times[name] = time.perf_counter() - begun
        maps[name] = answer.mean
        if answer.sd is not None:
            sd[name] = answer.sd
        if name == config.method:
            layers = {"median": answer.median, "lower": answer.lower, "upper": answer.upper}
            kept = _kept(obs, withheld, scored)
        tables.append(_score(section, truth, answer, withheld, scored, obs).assign(method=name))
        details[name] = {k: v for k, v in answer.details.items() if np.isscalar(v)}
    metrics = pd.concat(tables, ignore_index=True)
    metrics = metrics[["method", *metrics.columns.drop("method")]]
    info = _info(section, config, obs, times, details, time.perf_counter() - started) | kept
    return Result(section, config, maps, sd, layers, truth, metrics, info)


def _blas_threads(obs: Observation, config: RunConfig):
    """As many threads for linear algebra as the run may have, one with few measured spots.

    Its idle threads spin for a while after every call, in the way of the network's own: with
    180 measured spots a run took 16 s with two of them and 11 s with one, with 1,700 135 and
    149 s (x86-64, 2 cores, 2026-11-21).
    """
    return threadpool_limits(1 if len(obs.pixels) < FEW else threads(config.threads), "blas")


@dataclass(frozen=True)
class Answer:
    """Everything one method says about some positions: (t, G) arrays.

    Median and interval are None where a method that is only compared has no deviation.
    ``constant`` (G,) says which genes' median is one number for the whole section.
    """

    mean: np.ndarray
    sd: np.ndarray | None
    median: np.ndarray | None
    lower: np.ndarray | None
    upper: np.ndarray | None
    details: dict
    constant: np.ndarray | None = None


def _impute(
    name: str, obs: Observation, config: RunConfig, hooks: Hooks, scored: list[np.ndarray]
) -> tuple[Answer, list[Answer]]:
    """Answer at all targets, and at the withheld spots of each scored fold."""
    chosen = method(name)
    if hooks.should_stop():
        raise Cancelled
    if name != config.method:
        hooks.on_progress(Progress(f"Comparing with: {chosen.label}", 0, 1))
    # Fitted without any of the scored spots; each fold is then predicted from all others.
    known = _without(obs, np.any(scored, axis=0)) if scored else obs
    predictor = chosen.fit(known, config, hooks)
    calibration = _calibrate(predictor, known, config, hooks, always=name == config.method)
    hooks.on_progress(Progress(f"Predicting: {chosen.label}", 0, 1))
    withheld = [
        _answer(predictor(_without(obs, fold), obs.pixels[fold]), calibration) for fold in scored
    ]
    if scored and name != "s2s":
        predictor = chosen.fit(obs, config, hooks)
    return _consistent(_answer(predictor(obs, obs.targets), calibration), obs), withheld


def _calibrate(
    predictor: Predictor, obs: Observation, config: RunConfig, hooks: Hooks, *, always: bool
) -> Calibration | None:
    """Medians and intervals from predicting every measured spot without itself.

    A method that is only compared is calibrated if it knows how uncertain it is.
    """
    mean, sd = np.empty_like(obs.values), np.ones_like(obs.values)
    parts = folds(obs)
    for k, out in enumerate(parts):
        if hooks.should_stop():
            raise Cancelled
        hooks.on_progress(Progress("Learning medians and intervals", k, len(parts)))
        prediction = predictor(_without(obs, out), obs.pixels[out])
        if prediction.sd is None and not always:
            return None
        mean[out] = prediction.mean
        if prediction.sd is not None:
            sd[out] = prediction.sd
    return calibrate(obs.values, mean, sd, config.coverage)


def _answer(prediction: Prediction, calibration: Calibration | None) -> Answer:
    mean, sd = prediction.mean.astype(np.float32), prediction.sd
    if calibration is None:
        return Answer(mean, sd, None, None, None, prediction.details)
    spread = np.ones_like(mean) if sd is None else sd.astype(np.float32)
    median, lower, upper = calibration.answer(mean, spread)
    constant = np.isfinite(calibration.constant)
    return Answer(mean, sd, median, lower, upper, prediction.details, constant)


def _without(obs: Observation, fold: np.ndarray) -> Observation:
    # A lattice with a few spots missing is still that lattice to the methods that need one.
    return replace(obs.subset(~fold), lattice=obs.lattice)


def _score_folds(obs: Observation, config: RunConfig) -> list[np.ndarray]:
    """Bool masks (m,) of measured spots kept for scores only."""
    first = withhold(obs, SCORE_FRACTION, config.seed + 1000)
    rank = np.cumsum(first) - 1
    return [first & (rank % SCORE_FOLDS == k) for k in range(SCORE_FOLDS)]


def _consistent(answer: Answer, obs: Observation) -> Answer:
    """Put every measured value in its place: the last step is data consistency."""
    order = np.argsort(obs.targets)
    rows = order[np.searchsorted(obs.targets, obs.pixels, sorter=order)]

    def put(values: np.ndarray | None, measured) -> np.ndarray | None:
        if values is None:
            return None
        values = values.astype(np.float32)
        values[rows] = measured
        return values

    return Answer(
        put(answer.mean, obs.values),
        put(answer.sd, 0.0),
        put(answer.median, obs.values),
        put(answer.lower, obs.values),
        put(answer.upper, obs.values),
        answer.details,
        answer.constant,
    )


def _score(section, truth, answer: Answer, withheld, scored, obs: Observation) -> pd.DataFrame:
    place = {"pixels": section.pixels, "shape": section.grid.shape}
    if not scored:
        at, spots = section.hidden, HIDDEN
        table = score_genes(truth, answer.mean, at, **place)
        parts = [(truth[at], [None if v is None else v[at] for v in _interval_of(answer)])]
    else:
        row_of = {p: i for i, p in enumerate(section.pixels)}
        guess, at, parts = truth.copy(), np.zeros(section.n_positions, bool), []
        for fold, part in zip(scored, withheld, strict=True):
            rows = [row_of[p] for p in obs.pixels[fold]]
            guess[rows] = part.mean
            at[rows] = True
            parts.append((obs.values[fold], _interval_of(part)))
        table = score_genes(truth, guess, at, **place, shown=section.measured)
        spots = WITHHELD
    if parts[0][1][0] is not None:
        true = np.concatenate([part[0] for part in parts])
        median, lower, upper = (np.concatenate([part[1][i] for part in parts]) for i in range(3))
        table = table.assign(**score_intervals(true, median, lower, upper))
        table["median_constant"] = answer.constant
    table.insert(0, "gene", section.genes.to_numpy())
    table.insert(1, "spots", spots)
    table.insert(2, "n_spots", int(at.sum()))
    table.insert(3, "scale", section.scale)
    return table


def _kept(obs: Observation, withheld: list[Answer], scored: list[np.ndarray]) -> dict:
    """What is kept of the predictions at withheld spots, which checks of the map look at."""
    if not scored:
        return {}
    points = obs.grid.lattice_xy(*np.divmod(obs.pixels, obs.grid.shape[1]))
    found = compare_withheld(
        np.concatenate([obs.values[fold] for fold in scored]),
        np.concatenate([part.mean for part in withheld]),
        np.concatenate([points[fold] for fold in scored]),
        points[~np.any(scored, axis=0)],
    )
    return {} if found is None else found.to_info()


def _interval_of(answer: Answer) -> tuple:
    return answer.median, answer.lower, answer.upper


def _info(section, config, obs, times, details, seconds) -> dict:
    packages = ("numpy", "scipy", "scikit-learn", "anndata", "torch")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "design": section.design,
        "n_positions": section.n_positions,
        "n_measured": int(section.measured.sum()),
        "n_hidden": int(section.hidden.sum()),
        "n_genes": obs.n_genes,
        "target_sum": obs.target_sum,
        "scale": section.scale,
        "seconds": round(seconds, 2),
        "seconds_by_method": {k: round(v, 2) for k, v in times.items()},
        "details": details,
        # Linux counts kilobytes, macOS bytes.
        "peak_memory_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "notes": list(section.notes),
        "config": asdict(config),
    }
