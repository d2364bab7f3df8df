"""The maps of one gene that Results shows side by side."""

import numpy as np
import streamlit as st

from s2s_core.imputation import Result
from s2s_core.maps import Panel, map_panels
from s2s_core.methods import METHODS

LAYERS = ("median", "lower", "upper")


def maps(result: Result, first: str) -> None:
    """Linked maps of one gene on one colour scale, beginning with gene ``first``."""
    section = result.section
    left, right = st.columns([1, 2])
    genes = list(section.genes)
    if st.session_state.get("result_gene") not in genes:
        st.session_state.result_gene = first
    gene = left.selectbox("Gene", genes, key="result_gene", help="Type to search.")
    column = genes.index(gene)
    panels = panel_choices(result, column)
    shown = right.multiselect(
        "Maps", list(panels), default=list(panels)[:6], key="panels"
    )
    if not shown:
        st.info("Choose at least one map.")
        return
    figure = map_panels(
        section, [panels[name] for name in shown], "log-normalised", uirevision="results", width=880
    )
    st.plotly_chart(figure, key="maps", config={"displaylogo": False, "scrollZoom": True})
    st.caption(
        "Log-normalised expression: log1p of counts scaled to the median total of the measured "
        "spots. Zooming one map zooms all; a double click shows everything again."
    )


def panel_choices(result: Result, column: int) -> dict[str, Panel]:
    """All maps there are of one gene."""
    section = result.section
    imputed = np.asarray(result.imputed[:, column])
    truth = np.asarray(result.truth[:, column])
    measured = np.where(section.measured, truth, np.nan)
    out = {
        "Measured": Panel("Measured", measured),
        "Imputed": Panel(f"Imputed: {METHODS[result.config.method].label}", imputed),
    }
    if section.hidden.any():
        out["Truth"] = Panel("Truth", truth)
    for name, values in result.maps.items():
        if name != result.config.method:
            out[METHODS[name].label] = Panel(METHODS[name].label, np.asarray(values[:, column]))
    if section.hidden.any():
        error = np.where(section.hidden, imputed - truth, np.nan)
        out["Error"] = Panel("Error at hidden spots", error, "error")
    if "median" in result.layers:
        median, lower, upper = (np.asarray(result.layers[n][:, column]) for n in LAYERS)
        out["Median"] = Panel("Imputed: median", median)
        width = np.where(section.measured, np.nan, upper - lower)
        out["Interval width"] = Panel("Width of the 90 % interval", width, "width")
    return out
