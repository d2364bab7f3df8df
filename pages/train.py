"""Train: start a run, watch it, pause it, resume it; find earlier runs."""

import streamlit as st

from pages import _state
from pages._running import factor, show_run
from pages._runs import duration, earlier_runs
from pages._start import start_run
from s2s_core import hardware
from s2s_core.config import RunConfig, preset
from s2s_core.jobs.forecast import forecast
from s2s_core.methods import METHODS

PRESETS = {
    "fast": "a small network that has already learned from photographs: the usual choice",
    "balanced": "the same, trained longer; seldom better on small sections",
    "paper": "the published network, gene by gene: hours on a GPU, days without",
}
DEVICES = {
    "auto": "choose for me",
    "cpu": "CPU",
    "cuda": "NVIDIA GPU (CUDA)",
    "mps": "Apple GPU (MPS)",
}


def main() -> None:
    """Draw the page."""
    st.title("Train and impute")
    job = _state.current_job()
    if job is not None:
        show_run(job)
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
    speed, known = factor()
    captions = [
        what + _time_words(forecast(sampled, preset(name), speed)) for name, what in PRESETS.items()
    ]
    name = st.radio(
        "How thorough?",
        list(PRESETS),
        captions=captions,
        key="preset",
        format_func=str.capitalize,
    )
    if not known:
        st.caption("Times are a first guess for this machine; after one run they are better.")
    with st.expander("More settings"):
        config = settings(name)
    st.caption(f"This machine: {hardware.describe()}.")
    with st.container(horizontal=True):
        if st.button("Start", type="primary", key="start"):
            start_run(sampled, config, here.name)
            st.rerun()
        if st.button(
            "Find the best method first",
            key="tournament",
            help="Runs every method on spots withheld from the measured ones and recommends the "
            "simplest that is as good. Takes two to four times as long as a run.",
        ):
            others = tuple(m for m in METHODS if m != "s2s")
            # Hidden values must not choose a method: they are there to score the chosen one.
            start_run(
                sampled.without_hidden(),
                preset(name, seed=config.seed, compare=others),
                f"Methods for {here.name}",
                kind="tournament",
            )
            st.rerun()


def settings(name: str) -> RunConfig:
    """Choices that few need."""
    one, two, three = st.columns(3)
    method = one.selectbox(
        "Method",
        list(METHODS),
        format_func=lambda m: METHODS[m].label,
        key="method",
        help="The network, or one of the classical methods it is compared with.",
    )
    seed = two.number_input(
        "Seed",
        0,
        10_000,
        key=_state.first_value("seed", 0),
        help="The same seed gives the same result.",
    )
    device = three.selectbox(
        "Compute on", list(DEVICES), format_func=DEVICES.__getitem__, key="device"
    )
    return preset(name, method=method, seed=int(seed), device=device)


def _time_words(seconds: float | None) -> str:
    return "" if seconds is None else f" · about {duration(seconds)} here"


main()
