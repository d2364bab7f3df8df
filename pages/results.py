"""Results: maps side by side, honest scores, downloads."""

import numpy as np
import pandas as pd
import streamlit as st

from pages import _state
from pages._downloads import downloads
from pages._maps import maps
from s2s_core import jobs
from s2s_core.charts import truth_scatter
from s2s_core.export import load_result
from s2s_core.imputation import Result
from s2s_core.methods import METHODS
from s2s_core.metrics import summarise, verdict
from s2s_core.structure import gene_structure

COLUMNS = {
    "mae": "MAE",
    "mae_median": "MAE of the median",
    "rmse": "RMSE",
    "pcc": "PCC",
    "spearman": "Spearman",
    "ssim": "SSIM",
    "coverage": "inside 90 % interval",
    "interval_width": "interval width",
    "genes": "genes with PCC",
}


def main() -> None:
    """Draw the page."""
    st.title("Results")
    job = _state.current_job()
    if job is None or jobs.state(job).status != "done":
        st.info("No finished run is open. Start one, or open an earlier one, on the Train page.")
        st.page_link("pages/train.py", label="Go to Train")
        return
    result = _result(job.id)
    summary(job, result)
    maps(result, _first_gene(job.id))
    scores(result)
    downloads(job, result)


@st.cache_resource(max_entries=4, show_spinner="Opening the result ...")
def _result(job_id: str) -> Result:
    return load_result(jobs.find(job_id).result)


@st.cache_data(max_entries=32, show_spinner=False)
def _first_gene(job_id: str) -> str:
    """Gene to begin with: the one with the clearest pattern on the measured spots."""
    return str(gene_structure(_result(job_id).section)["moran"].idxmax())


def summary(job: jobs.Job, result: Result) -> None:
    """Say in one paragraph what the run did."""
    info = result.info
    st.write(
        f"**{job.name}** · {METHODS[result.config.method].label} · {info['n_measured']:,} measured "
        f"spots, {info['n_positions']:,} positions, {info['n_genes']:,} genes · "
        f"{info['seconds']:.0f} s · {info['details'].get('s2s', {}).get('device', 'CPU')}"
    )
    details = info["details"].get(result.config.method, {})
    if "network_share" in details:
        st.caption(
            f"{details['programmes']} gene programmes were imputed. On withheld measured spots the "
            "network's correction of the first estimate (kriging and regression of programmes) "
            f"earned a share of {details['network_share']:.0%}."
        )


def scores(result: Result) -> None:
    """Scores of all methods, and of every gene."""
    metrics = result.metrics
    where = metrics["spots"].iloc[0]
    st.subheader("Scores")
    st.caption(
        f"Mean over genes, at {int(metrics['n_spots'].iloc[0]):,} spots: {where}. Scale: "
        f"{metrics['scale'].iloc[0]}. MAE and RMSE: lower is better; PCC, Spearman "
        "and SSIM: higher. Intervals are right when nine in ten values fall inside, and the "
        "narrower the better."
    )
    table = summarise(metrics)
    table.index = [METHODS[name].label for name in table.index]
    shown = {c: label for c, label in COLUMNS.items() if c in table}
    numbers = [label for c, label in shown.items() if c != "genes"]
    st.dataframe(
        table[list(shown)].rename(columns=shown).style.format(precision=3, subset=numbers, na_rep="–")
    )
    st.write(verdict(metrics, result.config.method, {n: m.label for n, m in METHODS.items()}))
    left, right = st.columns([3, 2], gap="large")
    with left:
        st.write("**Every gene**")
        mine = metrics[metrics["method"] == result.config.method]
        columns = ["gene", *[c for c in COLUMNS if c in mine.columns]]
        st.dataframe(
            mine[columns].rename(columns=COLUMNS).set_index("gene"), height=340,
            column_config={c: st.column_config.NumberColumn(format="%.3f") for c in COLUMNS.values()},
        )  # fmt: skip
    with right:
        scatter(result)


def scatter(result: Result) -> None:
    """Imputed against true values of the chosen gene."""
    section = result.section
    if not section.hidden.any():
        st.caption("Imputed against true values can be drawn where the truth was hidden by a mask.")
        return
    gene = st.session_state.get("result_gene", section.genes[0])
    column = int(pd.Index(section.genes).get_loc(gene))
    st.write(f"**{gene}: imputed against true, at hidden spots**")
    at = section.hidden
    figure = truth_scatter(
        np.asarray(result.truth[at, column]), np.asarray(result.imputed[at, column]), gene
    )
    st.plotly_chart(figure, key="scatter", config={"displaylogo": False})


main()
