"""Kriging against direct dense algebra, and what it finds out about data."""

import numpy as np
import pytest

from s2s_core import kriging
from s2s_core.kriging import Variograms, fit_variograms, krige, matern32


@pytest.fixture
def field():
    """A smooth random field with known range and nugget, at scattered points."""
    rng = np.random.default_rng(3)
    points = rng.uniform(0, 20, (220, 2))
    gram = matern32(np.linalg.norm(points[:, None] - points[None], axis=-1), 4.0)
    smooth = np.linalg.cholesky(gram + 1e-9 * np.eye(len(gram))) @ rng.normal(size=(220, 3))
    return points, smooth + 0.5 * rng.normal(size=smooth.shape), smooth


def direct(points, values, targets, range_, nugget, sill, noise):
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    cross = matern32(np.linalg.norm(targets[:, None] - points[None], axis=-1), range_)
    inverse = np.linalg.inv(matern32(distance, range_) + nugget * np.diag(noise))
    mean = cross @ inverse @ values
    variance = sill * (1 + nugget - np.einsum("ij,jk,ik->i", cross, inverse, cross))
    return mean, variance


@pytest.mark.parametrize("noisy", [False, True])
def test_mean_variance_and_leaving_out_equal_dense_algebra(field, noisy):
    points, values, _ = field
    noise = np.random.default_rng(0).uniform(0.3, 3.0, len(points)) if noisy else None
    weight = np.ones(len(points)) if noise is None else noise
    variograms = Variograms(
        np.array([4.0, 4.0, 2.0]), np.array([0.2, 1.0, 0.5]), np.array([1.0, 2.0, 0.7]),
        np.array([0.1, 0.0, -0.3]),
    )  # fmt: skip
    targets = np.random.default_rng(1).uniform(0, 20, (30, 2))
    out = krige(points, values, targets, variograms, noise=noise, leave_out=True)
    for c in range(3):
        shape = (variograms.range_[c], variograms.nugget[c], variograms.sill[c])
        centred = values[:, c] - variograms.mean[c]
        mean, variance = direct(points, centred, targets, *shape, weight)
        assert np.allclose(out.mean[:, c], mean + variograms.mean[c], atol=1e-5)
        assert np.allclose(out.variance[:, c], variance, rtol=1e-4)
        for i in (0, 7, 100):
            other = np.arange(len(points)) != i
            alone, _ = direct(points[other], centred[other], points[[i]], *shape, weight[other])
            assert out.left_out[i, c] == pytest.approx(alone[0] + variograms.mean[c], abs=1e-5)


def test_local_kriging_agrees_with_global(field, monkeypatch):
    points, values, _ = field
    variograms = fit_variograms(points, values)
    targets = np.random.default_rng(2).uniform(0, 20, (50, 2))
    full = krige(points, values, targets, variograms, leave_out=True)
    monkeypatch.setattr(kriging, "GLOBAL_MAX", 10)
    local = krige(points, values, targets, variograms, leave_out=True)
    assert np.abs(local.mean - full.mean).max() < 0.1
    assert np.abs(local.variance / full.variance - 1).max() < 0.05
    assert np.abs(local.left_out - full.left_out).max() < 0.1


@pytest.mark.parametrize("criterion", ["likelihood", "withheld"])
def test_fit_finds_range_and_nugget(field, criterion):
    points, values, smooth = field
    found = fit_variograms(points, values, criterion)
    assert ((found.range_ > 1.5) & (found.range_ < 11)).all()
    assert ((found.nugget > 0.04) & (found.nugget < 1.2)).all()
    mean = krige(points, values, points, found).mean
    assert ((mean - smooth) ** 2).mean() < 0.5 * ((values - smooth) ** 2).mean()


def test_noise_alone_is_smoothed_to_the_mean():
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 15, (300, 2))
    values = 2.0 + rng.normal(size=(300, 1))
    found = fit_variograms(points, values)
    out = krige(points, values, rng.uniform(0, 15, (40, 2)), found)
    assert np.abs(out.mean - 2.0).max() < 0.6
    assert found.nugget[0] > 2.0


def test_large_sections_are_fitted_on_blocks(field, monkeypatch):
    points, values, _ = field
    monkeypatch.setattr(kriging, "GLOBAL_MAX", 100)
    monkeypatch.setattr(kriging, "BLOCK", 90)
    found = fit_variograms(points, values, seed=1)
    assert ((found.range_ > 1.0) & (found.range_ < 15)).all()
