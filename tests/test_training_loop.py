"""The training loop, with a model of one number and scripted material."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from s2s_core.config import Optimisation, preset
from s2s_core.errors import Cancelled, S2SError
from s2s_core.network.batches import Batch
from s2s_core.network.cdcin import CascadeOutputs
from s2s_core.network.trainer import learning_rate, train, training_step
from tests.tiny import tiny_config

CPU = torch.device("cpu")


class One(nn.Module):
    """Adds its only weight to what it starts from."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))

    def forward(self, start, measured, mask, context=None):
        return CascadeOutputs([start + self.weight], [start + self.weight])


def batch(target, loss_weight=1.0):
    """Images of 0 that should become ``target``."""
    zero = torch.zeros(1, 1, 2, 2)
    return Batch(zero, zero, zero.bool(), zero + target, zero + 1.0, loss_weight=loss_weight)


class Script:
    """Batches that pull the weight up, and scores as they are written down."""

    def __init__(self, scores, steps=100):
        self.scores, self.steps, self.lots, self.weights = iter(scores), steps, [], []

    def draw(self, step, rng):
        self.lots.append(rng.random())
        return {"s2s": batch(1.0)}

    def check(self, model, device):
        self.weights.append(float(model.weight.detach()))
        return next(self.scores)


def trained(scores, steps=100, *, seed=0, every=1, patience=100, **more):
    config = tiny_config()
    settings = replace(config.train, check_every=every, patience=patience)
    model, source = One(), Script(scores, steps)
    return model, source, train(model, source, settings, CPU, seed=seed, **more)


def test_the_best_weights_come_back_not_the_last():
    model, source, state = trained([1.0, 0.8, 0.5, 0.9, 0.7], steps=4)
    assert (state.step, state.best_step, state.best_score) == (4, 2, 0.5)
    assert len(set(source.weights)) == 5
    assert float(model.weight.detach()) == source.weights[2]


def test_untrained_weights_are_a_candidate():
    model, source, state = trained([1.0, 1.1, 1.2, 1.3], steps=3)
    assert state.best_step == 0
    assert float(model.weight.detach()) == 0.0


def test_patience_counts_checks_since_the_last_gain():
    scores = [1.0, 1.1, 0.9, 1.0, 0.8, 1.0, 1.0, 0.1]
    _, _, state = trained(scores, patience=2)
    assert (state.step, state.best_step) == (6, 4)
    assert state.finished


def test_without_spots_set_aside_the_last_weights_stay():
    model, source, state = trained([None] * 9, steps=4, patience=1)
    assert (state.step, state.best_weights) == (4, {})
    assert float(model.weight.detach()) > max(source.weights[:-1])
    assert float(model.weight.detach()) == source.weights[-1]


def test_scores_are_taken_at_the_stated_steps_and_at_the_end():
    _, source, state = trained([1.0] * 9, steps=7, every=3)
    assert len(source.weights) == 1 + 3
    assert state.step == 7


def test_the_seed_changes_the_draws_and_every_step_has_its_own():
    lots = {seed: trained([1.0] * 9, steps=5, seed=seed)[1].lots for seed in (0, 1)}
    assert len(set(lots[0]) | set(lots[1])) == 10
    assert trained([1.0] * 9, steps=5, seed=1)[1].lots == lots[1]


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    file = tmp_path / "checkpoint.pt"
    trained([1.0] * 9, steps=2, checkpoint=file, fingerprint="mine")
    with pytest.raises(S2SError, match="another section or other settings"):
        trained([1.0] * 9, steps=2, checkpoint=file, fingerprint="other", resume=True)
    _, source, state = trained([9.0], steps=2, checkpoint=file, fingerprint="mine", resume=True)
    assert (state.step, source.lots) == (2, [])
    # Only resuming looks at it.
    _, source, _ = trained([1.0] * 9, steps=2, checkpoint=file, fingerprint="other")
    assert len(source.lots) == 2


def test_a_resumed_training_ends_as_one_that_was_never_stopped(tmp_path):
    scores = [1.0, 0.9, 0.95, 0.5, 0.7, 0.6]
    whole, source, state = trained(scores, steps=5)
    file, seen = tmp_path / "checkpoint.pt", []
    with pytest.raises(Cancelled):
        trained(
            scores,
            steps=5,
            checkpoint=file,
            on_step=seen.append,
            should_stop=lambda: len(seen) == 2,
        )
    model, later, again = trained(scores[3:], steps=5, checkpoint=file, resume=True)
    assert later.lots == source.lots[2:]
    assert again == state
    assert torch.equal(model.weight, whole.weight)


@pytest.mark.parametrize(
    ("shares", "pull"), [((10.0, 1.0), 9.0), ((1.0, 10.0), -9.0), ((0.5, 0.0), 0.5)]
)
def test_the_gradient_is_the_weighted_sum_of_the_tasks(shares, pull):
    """One task pulls up, one down; each with its share."""
    model = One()
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    batches = {"s2s": batch(1.0, shares[0]), "images": batch(-1.0, shares[1])}
    losses = training_step(model, optimiser, batches, Optimisation(), CPU)
    assert float(model.weight.detach()) == pytest.approx(0.01 * pull)
    assert losses == {"s2s": 1.0, "images": 1.0, "total": sum(shares)}


@pytest.mark.parametrize(("longest", "moved"), [(10.0, 10.0), (1.0, 1.0), (None, 2e6)])
def test_wild_gradients_are_clipped_as_asked(longest, moved):
    model = One()
    optimiser = torch.optim.SGD(model.parameters(), 0.01)
    settings = Optimisation(loss_power=2, clip_norm=longest)
    training_step(model, optimiser, {"s2s": batch(1e6)}, settings, CPU)
    assert float(model.weight.detach()) == pytest.approx(0.01 * moved)


def test_the_learning_rate_warms_up_and_falls_to_zero():
    settings = preset("fast").train
    top = settings.learning_rate
    rates = [learning_rate(step, 400, settings) for step in range(401)]
    assert rates[0] == pytest.approx(top / 20)
    assert rates[200] == pytest.approx(top / 2)
    assert rates[100] == pytest.approx(top * (1 + math.cos(math.pi / 4)) / 2)
    assert rates[400] == pytest.approx(0.0, abs=1e-12)
    assert 15 < int(np.argmax(rates)) < 25
    published = preset("paper").train
    assert {learning_rate(step, 400, published) for step in range(0, 401, 50)} == {1e-4}
