"""Time estimates: what grows with what, and what earlier runs teach."""

import json
from dataclasses import replace

import pytest

from s2s_core import hardware
from s2s_core.config import preset
from s2s_core.jobs import jobs
from s2s_core.jobs.forecast import (
    TRAINED,
    RunHistory,
    forecast,
    forecast_training,
    machine_factor,
    predicted_seconds,
    run_history,
    seconds_to_go,
)
from s2s_core.jobs.state import Stage
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Phase

FAST = preset("fast")


def test_more_positions_and_genes_take_longer():
    base = predicted_seconds(1000, 300, FAST)
    assert predicted_seconds(5000, 300, FAST) > 2 * base
    assert base < predicted_seconds(1000, 18_000, FAST) < 2.5 * base
    assert predicted_seconds(1000, 300, preset("balanced")) > base
    assert predicted_seconds(1000, 300, preset("fast", method="linear")) < base


def test_longer_training_takes_longer_and_the_rest_of_a_run_does_not(square):
    usual = forecast(square, FAST, 2.0)
    assert forecast_training(square, FAST, 2.0) == pytest.approx(usual)
    twice = replace(FAST, train=replace(FAST.train, steps=2 * FAST.train.steps))
    cascades = replace(FAST, model=replace(FAST.model, cascades=2 * FAST.model.cascades))
    for config in (twice, cascades):
        assert usual < forecast_training(square, config, 2.0) < 2 * usual
    assert forecast_training(square, preset("paper"), 2.0) is None
    linear = preset("fast", method="linear")
    assert forecast_training(square, linear, 2.0) == forecast(square, linear, 2.0)


def test_the_published_form_is_not_predicted(square):
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


def going(*stages, **more):
    """State of a run that began at 0 and went through stages (Stage)."""
    return jobs.State(status="running", started=0.0, stages=stages, **more)


END = 100.0 * TRAINED["fast"][1]
FIT = Stage(Phase.FITTING, "", 0.0)
TRAIN = Stage(Phase.TRAINING, "CPU", 20.0)
LAST = Stage(Phase.PREDICTING, "Network", END)


def test_the_present_stage_tells_its_pace_and_the_later_ones_are_predicted():
    slow, quick = (
        seconds_to_go(going(FIT, TRAIN, seconds_left=left), FAST, 100.0, (), 30.0)
        for left in (300.0, 10.0)
    )
    # What comes after the training takes its share of the whole run, however that goes.
    assert slow - 300.0 == pytest.approx(quick - 10.0)
    assert 0.0 < quick - 10.0 < 50.0


def test_time_left_is_that_of_the_whole_run_from_its_first_moment():
    assert seconds_to_go(going(), FAST, 100.0, (), 5.0) == pytest.approx(95.0)
    assert seconds_to_go(going(FIT), FAST, 100.0, (), 5.0) == pytest.approx(95.0)
    assert seconds_to_go(going(FIT, TRAIN, LAST), FAST, 100.0, (), END + 5) == pytest.approx(
        95 - END
    )
    # A stage that takes longer than predicted leaves the later ones their time.
    assert seconds_to_go(going(FIT), FAST, 100.0, (), 50.0) == pytest.approx(80.0)


def test_a_run_that_began_alike_says_how_long_the_rest_takes():
    stages = ((FIT.name, 0.0), (TRAIN.name, 0.1), (LAST.name, 0.3))
    alike = RunHistory("s2s", "fast", stages)
    other = RunHistory("s2s", "balanced", stages)
    state = going(FIT, TRAIN, seconds_left=10.0)
    assert seconds_to_go(state, FAST, 100.0, (other, alike), 30.0) == pytest.approx(80.0)
    unlike = seconds_to_go(state, FAST, 100.0, (other,), 30.0)
    assert unlike == seconds_to_go(state, FAST, 100.0, (), 30.0)


def test_nothing_is_said_where_nothing_is_known():
    assert (
        seconds_to_go(going(FIT, TRAIN, seconds_left=9.0), preset("paper"), None, (), 1.0) is None
    )
    # Overdue.
    assert seconds_to_go(going(FIT, TRAIN, LAST), FAST, 100.0, (), 500.0) is None
    # How far a resumed run has trained is known once it trains.
    assert seconds_to_go(going(FIT, resume=True), FAST, 100.0, (), 1.0) is None
    resumed = going(FIT, TRAIN, resume=True, seconds_left=9.0)
    assert seconds_to_go(resumed, FAST, 100.0, (), 1.0) > 9.0


def test_earlier_runs_are_remembered_by_their_stages(square, tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path))
    stages = (replace(FIT, began=100.0), replace(TRAIN, began=140.0))
    done = jobs.State(status="done", started=100.0, ended=200.0, stages=stages)
    for state in (
        done,
        replace(done, resume=True),
        replace(done, status="failed"),
        replace(done, stages=()),
    ):
        jobs.write_state(jobs.create(sample(square, "lattice:2"), FAST, "x"), state)
    only = (RunHistory("s2s", "fast", ((FIT.name, 0.0), (TRAIN.name, 0.4))),)
    assert run_history() == only


def test_gpus_are_told_by_the_drivers_tool(tmp_path, monkeypatch):
    tool = tmp_path / "nvidia-smi"
    tool.write_text(
        "#!/bin/sh\necho 'NVIDIA H100, 2048, 81559, 37'\necho 'Other, 10, 100, [N/A]'\n"
    )
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
