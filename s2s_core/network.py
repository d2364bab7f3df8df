"""The network as a method: fit on an observation, predict everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from s2s_core.baselines import Prediction, Predictor
from s2s_core.compact import CompactSource, correct
from s2s_core.config import RunConfig
from s2s_core.device import choose_device, describe_device, set_threads
from s2s_core.errors import S2SError
from s2s_core.lens import fit_lens
from s2s_core.methods import Hooks
from s2s_core.model import CDCIN, count_parameters
from s2s_core.observation import Observation, withhold
from s2s_core.progress import Progress
from s2s_core.published import PublishedSource, predict_genes
from s2s_core.training import Step, train


def fit_network(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Train CDCIN on the measured spots of one section.

    ``config.programmes`` > 0 takes the compact engine on gene programmes; 0 the published
    form, gene by gene.

    Raises
    ------
    S2SError
        For a device that is not there or too few measured spots.
    Cancelled
        When asked to stop; the checkpoint is written.
    """
    set_threads(config.threads)
    device = choose_device(config.device)
    torch.manual_seed(config.seed)
    hooks.on_progress(Progress("Fitting gene programmes", 0, config.train.steps))
    aside = withhold(obs, config.train.choose_fraction, config.seed)
    compact = config.programmes > 0
    if compact != config.model.context:
        raise S2SError("Gene programmes need a model with context, single genes one without.")
    source = (CompactSource if compact else PublishedSource)(obs, config, aside)
    model = CDCIN(config.model)
    phase = f"Training on {describe_device(device)}"
    preview = _previewer(source, obs, device, hooks.preview)

    def on_step(step: Step) -> None:
        picture = preview(model) if step.score is not None else None
        hooks.on_progress(
            Progress(
                phase,
                step.step,
                step.steps,
                step.seconds_left,
                step.losses,
                step.score,
                picture,
            )
        )

    state = train(
        model, source, config, device, checkpoint=hooks.checkpoint,
        fingerprint=_fingerprint(obs, config), resume=hooks.resume,
        on_step=on_step, should_stop=hooks.should_stop,
    )  # fmt: skip
    details = {
        "device": describe_device(device),
        "parameters": count_parameters(model),
        "steps_done": state.step,
        "best_step": state.best_step,
        "score_set_aside": state.best_score,
        "n_set_aside": int(aside.sum()),
    }
    augmented = config.train.augment_at_prediction
    if not compact:
        return lambda seen, targets: Prediction(
            predict_genes(model, seen, targets, device, augmented=augmented), None, details
        )
    share = source.blend(model, device, augmented=augmented)
    details["network_share"] = share
    # The network knows no particular programme: the spots that were set aside join now.
    hooks.on_progress(Progress("Fitting gene programmes", 1, 1))
    lens = fit_lens(obs, config.programmes, config.seed, like=source.lens)
    details["programmes"] = len(lens.programmes.scale)
    details["regression_ridge"] = lens.ridge

    def predict(seen: Observation, targets: np.ndarray) -> Prediction:
        estimate = lens.estimate(seen)
        corrected = correct(model, estimate, seen.grid.tissue, device, augmented=augmented)
        maps = estimate.mean + share * (corrected - estimate.mean)
        at = (slice(None), *np.divmod(targets, seen.grid.shape[1]))
        return Prediction(lens.genes(seen, targets, maps[at].T), None, details)

    return predict


def _fingerprint(obs: Observation, config: RunConfig) -> str:
    """Hash of what a checkpoint depends on: measured values, their places, model and training."""
    settings = replace(config, compare=(), threads=0, device="auto")
    parts = (settings.to_json().encode(), obs.values.tobytes(), obs.pixels.tobytes())
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _previewer(
    source, obs: Observation, device: torch.device, gene: int | None
) -> Callable[[CDCIN], np.ndarray | None]:
    """Make a function that draws the preview gene with the current weights."""
    if gene is None:
        return lambda model: None

    def draw(model: CDCIN) -> np.ndarray:
        values = source.preview(model, device, gene)[obs.targets]
        values = np.maximum(values, 0.0)
        where = np.searchsorted(np.sort(obs.targets), obs.pixels)
        values[np.argsort(obs.targets)[where]] = obs.values[:, gene]
        return values.astype(np.float32)

    return draw
