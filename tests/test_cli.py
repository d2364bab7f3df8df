import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core import api, imputation, read, sample
from s2s_core.cli.arguments import gene_list
from s2s_core.cli.main import main
from s2s_core.data.observation import observe
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Progress
from s2s_core.vocabulary import Phase
from tests.made import made_result, made_section

pytestmark = pytest.mark.slow


@pytest.fixture
def file(tmp_path, hexagonal):
    """A whole section as a file."""
    hexagonal.obs["seen"] = np.arange(120) % 3 == 0
    adata = hexagonal.to_anndata()
    adata.write_h5ad(tmp_path / "in.h5ad")
    return str(tmp_path / "in.h5ad")


@pytest.fixture
def calls(monkeypatch):
    """Runs that were asked for; each gives a made result after two lines of progress."""
    asked = []

    def run(section, config, *, folder=None, on_progress=None, should_stop=None, resume=False):
        asked.append({"section": section, "config": config, "folder": folder, "resume": resume})
        on_progress(Progress(Phase.FITTING, 1, 1))
        on_progress(Progress(Phase.TRAINING, 3, 10, seconds_left=65.0))
        if should_stop():
            raise Cancelled
        return made_result(section, config.method)

    monkeypatch.setattr(imputation, "run", run)
    return asked


def test_impute_writes_results_and_shows_progress(file, calls, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["impute", file, "--out", str(out), "--mask", "lattice:2"]) == 0
    assert {"imputed.csv", "imputed.h5ad", "metrics.csv", "run.json"} <= {
        p.name for p in out.iterdir()
    }
    shown = capsys.readouterr()
    assert "01:05 left" in shown.err
    assert "hidden truth" in shown.out
    assert str(out) in shown.out
    assert calls[0]["folder"] == out
    assert calls[0]["section"].measured.sum() == 30


def test_impute_for_real(file, tmp_path):
    out = tmp_path / "out"
    argv = ["impute", file, "--out", str(out), "--mask", "lattice:2", "--method", "linear"]
    assert main([*argv, "--compare", "nearest", "--genes", "Gene0,Gene5"]) == 0
    section = sample(read(file), "lattice:2").subset_genes(["Gene0", "Gene5"])
    table = pd.read_csv(out / "imputed.csv", index_col="spot_id")
    measured = table.loc[section.spot_ids[section.measured], ["Gene0", "Gene5"]]
    assert np.array_equal(measured.to_numpy(np.float32), observe(section).values)
    hidden = table.loc[section.spot_ids[section.hidden], ["Gene0", "Gene5"]]
    assert np.isfinite(hidden.to_numpy()).all()
    scores = pd.read_csv(out / "metrics.csv")
    assert set(scores["method"]) == {"linear", "nearest"}
    assert set(scores["gene"]) == {"Gene0", "Gene5"}
    made = json.loads((out / "run.json").read_text())
    assert made["input"]["sha256"] == hashlib.sha256(Path(file).read_bytes()).hexdigest()
    assert made["config"]["method"] == "linear"


def test_no_unmeasured_value_changes_the_result(file, tmp_path):
    outputs = []
    for value in (0.0, np.nan, 1e9):
        adata = ad.read_h5ad(file)
        counts = adata.X.toarray()
        counts[~adata.obs["seen"].to_numpy()] = value
        adata.X = counts
        adata.write_h5ad(tmp_path / "spoiled.h5ad")
        argv = ["impute", str(tmp_path / "spoiled.h5ad"), "--out", str(tmp_path / "o")]
        assert main([*argv, "--measured", "seen", "--method", "kriging", "--compare", "none"]) == 0
        outputs.append((tmp_path / "o" / "imputed.csv").read_bytes())
    assert outputs[0] == outputs[1] == outputs[2]


def test_evaluate_for_real(file, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    argv = ["evaluate", file, "--mask", "lattice:2", "--methods", "linear,gaussian,bicubic"]
    assert main([*argv, "--out", str(out)]) == 0
    table = pd.read_csv(out, index_col="method")
    assert table.index.tolist() == ["linear", "gaussian", "bicubic"]
    assert table[["mae", "rmse", "pcc"]].notna().all(axis=None)
    assert main(["evaluate", file, "--mask", "lattice:2", "--methods", "magic"]) == 2
    assert "Unknown method 'magic'" in capsys.readouterr().err


def test_impute_passes_every_choice_on(file, calls, tmp_path):
    argv = [
        "impute",
        file,
        "--out",
        str(tmp_path / "o"),
        "--mask",
        "random:0.4",
        "--method",
        "kriging",
        "--preset",
        "balanced",
        "--genes",
        "Gene4,Gene1",
        "--seed",
        "7",
        "--device",
        "cpu",
        "--threads",
        "2",
        "--compare",
        "linear,nearest",
        "--resume",
    ]
    assert main(argv) == 0
    config = calls[0]["config"]
    assert (config.method, config.preset, config.seed, config.device, config.threads) == (
        "kriging",
        "balanced",
        7,
        "cpu",
        2,
    )
    assert config.compare == ("linear", "nearest")
    assert calls[0]["resume"]
    assert calls[0]["section"].genes.tolist() == ["Gene4", "Gene1"]
    assert np.array_equal(
        calls[0]["section"].measured, sample(read(file), "random:0.4", 7).measured
    )


def test_compare_none(file, calls, tmp_path):
    main(["impute", file, "--out", str(tmp_path / "o"), "--mask", "lattice:2", "--compare", "none"])
    assert calls[0]["config"].compare == ()


def test_the_three_situations(file, calls, tmp_path, capsys):
    out = str(tmp_path / "o")
    assert main(["impute", file, "--out", out, "--densify", "2"]) == 0
    assert (calls[-1]["section"].origin == "new").any()
    assert main(["impute", file, "--out", out, "--measured", "seen"]) == 0
    assert calls[-1]["section"].measured.sum() == 40
    assert not calls[-1]["section"].hidden.any()
    assert main(["impute", file, "--out", out]) == 2
    said = capsys.readouterr().err
    for choice in ("--mask", "--measured", "--densify"):
        assert choice in said
    assert len(calls) == 2


def test_gaps_need_no_choice(calls, tmp_path):
    section = made_section()
    adata = section.to_anndata()[np.arange(120) != 45].copy()
    adata.write_h5ad(tmp_path / "gaps.h5ad")
    assert main(["impute", str(tmp_path / "gaps.h5ad"), "--out", str(tmp_path / "o")]) == 0
    assert (calls[0]["section"].origin == "gap").sum() == 1


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--mask", "spiral"], "Unknown sampling design"),
        (["--mask", "lattice:2", "--genes", "Nope"], "Nope is not a gene"),
        (["--measured", "lost"], "no column 'lost'"),
        (["--mask", "random:0.05"], "Only 6 spots are measured"),
        (["--densify", "1"], "between 2 and 8"),
    ],
)
def test_a_users_mistake_is_one_line(file, tmp_path, capsys, argv, word):
    assert main(["impute", file, "--out", str(tmp_path / "o"), *argv]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert word in last
    assert not (tmp_path / "o" / "imputed.csv").exists()


def test_a_results_folder_that_cannot_be_made(file, calls, tmp_path, capsys):
    (tmp_path / "taken").write_text("a file")
    assert main(["impute", file, "--out", str(tmp_path / "taken"), "--mask", "lattice:2"]) == 2
    assert "error: cannot use" in capsys.readouterr().err


def test_ctrl_c_stops_and_says_how_to_go_on(file, tmp_path, capsys, monkeypatch):
    def run(section, config, *, should_stop, **_):
        assert not should_stop()
        os.kill(os.getpid(), signal.SIGINT)
        assert should_stop()
        raise Cancelled

    monkeypatch.setattr(imputation, "run", run)
    out = str(tmp_path / "my out")
    before = signal.getsignal(signal.SIGINT)
    assert main(["impute", file, "--out", out, "--mask", "lattice:2"]) == 130
    said = capsys.readouterr().err
    assert "--resume" in said
    assert f"'{out}'" in said
    assert "Traceback" not in said
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_ctrl_c_ends_at_once(file, tmp_path, capsys, monkeypatch):
    def run(section, config, **_):
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("went on")

    monkeypatch.setattr(imputation, "run", run)
    assert main(["impute", file, "--out", str(tmp_path / "o"), "--mask", "lattice:2"]) == 130
    assert "--resume" in capsys.readouterr().err


def test_masks_writes_a_table_that_reads_back(file, tmp_path, capsys):
    out = tmp_path / "mask.csv"
    assert main(["masks", file, "--mask", "poisson:0.25", "--seed", "4", "--out", str(out)]) == 0
    table = pd.read_csv(out)
    assert table["measured"].sum() == 30
    assert "30 of 120 spots" in capsys.readouterr().out
    again = sample(read(file), f"csv:{out}")
    assert np.array_equal(again.measured, sample(read(file), "poisson:0.25", 4).measured)


def test_evaluate_prints_and_writes_a_table(file, calls, tmp_path, capsys):
    out = tmp_path / "scores.csv"
    argv = [
        "evaluate",
        file,
        "--mask",
        "lattice:2",
        "--methods",
        "linear,nearest",
        "--out",
        str(out),
    ]
    assert main(argv) == 0
    assert calls[0]["config"].method == "linear"
    assert calls[0]["config"].compare == ("nearest",)
    assert "pcc" in capsys.readouterr().out
    assert pd.read_csv(out)["method"].tolist() == ["linear", "nearest"]


def test_evaluate_needs_hidden_spots(square):
    with pytest.raises(S2SError, match="No spot is hidden"):
        api.score_methods(square, methods=["linear"])


def test_gene_lists(tmp_path):
    assert gene_list("all") is None
    assert gene_list("A, B,") == ["A", "B"]
    (tmp_path / "genes.txt").write_text('A\nB\r\n\n"C"\tD;E\n')
    assert gene_list(str(tmp_path / "genes.txt")) == ["A", "B", "C", "D", "E"]
    (tmp_path / "genes.bin").write_bytes(b"\xff\xfe\0")
    with pytest.raises(S2SError, match="no text file"):
        gene_list(str(tmp_path / "genes.bin"))


def test_the_module_runs_without_a_trace(tmp_path):
    (tmp_path / "a.h5ad").write_text("no")
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "s2s_core",
            "impute",
            str(tmp_path / "a.h5ad"),
            "--out",
            str(tmp_path / "o"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: 'a.h5ad' is not an AnnData file")
