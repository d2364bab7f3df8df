"""What the fit functions of both engines share: device, training with reports, checkpoints."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation
from s2s_core.interfaces import Hooks, Progress
from s2s_core.network.batches import Source
from s2s_core.network.cdcin import CDCIN, count_parameters
from s2s_core.network.device import choose_device, describe_device, set_threads
from s2s_core.network.trainer import Step, TrainState, train
from s2s_core.vocabulary import Phase

# Draws (H * W,) values of the preview gene with the current weights.
Preview = Callable[[CDCIN], np.ndarray]


def prepare(config: RunConfig) -> torch.device:
    """Threads, first random number and device of a configuration.

    Raises
    ------
    S2SError
        For a device that is not there.
    """
    set_threads(config.threads)
    torch.manual_seed(config.seed)
    return choose_device(config.device)


def train_on(
    source: Source,
    model: CDCIN,
    obs: Observation,
    config: RunConfig,
    hooks: Hooks,
    device: torch.device,
    *,
    start: bytes = b"",
    part: str = "",
    preview: Preview | None = None,
) -> TrainState:
    """Train a network on a source, with progress and a checkpoint as the hooks say.

    Parameters
    ----------
    source : Source
    model : CDCIN
    obs : Observation
    config : RunConfig
    hooks : Hooks
    device : torch.device
    start : bytes
        What the weights start from, for the checkpoint's fingerprint.
    part : str
        Which of several trainings of the run this is.
    preview : callable, optional
        Draws the preview gene.
    """

    def on_step(step: Step) -> None:
        picture = None
        if step.checked and preview is not None and hooks.preview is not None:
            picture = with_measured(preview(model), obs, hooks.preview)
        hooks.on_progress(
            Progress(
                phase=Phase.TRAINING,
                step=step.step,
                steps=step.steps,
                seconds_left=step.seconds_left,
                losses=step.losses,
                score=step.score,
                preview=picture,
                detail=describe_device(device),
            )
        )

    return train(
        model,
        source,
        config.train,
        device,
        seed=config.seed,
        checkpoint=hooks.checkpoint,
        fingerprint=f"{fingerprint(obs, config, start)} {part}".strip(),
        resume=hooks.resume,
        on_step=on_step,
        should_stop=hooks.should_stop,
    )


def details_of(
    state: TrainState, model: CDCIN, device: torch.device, n_set_aside: int
) -> dict[str, object]:
    """What a run's record says of a training."""
    return {
        "device": describe_device(device),
        "parameters": count_parameters(model),
        "steps_done": state.step,
        "best_step": state.best_step,
        "score_set_aside": state.best_score,
        "n_set_aside": n_set_aside,
    }


def fingerprint(obs: Observation, config: RunConfig, start: bytes) -> str:
    """Hash of what a checkpoint depends on: measured values, their places, start and training."""
    settings = replace(config, compare=(), threads=0, device="auto", answer="mean")
    parts = (settings.to_json().encode(), obs.values.tobytes(), obs.pixels.tobytes(), start)
    return hashlib.sha256(b"".join(parts)).hexdigest()


def with_measured(image: np.ndarray, obs: Observation, gene: int) -> np.ndarray:
    """(n,) values of a gene at the targets from (H * W,) ones, measured values in their places."""
    values = np.maximum(image[obs.targets], 0.0)
    values[obs.rows(obs.pixels)] = obs.values[:, gene]
    return values.astype(np.float32)
