"""Medians and intervals on made values whose distribution is known."""

import numpy as np
import pytest

from s2s_core.assessment.intervals import calibrate, conformal_level


def answered(calibration, mean, sd):
    found = calibration.answer(mean, sd)
    return found.median, found.lower, found.upper


def made(count, genes, seed, shape="skewed"):
    """Predictions of 0.5 to 2 with values around them, never zero."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0.5, 2.0, (count, genes))
    sd = 0.4 * predicted
    noise = (
        rng.exponential(size=predicted.shape) - 1.0
        if shape == "skewed"
        else rng.normal(size=predicted.shape)
    )
    return (
        np.maximum(predicted + sd * noise * (1.0 if shape == "skewed" else 0.5), 1e-3),
        predicted,
        sd,
    )


@pytest.fixture(scope="module")
def known():
    return made(1200, 30, 0)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
@pytest.mark.parametrize("shape", ["skewed", "normal"])
def test_intervals_hold_the_share_that_was_asked_for(coverage, shape):
    calibration = calibrate(*made(1200, 30, 0, shape), coverage)
    values, predicted, sd = made(2000, 30, 1, shape)
    _, lower, upper = answered(calibration, predicted, sd)
    inside = (values >= lower) & (values <= upper)
    assert inside.mean() == pytest.approx(coverage, abs=0.025)
    # At every level, not on average only.
    for low in (0.5, 1.0, 1.5):
        at = (predicted >= low) & (predicted < low + 0.5)
        assert inside[at].mean() == pytest.approx(coverage, abs=0.04)


def test_few_spots_are_not_believed_too_much():
    """The factor comes from spots that the levels were not learned from."""
    inside, widths, genes = [], [], []
    for seed in range(10):
        calibration = calibrate(*made(30, 30, seed))
        values, predicted, sd = made(400, 30, 100 + seed)
        _, lower, upper = answered(calibration, predicted, sd)
        held = (values >= lower) & (values <= upper)
        inside.append(held.mean())
        genes.append((held.mean(0) >= 0.85).mean())
        widths.append(calibration.conformal_factor)
    # As many spots cannot tell every gene's interval: nearly all hold enough, so most hold more.
    assert 0.935 < np.mean(inside) < 0.97
    assert np.mean(genes) > 0.95
    assert np.mean(widths) > 1.3


def test_half_of_the_values_lie_below_the_median(known):
    calibration = calibrate(*known)
    values, predicted, sd = made(3000, 30, 1)
    median = answered(calibration, predicted, sd)[0]
    assert (values < median).mean() == pytest.approx(0.5, abs=0.02)
    # The mean of an exponential is log 2 of its deviation too high.
    off = (predicted - median) / sd
    assert np.median(off) == pytest.approx(1 - np.log(2), abs=0.08)


def test_beyond_the_highest_level_answers_grow_in_proportion(known):
    calibration = calibrate(*known)
    top = np.full((1, 30), 2.0)
    median, lower, upper = answered(calibration, top, 0.4 * top)
    for times in (1.5, 2.0, 2.9):
        far = answered(calibration, times * top, 0.4 * top)
        assert far[0] == pytest.approx(times * median, rel=0.06)
        assert (far[2] - far[1]) == pytest.approx(times * (upper - lower), rel=0.06)
    # But not without end.
    assert answered(calibration, 9 * top, 0.4 * top)[0] == pytest.approx(3 * median, rel=0.1)


def test_between_levels_answers_lie_between(known):
    calibration = calibrate(*known)
    level = np.linspace(0.6, 1.9, 200)[:, None] * np.ones((1, 30))
    median, lower, upper = answered(calibration, level, 0.4 * level)
    assert (np.diff(median, axis=0) >= -1e-6).all()
    assert (lower <= median).all()
    assert (median <= upper).all()
    assert np.abs(np.diff(median, axis=0)).max() < 0.15


def test_a_median_never_falls_as_the_prediction_rises():
    values, predicted, sd = made(60, 40, 3)
    median = answered(calibrate(values, predicted, sd), np.sort(predicted, 0), sd)[0]
    assert (np.diff(median, axis=0) >= -1e-6).all()


def test_widths_follow_the_deviation_in_proportion(known):
    calibration = calibrate(*known)
    level = np.full((1, 30), 1.25)
    median, low, high = answered(calibration, level, np.full((1, 30), 0.5))
    again, lower, higher = answered(calibration, level, np.full((1, 30), 0.6))
    assert np.array_equal(median, again)
    assert (higher - median) == pytest.approx(1.2 * (high - median), rel=1e-4)
    open_ended = (low > 0.05) & (lower > 0.05)
    assert open_ended.any()
    assert (median - lower)[open_ended] == pytest.approx(1.2 * (median - low)[open_ended], rel=1e-4)


@pytest.mark.parametrize(
    ("spots", "level"), [(28, 27 / 28), (57, 53 / 57), (669, 603 / 669), (8, 1.0)]
)
def test_the_level_is_corrected_for_a_finite_number_of_spots(spots, level):
    assert conformal_level(spots, 0.9) == pytest.approx(level)
