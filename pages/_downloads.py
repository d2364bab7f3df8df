"""What Results hands over as files. What the worker wrote is there; the rest is made when asked."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import streamlit as st

from pages._maps import UNIT, first_panels, panel_choices
from s2s_core.data.mask_table import mask_table
from s2s_core.data.result import Result
from s2s_core.data.section import Section
from s2s_core.data.store import atomic
from s2s_core.jobs import jobs
from s2s_core.output.bundle import write_bundle
from s2s_core.output.figures import COLOURS, map_figure, save
from s2s_core.output.file_names import download_name
from s2s_core.output.report import write_report
from s2s_core.output.tables import write_csv, write_long_csv

CSV, H5AD, JSON = "text/csv", "application/octet-stream", "application/json"
WRITTEN = {
    "imputed.csv": ("Imputed table (CSV)", CSV),
    "imputed.parquet": ("Imputed table (Parquet)", H5AD),
    "imputed.h5ad": ("AnnData (.h5ad)", H5AD),
    "metrics.csv": ("Scores per gene (CSV)", CSV),
    "run.json": ("Run record (JSON)", JSON),
}
WIDTHS_MM = {85.0: "One column (85 mm)", 180.0: "Two columns (180 mm)"}


def first_download(job: jobs.Job, section: Section) -> None:
    """The table that most come for, at the top of the page."""
    st.download_button(
        "Download imputed CSV",
        (job.result / "imputed.csv").read_bytes,
        download_name(section, "imputed.csv"),
        CSV,
        key="first-download",
        on_click="ignore",
        type="primary",
        icon=":material/download:",
    )


def warning(result: Result) -> str:
    """What must be known of the table before anybody analyses it; "" where nothing."""
    hidden = int(result.section.hidden.sum())
    if not hidden:
        return ""
    return (
        f"This was a trial: {hidden:,} of your measured spots were hidden, and the table holds "
        "estimates there. For a table to analyse go to Sampling and choose *Make it denser* or, "
        "where spots are missing, *Fill the gaps*."
    )


def downloads(job: jobs.Job, result: Result, gene: str) -> None:
    """Everything there is to take away."""
    if warning(result):
        st.warning(warning(result))
    st.write("**Tables**")
    for column, (name, (label, kind)) in zip(st.columns(5), WRITTEN.items(), strict=True):
        path = job.result / name
        # Runs of an earlier version have no Parquet.
        if not path.exists():
            continue
        with column:
            _button(label, path.read_bytes, download_name(result.section, name), kind)
            st.caption(_size(path))
    made = [
        (
            "Long table (CSV)",
            "imputed_long.csv",
            CSV,
            lambda p: write_long_csv(result, p),
            "One row a spot and gene, with median and interval: for R and ggplot.",
        ),
        (
            "Sampling mask (CSV)",
            "mask.csv",
            CSV,
            lambda p: mask_table(result.section).to_csv(p, index=False),
            "Which positions were measured, with array row and column.",
        ),
    ]
    labels = {
        "median": "Median (CSV)",
        "lower": "Lower end, 90 % (CSV)",
        "upper": "Upper end, 90 % (CSV)",
    }
    made += [
        (
            labels[name],
            f"imputed_{name}.csv",
            CSV,
            partial(_write_layer, result, name),
            "As the imputed table.",
        )
        for name in labels
        if name in result.layers
    ]
    columns = st.columns(4)
    for i, (label, name, kind, write, hint) in enumerate(made):
        with columns[i % 4]:
            _button(
                label,
                partial(_made, job, name, write),
                download_name(result.section, name),
                kind,
                hint,
            )
    st.caption(
        "Values are log-normalised; measured spots keep their own. The imputed table holds the "
        "mean of what to expect: best for patterns and ranks. The median is closest in absolute "
        "terms, and zero where most such spots are zero. Nine in ten values lie between the lower "
        "and the upper end. Spreadsheets turn gene names such as MARCH1 into dates: import that "
        "column as text."
    )
    st.write("**To show and to keep**")
    one, two, _, _ = st.columns(4)
    with one:
        _button(
            "Report (HTML)",
            lambda: _made(job, "report.html", lambda p: write_report(result, p)),
            download_name(result.section, "report.html"),
            "text/html",
            "Maps, scores, checks, methods text and citation in one file.",
        )
    with two:
        _button(
            "Run bundle (ZIP)",
            lambda: _made(job, "run.zip", lambda p: write_bundle(result, p)),
            download_name(result.section, "run.zip"),
            "application/zip",
            "Section, mask and settings: the command line runs it again.",
        )
    figures(result, gene)


def _write_layer(result: Result, name: str, path: Path) -> None:
    write_csv(result, path, result.layers[name])


def figures(result: Result, gene: str) -> None:
    """Maps of the chosen gene at print size."""
    st.write(f"**Figure of {gene} for print**")
    panels = panel_choices(result, int(result.section.genes.get_loc(gene)))
    plain = {name: p for name, p in panels.items() if p.scale == "value"}
    with st.container(horizontal=True, vertical_alignment="bottom"):
        chosen = st.multiselect(
            "Maps in the figure",
            list(plain),
            key="figure_panels",
            default=[n for n in first_panels(panels) if n in plain],
        )
        width = st.selectbox(
            "Width", list(WIDTHS_MM), format_func=WIDTHS_MM.__getitem__, index=1, key="figure_width"
        )
        colours = st.session_state.get("colours", "Viridis").lower()

        def print_figure(kind: str) -> bytes:
            figure = map_figure(
                result.section,
                [(plain[n].title, np.asarray(plain[n].values)) for n in chosen],
                UNIT,
                title=gene,
                colours=colours if colours in COLOURS else "viridis",
                marked=bool(st.session_state.get("marked")),
                width_mm=width,
            )
            return save(figure, kind)

        for kind, mime in (("png", "image/png"), ("svg", "image/svg+xml")):
            _button(
                f"Figure ({kind.upper()})",
                partial(print_figure, kind),
                download_name(result.section, f"{gene}.{kind}"),
                mime,
                "300 dots an inch" if kind == "png" else None,
                disabled=not chosen,
            )


def _button(
    label: str,
    data: Callable[[], bytes],
    name: str,
    kind: str,
    hint: str | None = None,
    *,
    disabled: bool = False,
) -> None:
    st.download_button(
        label,
        data,
        name,
        kind,
        key=f"download-{label}",
        on_click="ignore",
        help=hint,
        disabled=disabled,
    )


def _made(job: jobs.Job, name: str, write: Callable[[Path], None]) -> bytes:
    """File of a run, made when it is first asked for."""
    path = job.result / name
    if not path.exists():
        with atomic(path) as part:
            write(part)
    return path.read_bytes()


def _size(path: Path) -> str:
    size = path.stat().st_size / 2**20
    return f"{size:.1f} MB" if size >= 0.1 else f"{size * 1024:.0f} kB"
