"""Studies: how sparsely this tissue can be sampled, and the paper's experiments on it."""

import streamlit as st

from pages import _state
from pages._experiment import experiment_form, experiment_result
from pages._plan import plan_form, plan_result
from pages._running import stands
from pages._runs import controls
from s2s_core import jobs

PLAN, EXPERIMENT = "How sparse can I go?", "The paper's experiments"


def main() -> None:
    """Draw the page."""
    study = _state.current_study()
    if study is not None:
        show(study)
        return
    st.title("Studies")
    section = _state.need_section()
    if section is None:
        return
    section = _state.workspace().chosen
    what = st.segmented_control(
        "Study", (PLAN, EXPERIMENT), default=PLAN, key="study_kind", label_visibility="collapsed"
    )
    if what == EXPERIMENT:
        experiment_form(section)
    else:
        plan_form(section)


def show(study: jobs.Job) -> None:
    """The attached study: refreshed while it works."""
    st.title(PLAN if study.kind == "plan" else EXPERIMENT)
    active = jobs.state(study).status in jobs.ACTIVE
    st.fragment(watch, run_every=2.0 if active else None)(study, active)


def watch(study: jobs.Job, was_active: bool) -> None:  # noqa: FBT001 - a fragment's arguments
    """How it stands and what is finished of it."""
    state = jobs.state(study)
    if was_active and state.status not in jobs.ACTIVE:
        st.rerun()
    st.subheader(study.name)
    stands(study, state)
    controls(study, state, leave)
    if study.kind == "plan":
        plan_result(study)
    else:
        experiment_result(study)


def leave() -> None:
    """Let go of the study; it goes on by itself."""
    _state.workspace().study_id = None
    st.query_params.pop("study", None)


main()
