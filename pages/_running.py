"""What works: how a run or study stands, drawn again while it does; a run's curves and map."""

import math
import time
from collections.abc import Callable

import streamlit as st

from pages import _state
from pages._runs import controls, duration, plain, step_words
from s2s_core import hardware
from s2s_core.data.section import Section
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.forecast import RunHistory, forecast, machine_factor, run_history, seconds_to_go
from s2s_core.methods import METHODS
from s2s_core.output.charts import loss_curves
from s2s_core.output.maps import map_panels
from s2s_core.output.panels import Panel


def watched(job: jobs.Job, about: str, rest: Callable[[jobs.Job, jobs.State], None]) -> None:
    """A run or study, drawn again every second while it works.

    ``about`` is one line on what it does; ``rest`` draws what comes below how it stands.
    """
    active = jobs.state(job).status in jobs.ACTIVE
    st.fragment(_watch, run_every=1.0 if active else None)(job, active, about, rest)


def _watch(job: jobs.Job, was_active: bool, about: str, rest: Callable) -> None:  # noqa: FBT001 - a fragment's arguments
    state = jobs.state(job)
    if was_active and state.status not in jobs.ACTIVE:
        st.rerun()
    st.subheader(plain(job.name))
    st.caption(about)
    stands(job, state)
    rest(job, state)


def show_run(job: jobs.Job) -> None:
    """The attached run."""
    config = job.config()
    what = (
        "Every method on withheld spots"
        if job.kind == "tournament"
        else METHODS[config.method].label
    )
    watched(job, f"{what} · preset {config.preset} · seed {config.seed}", _rest_of_run)


def _rest_of_run(job: jobs.Job, state: jobs.State) -> None:
    if state.status == "done":
        _state.next_step("Results", "pages/results.py")
    controls(job, state)
    curves(job)


def stands(job: jobs.Job, state: jobs.State) -> None:
    """How a job stands, in words or as a bar."""
    if state.status == "queued":
        runner.advance_queue()
        ahead = runner.queue_position(job)
        before = {0: "it is next in line", 1: "one waiting run comes first"}
        st.info(
            f"Waiting for its turn: {before.get(ahead, f'{ahead} waiting runs come first')}. "
            "You can close this page; the run starts by itself."
        )
    elif state.status == "running":
        share = min(1.0, state.step / state.steps) if state.steps else 0.0
        st.progress(share, text=f"Now: {state.words} · {step_words(state)}")
        st.caption(times(job, state))
        utilisation()
    elif state.status == "done":
        st.success(f"Finished in {duration(state.ended - state.started)}.")
    elif state.status == "failed":
        st.error(state.message)
    else:
        st.warning(state.message or "The run was stopped before it started.")


def times(job: jobs.Job, state: jobs.State) -> str:
    """How long it has worked and how long it will, as far as that is known."""
    now = time.time()
    words = f"Working for {duration(max(0.0, now - state.started))}."
    if job.kind in jobs.STUDIES:
        # The only stage of a study is the whole of it.
        left, of = state.seconds_left, ""
    else:
        left, of = run_left(job, state, now), ""
        if left is None:
            left, of = state.seconds_left, " of this stage"
    return words if left is None else f"{words} About {duration(left)} left{of}."


def run_left(job: jobs.Job, state: jobs.State, now: float) -> float | None:
    """Seconds until a run ends, None where that is not known."""
    # A comparison of all methods is no run like those that are predicted.
    if job.kind not in ("run", "demo"):
        return None
    config = job.config()
    whole = forecast(section_of(job.id), config, factor()[0])
    return seconds_to_go(state, config, whole, history(), now)


@st.cache_data(ttl=30, show_spinner=False)
def factor() -> tuple[float, bool]:
    """How fast this machine is, and whether that was measured."""
    return machine_factor()


@st.cache_data(ttl=30, show_spinner=False)
def history() -> tuple[RunHistory, ...]:
    """How earlier runs spent their time here."""
    return run_history()


def utilisation() -> None:
    """How busy the GPUs are, where there are some."""
    for gpu in hardware.gpus():
        busy = "" if math.isnan(gpu.busy) else f"{gpu.busy:.0f} % busy, "
        st.caption(f"{gpu.name}: {busy}{gpu.used / 1024:.1f} of {gpu.total / 1024:.1f} GB in use")


def curves(job: jobs.Job) -> None:
    """Losses, error on spots set aside, and the preview map."""
    lines = jobs.progress(job)
    picture = jobs.preview(job)
    if not lines and picture is None:
        return
    left, right = st.columns([3, 2], gap="large")
    if lines:
        with left:
            st.plotly_chart(loss_curves(lines), key="losses", config={"displayModeBar": False})
            st.caption(
                "The run ends with the weights that did best on measured spots set aside from "
                "training. 1 is the first estimate (kriging of gene programmes); lower is better."
            )
    if picture is not None and job.preview_gene:
        with right:
            title = f"{job.preview_gene} while training"
            section = section_of(job.id)
            figure = map_panels(section, [Panel(title, picture)], "log-normalised", width=420)
            st.plotly_chart(figure, key="preview", config={"displaylogo": False})


@st.cache_resource(max_entries=4, show_spinner=False)
def section_of(job_id: str) -> Section:
    """The job's section, read from disk once and not every second."""
    return jobs.find(job_id).section()
