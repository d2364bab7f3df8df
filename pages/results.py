"""Results: maps side by side, honest scores, downloads."""

import streamlit as st

from pages import _state
from pages._downloads import downloads, first_download, warning
from pages._finished import findings_of, grades_of, result_of
from pages._inspect import checks, multiples, region
from pages._maps import maps
from pages._next import batch
from pages._runs import plain
from pages._scores import recommendation, scores
from pages._start import run_with
from s2s_core.data.result import Result
from s2s_core.jobs import jobs
from s2s_core.methods import METHODS
from s2s_core.output.report_text import summary_sentence

VIEWS = {
    "scores": "Scores",
    "multiples": "Several genes",
    "region": "Region",
    "checks": "Checks",
    "batch": "Next batch",
    "download": "Download",
}


def main() -> None:
    """Draw the page."""
    st.title("Results")
    job = _state.current_job()
    if job is None or jobs.state(job).status != "done":
        st.info("No finished run is open. Start one, or open an earlier one, on the Train page.")
        st.page_link("pages/train.py", label="Go to Train")
        return
    result = result_of(job.id)
    summary(job, result)
    if job.kind == "tournament":
        method = recommendation(result)
        if st.button(f"Impute with: {METHODS[method].label}", type="primary", key="use_best"):
            run_with(job, method)
    grades = grades_of(job.id)
    gene = maps(result, grades)
    view = st.segmented_control(
        "More",
        list(VIEWS),
        format_func=VIEWS.__getitem__,
        default="scores",
        required=True,
        key="view",
        label_visibility="collapsed",
    )
    if view == "multiples":
        multiples(result, grades)
    elif view == "region":
        region(result, grades)
    elif view == "checks":
        checks(findings_of(job.id))
    elif view == "batch":
        batch(job, result)
    elif view == "download":
        downloads(job, result, gene)
    else:
        scores(result, grades, gene)


def summary(job: jobs.Job, result: Result) -> None:
    """Say in one paragraph what the run did, with the table at hand."""
    left, right = st.columns([3, 1], vertical_alignment="center")
    left.write(f"**{plain(job.name)}** · {summary_sentence(result, grades_of(job.id))}")
    with right:
        first_download(job, result.section)
    if warning(result):
        st.caption(warning(result))
    info = result.info
    details = info["details"].get(result.config.method, {})
    words = f"Took {info['seconds']:.0f} s on {details.get('device', 'the CPU')}."
    if "network_share" in details:
        words += (
            f" {details['programmes']} gene programmes (principal components under several weightings of "
            "the genes) were imputed. On withheld measured spots "
            "the network's correction of the first estimate (kriging and regression of "
            f"programmes) earned a share of {details['network_share']:.0%}."
        )
    with left.expander("How it was made"):
        st.write(words)


main()
