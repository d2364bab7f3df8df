"""The first estimate's rules: what is learned from what, and that shallow spots have less say.

``uneven`` has spots of a twentieth of the depth among the others, in turn.
"""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.geostat.estimate_images import as_images, smooth_images
from s2s_core.geostat.first_estimate import (
    RIDGE_CHOICES,
    ResidualGPFit,
    fit_first_estimate,
    select_components,
)
from s2s_core.geostat.gene_weightings import fit_weighted
from s2s_core.geostat.kriging import Kriged
from s2s_core.geostat.residual_gp import profile_correction
from s2s_core.geostat.shrinkage import shrinkage_factors
from s2s_core.geostat.variograms import NUGGETS, Variograms


def variograms_of(signal, nugget_at=8):
    """One candidate and nugget for every column."""
    sill = np.zeros((1, len(NUGGETS), len(signal)))
    sill[0, nugget_at] = signal
    return Variograms((("matern32", 3.0),), (sill > 0) * 1.0, sill, np.zeros(len(signal)))


def test_the_regression_learns_from_what_other_spots_say_not_from_the_measured_scores():
    """What kriging misses at x is sin(x): x is the left-out mean at spots, the mean at targets."""
    rng = np.random.default_rng(0)
    left_out = rng.uniform(-2, 2, (300, 1)).astype(np.float32)
    scores = left_out + 2 * np.sin(2 * left_out)
    asked = np.linspace(-1.8, 1.8, 50, dtype=np.float32)[:, None]
    found = profile_correction(
        Kriged(asked, None, left_out), scores, np.ones(300), np.ones(1), (0.01,)
    )
    assert np.abs(found - 2 * np.sin(2 * asked)).max() < 0.15


def test_the_regression_believes_deep_spots():
    rng = np.random.default_rng(1)
    left_out = rng.uniform(-2, 2, (400, 1)).astype(np.float32)
    shallow = np.arange(400) % 2 == 0
    missed = np.where(shallow[:, None], -1.0, 1.0)
    noise = np.where(shallow, 5.0, 0.25)
    asked = np.linspace(-1.5, 1.5, 20, dtype=np.float32)[:, None]
    found = profile_correction(
        Kriged(asked, None, left_out), left_out + missed, noise, np.ones(1), (1.0,)
    )
    # (4 - 0.2) / (4 + 0.2) of the way.
    assert found == pytest.approx(0.905, abs=0.1)


def test_the_number_of_programmes_is_decided_by_deep_spots(uneven):
    """A sixth programme that helps at deep spots and does more harm at shallow ones stays."""
    programmes = fit_weighted(uneven, 6)
    scores = programmes.scores(uneven.values)
    guess, shallow = scores.copy(), uneven.noise > 1
    for at in programmes.columns:
        guess[shallow, at.stop - 1] *= 4.0
    tried = ResidualGPFit(np.stack([guess] * len(RIDGE_CHOICES)), RIDGE_CHOICES)
    assert select_components(uneven, programmes, scores, tried).counts == (6, 6, 6, 6)
    lonely = replace(uneven, noise=np.ones_like(uneven.noise))
    assert select_components(lonely, programmes, scores, tried).counts == (5, 5, 5, 5)


def test_a_residual_is_trusted_as_far_as_deep_spots_say(uneven):
    """One gene follows a pattern of its own at deep spots, its opposite at shallow ones."""
    row, col = np.divmod(uneven.pixels, uneven.grid.shape[1])
    own = np.sin(row / 2.0) * np.cos(col / 2.0)
    values = uneven.values.copy()
    values[:, -1] = 1.0 + 0.3 * np.where(uneven.noise < 1, own, -own)
    fitted = fit_first_estimate(replace(uneven, values=values), 2, 0)
    assert fitted.residuals.shrinkage[-1] > 0.4
    # Even with its programmes known, a gene deviates by what they leave: pattern and noise.
    left = values - fitted.programmes.genes(fitted.programmes.scores(values))
    alone = fitted.gene_deviation(np.zeros((1, len(fitted.programmes.scale))))[0]
    assert alone**2 == pytest.approx(fitted.residuals.variance, rel=1e-4)
    deep = np.sqrt((left**2 / uneven.noise[:, None]).mean(0))
    assert 0.5 * deep[-1] < alone[-1] < 2.0 * deep[-1]


def test_weightings_are_shared_by_what_they_miss_at_deep_spots(uneven):
    programmes = fit_weighted(uneven, 6)
    right = programmes.scores(uneven.values)
    shallow, rng = uneven.noise > 1, np.random.default_rng(0)
    spoiled = right + 0.3 * rng.normal(size=right.shape).astype(np.float32)
    at_shallow, at_deep = programmes.columns[0], programmes.columns[1]
    spoiled[shallow, at_shallow] *= -1.0
    spoiled[~shallow, at_deep] *= -1.0
    share = programmes.fit_stacking_weights(uneven, spoiled, [6, 6, 6, 6])
    assert share[0] > share[1] + 0.1


def test_programmes_are_fitted_with_depth(uneven):
    programmes = fit_weighted(uneven, 4)
    mean = (uneven.values / uneven.noise[:, None]).sum(0) / (1 / uneven.noise).sum()
    assert programmes.mean == pytest.approx(mean, rel=1e-4)
    # What only shallow spots show is no leading programme.
    loud = uneven.values.copy()
    loud[uneven.noise > 1, 0] += np.random.default_rng(0).normal(0, 2.0, (uneven.noise > 1).sum())
    for part in fit_weighted(replace(uneven, values=loud), 1).parts:
        assert abs(part.loadings[0, 0]) < 0.9


def test_importance_is_the_signal_of_a_programme(uneven_first_estimate):
    signal = np.linspace(0.2, 3.0, len(uneven_first_estimate.programmes.scale))
    made = variograms_of(signal)
    nugget = NUGGETS[8]
    found = replace(uneven_first_estimate, variograms=made).importance
    # Signal variance is 1 / (1 + nugget) of the whole.
    assert found == pytest.approx(
        uneven_first_estimate.programmes.size / np.sqrt(1 + nugget), rel=1e-5
    )
    noisy = replace(uneven_first_estimate, variograms=variograms_of(signal, 20)).importance
    assert (noisy < 0.1 * found).all()


def test_a_shrinkage_factor_weighs_spots_by_precision():
    step = np.ones((40, 2))
    missed = np.where(np.arange(40) % 2, 1.0, 0.0)[:, None] * np.ones((1, 2))
    certainty = np.where(np.arange(40) % 2, 3.0, 1.0)
    assert shrinkage_factors(step, missed, certainty, np.ones(2)) == pytest.approx(0.75)


def test_the_image_of_deviation_is_that_of_the_signal(uneven):
    made = variograms_of(np.array([1.0, 2.0]))
    where = len(uneven.targets)
    left = np.linspace(0.0, 1.0, where)[:, None] * made.signal
    predicted = Kriged(np.zeros((where, 2)), left + made.noise)
    estimate = as_images(uneven, np.zeros((len(uneven.pixels), 2)), predicted, made)
    found = estimate.deviation.reshape(2, -1)[:, uneven.targets].T
    assert found == pytest.approx(np.sqrt(left), abs=1e-3)
    share = NUGGETS[8] / (1 + NUGGETS[8])
    assert estimate.noise == pytest.approx([share, share], rel=1e-5)


def test_white_noise_is_all_noise_to_a_smoothed_estimate(uneven):
    white = np.random.default_rng(4).normal(size=(len(uneven.pixels), 5)).astype(np.float32)
    assert (smooth_images(uneven, white).noise > 0.95).all()
