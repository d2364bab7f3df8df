"""Settings in files and on the command line, as far as the run that they make."""

import json
from dataclasses import asdict, replace

import pytest

from s2s_core.cli import impute
from s2s_core.cli import main as cli
from s2s_core.config import PRESETS, preset
from s2s_core.config.files import comments, completed, read_config, write_toml
from s2s_core.errors import S2SError
from tests.made import made_section


@pytest.mark.parametrize("name", PRESETS)
@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_printed_preset_reads_as_that_preset(name, suffix, tmp_path, capsys):
    words = ["config", "--preset", name, *(["--json"] if suffix == ".json" else [])]
    assert cli.main(words) == 0
    file = tmp_path / f"mine{suffix}"
    file.write_text(capsys.readouterr().out)
    assert read_config(file) == preset(name)


@pytest.mark.parametrize("name", PRESETS)
def test_every_printed_setting_has_a_comment(name):
    config = preset(name)
    lines = write_toml(config).splitlines()
    for before, line in zip(lines, lines[1:], strict=False):
        if " = " in line and not line.startswith("#"):
            assert before.startswith("# ")
            assert len(before) > 8
    written = {line.split(" = ")[0] for line in lines if not line.startswith("#")}
    for part in (config, config.model, config.train):
        assert set(asdict(part)) - {"model", "train", "engine"} <= written


def test_what_a_file_leaves_out_is_as_its_preset_has_it(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'preset = "paper"\nseed = 4\n[train]\nepochs = 20\npatience = "none"\n[model]\ncascades = 2\n'
    )
    paper = preset("paper", seed=4)
    assert read_config(file) == replace(
        paper, model=replace(paper.model, cascades=2), train=replace(paper.train, epochs=20)
    )


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed = ", "is no TOML file"),
        ("magic = 1", "Unknown setting 'magic'"),
        ("[train]\nmagic = 1", "Unknown setting 'magic'"),
        ('preset = "slow"', "Unknown preset 'slow'"),
        ("preset = 3", "Unknown preset 3"),
        ("train = 3", r"belong into a table \[train\]"),
        ("[train]\nepochs = 3", "Unknown setting 'epochs'"),
        ('[train]\nengine = "paper"', "trained by the engine 'programmes', not 'paper'"),
        ('preset = "paper"\n[train]\npatch_stride = 0', "patch_stride can be a whole number"),
        ('[train]\nsteps = "none"', "steps can be a whole number"),
    ],
)
def test_files_that_do_not_work_are_refused_in_a_sentence(text, sentence, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(S2SError, match=sentence):
        read_config(file)


def test_other_files_that_do_not_work(tmp_path):
    with pytest.raises(S2SError, match="does not exist"):
        read_config(tmp_path / "none.toml")
    (tmp_path / "a.json").write_text("[1]")
    with pytest.raises(S2SError, match="holds no settings"):
        read_config(tmp_path / "a.json")
    (tmp_path / "b.json").write_bytes(b"\xff\xfe")
    with pytest.raises(S2SError, match="is no JSON file"):
        read_config(tmp_path / "b.json")
    assert completed({}) == preset("fast")
    assert "lambda" in comments(type(preset("paper").train))["weight_st"]


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """The configuration that words of ``impute`` make, without the run."""
    section = made_section("square", 12, 12)
    monkeypatch.setattr(impute, "read_section", lambda *_: section)

    def config_of(*words):
        seen = []
        monkeypatch.setattr(impute, "_run", lambda s, config, *_: seen.append((s, config)))
        status = cli.main(["impute", "IN", "--out", str(tmp_path), "--mask", "lattice:2", *words])
        return seen[0][1] if seen else status

    return config_of


def test_without_options_a_run_is_the_preset(asked):
    assert asked() == preset("fast")
    assert asked("--preset", "paper", "--seed", "3") == preset("paper", seed=3)


def test_options_reach_the_training_and_the_network(asked, tmp_path):
    words = "--epochs 7 --lambda 3 --cascades 2 --patch 32 --patch-stride 4 --s2d off --precision bfloat16"
    paper = preset("paper")
    found = asked("--preset", "paper", *words.split(), "--photographs", str(tmp_path))
    assert found.model == replace(paper.model, cascades=2)
    assert found.train == replace(
        paper.train,
        epochs=7,
        weight_st=3.0,
        patch=32,
        patch_stride=4,
        loss_s2d="off",
        precision="bfloat16",
        image_folder=str(tmp_path),
    )
    assert asked("--steps", "5").train == replace(preset("fast").train, steps=5)


def test_options_beside_a_file_win(asked, tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        'preset = "paper"\nseed = 4\nthreads = 1\n[train]\nepochs = 20\nweight_st = 2.0\n'
    )
    found = asked("--config", str(file), "--seed", "5", "--epochs", "9")
    assert (found.seed, found.threads) == (5, 1)
    assert (found.train.epochs, found.train.weight_st) == (9, 2.0)


def test_options_that_do_not_fit_are_refused(asked, tmp_path, capsys):
    assert asked("--epochs", "3") == 2
    assert "--epochs is a setting of the preset paper" in capsys.readouterr().err
    assert asked("--lambda", "3") == 2
    assert "--lambda is a setting of the preset paper" in capsys.readouterr().err
    assert asked("--cascades", "0") == 2
    assert "cascades can be a whole number at least 1" in capsys.readouterr().err
    file = tmp_path / "mine.toml"
    file.write_text('preset = "paper"')
    assert asked("--config", str(file), "--preset", "fast") == 2
    assert "leave --preset out" in capsys.readouterr().err


def test_a_file_runs_the_published_training_from_the_command_line(monkeypatch, tmp_path):
    """Settings arrive in the run's record, with what the network learned from."""
    section = made_section("square", 14, 16)
    monkeypatch.setattr(impute, "read_section", lambda *_: section)
    file = tmp_path / "mine.toml"
    file.write_text(
        'preset = "paper"\nthreads = 1\n[train]\nepochs = 2\nbatch = 2\n'
        "[model]\ncascades = 1\nblocks = 1\nlayers = 1\nfeatures = 8\ngrowth = 4\nwindow = 4\nheads = 2\n"
    )
    words = ["--mask", "lattice:2", "--genes", "Gene1,Gene2", "--compare", "none", "--lambda", "4"]
    out = tmp_path / "out"
    assert cli.main(["impute", "IN", "--out", str(out), "--config", str(file), *words]) == 0
    record = json.loads((out / "run.json").read_text())
    assert record["config"]["train"]["engine"] == "paper"
    assert (record["config"]["train"]["epochs"], record["config"]["train"]["weight_st"]) == (2, 4.0)
    details = record["details"]["s2s"]
    assert (details["networks"], details["steps_done"]) == (2, 2)
    assert details["sparser_inputs"] == "the decimated grid of a lattice of stride 2"
