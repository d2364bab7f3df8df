"""Starting runs and studies; one more run with the method that a tournament recommends."""

from dataclasses import replace

import streamlit as st

from pages import _state, _who
from s2s_core.config import RunConfig, preset
from s2s_core.data.section import Section
from s2s_core.jobs import jobs, runner


def start_run(section: Section, config: RunConfig, name: str, kind: str = "run") -> None:
    """Start a run and attach to it; the page is left or drawn anew."""
    job = jobs.create(
        section,
        config,
        name,
        preview_gene=section.most_variable_gene(),
        owner=_who.owner(),
        kind=kind,
    )
    runner.start(job)
    _state.use_job(job)


def start_study(section: Section, name: str, kind: str, task: dict) -> None:
    """Start a study of a kind of ``jobs.STUDIES`` on the open section and attach to it."""
    job = jobs.create(
        section,
        preset("fast"),
        f"{name} on {_state.workspace().name}",
        owner=_who.owner(),
        kind=kind,
        task=task,
    )
    runner.start(job)
    _state.use_job(job)


def run_with(tournament: jobs.Job, method: str) -> None:
    """Impute the tournament's section with the method it recommends.

    What a mask hid was kept from the tournament; where it is still at hand in this browser the
    new run is scored on it.
    """
    section, here = tournament.section(), _state.workspace().sampled
    if (
        here is not None
        and here.spot_ids.equals(section.spot_ids)
        and here.genes.equals(section.genes)
    ):
        section = here
    config = replace(tournament.config(), method=method, compare=("linear", "programme-kriging"))
    start_run(section, config, tournament.name.removeprefix("Methods for "))
    st.switch_page("pages/train.py")
