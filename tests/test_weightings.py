"""Programmes under several weightings of the genes."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.optimize import minimize

from s2s_core.data.observation import known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.geostat import gene_weightings as weightings
from s2s_core.geostat.first_estimate import RIDGE_CHOICES, fit_first_estimate
from s2s_core.geostat.gene_weightings import WeightedProgrammes, fit_weighted, gene_noise
from s2s_core.sampling.apply import sample


@pytest.fixture(scope="module")
def demo():
    section = sample(demo_section(3, rows=26, genes=60, flat=20), "lattice:2")
    return section, observe(section)


def waves(obs, seed=0):
    """A smooth pattern (m,) at the measured spots."""
    row, col = np.divmod(obs.pixels, obs.grid.shape[1])
    return np.sin(row / 5.0 + seed) + np.cos(col / 4.0 - seed)


def test_noise_is_told_from_pattern(demo):
    _, obs = demo
    rng = np.random.default_rng(0)
    sd = np.array([0.1, 0.3, 1.0])
    values = 5 * waves(obs)[:, None] * [0, 0, 0.02] + rng.normal(size=(len(obs.pixels), 3)) * sd
    assert gene_noise(replace(obs, values=values)) == pytest.approx(sd, rel=0.15)
    smooth = np.repeat(waves(obs)[:, None], 2, axis=1)
    assert (gene_noise(replace(obs, values=smooth)) < 0.7 * smooth.std(0)).all()


def test_enough_programmes_give_the_values_back(demo):
    _, obs = demo
    few = replace(obs, values=obs.values[:, :12])
    programmes = fit_weighted(few, 40)
    scores = programmes.scores(few.values)
    assert scores.shape == (len(obs.pixels), len(weightings.NOISE_POWERS) * 12)
    assert scores.std(0) == pytest.approx(1.0, abs=1e-3)
    assert programmes.genes(scores) == pytest.approx(few.values, abs=1e-3)


def test_genes_are_the_average_over_weightings(demo):
    _, obs = demo
    share = np.array([0.4, 0.3, 0.2, 0.1])
    whole = fit_weighted(obs, 6)
    programmes, used = whole.first([6, 2, 4, 1], share)
    scores = programmes.scores(obs.values)
    assert scores == pytest.approx(whole.scores(obs.values)[:, used], abs=1e-4)
    assert scores.shape[1] == len(programmes.scale) == 13
    assert [at.stop - at.start for at in programmes.columns] == [6, 2, 4, 1]
    each = [
        part.genes(scores[:, at]) * weight
        for part, weight, at in zip(
            programmes.parts, programmes.gene_scales, programmes.columns, strict=True
        )
    ]
    assert programmes.genes(scores) == pytest.approx(np.tensordot(share, each, 1), abs=1e-4)
    # Genes as they are: a programme is as large as its scores.
    first = programmes.columns[0]
    assert programmes.size[first] == pytest.approx(programmes.scale[first], rel=1e-4)
    swing = programmes.parts[3].genes(np.ones((1, 1))) - programmes.parts[3].genes(np.zeros((1, 1)))
    assert programmes.size[-1] == pytest.approx(np.linalg.norm(swing * programmes.gene_scales[3]))


def test_variance_is_that_of_one_weighting(demo):
    """The weightings see the same spots: their errors do not cancel as independent ones would."""
    _, obs = demo
    both = fit_weighted(obs, 5)
    alone = both.parts[0]
    twice = WeightedProgrammes((alone,) * 2, (both.gene_scales[0],) * 2, (0.5, 0.5))
    variance = np.random.default_rng(0).uniform(0.5, 1.0, (4, 5)).astype(np.float32)
    assert twice.gene_variance(np.hstack([variance] * 2)) == pytest.approx(
        alone.gene_variance(variance), rel=1e-4
    )


def test_quiet_clear_genes_are_not_drowned_by_loud_noise(demo, monkeypatch):
    section, obs = demo
    rng = np.random.default_rng(1)
    noise = rng.normal(size=(len(obs.pixels), 30)) * 2.0
    patterns = np.stack([waves(obs, seed) for seed in range(10)], 1) * 0.1
    quiet = patterns + rng.normal(size=patterns.shape) * 0.05
    mixed = replace(obs, values=(np.hstack([noise, quiet]) + 10).astype(np.float32))

    def correlation():
        # The gene's own residual could find them as well: it is left out here.
        programmes = fit_weighted(mixed, 4)
        back = programmes.genes(programmes.scores(mixed.values))[:, 30:]
        return np.mean([np.corrcoef(back[:, g], patterns[:, g])[0, 1] for g in range(10)])

    averaged = correlation()
    monkeypatch.setattr(weightings, "NOISE_POWERS", (0.0,))
    assert averaged > 0.8
    assert correlation() < 0.6


def test_genes_never_or_hardly_seen_stay_finite(demo):
    _, obs = demo
    values = obs.values.copy()
    values[:, 0] = 0.0
    values[1:, 1] = 0.0
    programmes = fit_weighted(replace(obs, values=values), 10)
    back = programmes.genes(programmes.scores(values))
    assert np.isfinite(back).all()
    assert np.abs(back[:, 0]).max() < 1e-3


def test_the_average_is_nearly_as_good_as_the_best_weighting(demo, monkeypatch):
    section, obs = demo
    truth = known_values(section, obs.target_sum)

    def error():
        fitted = fit_first_estimate(obs, 20, 0)
        mean = fitted.genes(obs, obs.targets, fitted.predict(obs, obs.targets).mean)
        return ((mean - truth)[section.hidden] ** 2).mean()

    averaged = error()
    single = []
    for power in weightings.NOISE_POWERS:
        monkeypatch.setattr(weightings, "NOISE_POWERS", (power,))
        single.append(error())
    assert averaged < np.mean(single)
    assert averaged < 1.01 * min(single)


def test_every_weighting_chooses_for_itself(demo):
    _, obs = demo
    fitted = fit_first_estimate(obs, 20, 0)
    assert 1 < len(fitted.ridges) == len(fitted.programmes.parts) <= len(weightings.NOISE_POWERS)
    assert sum(fitted.programmes.stacking_weights) == pytest.approx(1.0)
    assert set(fitted.ridges) <= set(RIDGE_CHOICES)
    assert fitted.variograms.mean.shape == fitted.programmes.scale.shape


def test_a_weighting_that_misses_withheld_spots_has_no_share(demo):
    _, obs = demo
    programmes = fit_weighted(obs, 6)
    counts = [6, 6, 6, 6]
    good = programmes.scores(obs.values)
    equal = programmes.fit_stacking_weights(obs, good, counts)
    assert equal == pytest.approx(0.25, abs=0.15)
    spoiled = good.copy()
    spoiled[:, programmes.columns[2]] *= -3.0
    share = programmes.fit_stacking_weights(obs, spoiled, counts)
    assert share[2] == 0.0
    assert share.sum() == pytest.approx(1.0)
    fewer, used = programmes.first(counts, share)
    assert len(fewer.parts) == 3
    assert len(used) == 18
    # Errors that go apart are worth an average, though one alone is a little better.
    noise = np.random.default_rng(0).normal(size=good.shape).astype(np.float32)
    shaken = good + 0.5 * noise
    shaken[:, programmes.columns[0]] = good[:, programmes.columns[0]]
    share = programmes.fit_stacking_weights(obs, shaken, counts)
    assert share[0] == share.max()
    assert (share > 0).all()


def test_shares_are_equal_where_nothing_can_be_told(demo):
    _, obs = demo
    flat = replace(obs, values=np.ones_like(obs.values))
    programmes = fit_weighted(flat, 6)
    counts = [len(part.scale) for part in programmes.parts]
    share = programmes.fit_stacking_weights(flat, programmes.scores(flat.values), counts)
    assert share == pytest.approx(0.25, abs=0.01)


@pytest.mark.parametrize("seed", range(8))
def test_stacking_weights_solve_the_quadratic_programme(seed):
    """Against sequential quadratic programming on the same objective."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(4, 30)) + 2.0 * rng.normal(size=30) * rng.uniform(0, 1.5, (4, 1))
    products = errors @ errors.T / 30
    pull = weightings.EQUAL_PULL * np.trace(products) / 4

    def objective(w):
        return w @ products @ w + pull * ((w - 0.25) ** 2).sum()

    best = minimize(
        objective,
        np.full(4, 0.25),
        method="SLSQP",
        bounds=[(0.0, 1.0)] * 4,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0},
        options={"ftol": 1e-14, "maxiter": 500},
    )
    found = weightings._stacking_weights(products)
    assert found.sum() == pytest.approx(1.0, abs=1e-5)
    assert found == pytest.approx(best.x, abs=1e-6)
