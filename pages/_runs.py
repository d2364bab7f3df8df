"""What Train says of runs and lets one do with them: pause, cancel, resume, open, rename, delete."""

import time

import streamlit as st

from pages import _state, _who
from s2s_core.errors import S2SError
from s2s_core.jobs import jobs, runner
from s2s_core.limits import Limits

STATUS = {
    "queued": "waiting",
    "running": "running",
    "done": "finished",
    "failed": "failed",
    "paused": "paused",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
SHOWN = 30
# Seconds after which a run that was asked to stop can be ended.
PATIENCE = 30.0


def controls(job: jobs.Job, state: jobs.State) -> None:
    """Pause, cancel, resume, or let go of it to start another."""
    with st.container(horizontal=True):
        mine = _state.may_change(job)
        if state.status in jobs.ACTIVE:
            asked = runner.seconds_since_asked_to_stop(job)
            if asked is not None:
                st.caption("Stopping after this step ...")
                if (
                    mine
                    and asked > PATIENCE
                    and st.button(
                        "Stop at once",
                        key="end",
                        help="Ends its process. What was learned since the last checkpoint is lost.",
                    )
                ):
                    runner.end(job)
                    st.rerun()
            elif mine:
                if st.button(
                    "Pause", key="pause", help="Keeps what was learned; go on at any time."
                ):
                    runner.stop(job, pause=True)
                    st.rerun()
                if st.button("Cancel", key="cancel"):
                    runner.stop(job)
                    st.rerun()
            return
        if (
            mine
            and state.status in jobs.RESUMABLE
            and st.button("Resume", type="primary", key="resume")
        ):
            runner.start(job, resume=True)
            st.rerun()
        if st.button("New run", key="new_run"):
            _state.leave(job)
            st.rerun()


def earlier_runs(current: jobs.Job | None) -> None:
    """This browser's runs to open, rename or delete."""
    found = [j for j in jobs.all_jobs(_who.owner()) if current is None or j.id != current.id]
    if not found:
        return
    with st.expander(f"My {'runs' if current is None else 'other runs'} ({len(found)})"):
        days = Limits.from_environment().keep_days
        kept = f"A run that is not opened for {days:g} days is deleted. " if days else ""
        st.caption(kept + "Only this browser lists its runs; a run's address opens it anywhere.")
        for job in found[:SHOWN]:
            _one_run(job)
        if len(found) > SHOWN:
            st.caption(f"The {SHOWN} latest of {len(found)} are shown; delete some to see others.")


def _one_run(job: jobs.Job) -> None:
    name, when, status, go, more = st.columns([4, 2, 2, 1, 1], vertical_alignment="center")
    name.write(plain(job.name))
    when.caption(time.strftime("%d %b %Y, %H:%M", time.localtime(job.created)))
    status.caption(STATUS[jobs.state(job).status])
    if go.button("Open", key=f"open-{job.id}"):
        _state.open_run(job)
        page = "pages/study.py" if job.kind in jobs.STUDIES else "pages/train.py"
        if jobs.state(job).status == "done" and job.kind not in jobs.STUDIES:
            page = "pages/results.py"
        st.switch_page(page, query_params=_state.addresses())
    with more.popover("More"):
        chosen = st.text_input("Name", job.name, key=f"name-{job.id}")
        if chosen != job.name:
            jobs.rename(job, chosen)
            st.rerun()
        if st.button("Delete for good", key=f"delete-{job.id}"):
            try:
                jobs.delete(job)
            except S2SError as error:
                st.error(str(error))
            else:
                st.rerun()


def plain(text: str) -> str:
    """Text in which Markdown finds nothing to do."""
    return "".join("\\" + c if c in "\\`*_{}[]()#+-.!|<>$:~" else c for c in text)


def step_words(state: jobs.State) -> str:
    """Step of the present stage in words."""
    if not state.steps or state.steps == 1:
        return "a moment"
    return f"step {state.step:,} of {state.steps:,}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
