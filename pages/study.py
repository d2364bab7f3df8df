"""Studies: how sparsely this tissue can be sampled, and the paper's experiments on it."""

import streamlit as st

from pages import _state
from pages._experiment import experiment_form, experiment_result
from pages._plan import plan_form, plan_result
from pages._running import watched
from pages._runs import controls
from s2s_core.jobs import jobs
from s2s_core.jobs.studies import plan_of, questions
from s2s_core.methods import METHODS

KINDS = {"plan": "How sparse can I go?", "experiment": "The paper's experiments"}


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
        "Study",
        list(KINDS),
        format_func=KINDS.__getitem__,
        default="plan",
        key="study_kind",
        label_visibility="collapsed",
    )
    if what == "experiment":
        experiment_form(section)
    else:
        plan_form(section)


def show(study: jobs.Job) -> None:
    """The attached study."""
    st.title(KINDS[study.kind])
    if study.kind == "plan":
        plan = plan_of(study)
        about = f"{plan.n_cases} cases · imputed by {METHODS[plan.engine].label}"
    else:
        about = questions()[study.task()["name"]]
    watched(study, about, rest)


def rest(study: jobs.Job, state: jobs.State) -> None:
    """What one can do with it, and what is finished of it."""
    controls(study, state)
    if study.kind == "plan":
        plan_result(study, state)
    else:
        experiment_result(study)


main()
