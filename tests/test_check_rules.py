"""Rules of the checks of a map: signs, certainty, and what chance explains."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.assessment.checks import check_quality
from s2s_core.assessment.withheld import Withheld
from s2s_core.sampling.apply import sample
from tests.made import made_result, made_section


@pytest.fixture(scope="module")
def result():
    """A perfect map of 30 x 30 positions, half of them hidden."""
    found = made_result(sample(made_section("square", 30, 30), "random:0.5", seed=1))
    return replace(found, maps={"linear": found.truth.copy()})


def finding(result, name):
    return next(f for f in check_quality(result) if f.name == name)


def with_map(result, values):
    return replace(result, maps={"linear": values.astype(np.float32)})


@pytest.mark.parametrize("by", [-0.5, 0.5])
def test_a_measured_value_that_drifted_is_found_up_or_down(result, by):
    values = result.truth.copy()
    row, gene = np.argwhere(result.section.measured[:, None] & (values > 0.5))[7]
    values[row, gene] += by
    found = check_quality(with_map(result, values))[0]
    assert (found.name, found.level) == ("Measured values in place", "problem")
    assert found.value == pytest.approx(0.5, rel=1e-5)


@pytest.mark.parametrize("axis", ["row", "col"])
def test_a_grid_is_found_along_rows_and_along_columns(result, axis):
    """An artefact that cancels along the other axis."""
    line = getattr(result.section, axis) % 2
    measured = result.section.measured
    truth = np.random.default_rng(0).normal(30.0, 1.0, result.truth.shape).astype(np.float32)
    off = np.where(line, 0.4, -0.4)[:, None] * truth[measured].std(0)
    bad = with_map(result, np.where(measured[:, None], truth, 30.0 + off))
    found = finding(replace(bad, truth=truth), "Grid artefacts")
    assert found.level == "problem"
    # By as much as was put in, chance taken off.
    assert found.value == pytest.approx(0.4, abs=0.06)


def test_offsets_that_chance_explains_are_taken_off(result):
    """Noisy maps with a small artefact: its size is told, not that of the noise."""
    section, measured = result.section, result.section.measured
    rng, sizes = np.random.default_rng(3), []
    for _ in range(12):
        truth = rng.normal(30.0, 1.0, result.truth.shape).astype(np.float32)
        off = np.where(section.col % 2, 0.4, -0.4)[:, None]
        noise = rng.normal(0.0, 2.0, truth.shape)
        values = np.where(measured[:, None], truth, 30.0 + off + noise)
        made = replace(with_map(result, values), truth=truth)
        sizes.append(finding(made, "Grid artefacts").value)
    assert np.mean(np.square(sizes)) == pytest.approx(0.4**2, abs=0.02)


@pytest.mark.parametrize(
    ("slope", "error", "level"),
    [
        (1.5, 0.02, "watch"),
        (1.5, 0.2, "fine"),
        (2.5, 0.02, "problem"),
        (2.5, 0.4, "watch"),
        (1.0, 0.5, "fine"),
    ],
)
def test_a_map_is_called_over_smoothed_only_where_that_is_sure(result, slope, error, level):
    bare = replace(result, section=result.section.without_hidden())
    kept = Withheld(60, slope, error, 3.0, 0, 0.0, 0.0, 0)
    found = finding(replace(bare, info=kept.to_info()), "Over-smoothing")
    assert found.level == level
    assert found.value == slope


@pytest.mark.parametrize(
    ("slope", "error", "level"),
    [(0.6, 0.02, "watch"), (0.6, 0.2, "fine"), (0.3, 0.02, "problem"), (0.3, 0.15, "watch")],
)
def test_noise_is_called_kept_only_where_that_is_sure(result, slope, error, level):
    bare = replace(result, section=result.section.without_hidden())
    kept = Withheld(60, slope, error, 3.0, 0, 0.0, 0.0, 0)
    assert finding(replace(bare, info=kept.to_info()), "Noise kept").level == level
