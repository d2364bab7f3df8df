"""What the network is shown: patches, splits, photographs; never a spot that was set aside."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

from s2s_core.config import preset
from s2s_core.data.observation import observe, withhold
from s2s_core.errors import S2SError
from s2s_core.network.losses import deep_supervision
from s2s_core.network.natural_images import crop, load_photographs
from s2s_core.network.patch_source import PaperSource
from s2s_core.network.programme_source import ProgrammeSource
from s2s_core.sampling.apply import sample
from tests.tiny import tiny_config, tiny_published


def test_spots_set_aside_are_neither_input_nor_target_of_the_published_training(square):
    obs = observe(sample(square, "random:0.6"))
    values = obs.values.copy()
    values[withhold(obs, 0.1, 0)] = 1e6
    train = replace(tiny_published().train, set_aside=0.1)
    clean, odd = (
        PaperSource(replace(obs, values=v), np.arange(2), train, 0) for v in (obs.values, values)
    )
    for seed in range(5):
        a, b = (s.draw(0, np.random.default_rng(seed)) for s in (clean, odd))
        for name in a:
            used = a[name].weight > 0
            assert used.any()
            assert torch.equal(a[name].start, b[name].start)
            assert torch.equal(a[name].target[used], b[name].target[used])
            assert torch.equal(a[name].weight, b[name].weight)


def test_withheld_targets_are_no_input_and_spots_set_aside_no_target(square):
    obs = observe(sample(square, "random:0.6"))
    config = tiny_config()
    train = replace(config.train, splits=6)
    source = ProgrammeSource(obs, train, programmes=config.programmes, seed=0)
    for index in range(6):
        split = source.split(index)
        target = split.weight.ravel() > 0
        kept = split.estimate.mask.ravel()
        assert target.any()
        assert not (target & kept).any()
        assert not target[obs.pixels[source.aside]].any()
        assert kept[obs.pixels[source.aside]].all()
    # What the score is taken at was no input either.
    assert not source._check.mask.ravel()[obs.pixels[source.aside]].any()
    batch = source.draw(0, np.random.default_rng(0))["s2s"]
    assert not (batch.mask & (batch.weight > 0)).any()
    assert (batch.weight > 0).any()


def test_photographs_are_left_to_the_pretrained_weights_but_in_the_paper_engine(source):
    assert set(source.draw(0, np.random.default_rng(0))) == {"s2s"}
    assert preset("paper").train.natural_images


def test_deep_supervision_is_its_formula_and_ignores_unknown_targets():
    outputs = [torch.full((1, 1, 2, 2), v) for v in (1.0, 2.0)]
    target = torch.tensor([[[[0.0, float("nan")], [0.0, 1.0]]]])
    weight = torch.tensor([[[[1.0, 0.0], [1.0, 1.0]]]])
    assert deep_supervision(outputs, target, weight, 1).item() == pytest.approx(
        0.5 * (1 + 1 + 0) / 3 + 1.0 * (2 + 2 + 1) / 3
    )
    assert deep_supervision(outputs, target, weight, 2).item() == pytest.approx(
        0.5 * (1 + 1 + 0) / 3 + 1.0 * (4 + 4 + 1) / 3
    )


def test_photographs_of_the_packages():
    photographs = load_photographs()
    assert len(photographs) >= 10
    for shape in [(5, 7), (64, 64), (900, 40)]:
        patch = crop(photographs, shape, np.random.default_rng(0))
        assert patch.shape == shape
        assert patch.std() == pytest.approx(1.0, abs=0.01)
        assert patch.mean() == pytest.approx(0.0, abs=1e-3)


def test_photographs_of_a_folder(tmp_path):
    picture = np.random.default_rng(0).integers(0, 255, (40, 50, 3), np.uint8)
    Image.fromarray(picture).save(tmp_path / "a.png")
    Image.fromarray(picture).save(tmp_path / "b.JPG", format="JPEG")
    (tmp_path / "notes.txt").write_text("x")
    assert [p.shape for p in load_photographs(str(tmp_path))] == [(40, 50), (40, 50)]


def test_photograph_folders_that_do_not_work(tmp_path):
    with pytest.raises(S2SError, match="does not exist"):
        load_photographs(str(tmp_path / "none"))
    with pytest.raises(S2SError, match="no PNG or JPEG"):
        load_photographs(str(tmp_path))
    (tmp_path / "bad.png").write_bytes(b"no picture")
    with pytest.raises(S2SError, match="cannot be read"):
        load_photographs(str(tmp_path))
