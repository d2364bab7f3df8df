"""What tests of pages do with runs: wait for them, open them, read what is written."""

import time
from contextlib import contextmanager

from streamlit.testing.v1 import AppTest

from s2s_core.config import preset
from s2s_core.jobs import jobs, runner
from tests.made_jobs import at_work
from tests.pages.conftest import ROOT

CHEAP = preset("fast", method="linear", compare=("nearest",))


def finished(section, name="earlier run", owner=None) -> jobs.Job:
    job = jobs.create(section, CHEAP, name, owner=owner)
    runner.start(job)
    for _ in range(600):
        if jobs.state(job).status == "done":
            return job
        time.sleep(0.1)
    raise AssertionError((job.folder / "worker.log").read_text())


def opened(job, page="train"):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["study" if job.kind in jobs.STUDIES else "job"] = job.id
    at.run()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    return at


def view(at, name):
    at.session_state["view"] = name
    at.run()
    assert not at.exception
    return at


def words(at):
    found = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success]
    return "\n".join(str(element.value) for element in found)


@contextmanager
def working(section, config, kind="run", **state):
    """A run that seems to work."""
    job = jobs.create(section, config, "working", kind=kind)
    with at_work(job, jobs.State(status="running", started=time.time() - 5, **state)):
        yield job


def ended(job) -> jobs.State:
    for _ in range(1200):
        state = jobs.state(job)
        if state.status not in jobs.ACTIVE:
            return state
        time.sleep(0.1)
    raise AssertionError((job.folder / "worker.log").read_text())
