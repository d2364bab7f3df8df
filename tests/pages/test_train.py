"""Train: a run started, watched, stopped, resumed, listed and deleted."""

import os
import time

import pytest
from streamlit.testing.v1 import AppTest

from s2s_core.config import preset
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.state import Stage
from s2s_core.vocabulary import Phase
from tests.made_jobs import at_work
from tests.pages.conftest import ROOT
from tests.pages.steps import CHEAP, finished, maps_on, opened, words, working

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("page", ["train", "results"])
def test_empty_pages_say_what_is_missing(app, page):
    app.go(page).healthy()
    assert app.at.info


def test_train_asks_for_a_mask_first(app, sampled):
    app.take(sampled.everything_known()).go("train").healthy()
    assert "what is measured" in app.words()


def test_a_run_from_start_to_result(app, sampled):
    app.take(sampled.everything_known()).go("sampling").go("train").healthy()
    app.at.selectbox(key="method").set_value("linear").run()
    app.click("start").healthy()
    job = app.finish()
    assert jobs.state(job).status == "done", jobs.state(job).message
    app.at.run()
    assert "Finished" in app.at.success[0].value
    app.go("results").healthy()
    assert len(maps_on(app.at)[0]["maps"]) >= 4
    assert "hidden truth" in app.words()
    assert "t test over blocks" in app.words()
    assert [b.label for b in app.at.get("download_button")] == ["Download imputed CSV"]
    assert "inside 90 % interval" in app.at.dataframe[0].value.columns
    assert {"Median", "Interval width"} <= set(app.at.multiselect(key="panels").options)


def test_the_address_opens_a_run_again(sampled):
    job = finished(sampled)
    at = opened(job)
    assert "Finished" in at.success[0].value
    assert at.session_state["workspace"].job_id == job.id
    assert job.id in at.query_params["job"]


@pytest.mark.parametrize("wrong", ["../../etc", "20260101-000000-0123456789ab"])
def test_a_wrong_address_is_one_sentence(wrong):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["job"] = wrong
    at.run()
    assert not at.exception
    assert len(at.warning) == 1


def test_a_run_of_other_maps_opens_beside_the_first(app, sampled):
    """What was chosen for one run may not exist in the next."""
    first = finished(sampled, "with truth")
    gaps = sampled.without_hidden()
    second = finished(gaps.subset_genes(list(gaps.genes[-2:])), "without truth", app.owner)
    app.workspace.job_id = first.id
    app.go("results").healthy()
    app.at.selectbox(key="result_gene").set_value(sampled.genes[0]).run()
    app.go("train").click(f"open-{second.id}").go("results").healthy()
    assert "withheld" in app.words()


def test_a_failed_run_says_why_and_can_be_resumed(sampled):
    job = jobs.create(sampled, CHEAP, "failing")
    jobs.write_state(job, jobs.State(status="failed", message="There was no room on the disk."))
    at = opened(job)
    assert at.error[0].value == "There was no room on the disk."
    assert at.button(key="resume")


def test_an_interrupted_run_is_resumed_to_its_end(sampled):
    job = jobs.create(sampled, CHEAP, "interrupted")
    jobs.write_state(job, jobs.State(status="running"))
    at = opened(job)
    assert "interrupted" in at.warning[0].value
    at.button(key="resume").click().run()
    for _ in range(600):
        if jobs.state(job).status not in jobs.ACTIVE:
            break
        time.sleep(0.1)
    assert jobs.state(job).status == "done"


def test_a_waiting_run_can_be_cancelled(sampled):
    job = jobs.create(sampled, CHEAP, "waiting")
    busy = jobs.create(sampled, CHEAP, "busy")
    with at_work(busy):
        runner.start(job)
        at = opened(job)
        assert "Waiting" in at.info[0].value
        at.button(key="cancel").click().run()
    assert jobs.state(job).status == "cancelled"


def test_time_left_is_that_of_the_whole_run(sampled):
    began = time.time() - 5
    stages = (
        Stage(Phase.FITTING, "", began),
        Stage(Phase.TRAINING, "CPU", began + 1),
    )
    training = {
        "phase": Phase.TRAINING,
        "detail": "CPU",
        "step": 5,
        "steps": 9,
        "stages": stages,
        "seconds_left": 3600.0,
    }
    said = []
    for name in ("fast", "paper"):
        with working(sampled, preset(name), **training) as job:
            said.append(words(opened(job)))
    assert "left." in said[0]
    assert "of this stage" not in said[0]
    # How long the published form takes afterwards nobody knows.
    assert "About 60 min left of this stage." in said[1]


def test_no_time_is_named_before_anything_is_known(sampled):
    with working(sampled, preset("paper"), phase=Phase.FITTING, steps=1) as job:
        said = words(opened(job))
    assert "Working for" in said
    assert " left" not in said


def test_a_run_that_does_not_stop_when_asked_can_be_ended(sampled):
    with working(sampled, CHEAP) as job:
        runner.stop(job)
        at = opened(job)
        assert "Stopping after this step" in words(at)
        assert not [b for b in at.button if b.key == "end"]
        long_ago = time.time() - 100
        os.utime(job.folder / "cancel", (long_ago, long_ago))
        opened(job).button(key="end").click().run()
        assert jobs.state(job).status == "cancelled"


def test_runs_are_listed_and_deleted(app, sampled):
    job = finished(sampled, owner=app.owner)
    app.take(sampled).go("train").healthy()
    app.at.text_input(key=f"name-{job.id}").set_value("A better *name*").run()
    assert jobs.find(job.id).name == "A better *name*"
    app.click(f"delete-{job.id}").healthy()
    assert jobs.all_jobs() == []


def test_runs_of_others_are_not_listed_and_cannot_be_changed(app, sampled):
    job = finished(sampled, owner="somebody else")
    app.take(sampled).go("train").healthy()
    assert not [e.label for e in app.at.expander if "runs (" in e.label]
    jobs.write_state(job, jobs.State(status="paused"))
    at = opened(job)
    assert not [b for b in at.button if b.key in ("resume", "cancel", "pause")]


def test_a_run_is_paused_and_goes_on(sampled, monkeypatch):
    job = jobs.create(sampled, CHEAP, "waiting")
    jobs.write_state(job, jobs.State(status="queued"))
    # All places are taken.
    monkeypatch.setattr(runner, "slots", lambda: 0)
    at = opened(job)
    at.button(key="pause").click().run()
    assert jobs.state(job).status == "paused"
    at.button(key="resume").click().run()
    assert jobs.state(job).status == "queued"


def test_the_tournament_never_sees_what_the_mask_hides(app, sampled):
    app.take(sampled.everything_known()).go("sampling").go("train").healthy()
    app.workspace.sampled = sampled
    app.click("tournament").healthy()
    job = jobs.find(app.workspace.job_id)
    runner.stop(job)
    assert job.kind == "tournament"
    assert not job.section().hidden.any()
    assert "nearest" in job.config().compare


def test_the_web_process_never_loads_torch():
    import subprocess
    import sys

    script = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.button(key='open_demo').click().run()\n"
        "for page in ('sampling', 'train', 'results'):\n"
        "    at.switch_page(f'pages/{page}.py').run()\n"
        "    assert not at.exception\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
