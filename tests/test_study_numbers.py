"""Numbers of studies and experiments by hand: changes, quartiles, times, draws, regions."""

import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.config import PRESETS, preset
from s2s_core.errors import S2SError
from s2s_core.interfaces import Hooks
from s2s_core.jobs import studies
from s2s_core.jobs.forecast import (
    REFERENCE_CORES,
    TRAINED,
    forecast,
    forecast_training,
    machine_factor,
)
from s2s_core.jobs.studies import experiment_task, experiment_work
from s2s_core.methods import METHODS, Method
from s2s_core.sampling.aliasing import aliased_share, spectrum
from s2s_core.sampling.apply import sample
from s2s_core.studies.budget_curve import Goal
from s2s_core.studies.budget_study import measured_parts, run_design
from s2s_core.studies.cases import Cases, read_cases
from s2s_core.studies.experiment_report import SCORES, summarise, write_tables
from s2s_core.studies.experiments import EXPERIMENTS, Variant, _compute
from s2s_core.studies.outcome import outcome
from s2s_core.studies.plan import Plan, first_budgets, smallest_budget
from tests.made import made_section


def scores_of(mae, seed=0, variant="a", genes=8):
    return pd.DataFrame(
        {
            "variant": variant,
            "seed": seed,
            "gene": [f"g{i}" for i in range(genes)],
            "mae": mae,
            "rmse": 1.0,
            "pcc": 0.5,
            "ssim": 0.5,
        }
    )


RUN = {
    "n_measured": 50,
    "fit_seconds": 2.0,
    "prediction_seconds": 0.5,
    "parameters": 7,
    "steps": 3,
    "network_share": 0.2,
}


def test_a_summary_by_hand():
    base = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])
    genes = pd.concat(
        [
            scores_of(base, variant="b"),
            scores_of(base * 0.8 - 0.01),
            scores_of(base * 0.8 + 0.01, seed=1),
        ]
    )
    runs = pd.DataFrame(
        [{"variant": v, "seed": s, **RUN} for v, s in (("b", 0), ("a", 0), ("a", 1))]
    )
    found = summarise(genes, runs, ["a", "b"], "b").set_index("variant")
    assert found.loc["a", "mae"] == pytest.approx(0.36)
    assert found.loc["a", "mae_change"] == pytest.approx(-0.2)
    assert found.loc["a", ["mae_median", "mae_q25", "mae_q75"]].tolist() == pytest.approx(
        [0.36, 0.22, 0.5]
    )
    assert found.loc["a", "mae_sd_of_seeds"] == pytest.approx(0.02 / np.sqrt(2))
    # Eight differences of one sign: 2 / 2^8.
    assert found.loc["a", "mae_p"] == pytest.approx(2 / 256)
    assert found.loc["b", ["mae_change", "mae_p"]].tolist() == [0.0, 1.0]


def test_six_genes_are_enough_for_a_test_and_equal_ones_need_none():
    runs = pd.DataFrame([{"variant": v, "seed": 0, **RUN} for v in "abc"])
    base = np.linspace(0.1, 0.8, 6)
    genes = pd.concat(
        [
            scores_of(base, variant="b", genes=6),
            scores_of(base * 0.9, genes=6),
            scores_of(base, variant="c", genes=6),
        ]
    )
    found = summarise(genes, runs, ["a", "b", "c"], "b").set_index("variant")
    assert found.loc["a", "mae_p"] == pytest.approx(2 / 64)
    assert found.loc["c", "mae_p"] == 1.0


@pytest.mark.parametrize(
    ("times", "word", "blocks"),
    [
        (0.8, "lower", True),
        (1.2, "higher", True),
        (0.9995, "no difference", True),
        # Genes alone tell nothing: they share spots.
        (0.8, "undecided", False),
    ],
)
def test_a_variant_is_called_by_its_error(tmp_path, times, word, blocks):
    cases = Cases(
        tmp_path,
        {
            "mark": "x",
            "genes": [f"g{i}" for i in range(8)],
            "mask": "m",
            "name": "n",
            "preset": "fast",
        },
    )
    base = np.linspace(0.1, 0.8, 8)
    for variant, mae in (("b", base), ("a", base * times)):
        for seed in range(3):
            # A third draw that nobody asked for is another.
            values = mae * (9.0 if seed == 2 else 1.0)
            by_block = mae.mean() + 1e-4 * np.resize([1.0, -1.0], 16) * (variant == "a")
            cases.add(
                {
                    "variant": variant,
                    "seed": seed,
                    **RUN,
                    "blocks": {
                        "spots": [20] * 16,
                        "mae": list(by_block),
                        "rmse": [1.0] * 16,
                        "pcc": [0.5] * 16,
                    }
                    if blocks
                    else None,
                    "mae": list(values),
                    "rmse": [1.0] * 8,
                    "pcc": [0.5] * 8,
                    "ssim": [0.5] * 8,
                }
            )
    table = write_tables(tmp_path, ["b", "a"], "Why?", "b", 2).set_index("variant")
    assert table.loc["b", "mae"] == pytest.approx(base.mean())
    line = next(
        line for line in (tmp_path / "report.md").read_text().splitlines() if line.startswith("- a")
    )
    assert word in line
    assert len(pd.read_csv(tmp_path / "scores.csv")) == 2 * 2 * 8


def test_a_torn_line_does_not_swallow_the_next_case(tmp_path):
    tmp_path = tmp_path / "made" / "at need"
    cases = Cases(tmp_path, {"mark": "x"})
    cases.add({"a": 1})
    with (tmp_path / "cases.jsonl").open("a") as file:
        file.write('{"a": 2')
    cases.add({"a": 3})
    cases.add({"a": 4})
    assert [r["a"] for r in read_cases(tmp_path)] == [1, 3, 4]
    assert (tmp_path / "cases.jsonl").read_text() == '{"a": 1}\n{"a": 2\n{"a": 3}\n{"a": 4}\n'
    Cases(tmp_path, {"mark": "x"})
    with pytest.raises(S2SError, match="another section or other settings"):
        Cases(tmp_path, {"mark": "y"})


@pytest.fixture
def seen(monkeypatch):
    """A network that stands in and notes what it was asked."""
    found = []

    def fit(obs, config, hooks):
        found.append((obs, config))
        return lambda shown, targets: METHODS["nearest"].fit(obs, config, hooks)(shown, targets)

    monkeypatch.setitem(METHODS, "s2s", Method("stand-in", "", fit))
    return found


def test_a_variant_is_scored_at_hidden_spots_with_its_own_seed(seen):
    section = made_section("square", 12, 12)
    found = _compute(section, Variant("v"), preset("fast"), "random:0.4", 5, Hooks())
    obs, config = seen[0]
    assert config.seed == 5
    sampled = sample(section, "random:0.4", 5)
    assert np.array_equal(obs.pixels, sampled.pixels[sampled.measured])
    assert found["n_hidden"] == sampled.hidden.sum()
    # The nearest spot is exact at measured spots: counted in, errors would be smaller.
    truth = np.log1p(0 * sampled.counts.toarray())
    assert len(found["mae"]) == truth.shape[1]
    guess = METHODS["nearest"].fit(obs, config, Hooks())(obs, obs.targets).mean
    from s2s_core.data.observation import known_values

    off = np.abs(guess - known_values(sampled, obs.target_sum))[sampled.hidden].mean(0)
    assert found["mae"] == pytest.approx(off, abs=2e-5)


def test_variants_differ_in_what_they_are_named_for():
    base = preset("paper")
    found = {v.name: v.config(base, 0) for v in EXPERIMENTS["colearning"].variants(base)}
    off = {name for name, config in found.items() if not config.train.natural_images}
    assert off == {"no co-learning"}
    base = preset("fast")
    found = {v.name: v.config(base, 0) for v in EXPERIMENTS["colearning"].variants(base)}
    off = {name for name, config in found.items() if not config.train.pretrained}
    assert off == {"no co-learning"}
    assert EXPERIMENTS["colearning"].against == "no co-learning"


def test_the_time_of_an_experiment_is_that_of_all_its_trainings(monkeypatch):
    section = made_section("square", 12, 12)
    task = experiment_task("cascades", "lattice:2", 3, "fast")
    monkeypatch.setattr(
        studies, "forecast_training", lambda s, config, factor: config.model.cascades * factor
    )
    work = experiment_work(section, task, 2.0)
    assert work.n_trainings == 4 * 3
    assert work.seconds == 3 * 2.0 * (1 + 2 + 3 + 4)
    check = experiment_work(section, experiment_task("dc", "lattice:2", 1, "fast"), 2.0)
    assert (check.n_trainings, check.seconds) == (2, 2 * 2.0 * PRESETS["fast"].model.cascades)


def test_longer_training_lengthens_its_share_of_a_run(square):
    config = preset("fast")
    usual = forecast(square, config, 2.0)
    thrice = replace(config, train=replace(config.train, steps=3 * config.train.steps))
    first, last = TRAINED["fast"]
    assert forecast_training(square, thrice, 2.0) == pytest.approx(usual * (1 + 2 * (last - first)))


@pytest.mark.parametrize("number", [1, 2, 8, 64])
def test_a_machine_with_more_cores_is_expected_to_be_faster(monkeypatch, tmp_path, number):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path))
    monkeypatch.setenv("OMP_NUM_THREADS", str(number))
    factor, known = machine_factor()
    assert factor == pytest.approx((REFERENCE_CORES / min(number, 16)) ** 0.6)
    assert not known


def test_regions_are_groups_that_touch_along_the_lattice(square):
    def parts(*places):
        where = {(r, c) for r, c in places}
        return measured_parts(
            square.with_measured(
                [(r, c) in where for r, c in zip(square.row, square.col, strict=True)]
            )
        )

    assert parts((0, 0), (0, 1), (1, 1), (5, 5)) == (3, 2)
    # A corner is no side.
    assert parts((0, 0), (1, 1)) == (2, 2)


def test_the_spots_of_a_plan_are_those_of_the_draw_that_is_named(tmp_path):
    section = made_section("square", 12, 12)
    plan = Plan(("random",), (0.3,), 2, "nearest")
    run_design(section, plan, tmp_path)
    found = outcome(section, tmp_path, plan, Goal(-1.0, 0.1))
    assert found.reached
    wanted = sample(section, "random:0.3", 0)
    assert np.array_equal(found.measured, wanted.measured)
    table = pd.read_csv(io.StringIO(found.files["mask.csv"]))
    assert np.array_equal(table["measured"], wanted.measured)
    assert any("--mask random:0.3 --seed 0 " in sentence for sentence in found.sentences)
    # The same counts at other places are another pilot.
    turned = replace(section, col=11 - section.col)
    with pytest.raises(S2SError, match="another section or other settings"):
        run_design(turned, plan, tmp_path)


def test_cases_of_a_plan_are_designs_times_budgets_times_draws():
    assert Plan(("lattice", "random"), (0.1, 0.2, 0.3), 4).n_cases == 24
    # 20 spots are the fewest a map is imputed from.
    assert smallest_budget(1000) == 0.02
    assert smallest_budget(999) == 0.021
    assert 0.1 not in first_budgets(199)
    assert 0.1 in first_budgets(200)


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_waves_finer_than_a_lattice_can_tell_are_folded_and_others_are_not(kind):
    section = made_section(kind, 24, 24)
    points = section.grid.lattice_xy(section.row, section.col)
    mask = (section.row % 4 == 0) & (section.col % 4 == 0)
    noise = np.random.default_rng(0).normal(0, 0.3, (len(points), 3))
    for period, low, high in ((16.0, 0.0, 0.35), (2.7, 0.8, 1.0)):
        wave = np.sin(2 * np.pi * points[:, :1] / period + np.arange(3)) + noise + 9.0
        found = spectrum(section, np.arange(len(points)), wave)
        assert found.power.sum() == pytest.approx(1.0)
        folded, periodic = aliased_share(found, mask)
        assert periodic
        assert low <= folded <= high + 1e-6
        # A section's own outline is no period.
        assert aliased_share(found, np.random.default_rng(1).random(len(points)) < 0.3) == (
            0.0,
            False,
        )
        assert aliased_share(found, np.ones(len(points), bool)) == (0.0, False)
    assert set(SCORES) == {"mae", "rmse", "pcc", "ssim"}
