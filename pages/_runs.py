"""What Train says of runs and lets one do with them: cancel, resume, open, delete."""

import time

import streamlit as st

from pages import _state
from s2s_core import jobs, runner
from s2s_core.errors import S2SError

STATUS = {
    "queued": "waiting",
    "running": "running",
    "done": "finished",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}


def controls(job: jobs.Job, state: jobs.State) -> None:
    """Cancel, resume or start another."""
    one, two, _ = st.columns([1, 1, 4])
    if state.status in jobs.ACTIVE:
        if (job.folder / "cancel").exists():
            one.caption("Stopping ...")
        elif one.button("Cancel", key="cancel"):
            runner.stop(job)
            st.rerun()
        return
    if state.status in jobs.RESUMABLE and one.button("Resume", type="primary", key="resume"):
        runner.start(job, resume=True)
        st.rerun()
    if two.button("New run", key="new_run"):
        _state.workspace().job_id = None
        st.query_params.clear()
        st.rerun()


def earlier_runs(current: jobs.Job | None) -> None:
    """List of all runs to open or delete."""
    found = [job for job in jobs.all_jobs() if current is None or job.id != current.id]
    if not found:
        return
    with st.expander(f"Other runs on this computer ({len(found)})"):
        for job in found[:30]:
            name, when, status, go, away = st.columns([4, 3, 2, 1, 1])
            state = jobs.state(job)
            name.write(job.name)
            when.caption(time.strftime("%d %b %Y, %H:%M", time.localtime(job.created)))
            status.caption(STATUS[state.status])
            if go.button("Open", key=f"open-{job.id}"):
                st.session_state.workspace = _state.Workspace()
                _state.use_job(job)
                st.rerun()
            if away.button("Delete", key=f"delete-{job.id}"):
                try:
                    jobs.delete(job)
                except S2SError as error:
                    st.error(str(error))
                else:
                    st.rerun()


def step_words(state: jobs.State) -> str:
    """Step and time left in words."""
    if not state.steps or state.steps == 1:
        return "a moment"
    left = "" if state.seconds_left is None else f", about {duration(state.seconds_left)} left"
    return f"step {state.step:,} of {state.steps:,}{left}"


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
