"""Job folders: started, watched, queued, cancelled, resumed, and never trusted with a path."""

import json
import os
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from s2s_core.config import preset
from s2s_core.errors import S2SError
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.apply import sample
from tests.made_jobs import at_work

pytestmark = pytest.mark.slow

CHEAP = preset("fast", method="linear", compare=("nearest",))


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv("S2S_RUNS", str(folder))
    monkeypatch.delenv("S2S_WORKERS", raising=False)
    return folder


@pytest.fixture
def sampled(square):
    return sample(square, "checkerboard")


@pytest.fixture
def job(sampled):
    return jobs.create(sampled, CHEAP, "My section", "Gene1")


@pytest.fixture
def spawned(monkeypatch):
    """Workers that are never started: only the order of starting and their locks count."""
    started, alive = [], {}

    class Popen:
        def __init__(self, command, **_):
            started.append(Path(command[-1]).name)
            self.pid = 1000 + len(started)
            alive[self.pid] = started[-1]

    monkeypatch.setattr(runner.subprocess, "Popen", Popen)
    monkeypatch.setattr(jobs, "is_running", lambda process, word: alive.get(process) == word)

    def end(job, status):
        jobs.write_state(job, replace(jobs.state(job), status=status))
        alive.pop(jobs.state(job).process)

    return SimpleNamespace(ids=started, end=end)


def wait_for(job, *wanted, polls: int = 600) -> jobs.State:
    for _ in range(polls):
        state = jobs.state(job)
        if state.status in wanted:
            return state
        time.sleep(0.1)
    log = (job.folder / "worker.log").read_text()
    raise AssertionError(f"still {state.status}, wanted {wanted}\n{log}")


def test_a_job_keeps_what_was_asked(job, sampled):
    again = jobs.find(job.id)
    assert again == job
    assert again.name == "My section"
    assert again.config() == CHEAP
    assert again.section().spot_ids.equals(sampled.spot_ids)
    np.testing.assert_array_equal(again.section().measured, sampled.measured)
    assert jobs.state(again).status == "queued"


def test_what_cannot_be_imputed_is_refused_before_there_is_a_job(square, runs):
    with pytest.raises(S2SError, match="nothing is left to impute"):
        jobs.create(square, CHEAP, "all measured")
    assert not runs.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "..",
        "../x",
        "a/b",
        "20260101-000000-0123456789ab/..",
        "20260101-000000-0123456789AB",
        "20260101-000000-0123456789ab\n",
        "/etc/passwd",
        "20260101-000000-٠123456789ab",
    ],
)
def test_ids_are_checked_before_they_become_paths(wrong):
    with pytest.raises(S2SError, match="names no run"):
        jobs.find(wrong)


def test_a_run_that_is_gone_is_said_to_be_gone():
    with pytest.raises(S2SError, match="does not exist any more"):
        jobs.find("20260101-000000-0123456789ab")


def test_ids_do_not_repeat(sampled):
    made = {jobs.create(sampled, CHEAP, "x").id for _ in range(3)}
    assert len(made) == 3


def test_a_job_runs_in_its_own_process(job):
    runner.start(job)
    assert wait_for(job, "done", "failed").status == "done"
    for name in ("imputed.csv", "imputed.h5ad", "metrics.csv", "run.json"):
        assert (job.result / name).stat().st_size > 0


def test_one_runs_and_the_others_wait_in_order(sampled, spawned):
    made = []
    for i in range(3):
        made.append(jobs.create(sampled, CHEAP, f"run {i}"))
        runner.start(made[-1])
    assert spawned.ids == [made[0].id]
    assert [jobs.state(j).status for j in made] == ["running", "queued", "queued"]
    assert [runner.queue_position(j) for j in made[1:]] == [0, 1]
    spawned.end(made[0], "done")
    runner.advance_queue()
    assert spawned.ids == [made[0].id, made[1].id]


def test_more_places_can_be_given(sampled, spawned, monkeypatch):
    monkeypatch.setenv("S2S_WORKERS", "2")
    for i in range(3):
        runner.start(jobs.create(sampled, CHEAP, f"run {i}"))
    assert len(spawned.ids) == 2


def test_a_queued_job_is_cancelled_at_once(sampled, spawned):
    first, second = (jobs.create(sampled, CHEAP, name) for name in "ab")
    runner.start(first)
    runner.start(second)
    runner.stop(second)
    assert jobs.state(second).status == "cancelled"
    spawned.end(first, "done")
    runner.advance_queue()
    assert spawned.ids == [first.id]


def test_cancelling_a_running_job_leaves_a_wish_that_resuming_takes_back(job, spawned):
    runner.start(job)
    runner.stop(job)
    assert (job.folder / "cancel").exists()
    spawned.end(job, "cancelled")
    runner.start(job, resume=True)
    assert jobs.state(job).resume
    assert not (job.folder / "cancel").exists()


def test_a_dead_worker_is_noticed_and_its_job_can_be_resumed(job):
    jobs.write_state(job, jobs.State(status="running", step=7, steps=20))
    state = jobs.state(job)
    assert state.status == "interrupted"
    assert state.status in jobs.RESUMABLE
    assert state.step == 7
    runner.start(job, resume=True)
    assert wait_for(job, "done", "failed").status == "done"


def test_another_process_with_the_workers_id_is_not_the_worker(job, sampled):
    with at_work(job) as process:
        assert jobs.state(job).status == "running"
        other = jobs.create(sampled, CHEAP, "other")
        jobs.write_state(other, jobs.State(status="running", process=process.pid))
        assert jobs.state(other).status == "interrupted"
        process.kill()
        # Ended, though nobody has asked how: such a process is still in the system's list.
        while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT) is None:
            pass
        assert jobs.state(job).status == "interrupted"


def test_a_worker_that_does_not_stop_is_ended_with_all_it_started(job):
    with at_work(job, jobs.State(status="running", step=7, steps=20)):
        runner.stop(job)
        runner.end(job)
        assert not jobs.at_work(job, jobs.written_state(job))
    ended = jobs.state(job)
    assert (ended.status, ended.step) == ("cancelled", 7)
    assert "at once" in ended.message


def test_resuming_waits_for_the_old_process_to_end(job, spawned, monkeypatch):
    runner.start(job)
    jobs.write_state(job, replace(jobs.state(job), status="cancelled"))
    monkeypatch.setattr(runner, "ENDING_POLLS", 1)
    runner.start(job, resume=True)
    assert spawned.ids == [job.id]
    assert jobs.state(job).status == "queued"
    spawned.end(job, "queued")
    runner.advance_queue()
    assert spawned.ids == [job.id, job.id]


def test_progress_leaves_out_a_half_written_line_and_repeated_steps(job):
    def line(step):
        return json.dumps(
            {"phase": "Training", "step": step, "losses": {"s2s": 1.0 / step}, "score": None}
        )

    text = "\n".join(map(line, [1, 2, 3, 4, 3, 4, 5])) + '\n{"phase": "Trai'
    (job.folder / "progress.jsonl").write_text(text)
    assert [entry["step"] for entry in jobs.progress(job)] == [1, 2, 3, 4, 5]


def test_a_state_whose_phases_were_sentences_can_be_read(job):
    old = {"status": "done", "phase": "Training on CPU", "stages": [["Fitting", 1.0]], "ended": 9.0}
    (job.folder / "state.json").write_text(json.dumps(old))
    found = jobs.state(job)
    assert (found.status, found.ended, found.stages) == ("done", 9.0, ())


@pytest.mark.parametrize("name", ["job.json", "state.json"])
def test_a_run_of_a_newer_program_is_refused_in_a_sentence(job, name):
    jobs.write_state(job, jobs.State(status="done"))
    about = json.loads((job.folder / name).read_text())
    assert about["format"] == 1
    (job.folder / name).write_text(json.dumps(about | {"format": 2, "more": 1}))
    with pytest.raises(S2SError, match="The run 'My section' was written by a newer version"):
        jobs.state(jobs.find(job.id))


def test_no_progress_yet(job):
    assert jobs.progress(job) == []
    assert jobs.preview(job) is None


def test_jobs_are_listed_newest_first_renamed_and_deleted(sampled, runs):
    assert jobs.all_jobs() == []
    first, second = (jobs.create(sampled, CHEAP, name) for name in ("old", "new"))
    (runs / "something else").mkdir()
    assert [j.name for j in jobs.all_jobs()] == ["new", "old"]
    jobs.rename(first, "renamed")
    assert jobs.find(first.id).name == "renamed"
    jobs.delete(second)
    assert [j.name for j in jobs.all_jobs()] == ["renamed"]
    assert not second.folder.exists()


def test_a_running_job_is_not_deleted(job, spawned):
    runner.start(job)
    with pytest.raises(S2SError, match="cancel it"):
        jobs.delete(job)
    assert job.folder.exists()
