"""The commands design and experiment, from files to files."""

import numpy as np
import pandas as pd
import pytest

from s2s_core import read
from s2s_core.cli.main import build_parser, main
from s2s_core.data.mask_table import mask_from_table, read_mask_table
from s2s_core.data.simulate import demo_section
from s2s_core.jobs.studies import questions
from s2s_core.sampling.apply import sample
from s2s_core.sampling.design_metrics import evaluate_design
from s2s_core.sampling.pilot import Pilot
from tests.made import made_section

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("in") / "pilot.h5ad"
    demo_section(rows=18, genes=12).to_anndata().write_h5ad(path)
    return str(path)


def test_a_plan_from_a_pilot(file, tmp_path, capsys):
    out = tmp_path / "plan"
    argv = [
        "design",
        file,
        "--designs",
        "lattice,random",
        "--budgets",
        "25; 50%",
        "--seeds",
        "2",
        "--engine",
        "linear",
        "--out",
        str(out),
        "--pcc",
        "0.1",
        "--share",
        "30",
        "--cost-per-spot",
        "2",
        "--cost-fixed",
        "100",
        "--currency",
        "EUR",
    ]
    assert main(argv) == 0
    shown = capsys.readouterr()
    assert "Measure " in shown.out
    assert "EUR" in shown.out
    assert "Testing designs on the pilot" in shown.err
    section = read(file)
    mask = mask_from_table(read_mask_table(out / "mask.csv"), section)
    assert mask.sum() in {round(b * section.measured.sum()) for b in (0.25, 0.5)}
    table = pd.read_csv(out / "curve.csv")
    assert table["cost"].tolist() == (100 + 2 * table["n_measured"]).tolist()
    assert len((out / "cases.jsonl").read_text().splitlines()) == 8
    assert main(argv) == 0
    assert len((out / "cases.jsonl").read_text().splitlines()) == 8


def test_facts_of_one_design(file, tmp_path, capsys):
    out = tmp_path / "genes.csv"
    assert main(["design", "facts", file, "--mask", "hexlattice:4", "--out", str(out)]) == 0
    section = read(file)
    facts = evaluate_design(Pilot(section), sample(section, "hexlattice:4").measured)
    shown = capsys.readouterr().out
    assert all(sentence in shown for sentence in facts.sentences)
    table = pd.read_csv(out, index_col="gene")
    assert table["verdict"].tolist() == facts.genes["verdict"].tolist()


def test_the_demo_can_be_the_pilot(capsys):
    assert main(["design", "facts", "demo", "--mask", "stripes:4"]) == 0
    assert "repeats with a period" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["design", "IN"], "Give --out DIR"),
        (["design", "facts", "IN"], "Give --mask SPEC"),
        (["design", "next", "IN"], "Give --budget N"),
        (["design", "IN", "--out", "OUT", "--budgets", "0"], "found 0 %"),
        (["design", "IN", "--out", "OUT", "--budgets", "110"], "found 110 %"),
        (["design", "IN", "--out", "OUT", "--budgets", "ten"], "number of per cent"),
        (["design", "IN", "--out", "OUT", "--budgets", "12,5"], "one number or two"),
        (["design", "IN", "--out", "OUT", "--budgets", "1"], "A budget of 1 % is 1 of 148 spots"),
        (["design", "facts", "IN", "--mask", "lattice:9"], "imputation needs at least 20"),
        (["design", "IN", "--out", "OUT", "--designs", "spiral"], "Unknown sampling design"),
        (["design", "IN", "--out", "OUT", "--cost-per-spot", "-1"], "0 or more"),
        (["design", "IN", "--out", "OUT", "--share", "0"], "above 0"),
        (["design", "facts", "IN", "--mask", "random:2"], "above 0 and below 1"),
        (["design", "facts", "SMALL", "--mask", "lattice:2"], "at least 50"),
    ],
)
def test_bad_input_is_one_sentence(file, tmp_path, capsys, argv, word):
    small = tmp_path / "small.h5ad"
    made_section("square", 6, 7).to_anndata().write_h5ad(small)
    places = {"IN": file, "OUT": str(tmp_path / "out"), "SMALL": str(small)}
    assert main([places.get(a, a) for a in argv]) == 2
    error = capsys.readouterr().err
    assert error.count("error: ") == 1
    assert word in error
    assert not (tmp_path / "out").exists()


def test_ctrl_c_says_how_to_go_on(file, tmp_path, capsys, monkeypatch):
    from s2s_core.cli import terminal

    asked = iter([False, False, True])
    monkeypatch.setattr(terminal.Stop, "asked", lambda self: next(asked))
    out = tmp_path / "plan"
    argv = [
        "design",
        file,
        "--designs",
        "random",
        "--budgets",
        "20,30,50",
        "--engine",
        "nearest",
        "--out",
        str(out),
    ]
    assert main(argv) == 130
    assert f"python -m s2s_core design {file}" in capsys.readouterr().err
    assert len((out / "cases.jsonl").read_text().splitlines()) == 2
    monkeypatch.undo()
    assert main(argv) == 0
    assert len((out / "cases.jsonl").read_text().splitlines()) == 9


def test_experiments_from_the_command_line(file, tmp_path, capsys, monkeypatch):
    seen = {}

    def run_experiment(section, name, folder, **options):
        seen.update(options, name=name, genes=list(section.genes))
        folder.mkdir(parents=True)
        (folder / "report.md").write_text("the report")

    monkeypatch.setattr("s2s_core.studies.experiments.run_experiment", run_experiment)
    genes = list(read(file).genes[:2])
    argv = [
        "experiment",
        "cascades",
        file,
        "--out",
        str(tmp_path / "x"),
        "--steps",
        "5",
        "--seeds",
        "2",
        "--genes",
        ",".join(genes),
        "--mask",
        "random:0.3",
    ]
    assert main(argv) == 0
    assert "the report" in capsys.readouterr().out
    assert (seen["name"], seen["seeds"], seen["mask"]) == ("cascades", 2, "random:0.3")
    assert seen["base"].train.steps == 5
    assert seen["genes"] == genes


def test_the_help_of_experiments_says_what_each_asks(capsys):
    with pytest.raises(SystemExit):
        main(["experiment", "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for name, question in questions().items():
        assert f"{name} {question}" in shown


def test_a_wrong_experiment_is_refused_before_anything_is_read(tmp_path, capsys):
    assert main(["experiment", "sparse", "missing.h5ad", "--out", str(tmp_path / "x")]) == 2
    error = capsys.readouterr().err
    assert error == (
        "error: Unknown experiment 'sparse'; choose dc, colearning, cascades, sparsity.\n"
    )


def test_every_option_has_a_word_of_help():
    commands = next(a for a in build_parser()._actions if isinstance(a.choices, dict))
    bare = [
        f"{name} {action.dest}"
        for name, parser in commands.choices.items()
        for action in parser._actions
        if not action.help
    ]
    assert not bare


def test_planning_never_loads_torch(file):
    import subprocess
    import sys
    from pathlib import Path

    script = (
        "import sys; from s2s_core.cli.main import main; "
        f"assert main(['design', 'facts', {file!r}, '--mask', 'poisson:0.3']) == 0; "
        "sys.exit('torch' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=root, check=False, capture_output=True
    )
    assert done.returncode == 0, done.stderr


def test_masks_command_writes_designs_with_options(file, tmp_path):
    out = tmp_path / "mask.csv"
    spec = "lattice:3/budget=0.1"
    assert main(["masks", file, "--mask", spec, "--out", str(out)]) == 0
    section = read(file)
    mask = mask_from_table(read_mask_table(out), section)
    assert np.array_equal(mask, sample(section, spec).measured)
