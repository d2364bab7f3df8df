"""What Results hands over as files."""

from functools import partial

import streamlit as st

from s2s_core import jobs
from s2s_core.export import write_csv
from s2s_core.imputation import Result

FILES = {
    "imputed.csv": ("Imputed table (CSV)", "text/csv"),
    "imputed.h5ad": ("AnnData (.h5ad)", "application/octet-stream"),
    "metrics.csv": ("Scores per gene (CSV)", "text/csv"),
    "run.json": ("Run record (JSON)", "application/json"),
}


def _layer_table(result: Result, job: jobs.Job, name: str) -> bytes:
    """CSV of the median or an end of the interval, made when it is asked for."""
    path = job.result / f"imputed_{name}.csv"
    if not path.exists():
        write_csv(result, path, result.layers[name])
    return path.read_bytes()


def downloads(job: jobs.Job, result: Result) -> None:
    """Files the worker wrote, handed over as they are."""
    st.subheader("Download")
    for column, (name, (label, kind)) in zip(st.columns(len(FILES)), FILES.items(), strict=True):
        path = job.result / name
        size = path.stat().st_size / 2**20
        column.download_button(
            label, path.read_bytes, name, kind, key=f"download-{name}", on_click="ignore"
        )
        column.caption(f"{size:.1f} MB" if size >= 0.1 else f"{size * 1024:.0f} kB")
    if result.layers:
        st.write("**Median and interval** (tables of the same form)")
        labels = {"median": "Median", "lower": "Lower end, 90 %", "upper": "Upper end, 90 %"}
        for column, (name, label) in zip(st.columns(len(FILES)), labels.items(), strict=False):
            column.download_button(
                label, partial(_layer_table, result, job, name), f"imputed_{name}.csv", "text/csv",
                key=f"download-{name}", on_click="ignore",
            )  # fmt: skip
        st.caption(
            "The imputed table holds the mean of what to expect: best for patterns and ranks. The "
            "median is closest in absolute terms, and zero where most such spots are zero. Nine in "
            "ten values lie between the lower and the upper end."
        )
    st.caption(
        "The table holds log-normalised values at every position; measured spots keep their own. "
        "Spreadsheets turn gene names such as MARCH1 into dates: import that column as text."
    )
