"""The paper's experiments on the open section: start one, read its tables."""

import re

import pandas as pd
import streamlit as st

from pages._running import factor, section_of
from pages._runs import duration
from pages._start import start_study
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.jobs import jobs
from s2s_core.jobs.studies import (
    CONSISTENCY,
    SPARSITY,
    Work,
    experiment_task,
    experiment_work,
    questions,
)
from s2s_core.output.charts import variants_chart
from s2s_core.output.file_names import download_name
from s2s_core.studies.experiment_report import SCORES, left_out_of, left_out_words

FIRST_MASK = "lattice:2"
TITLES = {
    "dc": "Data consistency",
    "colearning": "Co-learning with photographs",
    "cascades": "Number of cascades K",
    "sparsity": "Sparsity S = 2, 4, 8",
}
# What a score is drawn against, where it is not the variant's name.
COSTS = {"cascades": "prediction_seconds"}


# Columns of the tables, in words; a score's mean, median and quartiles follow a rule.
COLUMNS = {
    "variant": "Variant",
    "n_measured": "Measured spots",
    "mae_sd_of_seeds": "MAE, sd over seeds",
    "mae_change": "MAE, change",
    "mae_p": "MAE, p of the change (genes)",
    "mae_p_blocks": "MAE, p of the change (blocks of spots)",
    "mae_verdict": "MAE, compared",
    "pcc_p": "PCC, p of the change (genes)",
    "fit_seconds": "Fitting, s",
    "prediction_seconds": "Prediction, s",
    "parameters": "Parameters",
    "steps": "Training steps",
    "network_share": "Share of the correction let in",
    "what": "Checked",
    "cascade": "Cascade",
    "measured": "Measured values",
    "before": "Largest change before data consistency",
    "after": "Largest change after it",
    "identical": "Bit-identical",
}
OF_SCORES = {"": "mean", "median": "median", "q25": "lower quartile", "q75": "upper quartile"}


def experiment_form(section: Section) -> None:
    """Which experiment, on which mask, how often."""
    asked = questions()
    name = st.radio(
        "Experiment",
        list(asked),
        captions=list(asked.values()),
        format_func=lambda n: TITLES.get(n, n),
        key="experiment_name",
    )
    mask, seeds = ask_how(name)
    task = experiment_task(name, mask, seeds, "fast")
    work, wrong = work_of(section, task)
    if work is None:
        st.warning(wrong)
    else:
        st.caption(work_words(work, seeds))
        if work.left_out:
            st.info(left_out_words(list(work.left_out)))
    if st.button("Start", type="primary", key="experiment_start", disabled=bool(wrong)):
        try:
            start_study(section, TITLES.get(name, name), "experiment", task)
        except S2SError as error:
            st.error(str(error))
            return
        st.rerun()


def ask_how(name: str) -> tuple[str, int]:
    """Mask and seeds, as far as an experiment leaves them open."""
    mask, seeds = FIRST_MASK, 1
    one, two = st.columns(2)
    if name != SPARSITY:
        mask = one.text_input(
            "Sampling design",
            FIRST_MASK,
            key="experiment_mask",
            help="As on the command line, e.g. lattice:2 or random:0.25.",
        )
    if name != CONSISTENCY:
        seeds = two.number_input(
            "Seeds",
            1,
            10,
            1,
            key="experiment_seeds",
            help="Every variant is trained once for each seed.",
        )
    return mask.strip(), int(seeds)


def work_of(section: Section, task: dict) -> tuple[Work | None, str]:
    """What Start would begin, or why it cannot; some designs take long to draw, so it is kept."""
    kept = st.session_state.get("experiment_work")
    if kept is not None and kept[0] is section and kept[1] == task:
        return kept[2]
    found: tuple[Work | None, str]
    try:
        found = experiment_work(section, task, factor()[0]), ""
    except S2SError as error:
        found = None, str(error)
    st.session_state.experiment_work = (section, task, found)
    return found


def work_words(work: Work, seeds: int) -> str:
    """What Start begins."""
    times = "once" if work.n_trainings == 1 else f"{work.n_trainings} times"
    each = "" if seeds == 1 else f" ({work.n_trainings // seeds} variants, {seeds} seeds)"
    long = "" if work.seconds is None else f" About {duration(work.seconds)} here"
    guess = "." if factor()[1] or not long else ", a first guess for this machine."
    return f"Start trains the network {times}{each}.{long}{guess if long else ''}"


def plain_name(column: str) -> str:
    """A column of the tables in words."""
    score, _, part = column.partition("_")
    if score in SCORES and part in OF_SCORES:
        return f"{score.upper()}, {OF_SCORES[part]}"
    return COLUMNS.get(column, column)


def experiment_result(study: jobs.Job) -> None:
    """Tables and pictures of a finished experiment."""
    path = study.result / "summary.csv"
    if not path.exists():
        st.info("The tables appear when the experiment is finished.")
        return
    summary = pd.read_csv(path)
    if {"mae_median", "variant"} <= set(summary.columns):
        left, right = st.columns(2)
        for column, score in ((left, "mae"), (right, "pcc")):
            with column:
                figure = variants_chart(summary, score, COSTS.get(study.task()["name"], ""))
                st.plotly_chart(figure, key=f"experiment-{score}", config={"displaylogo": False})
    left_out = left_out_of(study.result)
    if left_out:
        st.warning(left_out_words(left_out))
    st.dataframe(summary.rename(columns=plain_name), hide_index=True)
    report = (study.result / "report.md").read_text(encoding="utf-8")
    with st.expander("Report", expanded=True):
        # Its heading is the question, which stands above already.
        st.markdown(re.sub(r"\A# .*\n+", "", report))
    with st.container(horizontal=True):
        for file in ("summary.csv", "scores.csv", "report.md"):
            if (study.result / file).exists():
                saved = download_name(section_of(study.id), f"{study.task()['name']}-{file}")
                st.download_button(
                    file,
                    (study.result / file).read_bytes,
                    saved,
                    key=f"experiment-{file}",
                    on_click="ignore",
                )
