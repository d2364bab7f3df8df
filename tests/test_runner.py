"""Many users and one machine: whose turn it is, whose run it is, and how long it is kept."""

import os
import time
from dataclasses import replace

import pytest

from s2s_core.config import preset
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.apply import sample
from tests.made_jobs import at_work

CHEAP = preset("fast", method="linear", compare=("nearest",))


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    folder = tmp_path / "runs"
    monkeypatch.setenv("S2S_RUNS", str(folder))
    return folder


@pytest.fixture
def queue(square, monkeypatch):
    """Makes waiting jobs; no process is started."""
    monkeypatch.setattr(runner, "_spawn", lambda *_: True)
    sampled = sample(square, "checkerboard")
    clock = iter(range(1, 100))

    def add(owner, kind="run"):
        job = jobs.create(sampled, CHEAP, f"of {owner}", owner=owner, kind=kind)
        job = replace(job, created=float(next(clock)))
        jobs._write_about(job)
        jobs.write_state(job, jobs.State(status="queued"))
        return job

    return add


def order():
    found = jobs.all_jobs()
    return [job.owner for job in runner.fair_order(found, {j.id: jobs.state(j) for j in found})]


def test_nobody_waits_for_all_runs_of_another(queue):
    for owner in ("ann", "ann", "ann", "bob"):
        queue(owner)
    assert order() == ["ann", "bob", "ann", "ann"]


def test_who_had_a_turn_lately_comes_later(queue):
    served = queue("ann")
    jobs.write_state(served, jobs.State(status="done", started=time.time()))
    mine, other = queue("ann"), queue("bob")
    assert order() == ["bob", "ann"]
    assert runner.queue_position(mine) == 1
    assert runner.queue_position(other) == 0


def test_the_example_waits_for_everybody(queue):
    queue(None, kind="demo")
    queue("ann")
    assert order() == ["ann", None]


def test_the_example_gives_way_to_whoever_comes(queue):
    example = queue(None, kind="demo")
    with at_work(example):
        runner.advance_queue()
        assert not (example.folder / "cancel").exists()
        queue("ann")
        runner.advance_queue()
        assert (example.folder / "cancel").read_text() == "pause"


def test_the_example_goes_on_when_nobody_waits(queue, monkeypatch):
    started = []
    monkeypatch.setattr(
        runner, "_spawn", lambda job, state: started.append((job.id, state.resume)) or True
    )
    example = queue(None, kind="demo")
    jobs.write_state(example, jobs.State(status="paused"))
    (example.folder / "cancel").write_text("pause")
    mine = queue("ann")
    runner.advance_queue()
    assert started == [(mine.id, False)]
    jobs.write_state(mine, jobs.State(status="done"))
    runner.advance_queue()
    assert started[1:] == [(example.id, True)]
    assert not (example.folder / "cancel").exists()


def test_everyone_has_a_list_of_their_own(queue):
    mine = queue("ann")
    queue("bob")
    assert [job.id for job in jobs.all_jobs("ann")] == [mine.id]
    assert len(jobs.all_jobs()) == 2


def test_a_waiting_run_is_paused_and_started_again(queue):
    job = queue("ann")
    runner.stop(job, pause=True)
    assert jobs.state(job).status == "paused"
    runner.start(job, resume=True)
    assert jobs.state(job).status == "queued"


def test_renaming_keeps_everything_else(queue):
    job = jobs.rename(queue("ann"), "  Another name ")
    assert jobs.find(job.id) == job
    assert (job.name, job.owner) == ("Another name", "ann")
    assert jobs.rename(job, "   ").name == "Another name"


def age(job, days):
    then = time.time() - days * 86_400
    jobs._write_about(replace(job, created=then))
    for name in ("state.json", "opened"):
        if (job.folder / name).exists():
            os.utime(job.folder / name, (then, then))


def test_what_nobody_looks_at_goes_after_the_stated_time(queue, monkeypatch):
    monkeypatch.setenv("S2S_KEEP_DAYS", "10")
    old, looked_at, waiting, new = (queue("ann") for _ in range(4))
    for job in (old, looked_at, new):
        jobs.write_state(job, jobs.State(status="done"))
    for job in (old, looked_at, waiting):
        age(job, 11)
    jobs.touch(looked_at)
    assert runner.clear_away() == 1
    assert {job.id for job in jobs.all_jobs()} == {looked_at.id, waiting.id, new.id}


def test_zero_days_keep_for_ever(queue, monkeypatch):
    monkeypatch.setenv("S2S_KEEP_DAYS", "0")
    job = queue("ann")
    jobs.write_state(job, jobs.State(status="done"))
    age(job, 10_000)
    assert runner.clear_away() == 0
