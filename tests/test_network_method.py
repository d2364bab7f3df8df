"""The network as a method, without any training: what it starts from and what it delivers."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from s2s_core.config import preset
from s2s_core.interfaces import Hooks
from s2s_core.network import fit_programmes, fit_shared
from s2s_core.network.fit import fit_network
from s2s_core.network.pretrained import load_pretrained
from s2s_core.network.trainer import Step, TrainState
from tests.tiny import tiny_config

FAST = preset("fast", compare=(), threads=1)


@pytest.fixture
def fitted(uneven, uneven_first_estimate, monkeypatch):
    """Fits without training; the network corrects every programme by 1, believed by ``share``."""
    calls = {}
    source = SimpleNamespace(
        first_estimate=uneven_first_estimate, steps=3, aside=np.arange(len(uneven.pixels)) % 4 == 0
    )
    source.preview = lambda gene: np.full(uneven.grid.tissue.size, 0.25)

    def train(model, source, settings, device, *, on_step, **asked):
        weights = {k: v.clone() for k, v in model.state_dict().items()}
        calls.update(asked, weights=weights, model=model)
        on_step(Step(3, 3, {"s2s": 0.1}, 0.5, 0.0, checked=True))
        return TrainState(step=3, best_step=1, best_score=0.5)

    def correct(model, estimate, tissue, device, *, augmented):
        calls.update(augmented=augmented)
        return estimate.mean + 1.0

    def fit(config=None, obs=uneven, share=0.0, **hooks):
        source.shares = lambda trained, prior, device: np.broadcast_to(
            np.float32(share), uneven_first_estimate.programmes.scale.shape
        )
        return fit_network(obs, config or tiny_config(), Hooks(**hooks))

    monkeypatch.setattr(fit_programmes, "ProgrammeSource", lambda *_, **__: source)
    monkeypatch.setattr(fit_shared, "train", train)
    monkeypatch.setattr(fit_programmes, "correct", correct)
    fit.calls = calls
    return fit


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0])
def test_the_correction_counts_as_far_as_it_is_believed(
    fitted, uneven, uneven_first_estimate, part
):
    share = part * np.linspace(0.5, 1.0, len(uneven_first_estimate.programmes.scale))
    found = fitted(share=share)(uneven, uneven.targets)
    first = uneven_first_estimate.predict(uneven, uneven.targets).mean
    assert found.mean == pytest.approx(
        uneven_first_estimate.genes(uneven, uneven.targets, first + share), abs=1e-4
    )
    weights = uneven_first_estimate.importance**2
    assert found.details["network_share"] == pytest.approx(
        np.average(share, weights=weights), abs=1e-6
    )


def test_some_positions_are_answered_as_all_are(fitted, uneven):
    predict = fitted(share=0.5)
    some = uneven.targets[::-3]
    whole, part = predict(uneven, uneven.targets), predict(uneven, some)
    assert part.mean == pytest.approx(whole.mean[::-3], abs=1e-5)
    assert part.sd == pytest.approx(whole.sd[::-3], abs=1e-5)


def test_the_deviation_is_that_of_a_measurement(fitted, uneven, uneven_first_estimate):
    found = fitted()(uneven, uneven.targets)
    variance = uneven_first_estimate.predict(uneven, uneven.targets).variance
    assert (variance >= uneven_first_estimate.variograms.noise * 0.999).all()
    assert found.sd == pytest.approx(uneven_first_estimate.gene_deviation(variance), rel=1e-3)


def test_training_starts_from_the_prior_that_ships(fitted):
    fitted(FAST)
    shipped = load_pretrained()
    assert set(fitted.calls["weights"]) == set(shipped)
    assert all(torch.equal(fitted.calls["weights"][name], shipped[name]) for name in shipped)
    fitted(replace(FAST, train=replace(FAST.train, pretrained=False)))
    assert not all(torch.equal(fitted.calls["weights"][name], shipped[name]) for name in shipped)


def test_the_seed_makes_the_first_weights(fitted):
    seen = []
    for seed in (1, 1, 2):
        fitted(tiny_config(seed=seed))
        seen.append(fitted.calls["weights"]["cascades.0.shallow1.weight"])
    assert torch.equal(seen[0], seen[1])
    assert not torch.equal(seen[0], seen[2])


def test_a_checkpoint_fits_only_its_own_data_and_settings(fitted, uneven):
    """What changes the numbers changes the fingerprint, what does not leaves it alone."""

    def fingerprint(obs=uneven, config=None):
        fitted(config, obs)
        return fitted.calls["fingerprint"]

    config, values, pixels = tiny_config(), uneven.values.copy(), uneven.pixels.copy()
    values[3, 2] += 1e-3
    pixels[-1] = np.setdiff1d(uneven.targets, pixels)[-1]
    mine = fingerprint()
    others = [
        fingerprint(replace(uneven, values=values)),
        fingerprint(replace(uneven, pixels=pixels)),
        fingerprint(config=replace(config, seed=1)),
        fingerprint(config=replace(config, programmes=3)),
        fingerprint(config=replace(config, train=replace(config.train, learning_rate=1e-3))),
    ]
    assert len({mine, *others}) == 6
    for same in ({"threads": 2}, {"compare": ("linear",)}, {"answer": "median"}, {"device": "cpu"}):
        assert fingerprint(config=replace(config, **same)) == mine


def test_the_preview_has_measured_values_in_their_places(fitted, uneven):
    """Whatever the order of the section's positions."""
    seen = []
    mixed = np.random.default_rng(0).permutation(uneven.targets)
    fitted(
        obs=replace(uneven, targets=mixed), preview=2, on_progress=lambda p: seen.append(p.preview)
    )
    picture = next(p for p in seen if p is not None)
    wanted = np.full(uneven.grid.tissue.size, 0.25, np.float32)
    wanted[uneven.pixels] = uneven.values[:, 2]
    assert np.array_equal(picture, wanted[mixed])


def test_what_was_done_is_told(fitted, uneven):
    found = fitted(tiny_config(), share=0.5)(uneven, uneven.targets).details
    assert (found["steps_done"], found["best_step"], found["score_set_aside"]) == (3, 1, 0.5)
    assert found["n_set_aside"] == int((np.arange(len(uneven.pixels)) % 4 == 0).sum())
    assert found["prior"] is False
    assert fitted.calls["augmented"] is False
    fitted(FAST)(uneven, uneven.targets)
    assert fitted.calls["augmented"] is True
