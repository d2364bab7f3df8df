"""What a run claims, from end to end, with a stand-in for the method whose answers are known."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from s2s_core.imputation import run
from s2s_core.interfaces import Prediction
from s2s_core.methods import METHODS
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Spots
from tests.made import made_section
from tests.tiny import tiny_config


def level(pixels, genes):
    """The known mean of every position and gene."""
    return 1.5 + np.sin(np.asarray(pixels)[:, None] / 37.0 + np.arange(genes))


@pytest.fixture(scope="module")
def skewed():
    """Log values around :func:`level`: exponential noise, so that mean and median differ."""
    section = made_section("square", 40, 30)
    rng = np.random.default_rng(0)
    mean = level(section.pixels, len(section.genes))
    values = np.maximum(mean + 0.5 * (rng.exponential(size=mean.shape) - 1.0), 0.0)
    return replace(section, counts=sparse.csr_matrix(values.astype(np.float32)), is_log=True)


@pytest.fixture
def oracle(monkeypatch):
    """The method "kriging" knows the mean, its deviation is 0.5; notes what it was shown."""
    seen = {"fits": [], "asked": []}

    def fit(obs, config, hooks):
        seen["fits"].append(obs)

        def predict(shown, targets):
            seen["asked"].append((shown, np.asarray(targets)))
            mean = level(targets, obs.n_genes)
            return Prediction(mean, np.full(mean.shape, 0.5), {"spots": len(obs.pixels)})

        return predict

    monkeypatch.setitem(METHODS, "kriging", replace(METHODS["kriging"], fit=fit))
    return seen


def config_of(**changes):
    return replace(tiny_config(**changes), method="kriging")


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_intervals_of_a_run_cover_hidden_truth_as_asked(skewed, oracle, coverage):
    section = sample(skewed, "random:0.5", seed=1)
    result = run(section, config_of(coverage=coverage))
    low, middle, high = (result.layers[name] for name in ("lower", "median", "upper"))
    assert (low <= middle).all()
    assert (middle <= high).all()
    at, truth = section.hidden, result.truth
    inside = ((truth >= low) & (truth <= high))[at].mean()
    assert inside == pytest.approx(coverage, abs=0.04)
    assert (truth < middle)[at].mean() == pytest.approx(0.5, abs=0.04)
    scores = result.metrics
    assert set(scores["spots"]) == {Spots.HIDDEN}
    assert scores["coverage"].mean() == pytest.approx(inside, abs=1e-3)
    assert scores["interval_width"].mean() == pytest.approx((high - low)[at].mean(), rel=1e-4)
    assert scores["mae_median"].mean() == pytest.approx(np.abs(truth - middle)[at].mean(), rel=1e-4)


def test_measured_spots_are_certain(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1)
    result = run(section, config_of())
    assert not result.sd["kriging"][section.measured].any()
    assert (result.sd["kriging"][~section.measured] == 0.5).all()
    for values in (*result.layers.values(), result.imputed):
        assert np.array_equal(values[section.measured], result.truth[section.measured])


def test_the_answer_is_the_mean_or_the_median(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1)
    mean, median = (run(section, config_of(answer=a)) for a in ("mean", "median"))
    assert mean.imputed is mean.maps["kriging"]
    assert median.imputed is median.layers["median"]
    assert np.array_equal(mean.layers["median"], median.imputed)
    away = ~section.measured
    assert (mean.imputed - median.imputed)[away].mean() == pytest.approx(
        0.5 * (1 - np.log(2)), abs=0.05
    )


def overlap(shown, targets):
    return np.isin(targets, shown.pixels)


def test_intervals_are_learned_where_the_method_did_not_look(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1)
    run(section, config_of())
    *learning, delivered = oracle["asked"]
    assert len(oracle["fits"]) == 1
    for shown, targets in learning:
        assert not overlap(shown, targets).any()
    # Every measured spot once, from about all the others.
    learned = np.concatenate([targets for _, targets in learning])
    assert sorted(learned) == sorted(section.pixels[section.measured])
    assert np.array_equal(delivered[1], section.pixels)
    assert len(delivered[0].pixels) == section.measured.sum()


def test_scored_spots_are_seen_by_nothing_before_they_are_scored(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1).without_hidden()
    result = run(section, config_of())
    measured = section.pixels[section.measured]
    first, last = oracle["fits"]
    scored = np.setdiff1d(measured, first.pixels)
    assert len(scored) == round(0.1 * len(measured))
    assert set(result.metrics["spots"]) == {Spots.WITHHELD}
    assert set(result.metrics["n_spots"]) == {len(scored)}
    *learning, one, other, delivered = oracle["asked"]
    for shown, targets in learning:
        assert not np.isin(scored, shown.pixels).any()
        assert not np.isin(scored, targets).any()
    # Two folds, each predicted from all spots but its own.
    for shown, targets in (one, other):
        assert len(shown.pixels) == len(measured) - len(targets)
        assert not overlap(shown, targets).any()
    assert sorted(np.concatenate([one[1], other[1]])) == sorted(scored)
    # The delivered map uses every measured spot, in its fit as well.
    assert len(last.pixels) == len(delivered[0].pixels) == len(measured)
    assert result.info["details"]["kriging"]["spots"] == len(measured)


def test_the_seed_draws_the_scored_spots(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1).without_hidden()
    seen = []
    for seed in (0, 1, 1):
        oracle["fits"].clear()
        run(section, config_of(seed=seed))
        seen.append(set(oracle["fits"][0].pixels))
    assert seen[0] != seen[1] == seen[2]


def test_withheld_scores_are_those_of_the_predictions(skewed, oracle):
    section = sample(skewed, "random:0.5", seed=1).without_hidden()
    result = run(section, config_of(coverage=0.8))
    at = np.isin(section.pixels, np.concatenate([t for _, t in oracle["asked"][-3:-1]]))
    off = (level(section.pixels, len(section.genes)) - result.truth)[at]
    assert result.metrics["mae"].to_numpy() == pytest.approx(np.abs(off).mean(0), rel=1e-4)
    assert result.metrics["rmse"].to_numpy() == pytest.approx(np.sqrt((off**2).mean(0)), rel=1e-4)
    assert result.metrics["coverage"].mean() == pytest.approx(0.8, abs=0.08)
    # The delivered map holds what was measured there all the same.
    assert np.array_equal(result.imputed[at], result.truth[at])
