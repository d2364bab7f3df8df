"""Medians and intervals: right where their truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.assessment.intervals import calibrate


def answered(calibration, mean, sd):
    found = calibration.answer(mean, sd)
    return found.median, found.lower, found.upper


def made(count: int, genes: int = 40, seed: int = 0):
    """Predictions with skewed values around them, many of them zero, and their deviation."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0.1, 2.0, (count, genes))
    sd = rng.uniform(0.7, 1.3, (count, genes)) * 0.3
    values = predicted + sd * (rng.exponential(size=predicted.shape) - 1.0) * 2.0
    values *= rng.random(predicted.shape) < predicted / 2.2
    return np.maximum(values, 0.0), predicted, sd


@pytest.mark.parametrize("count", [60, 200, 1500])
@pytest.mark.parametrize("coverage", [0.5, 0.9])
def test_intervals_cover_new_values_as_promised(count, coverage):
    calibration = calibrate(*made(count), coverage)
    values, predicted, sd = made(4000, seed=1)
    _, lower, upper = answered(calibration, predicted, sd)
    inside = (values >= lower) & (values <= upper)
    assert (lower >= 0.0).all()
    assert (upper >= lower).all()
    # An interval of half the values of a gene that is mostly zero holds all its zeros.
    assert coverage - 0.03 < inside.mean() < (0.93 if coverage == 0.9 else 0.75)


def test_median_answer_has_the_smaller_absolute_error():
    calibration = calibrate(*made(1500))
    values, predicted, sd = made(4000, seed=1)
    median = answered(calibration, predicted, sd)[0]
    assert np.abs(values - median).mean() < 0.97 * np.abs(values - predicted).mean()
    assert (median >= 0.0).all()


def test_uncertain_predictions_get_wider_intervals():
    calibration = calibrate(*made(1500))
    level = np.full((1, 40), 1.5)
    narrow, wide = (
        np.subtract(*answered(calibration, level, np.full((1, 40), sd))[:0:-1]).mean()
        for sd in (0.25, 0.4)
    )
    assert wide > 1.2 * narrow


def test_a_gene_that_is_never_found_stays_zero():
    values, predicted, sd = made(200, genes=3)
    values[:, 0] = 0.0
    calibration = calibrate(values, predicted, sd)
    _, lower, upper = answered(calibration, predicted, sd)
    assert not lower[:, 0].any()
    assert not answered(calibration, np.full((5, 3), 0.5), sd[:5])[0][:, 0].any()
    assert not upper[:, 0].any()


def test_a_median_map_that_is_no_better_than_one_number_is_that_number():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(200, 2))
    measured = np.maximum(3 + signal + 0.3 * rng.normal(size=signal.shape), 0.0)
    # The first gene is predicted well, the second by noise that has nothing to do with it.
    predicted = np.column_stack([3 + signal[:, 0], 3 + rng.normal(size=200)])
    found = calibrate(measured, predicted, np.ones_like(predicted))
    assert np.isnan(found.constant[0])
    assert found.constant[1] == pytest.approx(np.median(measured[:, 1]))
    answer = found.answer(predicted, np.ones_like(predicted))
    assert np.ptp(answer.median[:, 0]) > 1.0
    assert np.ptp(answer.median[:, 1]) < 1e-6
    assert (answer.lower <= answer.median).all()
    assert (answer.median <= answer.upper).all()


def test_noise_is_no_map_for_being_judged_on_the_spots_it_was_learned_from():
    rng = np.random.default_rng(1)
    measured = np.maximum(rng.normal(2, 1, (60, 400)), 0.0)
    predicted = rng.normal(2, 1, (60, 400))
    found = calibrate(measured, predicted, np.ones_like(predicted))
    # Judged in sample 14 % of the genes would pass.
    assert np.isfinite(found.constant).mean() > 0.9


def test_a_constant_median_stays_inside_its_interval():
    values, predicted, sd = made(200)
    found = calibrate(values, predicted, sd)
    answer = replace(found, constant=np.full(40, 9.0)).answer(predicted, sd)
    assert np.array_equal(answer.median, answer.upper)
    assert (answer.lower <= answer.median).all()
