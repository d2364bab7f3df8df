"""The first estimate: what it must never lose, and what it must find."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.data.observation import known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.geostat.baselines import fit_programme_kriging
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.geostat.shrinkage import shrinkage_factors
from s2s_core.sampling.apply import sample


@pytest.fixture(scope="module")
def demo():
    section = sample(demo_section(3, rows=26, genes=60, flat=20), "lattice:2")
    obs = observe(section)
    return section, obs, known_values(section, obs.target_sum)


def error(section, truth, mean):
    return ((mean - truth)[section.hidden] ** 2).mean(0)


def test_better_than_kriging_of_programmes(demo):
    section, obs, truth = demo
    first_estimate = fit_first_estimate(obs, 20, 0)
    mean = first_estimate.genes(obs, obs.targets, first_estimate.predict(obs, obs.targets).mean)
    other = fit_programme_kriging(obs, 20)(obs, obs.targets).mean
    assert error(section, truth, mean).mean() < 0.995 * error(section, truth, other).mean()
    assert (mean >= 0).all()


def test_a_gene_with_a_pattern_of_its_own_is_found(demo):
    section, obs, truth = demo
    # One quiet gene follows a pattern that no programme has room for.
    rows, cols = np.divmod(obs.pixels, obs.grid.shape[1])
    values = obs.values.copy()
    values[:, -1] = 0.3 + 0.25 * np.sin(rows / 3.0) * np.cos(cols / 3.0)
    odd = replace(obs, values=values)
    first_estimate = fit_first_estimate(odd, 3, 0)
    mean = first_estimate.genes(odd, odd.targets, first_estimate.predict(odd, odd.targets).mean)
    rows, cols = np.divmod(odd.targets, odd.grid.shape[1])
    wanted = 0.3 + 0.25 * np.sin(rows / 3.0) * np.cos(cols / 3.0)
    assert np.corrcoef(mean[section.hidden, -1], wanted[section.hidden])[0, 1] > 0.8
    assert first_estimate.residuals.shrinkage[-1] > 0.3


def test_deviation_is_that_of_what_happens(demo):
    section, obs, truth = demo
    first_estimate = fit_first_estimate(obs, 20, 0)
    predicted = first_estimate.predict(obs, obs.targets)
    mean = first_estimate.genes(obs, obs.targets, predicted.mean)
    sd = first_estimate.gene_deviation(predicted.variance)
    real = np.sqrt(error(section, truth, mean))
    said = sd[section.hidden].mean(0)
    assert np.median(said / real) == pytest.approx(1.0, abs=0.25)


def test_shrinkage_factors():
    rng = np.random.default_rng(0)
    step = rng.normal(size=(400, 6))
    certainty, scale = np.ones(400), np.ones(6)
    right = shrinkage_factors(step, 0.5 * step + rng.normal(size=step.shape), certainty, scale)
    assert right == pytest.approx(0.5, abs=0.1)
    assert not shrinkage_factors(step, -step, certainty, scale).any()
    assert shrinkage_factors(step, 3 * step, certainty, scale) == pytest.approx(1.0)
    # A column judged on little goes with the others.
    step[:, 0] *= 1e-3
    alone = shrinkage_factors(step, 0.5 * step * (np.arange(6) > 0), certainty, scale)
    assert alone[0] == pytest.approx(0.5, abs=0.1)
