"""The prior: degraded as tissue is, made by its command, and worth having."""

import json
import sys

import numpy as np
import pytest
import torch

from s2s_core.config import COMPACT, PRESETS
from s2s_core.network.cdcin import CDCIN
from s2s_core.network.natural_images import load_photographs
from s2s_core.network.pretrained import CARD, WEIGHTS, __main__, load_pretrained, pretrained_fits
from s2s_core.network.pretrained.examples import MOST, draw_example, draw_mask, draw_tissue
from s2s_core.network.pretrained.patterns import MADE, draw_pattern
from s2s_core.network.pretrained.source import validate

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("kriging", [True, False])
def test_examples_are_samples_of_the_truth_inside_the_tissue(kriging):
    rng = np.random.default_rng(0)
    noisy = 0
    for _ in range(3):
        example = draw_example(load_photographs(), rng, kriging=kriging)
        estimate, mask = example.estimate, example.estimate.mask
        assert not (mask & ~example.tissue).any()
        assert not estimate.samples[:, ~mask].any()
        missed = np.abs(estimate.samples - example.truth)[:, mask].max(1)
        # Some images come without noise, most with.
        noisy += int((missed > 1e-5).sum())
        total = example.truth[:, example.tissue].var(1) + missed**2
        assert (total < 30).all()
        assert np.isfinite(estimate.mean).all()
        assert not estimate.mean[:, ~example.tissue].any()
    assert 24 < noisy < 48


def test_masks_and_tissues_of_all_kinds():
    rng = np.random.default_rng(1)
    tissues = [draw_tissue((40, 40), rng) for _ in range(40)]
    assert any(t.all() for t in tissues)
    assert any(0.3 < t.mean() < 0.7 for t in tissues)
    masks = [draw_mask(t, rng) for t in tissues]
    counts = np.array([m.sum() for m in masks])
    assert (counts <= MOST).all()
    assert counts.min() < 120
    assert counts.max() > 400


@pytest.mark.parametrize("hexagonal", [False, True])
def test_patterns_have_unit_variance(hexagonal):
    rng = np.random.default_rng(2)
    for make in MADE:
        assert np.isfinite(make((30, 32), rng)).all()
    for _ in range(10):
        image = draw_pattern(load_photographs(), (30, 28), rng, hexagonal=hexagonal)
        assert image.shape == (30, 28)
        assert image.std() == pytest.approx(1.0, abs=1e-3)


def test_the_prior_that_ships_fits_the_presets_and_says_what_it_is():
    assert pretrained_fits(PRESETS["fast"].model)
    assert pretrained_fits(PRESETS["balanced"].model)
    assert not pretrained_fits(PRESETS["paper"].model)
    card = json.loads(CARD.read_text())
    assert {"learned_from", "validated_on", "seed", "minutes", "best", "date", "machine"} <= set(
        card
    )
    assert card["best"] < 1.0
    assert WEIGHTS.stat().st_size < 5e6


def test_the_prior_corrects_kriging_of_new_images():
    model = CDCIN(COMPACT)
    model.load_state_dict(load_pretrained())
    rng = np.random.default_rng(77)
    examples = [draw_example(load_photographs(), rng) for _ in range(6)]
    ratio = validate(model, examples, torch.device("cpu"))
    assert ratio.mean() < 0.98


def test_the_command_makes_weights_and_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(__main__, "VALIDATION", 1)
    out = tmp_path / "made.safetensors"
    words = ["prior", "--steps", "2", "--out", str(out), "--threads", "1", "--estimate", "smooth"]
    monkeypatch.setattr(sys, "argv", words)
    __main__.main()
    assert out.stat().st_size > 1e5
    card = json.loads(out.with_suffix(".json").read_text())
    assert [stage["steps"] for stage in card["stages"]] == [2]
    assert card["first_estimate"] == "smooth"
