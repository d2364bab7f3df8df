"""Commands hand on what was said, all of it: seeds, genes, costs, steps, and how to go on."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from s2s_core import api, imputation
from s2s_core.cli import arguments
from s2s_core.cli import main as cli
from s2s_core.cli.finished_run import finished_run
from s2s_core.config import preset
from s2s_core.data.result import save_result
from s2s_core.errors import Cancelled
from s2s_core.output import bundle, export
from s2s_core.sampling.apply import sample
from s2s_core.sampling.design_record import DesignMetrics
from tests.made import made_result, made_section


@pytest.fixture(autouse=True)
def section(monkeypatch, tmp_path):
    """What every command reads."""
    made = made_section("square", 12, 12)
    monkeypatch.setattr(arguments, "read", lambda *_, **__: made)
    monkeypatch.chdir(tmp_path)
    return made


@pytest.fixture
def runs(monkeypatch):
    asked = []

    def run(section, config, **more):
        asked.append((section, config, more))
        return made_result(section, config.method)

    monkeypatch.setattr(imputation, "run", run)
    return asked


IMPUTE = ["impute", "in.h5ad", "--out", "out", "--mask", "random:0.4", "--method", "linear"]


@pytest.mark.parametrize(
    ("words", "seed"),
    [
        ([], 0),
        (["--seed", "3"], 3),
        (["--seed", "3", "--mask-seed", "5"], 5),
        (["--mask-seed", "0", "--seed", "3"], 0),
    ],
)
def test_the_mask_has_its_own_seed_or_that_of_the_run(section, runs, words, seed):
    assert cli.main([*IMPUTE, *words]) == 0
    sampled, config, _ = runs[0]
    assert np.array_equal(sampled.measured, sample(section, "random:0.4", seed).measured)
    assert config.seed == (3 if "3" in words else 0)


@pytest.mark.parametrize(
    "words",
    [["evaluate", "in.h5ad"], ["masks", "in.h5ad", "--out", "m.csv"], ["impute", "in.h5ad"]],
)
def test_what_a_command_cannot_do_without_is_asked_for(words, capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(words)
    assert "required" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", [False, True])
def test_intervals_are_written_on_demand(runs, tmp_path, wanted):
    cli.main([*IMPUTE, *(["--intervals"] if wanted else [])])
    assert (tmp_path / "out" / "imputed_lower.csv").exists() is wanted


def test_evaluate_looks_at_the_genes_and_methods_that_were_named(section, monkeypatch, tmp_path):
    asked = {}

    def score(sampled, **more):
        asked.update(more, sampled=sampled)
        return made_result(sampled)

    monkeypatch.setattr(api, "score_methods", score)
    words = [
        "evaluate",
        "in.h5ad",
        "--mask",
        "random:0.4",
        "--seed",
        "4",
        "--genes",
        "Gene1,Gene3",
        "--methods",
        "linear, kriging",
        "--out",
        "t.csv",
    ]
    assert cli.main(words) == 0
    assert asked["genes"] == ["Gene1", "Gene3"]
    assert asked["methods"] == ["linear", "kriging"]
    assert asked["seed"] == 4
    assert np.array_equal(asked["sampled"].measured, sample(section, "random:0.4", 4).measured)
    assert pd.read_csv(tmp_path / "t.csv")["method"].tolist() == ["linear", "nearest"]
    cli.main(["evaluate", "in.h5ad", "--mask", "random:0.4"])
    assert asked["methods"] is asked["genes"] is None


@pytest.mark.parametrize(("level", "status"), [("same", 0), ("close", 0), ("different", 1)])
def test_reproduce_ends_by_whether_it_did(section, runs, monkeypatch, level, status):
    config = preset("fast", method="linear", seed=8)
    sampled = sample(section, "lattice:2")
    monkeypatch.setattr(bundle, "read_bundle", lambda _: bundle.Bundle(sampled, config, {}, None))
    monkeypatch.setattr(bundle, "compare", lambda *_: bundle.Comparison(level, 0.0, "So."))
    assert cli.main(["reproduce", "b.zip", "--out", "out"]) == status
    assert runs[0][:2] == (sampled, config)


@pytest.mark.parametrize("words", [[], ["--resume"]])
def test_a_stopped_run_says_how_to_go_on_once(monkeypatch, capsys, words):
    def run(*_, **__):
        raise Cancelled

    monkeypatch.setattr(imputation, "run", run)
    assert cli.main([*IMPUTE, *words]) == 130
    said = capsys.readouterr().err
    assert f"python -m s2s_core {' '.join(IMPUTE)} --resume\n" in said


def test_a_plan_is_made_as_it_was_said(monkeypatch, section):
    asked = {}

    def run(pilot, plan, out, hooks):
        asked.update(plan=plan, pilot=pilot)

    def write(pilot, out, plan, goal):
        asked.update(goal=goal)
        return ["Measure."]

    monkeypatch.setattr("s2s_core.studies.budget_study.run_design", run)
    monkeypatch.setattr("s2s_core.studies.outcome.write_plan", write)
    words = [
        "design",
        "in.h5ad",
        "--out",
        "p",
        "--designs",
        "random, lattice",
        "--budgets",
        "20; 40",
        "--seeds",
        "2",
        "--engine",
        "linear",
        "--pcc",
        "0.3",
        "--share",
        "70",
        "--patterned",
        "--cost-per-spot",
        "1",
        "--cost-per-row",
        "2",
        "--cost-per-region",
        "3",
        "--cost-fixed",
        "4",
        "--currency",
        "CHF",
        "--genes",
        "Gene2",
    ]
    assert cli.main(words) == 0
    plan, goal = asked["plan"], asked["goal"]
    assert (plan.designs, plan.budgets, plan.seeds, plan.engine) == (
        ("random", "lattice"),
        (0.2, 0.4),
        2,
        "linear",
    )
    assert plan.genes == ("Gene2",)
    assert (goal.threshold, goal.share, goal.patterned) == (0.3, 0.7, True)
    assert goal.cost.prices == (1.0, 2.0, 3.0, 4.0)
    assert goal.cost.currency == "CHF"


def test_facts_are_those_of_the_design_that_was_drawn(section, monkeypatch):
    asked = []
    numbers = dict.fromkeys(DesignMetrics.__dataclass_fields__, 0.0) | {
        "sentences": ("So.",),
        "genes": pd.DataFrame(),
    }
    monkeypatch.setattr(
        "s2s_core.sampling.design_metrics.evaluate_design",
        lambda pilot, mask: asked.append(mask) or DesignMetrics(**numbers),
    )
    for seed in ("0", "6"):
        assert cli.main(["design", "facts", "in.h5ad", "--mask", "random:0.3", "--seed", seed]) == 0
        assert np.array_equal(asked[-1], sample(section, "random:0.3", int(seed)).measured)


def test_the_next_batch_is_that_of_the_run_and_the_seed(section, monkeypatch, tmp_path):
    asked = []

    def choose(section, spread, count, seed):
        asked.append((section, np.asarray(spread), count, seed))
        return pd.DataFrame({"order": [1], "spot_id": ["=a"]})

    monkeypatch.setattr("s2s_core.sampling.next_batch.next_batch", choose)
    made = made_result(sample(section, "lattice:2"))
    rng = np.random.default_rng(0)
    layers = {
        k: rng.random(made.truth.shape).astype(np.float32) + add
        for k, add in (("median", 5), ("lower", 1), ("upper", 9))
    }
    sd = {"linear": rng.random(made.truth.shape).astype(np.float32)}
    for name, result, wanted in (
        ("kept", replace(made, layers=layers, sd=sd), sd["linear"]),
        ("without", replace(made, layers=layers, sd={}), layers["upper"] - layers["lower"]),
    ):
        save_result(result, tmp_path / name)
        export.export(result, tmp_path / f"{name}_tables")
        assert (
            cli.main(["design", "next", name, "--budget", "4", "--seed", "9", "--out", "n.csv"])
            == 0
        )
        found, spread, count, seed = asked[-1]
        assert (count, seed) == (4, 9)
        assert spread == pytest.approx(wanted, abs=1e-6)
        # A spreadsheet must not run an id.
        assert pd.read_csv(tmp_path / "n.csv")["spot_id"].tolist() == ["'=a"]
        monkeypatch.undo()
        found, spread = finished_run(tmp_path / f"{name}_tables")
        rows = made.section.spot_ids.get_indexer(found.spot_ids)
        assert np.asarray(spread) == pytest.approx(wanted[rows], abs=1e-6)
        monkeypatch.setattr("s2s_core.sampling.next_batch.next_batch", choose)
        monkeypatch.chdir(tmp_path)


def test_an_experiment_has_the_seed_and_the_steps_that_were_asked_for(
    monkeypatch, tmp_path, section
):
    asked = {}

    def run(section, name, out, **more):
        asked.update(more, name=name, section=section)
        out.mkdir()
        (out / "report.md").write_text("Done.")

    monkeypatch.setattr("s2s_core.studies.experiments.run_experiment", run)
    words = [
        "experiment",
        "cascades",
        "in.h5ad",
        "--out",
        "e",
        "--seed",
        "5",
        "--steps",
        "7",
        "--seeds",
        "2",
        "--mask",
        "random:0.4",
        "--genes",
        "Gene0,Gene5",
        "--threads",
        "1",
        "--preset",
        "balanced",
    ]
    assert cli.main(words) == 0
    base = preset("balanced", seed=5, threads=1)
    assert asked["base"] == replace(base, train=replace(base.train, steps=7))
    assert (asked["name"], asked["mask"], asked["seeds"]) == ("cascades", "random:0.4", 2)
    assert list(asked["section"].genes) == ["Gene0", "Gene5"]
    monkeypatch.setattr(
        "s2s_core.studies.data_consistency.check_consistency",
        lambda s, out, base, **more: asked.update(checked=SimpleNamespace(base=base, **more)),
    )
    assert (
        cli.main(
            ["experiment", "dc", "in.h5ad", "--out", "e", "--seed", "6", "--mask", "lattice:3"]
        )
        == 0
    )
    assert asked["checked"].base == preset("fast", seed=6)
    assert asked["checked"].mask == "lattice:3"
