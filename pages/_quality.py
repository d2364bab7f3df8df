"""Quality of a section at a glance: its picture, counts and genes per spot."""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages._viewer import map_viewer
from s2s_core.data.section import Section
from s2s_core.output.charts import histogram
from s2s_core.output.file_names import section_stem
from s2s_core.output.panels import Panel
from s2s_core.output.tissue_image import Underlay, tissue_image
from s2s_core.output.viewer_maps import panel_maps

WHAT = {"total": "Total per spot", "genes": "Genes per spot"}


def picture(section: Section) -> None:
    """The tissue with counts or genes per spot, over the file's own image where it has one."""
    known = section.known
    shown = st.segmented_control(
        "Show",
        list(WHAT),
        format_func=WHAT.__getitem__,
        default="total",
        key="quality",
        label_visibility="collapsed",
    )
    if shown == "genes":
        values, unit = genes_per_spot(section), "genes"
    else:
        unit = "sum of values" if section.is_log else "counts"
        # Where few genes are not scaled by depth, the totals that scale them are none.
        values = (
            section.spot_totals if section.is_scaled else np.asarray(section.counts.sum(1)).ravel()
        )
    what = WHAT[shown or "total"]
    panel = Panel(what, np.where(known, values, np.nan))
    maps = replace(panel_maps([panel], unit, title=what), name=section_stem(section))
    map_viewer(section, maps, key="totals", underlay=underlay_of(section))
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
