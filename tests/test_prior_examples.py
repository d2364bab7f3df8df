"""What the prior learns from: patterns, noise by depth, and batches that keep their sign."""

import numpy as np
import pytest

from s2s_core.data.grid import HEX_ROW
from s2s_core.network.natural_images import load_photographs
from s2s_core.network.pretrained import examples, patterns
from s2s_core.network.pretrained.examples import draw_example
from s2s_core.network.pretrained.patterns import draw_pattern
from s2s_core.network.pretrained.source import example_batch


@pytest.fixture(scope="module")
def drawn():
    """Twenty examples with the observations they are estimated from."""
    seen, real = [], examples.smooth_images
    patch = pytest.MonkeyPatch()
    patch.setattr(
        examples, "smooth_images", lambda obs, values: seen.append(obs) or real(obs, values)
    )
    rng = np.random.default_rng(5)
    made = [draw_example(load_photographs(), rng, kriging=False) for _ in range(20)]
    patch.undo()
    return list(zip(made, seen, strict=True))


def test_shallow_spots_are_noisier(drawn):
    """The error over the root of the relative noise is as large at shallow spots as at deep ones."""
    deep, shallow = [], []
    for example, obs in drawn:
        error = obs.values - example.truth.reshape(len(example.truth), -1)[:, obs.pixels].T
        size = (error**2).mean(0)
        noisy = size > 1e-6
        own = (error[:, noisy] ** 2 / size[noisy]).mean(1)
        if noisy.any() and np.ptp(obs.noise) > 1:
            order = np.argsort(obs.noise)
            deep.append(own[order[: len(order) // 4]].mean())
            shallow.append(own[order[-len(order) // 4 :]].mean())
    assert len(deep) > 6
    assert np.mean(shallow) > 1.5 * np.mean(deep)


def test_signal_and_noise_together_have_unit_variance(drawn):
    spreads = np.concatenate([example.truth[:, example.tissue].std(1) for example, _ in drawn])
    assert spreads.max() == pytest.approx(1.0, abs=1e-3)
    # Some images come without noise, the others with at least a tenth of the signal's.
    assert 0.05 < (spreads > 0.999).mean() < 0.3
    assert not ((spreads > 0.96) & (spreads < 0.999)).any()
    for example, obs in drawn:
        assert np.array_equal(example.estimate.mask.ravel().nonzero()[0], obs.pixels)
        assert example.tissue.ravel()[obs.pixels].all()
        error = obs.values - example.truth.reshape(len(example.truth), -1)[:, obs.pixels].T
        whole = example.truth[:, example.tissue].var(1) + (error**2 / obs.noise[:, None]).mean(0)
        assert np.median(whole) == pytest.approx(1.0, abs=0.2)


@pytest.mark.parametrize("hexagonal", [False, True])
def test_odd_rows_of_a_hexagonal_lattice_are_half_a_step_to_the_right(monkeypatch, hexagonal):
    monkeypatch.setattr(patterns, "PHOTOGRAPHS", 0.0)
    for axis, step in ((1, 1.0), (0, HEX_ROW if hexagonal else 1.0)):
        ramp = lambda shape, rng, axis=axis: np.indices(shape)[axis].astype(float)  # noqa: E731
        monkeypatch.setattr(patterns, "MADE", (ramp,))
        image = draw_pattern((), (8, 9), np.random.default_rng(0), hexagonal=hexagonal)
        row, col = np.indices((8, 9)).astype(float)
        wanted = (col + 0.5 * (row % 2) * hexagonal) if axis else row * step
        assert image == pytest.approx((wanted - wanted.mean()) / wanted.std(), abs=1e-3)


def test_a_batch_keeps_input_and_target_together(drawn):
    signs = set()
    for seed, (example, _) in enumerate(drawn[:8]):
        batch = example_batch(example, np.random.default_rng(seed))
        kept, asked = batch.mask, batch.weight > 0
        assert not (kept & asked).any()
        # Noise falls out over the spots: what was measured goes with the target.
        along = (batch.measured * batch.target * kept).sum((1, 2, 3))
        assert (along > 0).all()
        signs |= set(np.sign((batch.target[:, 0] * batch.context[:, 3]).sum((1, 2)).numpy()))
        other = example_batch(example, np.random.default_rng(seed + 100))
        assert other.weight.sum() == pytest.approx(float(batch.weight.sum()), rel=1e-4)
    assert signs == {-1.0, 1.0}
