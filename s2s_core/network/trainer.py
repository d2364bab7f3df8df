"""Training: one plain loop that any source of batches feeds, pretraining's too.

Minimises sum_t w_t L_t over the tasks t of a step by Adam: in the paper engine L = lambda
(L_s2s + L_s2d) + L_gni (S2S-ST, arXiv 2507.16886; see :mod:`s2s_core.network.losses`).

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

from s2s_core.config import Optimisation
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
    """Report of one step.

    Attributes
    ----------
    step, steps : int
    losses : dict
        By name.
    score : float or None
        Error at the spots set aside, when it was just taken.
    seconds_left : float
    checked : bool
        Whether this was a step at which scores are taken.
    """

    step: int
    steps: int
    losses: dict[str, float]
    score: float | None
    seconds_left: float
    checked: bool = False


def train(
    model: CDCIN,
    source: Source,
    settings: Optimisation,
    device: torch.device,
    *,
    seed: int,
    checkpoint: Path | None = None,
    fingerprint: str = "",
    resume: bool = False,
    on_step: Callable[[Step], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> TrainState:
    """Train on a source; the model ends with the weights that did best on the spots set aside.

    Where the source sets none aside the last weights are kept.

    Parameters
    ----------
    model : CDCIN
    source : Source
    settings : Optimisation
    device : torch.device
    seed : int
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
    to_device(model, device)
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
        batches = source.draw(state.step, np.random.default_rng([seed, 1, state.step]))
        losses = training_step(model, optimiser, batches, settings, device)
        state.step += 1
        score = None
        checked = state.step % settings.check_every == 0 or state.step == source.steps
        if checked:
            score = _check(model, source, device, state)
            if settings.patience is not None:
                state.finished = state.checks_without_gain >= settings.patience
        if checkpoint is not None and time.monotonic() - saved > CHECKPOINT_SECONDS:
            save_checkpoint(checkpoint, fingerprint, model, optimiser, state)
            saved = time.monotonic()
        if on_step is not None:
            pace = (time.monotonic() - started) / (state.step - first)
            left = 0.0 if state.finished else pace * (source.steps - state.step)
            on_step(Step(state.step, source.steps, losses, score, left, checked))
    state.finished = True
    if checkpoint is not None:
        save_checkpoint(checkpoint, fingerprint, model, optimiser, state)
    if state.best_weights:
        model.load_state_dict(state.best_weights)
    return state


def to_device(model: CDCIN, device: torch.device) -> CDCIN:
    """Move a network, its convolutions' weights channels last (what they run fastest on)."""
    model.to(device)
    for parameter in model.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.to(memory_format=torch.channels_last)
    return model


def training_step(
    model: CDCIN,
    optimiser: torch.optim.Optimizer,
    batches: dict[str, Batch],
    settings: Optimisation,
    device: torch.device,
) -> dict[str, float]:
    """One optimiser step on the weighted sum of all tasks' losses; returns them by name."""
    model.train()
    optimiser.zero_grad(set_to_none=True)
    losses = {}
    for name, batch in batches.items():
        moved = batch.to(device)
        with autocast(device, settings.precision):
            outputs = model(moved.start, moved.measured, moved.mask, moved.context)
        compared = outputs.restored if moved.before_consistency else outputs.consistent
        loss = deep_supervision(compared, moved.target, moved.weight, settings.loss_power)
        # Backward task by task: the sum's gradient with one task's activations in memory.
        (batch.loss_weight * loss).backward()
        losses[name] = float(loss.detach())
    if settings.clip_norm is not None:
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings.clip_norm)
    optimiser.step()
    losses["total"] = sum(batches[name].loss_weight * value for name, value in losses.items())
    return losses


def learning_rate(step: int, steps: int, settings: Optimisation) -> float:
    """Constant as published, or with a straight warm-up and half a cosine to zero."""
    rate = settings.learning_rate
    if settings.warmup_steps:
        rate *= min(1.0, (step + 1) / settings.warmup_steps)
    if settings.cosine:
        rate *= 0.5 * (1 + math.cos(math.pi * step / steps))
    return rate


def _check(model: CDCIN, source: Source, device: torch.device, state: TrainState) -> float | None:
    score = source.check(model, device)
    if score is None:
        return None
    if score < state.best_score or not state.best_weights:
        state.best_score, state.best_step = score, state.step
        state.best_weights = {k: v.detach().cpu().clone() for k, v in model.state_dict().items()}
        state.checks_without_gain = 0
    else:
        state.checks_without_gain += 1
    return score


def save_checkpoint(
    path: Path,
    fingerprint: str,
    model: CDCIN,
    optimiser: torch.optim.Optimizer,
    state: TrainState,
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


def checkpoint_of(path: Path) -> str:
    """Fingerprint of the run that a checkpoint belongs to."""
    return torch.load(path, map_location="cpu", weights_only=True, mmap=True)["fingerprint"]


def load_checkpoint(
    path: Path,
    fingerprint: str,
    model: CDCIN,
    optimiser: torch.optim.Optimizer,
    state: TrainState,
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
