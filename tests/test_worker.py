"""The worker: results that open again, calm sentences for failures, runs that resume."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.config import preset
from s2s_core.data.result import load_result
from s2s_core.data.simulate import demo_section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Progress
from s2s_core.jobs import jobs, runner, worker
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Phase

pytestmark = pytest.mark.slow

CHEAP = preset("fast", method="linear", compare=("nearest",))


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path / "runs"))
    # Signals belong to the process that runs the tests.
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)


@pytest.fixture
def job(square):
    return jobs.create(sample(square, "checkerboard"), CHEAP, "small", "Gene1")


def work_with(monkeypatch, job, run):
    monkeypatch.setattr(worker, "run", run)
    worker.work(job.folder)
    return jobs.state(job)


def test_a_job_ends_with_a_result_and_the_four_files(job):
    worker.work(job.folder)
    state = jobs.state(job)
    assert state.status == "done"
    assert state.ended > 0
    result = load_result(job.result)
    assert list(result.maps) == ["linear", "nearest"]
    table = pd.read_csv(job.result / "imputed.csv")
    section = job.section()
    assert list(table["spot_id"]) == list(section.spot_ids)
    measured = section.measured
    np.testing.assert_array_equal(
        table.loc[measured, section.genes].to_numpy(np.float32),
        result.truth[measured],
    )
    assert len(pd.read_csv(job.result / "metrics.csv")) == 2 * len(section.genes)
    assert json.loads((job.result / "run.json").read_text())["config"]["method"] == "linear"


def test_progress_reaches_the_job_folder(monkeypatch, job):
    seen = []

    def run(section, config, *, on_progress, **_):
        on_progress(Progress(Phase.FITTING, 0, 3))
        picture = np.arange(section.n_positions, dtype=np.float32)
        for step in (1, 2, 3):
            losses, score, now = {"s2s": 1 / step}, 0.9, picture + step
            on_progress(
                Progress(Phase.TRAINING, step, 3, 1.0, losses, score, preview=now, detail="CPU")
            )
        seen.append(jobs.state(job))
        raise S2SError("Enough.")

    work_with(monkeypatch, job, run)
    assert [line["step"] for line in jobs.progress(job)] == [1, 2, 3]
    assert jobs.progress(job)[-1]["score"] == 0.9
    assert jobs.preview(job)[0] == 3
    assert (seen[0].phase, seen[0].words) == (Phase.TRAINING, "Training on CPU")
    assert seen[0].steps == 3
    first, second = seen[0].stages
    assert (first.name, second.name) == ((Phase.FITTING, ""), (Phase.TRAINING, "CPU"))
    assert first.began <= second.began <= time.time()


def test_the_users_mistake_is_told_as_its_sentence(monkeypatch, job):
    def run(*_, **__):
        raise S2SError("Choose a denser mask.")

    state = work_with(monkeypatch, job, run)
    assert (state.status, state.message) == ("failed", "Choose a denser mask.")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("secret detail"), "worker.log"),
        (MemoryError(), "memory"),
        (OSError(28, "No space left on device"), "No space left"),
    ],
)
def test_what_nobody_expected_is_told_calmly_and_logged(monkeypatch, job, caplog, error, said):
    def run(*_, **__):
        raise error

    state = work_with(monkeypatch, job, run)
    assert state.status == "failed"
    assert said in state.message
    assert "secret" not in state.message
    assert type(error).__name__ in caplog.text


def test_cancelling_is_seen_and_can_be_resumed(monkeypatch, job):
    def run(*_, should_stop, **__):
        assert not should_stop()
        runner.stop(job)
        # The cancel file of a process that looks dead from outside counts all the same.
        (job.folder / "cancel").touch()
        assert should_stop()
        raise Cancelled

    state = work_with(monkeypatch, job, run)
    assert state.status == "cancelled"
    assert state.status in jobs.RESUMABLE


def test_a_pause_is_told_from_a_cancel(monkeypatch, job):
    def run(*_, should_stop, **__):
        (job.folder / "cancel").write_text("pause")
        assert should_stop()
        raise Cancelled

    state = work_with(monkeypatch, job, run)
    assert state.status == "paused"
    assert state.status in jobs.RESUMABLE


def test_a_run_that_takes_too_long_is_paused_and_says_so(monkeypatch, job):
    monkeypatch.setenv("S2S_MAX_HOURS", "0.00001")

    def run(*_, should_stop, **__):
        while not should_stop():
            time.sleep(0.01)
        raise Cancelled

    state = work_with(monkeypatch, job, run)
    assert state.status == "paused"
    assert "1e-05 hours" in state.message
    assert "resume" in state.message


def test_on_a_full_disk_there_is_room_to_say_so(monkeypatch, job):
    def run(*_, **__):
        assert (job.folder / worker.RESERVE).stat().st_size > 10_000
        (job.result).mkdir()
        (job.result / "imputed.csv").write_text("half of it")
        raise OSError(28, "No space left on device")

    state = work_with(monkeypatch, job, run)
    assert state.status == "failed"
    assert "No space left on device" in state.message
    assert "resume" in state.message
    assert not job.result.exists()
    assert not (job.folder / worker.RESERVE).exists()


def test_resume_is_handed_on(monkeypatch, job):
    asked = []

    def run(*_, resume, folder, **__):
        asked.append((resume, folder))
        raise Cancelled

    work_with(monkeypatch, job, run)
    jobs.write_state(job, replace(jobs.state(job), resume=True))
    work_with(monkeypatch, job, run)
    assert asked == [(False, job.folder), (True, job.folder)]


def test_a_terminated_training_run_resumes_to_its_end(tmp_path):
    section = sample(demo_section(rows=16, genes=8), "lattice:2")
    fast = preset("fast", compare=(), programmes=3)
    train = replace(fast.train, steps=12, splits=1, check_every=4)
    model = replace(fast.model, cascades=1, blocks=1, layers=1, features=8, growth=4)
    job = jobs.create(section, replace(fast, train=train, model=model), "tiny")
    # Stopped from outside in the middle: told by a signal once the first steps are there.
    process = subprocess.Popen(
        [sys.executable, "-m", "s2s_core.jobs.worker", str(job.folder)],
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    for _ in range(1200):
        if jobs.progress(job) or process.poll() is not None:
            break
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=120) == 0
    stopped = json.loads((job.folder / "state.json").read_text())
    if stopped["status"] != "done":
        assert stopped["status"] == "interrupted"
        assert (job.folder / "checkpoint.pt").exists()
        runner.start(job, resume=True)
        for _ in range(1200):
            if jobs.state(job).status not in jobs.ACTIVE:
                break
            time.sleep(0.1)
    assert jobs.state(job).status == "done", (job.folder / "worker.log").read_text()
    steps = [line["step"] for line in jobs.progress(job)]
    assert steps == sorted(set(steps))
    assert (job.result / "imputed.csv").exists()
