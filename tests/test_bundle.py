import json
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core import impute, sample
from s2s_core._version import __version__
from s2s_core.cli.main import main
from s2s_core.data.result import load_result, save_result
from s2s_core.data.store import load_section
from s2s_core.errors import S2SError
from s2s_core.output import bundle
from s2s_core.output.bundle import compare, fingerprint, read_bundle, write_bundle
from tests.made import made_section


@pytest.fixture(scope="module", params=["square", "hex"])
def result(request):
    section = sample(made_section(request.param), "random:0.5", seed=3)
    return impute(section, method="kriging", compare=["nearest"], seed=7, threads=1)


@pytest.fixture
def path(result, tmp_path):
    write_bundle(result, tmp_path / "run.zip")
    return tmp_path / "run.zip"


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(path, **changed):
    """The bundle with some members replaced (None leaves one out)."""
    names = {
        "expected": "expected.json",
        "config": "config.json",
        "section": "section.h5ad",
        "imputed": "imputed.npy",
        "evil": "../evil.txt",
    }
    contents = members(path) | {names[k]: v for k, v in changed.items()}
    out = path.with_name("changed.zip")
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in contents.items():
            if data is not None:
                archive.writestr(name, data)
    return out


def moved(path, by):
    """The bundle of a run whose map was a little higher."""
    values = read_bundle(path).imputed + np.float32(by)
    np.save(path.with_name("values.npy"), values)
    expected = json.loads(members(path)["expected.json"]) | {"sha256": fingerprint(values)}
    data = path.with_name("values.npy").read_bytes()
    return rewritten(path, imputed=data, expected=json.dumps(expected))


def test_a_bundle_holds_everything(result, path):
    found = read_bundle(path)
    assert found.config == result.config
    assert np.array_equal(found.section.measured, result.section.measured)
    assert np.array_equal(found.section.known, result.section.known)
    assert found.section.design == "random:0.5"
    assert np.array_equal(found.imputed, result.imputed)
    pcc = result.metrics.groupby("method")["pcc"].mean()["kriging"]
    assert found.expected["scores"]["kriging"]["pcc"] == pytest.approx(pcc)
    contents = members(path)
    assert b"reproduce" in contents["README.txt"]
    path.with_name("mask.csv").write_bytes(contents["mask.csv"])
    mask = pd.read_csv(path.with_name("mask.csv"), index_col="spot_id")
    assert np.array_equal(mask["measured"], result.section.measured)
    path.with_name("section.h5ad").write_bytes(contents["section.h5ad"])
    assert load_section(path.with_name("section.h5ad")).n_positions == result.section.n_positions


def test_a_bundle_of_a_newer_program_is_refused_in_a_sentence(path):
    expected = json.loads(members(path)["expected.json"])
    assert expected["format"] == 1
    # Whatever else of it may have changed.
    newer = rewritten(path, expected=json.dumps(expected | {"format": 2}), config="{}")
    with pytest.raises(S2SError, match="was written by a newer version"):
        read_bundle(newer)


def test_a_run_opened_again_makes_a_bundle_too(result, tmp_path):
    save_result(result, tmp_path / "job")
    write_bundle(load_result(tmp_path / "job"), tmp_path / "run.zip")
    assert np.array_equal(read_bundle(tmp_path / "run.zip").imputed, result.imputed)


def test_the_command_says_that_the_result_is_the_same(path, tmp_path, capsys):
    assert main(["reproduce", str(path), "--out", str(tmp_path / "out")]) == 0
    assert "the same, bit for bit." in capsys.readouterr().out
    assert (tmp_path / "out" / "imputed.csv").exists()


def test_the_command_says_when_it_is_not(path, tmp_path, capsys):
    assert main(["reproduce", str(moved(path, 0.25)), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert "not the same" in said
    assert "0.25 at most" in said
    assert "PCC" in said


def test_rounding_is_told_apart(result, path):
    found = compare(read_bundle(moved(path, 1e-5)), result)
    assert found.level == "close"
    assert found.largest == pytest.approx(1e-5, rel=0.1)
    broken = np.array(result.imputed)
    broken[0, 0] = np.nan
    maps = {**result.maps, "kriging": broken}
    assert compare(read_bundle(path), replace(result, maps=maps)).level == "different"


def test_another_version_is_named(result, path):
    expected = json.loads(members(path)["expected.json"]) | {"version": "0.0.9"}
    found = compare(read_bundle(rewritten(path, expected=json.dumps(expected))), result)
    assert found.level == "same"
    assert "0.0.9" in found.sentence
    assert __version__ in found.sentence


def test_only_known_members_are_touched(path, tmp_path):
    bad = rewritten(path, evil=b"gotcha")
    read_bundle(bad)
    assert not list(tmp_path.parent.rglob("evil.txt"))


def test_oversized_members_are_refused(path, monkeypatch):
    monkeypatch.setitem(bundle.LIMITS, "config.json", 10)
    with pytest.raises(S2SError, match="larger than 10 bytes"):
        read_bundle(path)


@pytest.mark.parametrize(
    "change",
    [
        {"section": None},
        {"section": b"no h5ad"},
        {"imputed": None},
        {"imputed": b"\x93NUMPY"},
        {"config": b"[1]"},
        {"config": b'{"model": 3}'},
        {"config": b"\xff"},
        {"expected": b"{}"},
        {"expected": b"[]"},
        {"expected": b'{"sha256": "0"}'},
    ],
)
def test_damaged_bundles_are_one_sentence(path, change):
    with pytest.raises(S2SError, match=r"\.$"):
        read_bundle(rewritten(path, **change))


def test_files_that_are_no_bundles(path, tmp_path):
    with pytest.raises(S2SError, match="no bundle"):
        read_bundle(tmp_path / "missing.zip")
    (tmp_path / "text.zip").write_text("hello")
    with pytest.raises(S2SError, match="no bundle of a run"):
        read_bundle(tmp_path / "text.zip")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(data)
    with pytest.raises(S2SError):
        read_bundle(tmp_path / "flipped.zip")


def test_pickles_are_never_opened(path):
    values = np.empty((1, 1), object)
    values[0, 0] = {"a": 1}
    np.save(path.with_name("evil.npy"), values, allow_pickle=True)
    with pytest.raises(S2SError, match="damaged"):
        read_bundle(rewritten(path, imputed=path.with_name("evil.npy").read_bytes()))
