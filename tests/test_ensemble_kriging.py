"""Kriging made as the first estimate is made: the same without regression and network."""

import numpy as np

from s2s_core.data.observation import known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.geostat import ensemble_kriging
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.sampling.apply import sample


def observed():
    section = sample(demo_section(rows=24, genes=20), "lattice:2")
    return section, observe(section)


def test_without_regression_the_first_estimate_is_kriging_alone():
    _, obs = observed()
    estimate = fit_first_estimate(obs, 10, 0, ridges=((),))
    assert not any(estimate.ridges)
    predict = ensemble_kriging.fit_programme_kriging_average(obs, 10)
    kriged = estimate.predict(obs, obs.targets)
    assert np.array_equal(
        predict(obs, obs.targets).mean, estimate.genes(obs, obs.targets, kriged.mean)
    )


def test_a_first_estimate_with_a_regression_says_something_else():
    _, obs = observed()
    with_it = ensemble_kriging.predictor_of(fit_first_estimate(obs, 10, 0))
    without = ensemble_kriging.fit_programme_kriging_average(obs, 10)
    assert any(fit_first_estimate(obs, 10, 0).ridges)
    assert not np.allclose(with_it(obs, obs.targets).mean, without(obs, obs.targets).mean)


def test_shallow_spots_count_less_than_deep_ones():
    from dataclasses import replace

    _, obs = observed()
    odd = obs.values.copy()
    odd[0] += 5.0
    maps = [
        ensemble_kriging.fit_kriging_average(part)(part, obs.pixels[:1]).mean
        for part in (
            replace(obs, values=odd, noise=np.where(np.arange(len(odd)) == 0, noise, 1.0))
            for noise in (5.0, 0.2)
        )
    ]
    assert (maps[0] < maps[1]).mean() > 0.9


def test_averaged_kriging_of_genes_knows_its_error():
    section, obs = observed()
    found = ensemble_kriging.fit_kriging_average(obs)(obs, obs.targets)
    truth = known_values(section, obs.target_sum)[section.hidden]
    error = found.mean[section.hidden] - truth
    assert 0.7 < np.sqrt((error**2).mean()) / found.sd[section.hidden].mean() < 1.4
