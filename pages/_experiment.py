"""The paper's experiments on the open section: start one, read its tables."""

import pandas as pd
import streamlit as st

from pages._running import section_of
from pages._start import begin_study
from s2s_core import jobs
from s2s_core.charts import variants_chart
from s2s_core.errors import S2SError
from s2s_core.masks import sample
from s2s_core.names import download_name
from s2s_core.section import Section
from s2s_core.studies import experiment_task, questions

TITLES = {
    "dc": "Data consistency",
    "colearning": "Co-learning with photographs",
    "cascades": "Number of cascades K",
    "sparsity": "Sparsity S = 2, 4, 8",
}
# What a score is drawn against, where it is not the variant's name.
COSTS = {"cascades": "prediction_seconds"}


def experiment_form(section: Section) -> None:
    """Which experiment, on which mask, how often."""
    asked = questions()
    name = st.radio(
        "Experiment", list(asked), captions=list(asked.values()),
        format_func=lambda n: TITLES.get(n, n), key="experiment_name",
    )  # fmt: skip
    one, two = st.columns(2)
    mask = one.text_input("Sampling design", "lattice:2", key="experiment_mask",
                          help="As on the command line, e.g. lattice:2 or random:0.25.")  # fmt: skip
    seeds = two.number_input("Seeds", 1, 10, 1, key="experiment_seeds")
    st.caption("Each variant trains the network once for each seed: minutes to an hour on a laptop.")
    if st.button("Start", type="primary", key="experiment_start"):
        try:
            sample(section, mask).check_ready()
            task = experiment_task(name, mask, int(seeds), "fast")
            begin_study(section, TITLES.get(name, name), "experiment", task)
        except S2SError as error:
            st.error(str(error))
            return
        st.rerun()


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
    st.dataframe(summary, hide_index=True)
    report = study.result / "report.md"
    with st.expander("Report", expanded=True):
        st.markdown(report.read_text(encoding="utf-8"))
    with st.container(horizontal=True):
        for file in ("summary.csv", "scores.csv", "report.md"):
            if (study.result / file).exists():
                saved = download_name(section_of(study.id), f"{study.task()['name']}-{file}")
                st.download_button(file, (study.result / file).read_bytes, saved,
                                   key=f"experiment-{file}", on_click="ignore")  # fmt: skip
