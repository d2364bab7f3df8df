"""Runs outlive reloads and killed servers, and belong to the browser that started them."""

import os
import re
import signal

import pytest

from s2s_core.jobs import jobs
from tests.browser import steps


@pytest.fixture
def frozen(own_server, section):
    """A run that is training and stands still, with the id of its process."""
    job = steps.start_training(section)
    process = steps.freeze(job)
    yield job, process
    if jobs.state(job).status == "running":
        os.kill(process, signal.SIGCONT)


def open_run(page, server, job):
    page.goto(f"{server.url}/run?job={job.id}")
    page.get_by_role("heading", name=job.name).wait_for()


def open_run_first(page, server, job):
    """Open a run as the first visitor of a fresh server, who must not be told "Page not found"."""
    open_run(page, server, job)
    steps.settled(page)
    assert page.get_by_role("dialog").count() == 0


def test_reload_pause_and_resume(own_server, frozen, page):
    job, process = frozen
    open_run_first(page, own_server, job)
    page.get_by_test_id("stProgress").wait_for()
    page.reload()
    page.get_by_test_id("stProgress").wait_for()
    assert f"job={job.id}" in page.url
    page.get_by_role("button", name="Pause").click()
    page.get_by_text("Stopping after this step").wait_for()
    os.kill(process, signal.SIGCONT)
    page.get_by_role("button", name="Resume").click(timeout=120_000)
    page.get_by_text("Next: Results").wait_for(timeout=120_000)


def test_killed_server_finds_its_run_again(own_server, frozen, page):
    job, process = frozen
    open_run_first(page, own_server, job)
    page.get_by_test_id("stProgress").wait_for()
    own_server.kill()
    own_server.start()
    open_run_first(page, own_server, job)
    page.get_by_test_id("stProgress").wait_for()
    # What the browser said of the gap is its own.
    page.errors.clear()
    os.kill(process, signal.SIGCONT)
    page.get_by_text("Next: Results").wait_for(timeout=120_000)
    assert jobs.state(job).status == "done"


def test_killed_run_is_resumed(own_server, frozen, page):
    job, process = frozen
    own_server.kill()
    os.kill(process, signal.SIGKILL)
    own_server.start()
    open_run_first(page, own_server, job)
    page.get_by_text("was interrupted and can be resumed").wait_for()
    page.get_by_role("button", name="Resume").click()
    page.get_by_text("Next: Results").wait_for(timeout=120_000)


def runs_listed(page) -> int:
    """How many runs the list of this browser's other runs holds."""
    page.get_by_role("heading", name="Train and impute").wait_for()
    steps.quiet(page)
    words = page.get_by_text(re.compile(r"My (other )?runs \(\d+\)"))
    return int(re.search(r"\d+", words.inner_text())[0]) if words.count() else 0


def test_two_users_queue_and_see_their_own_runs_only(own_server, visitor, h5ad):
    first, second = visitor(), visitor()
    for page in (first, second):
        steps.open_file(page, own_server, h5ad)
        steps.to_train(page)
        steps.choose_method(page, "Nearest measured spot")
        page.get_by_role("button", name="Start").wait_for()
    first.get_by_role("button", name="Start").click()
    # Held while the second user queues behind it.
    job = steps.next_run()
    process = steps.hold(job)
    second.get_by_role("button", name="Start").click()
    second.get_by_text("Waiting for its turn").wait_for()
    other = next(j for j in jobs.all_jobs() if j.id != job.id)
    assert other.owner != job.owner and None not in (other.owner, job.owner)
    # Opened by its address, another's run can be watched but not changed.
    guest = second.context.new_page()
    guest.goto(f"{own_server.url}/run?job={job.id}")
    guest.get_by_test_id("stProgress").wait_for()
    steps.quiet(guest)
    for name in ("Pause", "Cancel", "Delete for good"):
        assert guest.get_by_role("button", name=name).count() == 0
    assert runs_listed(guest) == 1
    assert jobs.state(other).status == "queued"
    os.kill(process, signal.SIGCONT)
    for page in (first, second):
        page.get_by_text("Next: Results").wait_for(timeout=120_000)
        page.get_by_role("button", name="New run").click()
        page.get_by_text(re.compile(r"My (other )?runs \(1\)")).wait_for()
    # A third browser has no runs and no section.
    stranger = visitor()
    stranger.goto(f"{own_server.url}/run")
    stranger.get_by_text("No section is open yet").wait_for()
    assert runs_listed(stranger) == 0
