"""Training: one plain loop that any source of batches feeds.

The random numbers of step t come from (seed, t) alone and a checkpoint holds everything else,
so a run stopped at any moment resumes and ends as if it had never been interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from s2s_core.config import RunConfig
from s2s_core.errors import Cancelled, S2SError
from s2s_core.network.batches import Batch, Source
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.device import autocast
from s2s_core.network.losses import deep_supervision

CHECKPOINT_SECONDS = 20.0


@dataclass
class TrainState:
    """What a checkpoint holds beside weights: where training stands and what it found."""

    step: int = 0
    best_score: float = math.inf
    best_step: int = 0
    best_weights: dict = field(default_factory=dict)
    checks_without_gain: int = 0
    finished: bool = False


@dataclass(frozen=True)
class Step:
    """Report of one step: losses by name, and the score when it was taken."""

    step: int
    steps: int
    losses: dict[str, float]
    score: float | None
    seconds_left: float


def train(
    model: CDCIN,
    source: Source,
    config: RunConfig,
    device: torch.device,
    *,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    resume: bool = False,
    on_step: Callable[[Step], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainState:
    """Train on a source; the model ends with the weights that did best on the spots set aside.

    Parameters
    ----------
    model : CDCIN
    source : Source
    config : RunConfig
    device : torch.device
    checkpoint : Path, optional
        File to keep the state in, every 20 s and when stopped.
    fingerprint : str
        Of data and configuration: a checkpoint of others is refused.
    resume : bool
        Go on from the checkpoint where there is one.
    on_step, should_stop : callables, optional

    Raises
    ------
    S2SError
        If the checkpoint to resume from belongs to another run.
    Cancelled
        When ``should_stop`` said so; the checkpoint is written first.
    """
    settings = config.train
    model.to(device, memory_format=torch.channels_last)
    betas = (settings.beta1, settings.beta2)
    optimiser = torch.optim.Adam(model.parameters(), settings.learning_rate, betas=betas)
    state = TrainState()
    if resume and checkpoint is not None and checkpoint.exists():
        load_checkpoint(checkpoint, fingerprint, model, optimiser, state)
    if state.step == 0 and not state.best_weights:
        # Untrained weights are a candidate too: the correction they make is zero.
        _check(model, source, device, state)
    started, saved, first = time.monotonic(), time.monotonic(), state.step
    while state.step < source.steps and not state.finished:
        if should_stop is not None and should_stop():
            if checkpoint is not None:
                save_checkpoint(checkpoint, fingerprint, model, optimiser, state)
            raise Cancelled
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(state.step, source.steps, settings)
        batches = source.draw(np.random.default_rng([config.seed, 1, state.step]))
        losses = training_step(model, optimiser, batches, settings.loss_power, device)
        state.step += 1
        score = None
        if state.step % settings.check_every == 0 or state.step == source.steps:
            score = _check(model, source, device, state)
            state.finished = state.checks_without_gain >= settings.patience
        if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, fingerprint, model, optimiser, state)
            saved = time.monotonic()
        if on_step is not None:
            pace = (time.monotonic() - started) / (state.step - first)
            left = 0.0 if state.finished else pace * (source.steps - state.step)
            on_step(Step(state.step, source.steps, losses, score, left))
    state.finished = True
    if checkpoint is not None:
        save_checkpoint(checkpoint, fingerprint, model, optimiser, state)
    if state.best_weights:
        model.load_state_dict(state.best_weights)
    return state


def training_step(
    model: CDCIN,
    optimiser: torch.optim.Optimizer,
    batches: dict[str, Batch],
    power: int,
    device: torch.device,
) -> dict[str, float]:
    """One optimiser step on the weighted sum of all tasks' losses; returns them by name."""
    model.train()
    optimiser.zero_grad(set_to_none=True)
    losses = {}
    for name, batch in batches.items():
        moved = batch.to(device)
        with autocast(device):
            outputs = model(
                moved.start, moved.measured, moved.mask, moved.context, restored=moved.restored
            )
        loss = deep_supervision(outputs, moved.target, moved.weight, power)
        # Backward task by task: the sum's gradient with one task's activations in memory.
        (batch.share * loss).backward()
        losses[name] = float(loss.detach())
    torch.nn.utils.clip_grad_norm_(model.parameters(), 10.0)
    optimiser.step()
    losses["total"] = sum(batches[name].share * value for name, value in losses.items())
    return losses


def learning_rate(step: int, steps: int, settings) -> float:
    """Constant as published; for the squared error a short warm-up and a cosine to zero."""
    if settings.loss_power == 1:
        return settings.learning_rate
    warm = min(1.0, (step + 1) / 20)
    return settings.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * step / steps))


def _check(model: CDCIN, source: Source, device: torch.device, state: TrainState) -> float:
    score = source.check(model, device)
    if score < state.best_score or not state.best_weights:
        state.best_score, state.best_step = score, state.step
        state.best_weights = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
        state.checks_without_gain = 0
    else:
        state.checks_without_gain += 1
    return score


def save_checkpoint(
    path: Path, fingerprint: str, model: CDCIN, optimiser, state: TrainState
) -> None:
    """Write weights, optimiser and state; replaced in one go, never half-written."""
    part = path.with_suffix(".part")
    content = {
        "fingerprint": fingerprint,
        "model": model.state_dict(),
        "optimiser": optimiser.state_dict(),
        "state": vars(state),
    }
    torch.save(content, part)
    part.replace(path)


def load_checkpoint(
    path: Path, fingerprint: str, model: CDCIN, optimiser, state: TrainState
) -> None:
    """Restore what :func:`save_checkpoint` wrote (tensors and plain values only).

    Raises
    ------
    S2SError
        If it belongs to another section or configuration.
    """
    data = torch.load(path, map_location="cpu", weights_only=True)
    if data["fingerprint"] != fingerprint:
        raise S2SError(
            f"The checkpoint {str(path)!r} belongs to another section or other settings; resume "
            "with the same ones, or start afresh without resuming."
        )
    model.load_state_dict(data["model"])
    optimiser.load_state_dict(data["optimiser"])
    for key, value in data["state"].items():
        setattr(state, key, value)
