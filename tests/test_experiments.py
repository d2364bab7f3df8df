"""The paper's experiments: what is varied, what is scored, what is written."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core import methods
from s2s_core.config import COMPACT, preset
from s2s_core.data.observation import known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks, Prediction
from s2s_core.methods import Method
from s2s_core.sampling.apply import sample
from s2s_core.studies.cases import read_cases
from s2s_core.studies.data_consistency import SIZES, check_consistency, random_tensors
from s2s_core.studies.experiment_report import left_out_of
from s2s_core.studies.experiments import EXPERIMENTS, planned, run_experiment
from tests.tiny import TINY, tiny_config

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def section():
    return demo_section(rows=20, genes=10)


@pytest.fixture
def seen(monkeypatch):
    """A stand-in for the network that is better with photographs, more cascades and the prior."""
    configs = []

    def fit(obs, config, hooks):
        configs.append((config, obs))

        def predict(obs, targets):
            error = 1.0 / (config.model.cascades + config.train.pretrained)
            rng = np.random.default_rng(0)
            mean = obs.values.mean(0) + error * rng.standard_normal((len(targets), obs.n_genes))
            return Prediction(mean, None, {"parameters": 7, "steps_done": config.train.steps})

        return predict

    monkeypatch.setitem(methods.METHODS, "s2s", Method("stand-in", "", fit))
    return configs


def configs_of(name, base):
    return {
        v.name: v.config(base, 3) for v in EXPERIMENTS[name].variants(base) if v.method == "s2s"
    }


def test_colearning_changes_photographs_alone():
    found = configs_of("colearning", preset("paper"))
    on, off = found["co-learning"], found["no co-learning"]
    assert on.train.natural_images
    assert not off.train.natural_images
    assert replace(on, train=replace(on.train, natural_images=False)) == off
    # The programme engine meets photographs in its pretrained weights, and there alone.
    beforehand = configs_of("colearning", preset("fast"))
    assert set(beforehand) == {"no co-learning", "prior, no co-learning"}
    assert {name for name, c in beforehand.items() if c.train.pretrained} == {
        "prior, no co-learning"
    }


def test_cascades_run_from_one_to_four_and_nothing_else_changes():
    found = list(configs_of("cascades", preset("fast")).values())
    assert [c.model.cascades for c in found] == [1, 2, 3, 4]
    assert len({replace(c, model=COMPACT) for c in found}) == 1
    assert not found[0].train.pretrained
    assert found[0].train.steps == 150
    # Steps that were asked for are kept.
    base = preset("fast")
    asked = replace(base, train=replace(base.train, steps=7))
    assert {c.train.steps for c in configs_of("cascades", asked).values()} == {7}


def test_sparsity_takes_every_second_fourth_and_eighth_row_and_column():
    masks = [v.mask for v in EXPERIMENTS["sparsity"].variants(preset("fast"))]
    assert list(dict.fromkeys(masks)) == ["lattice:2", "lattice:4", "lattice:8"]
    assert set(configs_of("sparsity", preset("fast")).values()) == {
        preset("fast", seed=3, compare=())
    }


def test_tables_hold_scores_at_hidden_spots_and_paired_tests(section, seen, tmp_path):
    table = run_experiment(section, "cascades", tmp_path, seeds=2).set_index("variant")
    assert list(table.index[:4]) == ["K = 1", "K = 2", "K = 3", "K = 4"]
    assert table["mae"].iloc[:4].is_monotonic_decreasing
    assert (table["prediction_seconds"] > 0).all()
    assert table.loc["K = 2", "parameters"] == 7
    assert table.loc["K = 1", "mae_change"] == 0
    assert table.loc["K = 1", "mae_p"] == 1
    assert table.loc["K = 4", "mae_p"] < 0.01
    assert table.loc["K = 4", "mae_change"] == pytest.approx(
        table.loc["K = 4", "mae"] / table.loc["K = 1", "mae"] - 1
    )
    genes = pd.read_csv(tmp_path / "scores.csv")
    sampled = sample(section, "lattice:2", 0)
    obs = observe(sampled)
    truth = known_values(sampled, obs.target_sum)[sampled.hidden]
    predictor = methods.method("linear").fit(obs, preset("fast"), Hooks())
    error = np.abs(predictor(obs, obs.targets).mean[sampled.hidden] - truth).mean(0)
    linear = genes[(genes["variant"] == "linear interpolation") & (genes["seed"] == 0)]
    assert np.allclose(linear["mae"], error, atol=1e-4)
    report = (tmp_path / "report.md").read_text()
    assert "| K = 3 |" in report
    assert "- K = 4: MAE lower than with K = 1" in report
    assert "hidden spots" in report
    # Nothing but measured spots reached any fit.
    assert all(len(obs.pixels) == sampled.measured.sum() for _, obs in seen)


def test_a_stopped_experiment_goes_on_and_other_settings_are_refused(section, seen, tmp_path):
    with pytest.raises(Cancelled):
        run_experiment(
            section,
            "cascades",
            tmp_path,
            seeds=1,
            hooks=Hooks(should_stop=lambda: len(seen) >= 2),
        )
    assert len(list(read_cases(tmp_path))) == 2
    table = run_experiment(section, "cascades", tmp_path, seeds=1)
    assert len(seen) == 4
    assert len(table) == 6
    with pytest.raises(S2SError, match="other settings"):
        run_experiment(section, "cascades", tmp_path, seeds=1, mask="lattice:3")
    with pytest.raises(S2SError, match="Unknown experiment 'magic'"):
        run_experiment(section, "magic", tmp_path / "other")


def test_masks_that_leave_too_few_spots_are_left_out_and_named(section, seen, tmp_path):
    table = run_experiment(section, "sparsity", tmp_path, seeds=1)
    assert not table["variant"].str.startswith("S = 8").any()
    report = (tmp_path / "report.md").read_text()
    assert "Left out, fewer than 20 measured spots: S = 4" in report
    assert " 1 seed; " in report
    # The same was known before the start.
    trainings, left_out = planned(section, "sparsity", "lattice:2", 1, preset("fast"))
    assert left_out_of(tmp_path) == left_out
    assert len(trainings) == len(seen)


def test_what_is_trained_is_known_before_the_start(section, seen, tmp_path):
    trainings, left_out = planned(section, "cascades", "random:0.5", 2, preset("fast"))
    run_experiment(section, "cascades", tmp_path, mask="random:0.5", seeds=2)
    assert left_out == []
    assert sorted(map(str, trainings)) == sorted(str(config) for config, _ in seen)


@pytest.mark.parametrize("model", [TINY, replace(TINY, context=False, cascades=3)])
def test_random_tensors_come_out_as_they_went_in(model):
    rows = random_tensors(model, SIZES[1], 1)
    assert [r["cascade"] for r in rows] == list(range(1, model.cascades + 1))
    assert all(r["identical"] for r in rows)
    assert all(r["after"] == 0 for r in rows)
    # Every cascade had something to undo.
    assert all(r["before"] > 0.01 for r in rows)


def test_the_check_would_notice_a_change(monkeypatch):
    from s2s_core.network import cdcin as model

    monkeypatch.setattr(model, "data_consistency", lambda x, measured, mask: x)
    assert not any(r["identical"] for r in random_tensors(TINY, SIZES[1], 1))


def test_consistency_of_a_trained_run(section, tmp_path, monkeypatch):
    monkeypatch.setattr("s2s_core.studies.data_consistency.SIZES", ((5, 9),))
    table = check_consistency(section, tmp_path, tiny_config(steps=2))
    last = table.iloc[-1]
    assert last["what"] == "the section"
    assert last["identical"]
    assert last["measured"] == 10 * sample(section, "lattice:2").measured.sum()
    assert last["before"] > 0
    assert "bit-identical" in (tmp_path / "report.md").read_text()


def test_a_real_network_runs_through_an_experiment(section, tmp_path):
    base = tiny_config(steps=2)
    table = run_experiment(section, "colearning", tmp_path, base=base, seeds=1)
    assert len(table) == 4
    networks = table[table["parameters"].notna()]
    assert len(networks) == 2
    assert (networks["steps"] == 2).all()
