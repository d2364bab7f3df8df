"""Time estimates: what grows with what, and what earlier runs teach."""

import json

import pytest

from s2s_core import hardware, jobs
from s2s_core.config import preset
from s2s_core.forecast import forecast, machine_factor, predicted_seconds
from s2s_core.masks import sample

FAST = preset("fast")


def test_more_positions_and_genes_take_longer():
    base = predicted_seconds(1000, 300, FAST)
    assert predicted_seconds(5000, 300, FAST) > 2 * base
    assert base < predicted_seconds(1000, 18_000, FAST) < 2.5 * base
    assert predicted_seconds(1000, 300, preset("balanced")) > base
    assert predicted_seconds(1000, 300, preset("fast", method="linear")) < base


def test_the_published_form_is_not_foretold(square):
    assert predicted_seconds(1000, 300, preset("paper")) is None
    assert forecast(square, preset("paper"), 2.0) is None


def test_earlier_runs_correct_the_guess(square, tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path))
    first, known = machine_factor()
    assert not known
    assert first > 0
    for slower in (3.0, 3.0, 50.0):
        job = jobs.create(sample(square, "lattice:2"), FAST, "x")
        seconds = slower * predicted_seconds(1000, 100, FAST)
        job.result.mkdir()
        info = {"n_positions": 1000, "n_genes": 100, "seconds": seconds}
        (job.result / "run.json").write_text(json.dumps(info))
    factor, known = machine_factor()
    assert known
    # One run that the machine was busy with does not spoil the estimate.
    assert factor == pytest.approx(3.0)
    assert forecast(square, FAST, factor) == pytest.approx(
        3.0 * predicted_seconds(square.n_positions, len(square.genes), FAST)
    )


def test_gpus_are_told_by_the_drivers_tool(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100, 2048, 81559, 37'\necho 'Other, 10, 100, [N/A]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    first, second = hardware.gpus()
    assert (first.name, first.used, first.total, first.busy) == ("NVIDIA H100", 2048, 81559, 37)
    assert second.busy != second.busy
    assert "NVIDIA H100 (2 of 80 GB in use)" in hardware.describe()


@pytest.mark.parametrize("script", ["exit 9", "echo nonsense", "sleep 60"])
def test_a_broken_driver_is_no_gpu(tmp_path, monkeypatch, script):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\n{script}\n")
    tool.chmod(0o755)
    monkeypatch.setattr(hardware, "PATIENCE", 0.3)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert hardware.gpus() == []
    assert "no NVIDIA GPU" in hardware.describe()
