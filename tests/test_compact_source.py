"""The compact engine's material and its answers, in values: weights, signs, shares, orientations."""

from copy import copy

import numpy as np
import pytest
import torch

from s2s_core.network import programme_source as compact
from s2s_core.network.batches import make_batch, orient
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.device import autocast
from s2s_core.network.programme_source import correct, network_input
from tests.tiny import TINY

CPU = torch.device("cpu")


@pytest.fixture
def own(source):
    """A source that a test may change."""
    return copy(source)


def test_targets_weigh_as_much_as_they_are_sure(source, uneven):
    for index in range(4):
        split = source.split(index)
        weight = split.weight.ravel()[uneven.pixels]
        used = weight > 0
        assert weight[used] == pytest.approx(1 / uneven.noise[used], rel=1e-6)
        assert len(set(weight[used])) == 2


def test_programmes_are_drawn_by_their_importance(own, monkeypatch):
    importance = own.first_estimate.importance
    assert own._chance == pytest.approx(importance / importance.sum())
    drawn, count = [], len(importance)
    real = compact.network_input
    monkeypatch.setattr(
        compact, "network_input", lambda e, t, c, *a: drawn.extend(c) or real(e, t, c, *a)
    )
    own._chance = np.eye(count)[3]
    own.draw(0, np.random.default_rng(0))
    assert set(drawn) == {3}


def test_a_turned_batch_keeps_input_and_target_together(source):
    """Where a spot is kept its input is its target, whatever the sign and the orientation."""
    signs = set()
    for seed in range(12):
        batch = source.draw(0, np.random.default_rng(seed))["s2s"]
        kept = batch.mask
        assert kept.any()
        assert torch.equal(batch.target[kept], batch.measured[kept])
        assert torch.equal(batch.start[kept], batch.measured[kept])
        inside = batch.context[:, 2:3].bool()
        assert torch.equal(inside, kept)
        # And where it is withheld the estimate goes with the target, not against it.
        asked = batch.weight > 0
        along = (batch.context[:, :1] * batch.target * asked).sum((1, 2, 3))
        signs |= set(np.sign(batch.target.sum((1, 2, 3)).numpy()))
        assert along.sum() > 0
    assert signs == {-1.0, 1.0}


def test_a_split_is_shown_in_every_orientation(source):
    """The tissue is a square that fits a patch: two splits alone would give two pictures."""
    batches = (source.draw(0, np.random.default_rng(seed))["s2s"] for seed in range(60))
    assert len({batch.mask[0].numpy().tobytes() for batch in batches}) == 2 * 8


def answers(source, by_model):
    """Stands in for the network: how much of what the estimate missed each model puts right."""

    def fake(model, estimate, tissue, device, *, augmented):
        seen.append((model, estimate))
        truth = np.where(source._targets != 0, source._targets, estimate.mean)
        return estimate.mean + by_model(model, estimate) * (truth - estimate.mean)

    seen = []
    fake.seen = seen
    return fake


@pytest.mark.parametrize(("part", "share"), [(1.0, 1.0), (2.0, 0.5), (4.0, 0.25), (-1.0, 0.0)])
def test_the_share_is_what_withheld_spots_favour(own, monkeypatch, part, share):
    """A network that goes twice as far as it should is believed by half."""
    monkeypatch.setattr(compact, "correct", answers(own, lambda *_: part))
    for prior in (None, "prior"):
        assert own.shares("trained", prior, CPU) == pytest.approx(share, abs=1e-4)


def test_a_trained_network_is_not_judged_where_it_was_trained(own, monkeypatch):
    fake = answers(own, lambda model, estimate: float(estimate is not own._check))
    monkeypatch.setattr(compact, "correct", fake)
    # Right wherever it was trained, wrong at the spots set aside: it has learned by heart.
    assert not own.shares("trained", None, CPU).any()
    assert [model for model, _ in fake.seen] == ["trained"]
    fake.seen.clear()
    own.shares("trained", "prior", CPU)
    assert [model for model, _ in fake.seen] == ["prior"] * 3 + ["trained"]
    assert fake.seen[-1][1] is own._check
    assert not own._check.mask.ravel()[own.obs.pixels[own.aside]].any()


def test_the_share_listens_to_deep_spots(own, monkeypatch):
    """A step that is right at deep spots and backwards at shallow ones."""
    shallow = np.zeros(own.tissue.shape)
    shallow.flat[own.obs.pixels] = own.obs.noise > 1
    monkeypatch.setattr(compact, "correct", answers(own, lambda *_: np.where(shallow, -1.0, 1.0)))
    assert own.shares("trained", "prior", CPU).mean() > 0.5


@pytest.fixture(scope="module")
def network():
    """A network that corrects something, and otherwise in every orientation."""
    torch.manual_seed(0)
    model = CDCIN(TINY).eval()
    for cascade in model.cascades:
        torch.nn.init.normal_(cascade.out.weight, std=0.1)
    return model


def started(estimate):
    return np.where(estimate.mask, estimate.samples, estimate.mean)


@pytest.mark.parametrize("augmented", [False, True])
@pytest.mark.parametrize("tile", [192, 5, 16])
def test_an_untrained_network_answers_with_the_estimate(source, augmented, tile):
    """In whole and in tiles, as it is and averaged over orientations."""
    untrained = CDCIN(TINY)
    found = correct(untrained, source._check, source.tissue, CPU, augmented=augmented, tile=tile)
    assert found == pytest.approx(started(source._check), abs=1e-5)


def test_an_augmented_answer_is_the_mean_over_its_orientations(source, network):
    estimate = source._check
    found = correct(network, estimate, source.tissue, CPU, augmented=True)
    plain = correct(network, estimate, source.tissue, CPU, augmented=False)
    assert np.abs(found - plain).max() > 1e-3
    shape, used = estimate.mean.shape, []
    place = np.arange(shape[1] * shape[2]).reshape(shape[1:])
    for column in range(shape[0]):
        parts = []
        used += compact.orientations_of(column)
        for orientation in compact.orientations_of(column):
            seen = network_input(estimate, source.tissue, np.array([column]))
            batch = make_batch(seen, seen.start, seen.start, orientations=orientation)
            with torch.no_grad(), autocast(CPU):
                outputs = network(batch.start, batch.measured, batch.mask, batch.context)
            back = np.empty(place.size, np.float32)
            back[orient(place, orientation).ravel()] = outputs.restored[-1].float().numpy().ravel()
            parts.append(back.reshape(shape[1:]))
        assert found[column] == pytest.approx(np.mean(parts, 0), abs=2e-3)
    # All eight orientations take part, in turn.
    assert set(used) == set(range(8))


@pytest.mark.parametrize("augmented", [False, True])
def test_the_answer_does_not_depend_on_how_many_images_are_predicted_at_once(
    source, network, augmented
):
    one, three, all_at_once = (
        correct(network, source._check, source.tissue, CPU, augmented=augmented, batch=batch)
        for batch in (1, 3, 64)
    )
    scale = float(np.abs(all_at_once).max())
    assert one == pytest.approx(all_at_once, abs=1e-5 * scale)
    assert three == pytest.approx(all_at_once, abs=1e-5 * scale)


def test_tiles_agree_with_the_whole_where_the_halo_holds_what_matters(source, network):
    whole = correct(network, source._check, source.tissue, CPU, augmented=False)
    tiled = correct(network, source._check, source.tissue, CPU, augmented=False, tile=12)
    assert np.abs(tiled - whole).max() < 0.02 * np.abs(whole).max()


def test_the_check_is_the_error_at_spots_set_aside_over_that_of_the_estimate(own, monkeypatch):
    truth = own.scores[own.aside]
    for part, wanted in ((0.0, 1.0), (0.5, 0.5), (1.0, 0.0)):
        monkeypatch.setattr(compact, "correct", answers(own, lambda *_, part=part: part))
        assert own.check("model", CPU) == pytest.approx(wanted, abs=1e-4)
    first = compact._at(own._check.mean, own.obs.pixels[own.aside])
    squares = ((first - truth) * own.first_estimate.programmes.size) ** 2 / own.obs.noise[
        own.aside, None
    ]
    assert own._first_error == pytest.approx(np.sqrt(squares.sum(1).mean()), rel=1e-5)


def test_the_preview_is_the_gene_that_the_latest_check_saw(own, monkeypatch):
    monkeypatch.setattr(compact, "correct", answers(own, lambda *_: 0.5))
    own.check("model", CPU)
    half = own._latest.reshape(len(own._latest), -1).T
    assert own.preview(2) == pytest.approx(
        own.first_estimate.programmes.genes(half)[:, 2], abs=1e-4
    )
