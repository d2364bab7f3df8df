"""Train: start a run, watch it, cancel it, resume it; find earlier runs."""

import numpy as np
import streamlit as st

from pages import _state
from pages._runs import controls, duration, earlier_runs, step_words
from s2s_core import jobs, runner
from s2s_core.charts import loss_curves
from s2s_core.config import preset
from s2s_core.maps import Panel, map_panels
from s2s_core.methods import METHODS
from s2s_core.section import Section

PRESETS = {
    "fast": "minutes on a laptop: gene programmes, compact network",
    "balanced": "the same, trained four times as long",
    "paper": "the published network, gene by gene: hours on a GPU, days without",
}
DEVICES = {"auto": "choose for me", "cpu": "CPU", "cuda": "NVIDIA GPU (CUDA)", "mps": "Apple GPU (MPS)"}


def main() -> None:
    """Draw the page."""
    st.title("Train and impute")
    job = _state.current_job()
    if job is not None:
        show_job(job)
    elif _state.need_section() is not None:
        start_form()
    earlier_runs(job)


def start_form() -> None:
    """Settings of a run and the start button."""
    here = _state.workspace()
    if here.sampled is None:
        st.info("Choose first what is measured.")
        st.page_link("pages/sampling.py", label="Go to Sampling")
        return
    sampled = here.sampled
    st.write(
        f"**{here.name}** · {int(sampled.measured.sum()):,} measured spots · "
        f"{sampled.n_positions:,} positions · {len(sampled.genes):,} genes"
    )
    name = st.radio(
        "How thorough?", list(PRESETS), captions=list(PRESETS.values()), key="preset",
        format_func=str.capitalize,
    )  # fmt: skip
    with st.expander("More settings"):
        one, two, three = st.columns(3)
        method = one.selectbox(
            "Method", list(METHODS), format_func=lambda m: METHODS[m].label, key="method",
            help="The network, or one of the classical methods it is compared with.",
        )  # fmt: skip
        seed = two.number_input(
            "Seed", 0, 10_000, key=_state.begin("seed", 0), help="The same seed gives the same result."
        )
        device = three.selectbox("Compute on", list(DEVICES), format_func=DEVICES.get, key="device")
    config = preset(name, method=method, seed=int(seed), device=device)
    if st.button("Start", type="primary", key="start"):
        job = jobs.create(sampled, config, here.name, preview_gene=liveliest_gene(sampled))
        runner.start(job)
        _state.use_job(job)
        st.rerun()


def show_job(job: jobs.Job) -> None:
    """The attached run: refreshed every second while it works."""
    active = jobs.state(job).status in jobs.ACTIVE
    st.fragment(watch, run_every=1.0 if active else None)(job, active)


def watch(job: jobs.Job, was_active: bool) -> None:  # noqa: FBT001 - a fragment's arguments
    """Status, controls, curves and preview of a run."""
    state = jobs.state(job)
    if was_active and state.status not in jobs.ACTIVE:
        st.rerun()
    jobs_config = job.config()
    st.subheader(job.name)
    st.caption(f"{METHODS[jobs_config.method].label} · preset {jobs_config.preset} · seed {jobs_config.seed}")
    if state.status == "queued":
        runner.advance_queue()
        st.info(f"Waiting for its turn: {runner.queue_position(job)} runs come first.")
    elif state.status == "running":
        share = min(1.0, state.step / state.steps) if state.steps else 0.0
        st.progress(share, text=f"{state.phase} · {step_words(state)}")
    elif state.status == "done":
        st.success(f"Finished in {duration(state.ended - state.started)}.")
        st.page_link("pages/results.py", label="**Next: Results →**")
    elif state.status == "failed":
        st.error(state.message)
    else:
        st.warning(state.message or "The run was cancelled before it started.")
    controls(job, state)
    lines = jobs.progress(job)
    picture = jobs.preview(job)
    if not lines:
        return
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.plotly_chart(loss_curves(lines), key="losses", config={"displaylogo": False})
        st.caption(
            "The run ends with the weights that did best on measured spots set aside from "
            "training. 1 is the first estimate (kriging of gene programmes); lower is better."
        )
    if picture is not None and job.preview_gene:
        with right:
            title = f"{job.preview_gene} while training"
            figure = map_panels(sections(job), [Panel(title, picture)], "log-normalised", width=360)
            st.plotly_chart(figure, key="preview", config={"displaylogo": False})


@st.cache_resource(max_entries=4, show_spinner=False)
def _section_of(job_id: str) -> Section:
    return jobs.find(job_id).section()


def sections(job: jobs.Job) -> Section:
    """The job's section, read from disk once and not every second."""
    return _section_of(job.id)


def liveliest_gene(section: Section) -> str:
    """Gene whose measured values vary most on the log scale: a telling preview."""
    measured = section.counts[section.measured].log1p()
    mean = np.asarray(measured.mean(0)).ravel()
    variance = np.asarray(measured.multiply(measured).mean(0)).ravel() - mean**2
    return section.genes[int(variance.argmax())]


main()
