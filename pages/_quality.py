"""Quality of a section at a glance: its picture, counts and genes per spot."""

import numpy as np
import streamlit as st

from pages import _state
from s2s_core.data.section import Section
from s2s_core.output.charts import histogram
from s2s_core.output.hex_tiles import Underlay, tissue_image
from s2s_core.output.maps import map_panels
from s2s_core.output.panels import Look, Panel

WHAT = {"total": "Total per spot", "genes": "Genes per spot"}


def picture(section: Section) -> None:
    """The tissue with counts or genes per spot, over the file's own image where it has one."""
    known = section.known
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shown = st.segmented_control(
            "Show",
            list(WHAT),
            format_func=WHAT.__getitem__,
            default="total",
            key="quality",
            label_visibility="collapsed",
        )
        underlay = underlay_of(section)
        opacity = 1.0
        if underlay is not None:
            opacity = st.slider(
                "Opacity of the spots over the tissue image",
                0.0,
                1.0,
                step=0.05,
                key=_state.first_value("tissue_opacity", 0.6),
                width=320,
            )
    if shown == "genes":
        values, unit = genes_per_spot(section), "genes"
    else:
        unit = "sum of values" if section.is_log else "counts"
        # Where few genes are not scaled by depth, the totals that scale them are none.
        values = (
            section.spot_totals if section.is_scaled else np.asarray(section.counts.sum(1)).ravel()
        )
    figure = map_panels(
        section,
        [Panel(WHAT[shown or "total"], np.where(known, values, np.nan))],
        unit,
        look=Look(underlay=underlay, opacity=opacity),
        width=560,
        uirevision=f"quality-{shown}",
    )
    st.plotly_chart(figure, key="totals", config={"displaylogo": False})
    at = section.measured
    left, right = st.columns(2)
    left.metric(f"Median {unit} per spot", f"{np.median(values[at]):,.0f}")
    right.metric("Spots without any", f"{int((values[at] == 0).sum()):,}")
    st.plotly_chart(
        histogram(values[at], f"{unit} per spot", "spots"),
        key="spread",
        config={"displayModeBar": False},
    )


def genes_per_spot(section: Section) -> np.ndarray:
    """Number (n,) of genes with a count at each position."""
    return np.diff(section.counts.indptr).astype(float)


def underlay_of(section: Section) -> Underlay | None:
    """The tissue image, encoded once for a browser session and not at every click."""
    kept = st.session_state.get("tissue_image")
    # Sections are made anew at every choice of genes; the file's image is not.
    if kept is None or kept[0] is not section.uns.get("spatial"):
        kept = (section.uns.get("spatial"), tissue_image(section))
        st.session_state.tissue_image = kept
    return kept[1]
