"""The network as a method: fit on an observation, predict everywhere."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation
from s2s_core.errors import Cancelled, S2SError
from s2s_core.geostat.first_estimate import FIT_STEPS
from s2s_core.interfaces import Hooks, Prediction, Predictor, Progress
from s2s_core.network.cdcin import CDCIN, count_parameters
from s2s_core.network.device import choose_device, describe_device, set_threads
from s2s_core.network.patch_source import PublishedSource, predict_genes
from s2s_core.network.pretrained import WEIGHTS, load_prior, prior_fits
from s2s_core.network.programme_source import CompactSource, correct
from s2s_core.network.trainer import Step, train


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
    compact = config.programmes > 0
    if compact != config.model.context:
        raise S2SError("Gene programmes need a model with context, single genes one without.")

    def tick(done: int, parts: int) -> None:
        if hooks.should_stop():
            raise Cancelled
        hooks.on_progress(Progress("Fitting gene programmes", done, parts))

    tick(0, FIT_STEPS)
    source = CompactSource(obs, config, tick) if compact else PublishedSource(obs, config)
    model = CDCIN(config.model)
    prior = _prior(config)
    if prior is not None:
        model.load_state_dict(prior.state_dict())
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
        model,
        source,
        config,
        device,
        checkpoint=hooks.checkpoint,
        fingerprint=_fingerprint(obs, config),
        resume=hooks.resume,
        on_step=on_step,
        should_stop=hooks.should_stop,
    )
    details = {
        "device": describe_device(device),
        "parameters": count_parameters(model),
        "prior": prior is not None,
        "steps_done": state.step,
        "best_step": state.best_step,
        "score_set_aside": state.best_score,
        "n_set_aside": int(source.aside.sum()),
    }
    augmented = config.train.augment_at_prediction
    if not compact:
        return lambda seen, targets: Prediction(
            predict_genes(model, seen, targets, device, augmented=augmented), None, details
        )
    share, first_estimate = source.shares(model, prior, device), source.first_estimate
    details["network_share"] = float(np.average(share, weights=first_estimate.importance**2))
    details["programmes"] = len(first_estimate.programmes.scale)
    used = [ridges for ridges in first_estimate.ridges if ridges]
    details["regression"] = (
        f"in {len(used)} of {len(first_estimate.ridges)} weightings of the genes"
    )
    details["remainder_share"] = float(first_estimate.residuals.shrinkage.mean())

    def predict(seen: Observation, targets: np.ndarray) -> Prediction:
        at = (slice(None), *np.divmod(targets, seen.grid.shape[1]))
        estimate = first_estimate.estimate(seen)
        corrected = correct(model, estimate, seen.grid.tissue, device, augmented=augmented)
        scores = estimate.mean[at].T
        scores = scores + share * (corrected[at].T - scores)
        sd = first_estimate.gene_deviation(
            estimate.deviation[at].T ** 2 + first_estimate.variograms.noise
        )
        return Prediction(first_estimate.genes(seen, targets, scores), sd, details)

    return predict


def _prior(config: RunConfig) -> CDCIN | None:
    """Network with the weights that ship, where they fit."""
    if not config.train.prior or not prior_fits(config.model):
        return None
    model = CDCIN(config.model)
    model.load_state_dict(load_prior())
    return model


def _fingerprint(obs: Observation, config: RunConfig) -> str:
    """Hash of what a checkpoint depends on: measured values, their places, prior and training."""
    settings = replace(config, compare=(), threads=0, device="auto", answer="mean")
    prior = WEIGHTS.read_bytes() if prior_fits(config.model) else b""
    parts = (settings.to_json().encode(), obs.values.tobytes(), obs.pixels.tobytes(), prior)
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
