"""Kriging against direct dense algebra, and what it finds out about data."""

import numpy as np
import pytest

from s2s_core.geostat import kriging_solvers, variogram_fit, variograms
from s2s_core.geostat.kriging import krige
from s2s_core.geostat.kriging_solvers import tiles as tiles_of
from s2s_core.geostat.variogram_fit import Criterion, fit_variograms
from s2s_core.geostat.variograms import (
    KERNELS,
    NUGGETS,
    Decompositions,
    Spots,
    Variograms,
    matern32,
)


@pytest.fixture
def field():
    """A smooth random field with known range and nugget, at scattered points."""
    rng = np.random.default_rng(3)
    points = rng.uniform(0, 20, (220, 2))
    gram = matern32(np.linalg.norm(points[:, None] - points[None], axis=-1), 4.0)
    smooth = np.linalg.cholesky(gram + 1e-9 * np.eye(len(gram))) @ rng.normal(size=(220, 3))
    return points, smooth + 0.5 * rng.normal(size=smooth.shape), smooth


def direct(points, values, targets, candidate, nugget, noise):
    """Mean and explained variance of one covariance, by inverting it."""
    kernel = KERNELS[candidate[0]]
    distance = np.linalg.norm(points[:, None] - points[None], axis=-1)
    cross = kernel(np.linalg.norm(targets[:, None] - points[None], axis=-1), candidate[1])
    inverse = np.linalg.inv(kernel(distance, candidate[1]) + nugget * np.diag(noise))
    return cross @ inverse @ values, np.einsum("ij,jk,ik->i", cross, inverse, cross)


@pytest.mark.parametrize("noisy", [False, True])
def test_mean_variance_and_leaving_out_equal_dense_algebra(field, noisy):
    points, values, _ = field
    noise = np.random.default_rng(0).uniform(0.3, 3.0, len(points)) if noisy else None
    relative = np.ones(len(points)) if noise is None else noise
    candidates = (("matern32", 4.0), ("exponential", 3.0))
    weight = np.zeros((2, len(NUGGETS), 3))
    weight[0, 4, 0] = 1.0
    weight[0, 8, 1], weight[1, 6, 1], weight[1, 9, 1] = 0.5, 0.3, 0.2
    weight[1, 7, 2] = 1.0
    sill = weight * np.array([1.0, 2.0, 0.7])
    mixed = Variograms(candidates, weight, sill, np.array([0.1, 0.0, -0.3]))
    targets = np.random.default_rng(1).uniform(0, 20, (30, 2))
    out = krige(Spots(points, noise), values, targets, mixed, leave_one_out=True)
    for c in range(3):
        centred = values[:, c] - mixed.mean[c]
        mean, variance, alone = np.zeros(30), np.zeros(30), np.zeros(3)
        for k, n in zip(*np.nonzero(weight[:, :, c]), strict=True):
            part, explained = direct(points, centred, targets, candidates[k], NUGGETS[n], relative)
            mean += weight[k, n, c] * part
            variance += sill[k, n, c] * (1.0 + NUGGETS[n] - explained)
            for j, i in enumerate((0, 7, 100)):
                other = np.arange(len(points)) != i
                alone[j] += (
                    weight[k, n, c]
                    * direct(
                        points[other],
                        centred[other],
                        points[[i]],
                        candidates[k],
                        NUGGETS[n],
                        relative[other],
                    )[0][0]
                )
        assert np.allclose(out.mean[:, c], mean + mixed.mean[c], atol=2e-3)
        assert np.allclose(out.variance[:, c], variance, rtol=2e-3)
        assert np.allclose(out.leave_one_out[[0, 7, 100], c], alone + mixed.mean[c], atol=2e-3)


def test_average_is_at_least_as_good_as_the_best_candidate_alone(field):
    rng = np.random.default_rng(8)
    few, errors = 60, []
    for seed in range(8):
        points = rng.uniform(0, 20, (300, 2))
        gram = matern32(np.linalg.norm(points[:, None] - points[None], axis=-1), 4.0)
        smooth = np.linalg.cholesky(gram + 1e-9 * np.eye(300)) @ rng.normal(size=(300, 4))
        values = smooth + rng.normal(size=smooth.shape)
        spots = Spots(points[:few])
        for criterion in (Criterion.AVERAGE, Criterion.LEAVE_ONE_OUT):
            found = fit_variograms(spots, values[:few], criterion, seed=seed)
            assert found.weight.sum((0, 1)) == pytest.approx(1.0)
            mean = krige(spots, values[:few], points[few:], found, variance=False).mean
            errors.append(((mean - smooth[few:]) ** 2).mean())
    assert np.mean(errors[::2]) < np.mean(errors[1::2])


def ranges_of(found):
    """Length scale of each column's only candidate."""
    best = found.weight.any(1).argmax(0)
    return np.array([found.candidates[k][1] for k in best])


def test_local_kriging_agrees_with_global(field, monkeypatch):
    points, values, _ = field
    found = fit_variograms(Spots(points), values)
    targets = np.random.default_rng(2).uniform(0, 20, (50, 2))
    full = krige(Spots(points), values, targets, found, leave_one_out=True)
    monkeypatch.setattr(variograms, "DENSE_LIMIT", 10)
    monkeypatch.setattr(kriging_solvers, "TILE", 20)
    local = krige(Spots(points), values, targets, found, leave_one_out=True)
    assert np.abs(local.mean - full.mean).max() < 0.05
    assert np.abs(local.variance / full.variance - 1).max() < 0.02
    assert np.abs(local.leave_one_out - full.leave_one_out).max() < 0.05


def test_tiles_hold_every_point_once_and_lie_close_together():
    points = np.random.default_rng(3).uniform(0, 40, (1000, 2)) * [1.0, 3.0]
    tiles = tiles_of(points)
    assert sorted(np.concatenate(tiles)) == list(range(1000))
    assert max(map(len, tiles)) <= kriging_solvers.TILE
    # 16 or fewer tiles of 40 x 120: none wider than a few times an even share.
    assert max(np.ptp(points[t], axis=0).max() for t in tiles) < 60
    assert tiles_of(np.empty((0, 2))) == []


@pytest.mark.parametrize("criterion", [Criterion.LIKELIHOOD, Criterion.LEAVE_ONE_OUT])
def test_fit_finds_range_and_nugget(field, criterion):
    points, values, smooth = field
    found = fit_variograms(Spots(points), values, criterion)
    range_ = ranges_of(found)
    assert ((range_ > 1.5) & (range_ < 11)).all()
    assert ((found.nugget > 0.04) & (found.nugget < 1.2)).all()
    mean = krige(Spots(points), values, points, found).mean
    assert ((mean - smooth) ** 2).mean() < 0.5 * ((values - smooth) ** 2).mean()


def test_noise_alone_is_smoothed_to_the_mean():
    rng = np.random.default_rng(5)
    points = rng.uniform(0, 15, (300, 2))
    values = 2.0 + rng.normal(size=(300, 1))
    found = fit_variograms(Spots(points), values)
    out = krige(Spots(points), values, rng.uniform(0, 15, (40, 2)), found)
    assert np.abs(out.mean - 2.0).max() < 0.6
    assert found.nugget[0] > 2.0


def test_large_sections_are_fitted_on_blocks(field, monkeypatch):
    points, values, _ = field
    monkeypatch.setattr(variograms, "DENSE_LIMIT", 100)
    monkeypatch.setattr(variogram_fit, "BLOCK", 90)
    found = fit_variograms(Spots(points), values, seed=1)
    assert ((ranges_of(found) > 1.0) & (ranges_of(found) < 15)).all()


def test_some_of_many_spots_are_kriged_as_all_of_them(field, monkeypatch):
    points, values, _ = field
    monkeypatch.setattr(variograms, "DENSE_LIMIT", 100)
    monkeypatch.setattr(variogram_fit, "BLOCK", 90)
    found = fit_variograms(Spots(points), values, Criterion.AVERAGE, seed=1)
    few = Spots(points[:60])
    made = Decompositions(few)
    only = found.columns([0])
    krige(few, values[:60], points[60:], only, leave_one_out=True, decompositions=made)
    # No decomposition of the whole was made, though 60 spots alone would have had one.
    assert len(points) > 100 > len(few.points)
    assert len(made) == 0


def test_decompositions_of_other_spots_are_refused(field):
    points, values, _ = field
    spots, others = Spots(points[:50]), Decompositions(Spots(points[50:100]))
    with pytest.raises(ValueError, match="other spots"):
        fit_variograms(spots, values[:50], decompositions=others)
    found = fit_variograms(spots, values[:50])
    with pytest.raises(ValueError, match="other spots"):
        krige(spots, values[:50], points, found, decompositions=others)


def test_decompositions_handed_in_are_made_once_and_change_nothing(field):
    points, values, _ = field
    spots = Spots(points)
    made = Decompositions(spots)
    found = fit_variograms(spots, values, Criterion.AVERAGE, decompositions=made)
    assert len(made) == len(found.candidates)
    kept = made.of(found.candidates[0])
    shared = krige(spots, values, points[:9] + 0.1, found, decompositions=made)
    assert made.of(found.candidates[0]) is kept
    alone = krige(spots, values, points[:9] + 0.1, found)
    assert np.array_equal(shared.mean, alone.mean)
    assert np.array_equal(shared.variance, alone.variance)


def test_what_was_not_asked_for_is_not_given(field):
    points, values, _ = field
    spots = Spots(points)
    bare = krige(spots, values, points, fit_variograms(spots, values), variance=False)
    with pytest.raises(ValueError, match="variance"):
        bare.asked_variance()
    with pytest.raises(ValueError, match="leave_one_out"):
        bare.asked_leave_one_out()


def test_a_criterion_that_is_none_is_refused(field):
    points, values, _ = field
    with pytest.raises(ValueError, match="evidence"):
        fit_variograms(Spots(points), values, "evidence")
