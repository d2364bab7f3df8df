"""Studies as jobs, and the finished example: made once, resumed, never in anybody's way."""

import time

import pytest

from s2s_core.config import preset
from s2s_core.errors import S2SError
from s2s_core.jobs import demo, jobs, runner
from s2s_core.jobs.studies import experiment_task, plan_of, plan_task, questions, widen
from s2s_core.studies.budget_study import run_design, tabulate
from s2s_core.studies.plan import Plan

pytestmark = pytest.mark.slow

PLAN = Plan(("lattice", "random"), (0.25,), 2, "linear")


@pytest.fixture(autouse=True)
def runs(tmp_path, monkeypatch):
    monkeypatch.setenv("S2S_RUNS", str(tmp_path / "runs"))


def ended(job) -> jobs.State:
    for _ in range(1200):
        if jobs.state(job).status not in jobs.ACTIVE:
            return jobs.state(job)
        time.sleep(0.1)
    raise AssertionError((job.folder / "worker.log").read_text())


def test_a_plan_runs_as_a_job_and_keeps_its_cases(square):
    # Everything of a pilot is measured: what no imputation would take.
    job = jobs.create(square, preset("fast"), "plan", kind="plan", task=plan_task(PLAN))
    assert plan_of(jobs.find(job.id)) == PLAN
    runner.start(job)
    assert ended(job).status == "done", jobs.state(job).message
    table = tabulate(job.result, PLAN)
    assert set(table["design"]) == {"lattice", "random"}


def test_a_plan_that_cannot_be_run_fails_with_a_sentence(square):
    wrong = Plan(("no-such-design",), (0.25,), 1, "linear")
    job = jobs.create(square, preset("fast"), "plan", kind="plan", task=plan_task(wrong))
    runner.start(job)
    state = ended(job)
    assert state.status == "failed"
    assert "no-such-design" in state.message


def test_a_plan_is_widened_in_its_folder_and_its_cases_are_kept(square):
    job = jobs.create(square, preset("fast"), "plan", kind="plan", task=plan_task(PLAN))
    jobs.write_state(job, jobs.State(status="running"))
    run_design(square, PLAN, job.result)
    before = (job.result / "cases.jsonl").read_text()
    jobs.write_state(job, jobs.State(status="queued"))
    with pytest.raises(S2SError, match="at work"):
        widen(job, ("stratified",), (), 2)
    jobs.write_state(job, jobs.State(status="done"))
    for designs, budgets, seeds, word in (
        (("lattice",), (0.25,), 1, "Nothing new"),
        (("spiral",), (), 2, "Unknown sampling design"),
    ):
        with pytest.raises(S2SError, match=word):
            widen(job, designs, budgets, seeds)
    assert plan_of(job) == PLAN
    wider = widen(job, (), (0.5,), 3)
    assert plan_of(jobs.find(job.id)) == wider
    assert (wider.designs, wider.budgets, wider.seeds) == (PLAN.designs, (0.25, 0.5), 3)
    run_design(square, wider, job.result)
    after = (job.result / "cases.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 12


def test_experiments_are_known_by_name():
    assert set(questions()) == {"dc", "colearning", "cascades", "sparsity"}
    with pytest.raises(S2SError, match="Unknown experiment"):
        experiment_task("nonsense", "lattice:2", 1, "fast")


@pytest.fixture
def started(monkeypatch):
    calls = []
    monkeypatch.setattr(demo.runner, "start", lambda job, **k: calls.append((job.id, k)))
    return calls


def test_the_example_is_made_once(started):
    first = demo.example()
    assert first.kind == "demo"
    assert first.section().hidden.any()
    assert demo.example().id == first.id
    assert [job for job, _ in started] == [first.id]


def test_an_example_that_gave_way_is_resumed(started):
    job = demo.example()
    jobs.write_state(job, jobs.State(status="paused"))
    demo.example()
    assert started[-1] == (job.id, {"resume": True})


def test_the_example_can_be_switched_off(monkeypatch):
    assert demo.wanted()
    monkeypatch.setenv("S2S_EXAMPLE", "0")
    assert not demo.wanted()
