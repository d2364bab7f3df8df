"""Rules of jobs: whose they are, whose turn it is, what goes when, and what a full disk may cost."""

import json
import os
import time
from dataclasses import replace

import pytest

from s2s_core.config import preset
from s2s_core.interfaces import Progress
from s2s_core.jobs import drafts, jobs, runner, worker
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Phase
from tests.made import made_section

CHEAP = preset("fast", method="linear", compare=("nearest",))


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(worker.signal, "signal", lambda *_: None)
    monkeypatch.setattr(runner, "_spawn", lambda *_: True)


def add(owner, created=None, *, started=0.0, status="done", **about):
    job = jobs.create(
        sample(made_section(), "checkerboard"), CHEAP, f"of {owner}", owner=owner, **about
    )
    if created is not None:
        job = replace(job, created=float(created))
        jobs._write_about(job)
    jobs.write_state(job, jobs.State(status=status, started=started))
    return job


def test_a_run_of_nobody_stands_in_nobodys_list():
    mine = add("ann")
    add(None)
    assert [job.id for job in jobs.all_jobs("ann")] == [mine.id]
    assert len(jobs.all_jobs()) == 2


@pytest.mark.parametrize("starts", [(100.0, 50.0), (50.0, 100.0)])
def test_the_latest_start_of_an_owner_counts(starts):
    """In whatever order their runs were made."""
    add("ann", 1, started=starts[0])
    add("ann", 2, started=starts[1])
    add("bob", 3, started=70.0)
    add("ann", 4, status="queued")
    add("bob", 5, status="queued")
    found = jobs.all_jobs()
    order = runner.fair_order(found, {job.id: jobs.state(job) for job in found})
    assert [job.owner for job in order] == ["bob", "ann"]


def test_drafts_go_with_the_runs(monkeypatch):
    monkeypatch.setenv("S2S_KEEP_DAYS", "2")
    old, new = (drafts.keep(made_section(), name) for name in ("old", "new"))
    for path in (jobs.runs_folder() / "drafts").glob(f"{old}.*"):
        then = time.time() - 3 * 86_400
        os.utime(path, (then, then))
    assert runner.clear_away() == 0
    assert {path.stem for path in (jobs.runs_folder() / "drafts").iterdir()} == {new}
    monkeypatch.setenv("S2S_KEEP_DAYS", "0")
    runner.clear_away()
    assert drafts.find(new)[1] == "new"


@pytest.mark.parametrize("days", [1, 7])
def test_days_are_days(monkeypatch, days):
    monkeypatch.setenv("S2S_KEEP_DAYS", str(days))
    kept, gone = (
        add("ann", time.time() - 86_400 * days + 600),
        add("ann", time.time() - 86_400 * days - 600),
    )
    for job in (kept, gone):
        os.utime(job.folder / "state.json", (job.created, job.created))
    assert runner.clear_away() == 1
    assert [job.id for job in jobs.all_jobs()] == [kept.id]


@pytest.mark.parametrize("hours", [2.0, 0.5])
def test_the_time_limit_is_in_hours(monkeypatch, hours):
    monkeypatch.setenv("S2S_MAX_HOURS", str(hours))
    job = add("ann")
    reporter = worker.Reporter(job, jobs.state(job))
    assert reporter.deadline - time.monotonic() == pytest.approx(3600 * hours, abs=30)
    assert not reporter.should_stop()
    monkeypatch.setenv("S2S_MAX_HOURS", "0")
    assert worker.Reporter(job, jobs.state(job)).deadline is None


def test_a_full_disk_costs_no_finished_result(monkeypatch):
    """run.json is written last: where it stands the result is whole."""
    job = add("ann")
    job.result.mkdir()
    for name in ("imputed.csv", "run.json"):
        (job.result / name).write_text("{}")
    worker.make_room(job)
    assert (job.result / "imputed.csv").exists()
    (job.result / "run.json").unlink()
    worker.make_room(job)
    assert not job.result.exists()


def test_what_is_finished_of_a_study_is_kept(monkeypatch):
    study = add("ann", kind="plan", task={"plan": "{}"})
    study.result.mkdir()
    (study.result / "cases.jsonl").write_text("{}\n")
    worker.make_room(study)
    assert (study.result / "cases.jsonl").exists()


def test_a_run_is_asked_for_as_the_job_says(monkeypatch):
    asked = {}

    def run(section, config, **more):
        asked.update(more, config=config, n=section.n_positions)
        raise worker.Cancelled

    monkeypatch.setattr(worker, "run", run)
    job = jobs.create(sample(made_section(), "checkerboard"), replace(CHEAP, seed=9), "x", "Gene3")
    worker.work(job.folder)
    assert asked["preview_gene"] == "Gene3"
    assert asked["config"] == replace(CHEAP, seed=9)
    assert asked["folder"] == job.folder
    assert asked["n"] == 120


def test_a_reporter_tells_a_new_phase_at_once():
    job = add("ann", status="running")
    reporter = worker.Reporter(job, jobs.State(status="running"))
    first, second = Phase.FITTING, Phase.TRAINING
    for phase, step in ((first, 1), (first, 2), (second, 1)):
        reporter.on_progress(Progress(phase, step, 5, 7.0))
        told = json.loads((job.folder / "state.json").read_text())
        assert told["phase"] == phase
    assert (told["step"], told["steps"], told["seconds_left"]) == (1, 5, 7.0)
    assert [stage["phase"] for stage in told["stages"]] == ["fitting", "training"]
