"""The maps of one gene that Results shows side by side."""

from dataclasses import replace

import numpy as np
import pandas as pd
import streamlit as st

from pages import _state
from pages._quality import underlay_of
from pages._viewer import map_viewer
from s2s_core.data.result import Result
from s2s_core.methods import METHODS
from s2s_core.output.colours import colour_range
from s2s_core.output.file_names import section_stem
from s2s_core.output.panels import COLOURS, Look, Panel
from s2s_core.output.viewer_maps import Interval, panel_maps
from s2s_core.vocabulary import USE

LAYERS = ("median", "lower", "upper")
UNIT = "log-normalised"
QUANTILES = {0.95: "95 %", 0.99: "99 %", 0.995: "99.5 %", 1.0: "maximum"}


def maps(result: Result, grades: pd.DataFrame) -> str:
    """Linked maps of one gene; returns the gene.

    What the user draws around is kept as ``session_state.region``, a mask (n,).
    """
    section = result.section
    gene = pick_gene(grades)
    column = int(section.genes.get_loc(gene))
    panels = panel_choices(result, column)
    # What was chosen for one run may not exist in the next.
    kept = [name for name in st.session_state.get("panels", ()) if name in panels]
    st.session_state.panels = kept or first_panels(panels)
    with st.popover("Maps and colours"):
        shown = st.multiselect("Maps", list(panels), key="panels")
        look = choose_look([panels[n] for n in shown])
    if not shown:
        st.info("Choose at least one map.")
        return gene
    drawn = map_viewer(
        section,
        replace(
            panel_maps([panels[name] for name in shown], UNIT, title=gene, look=look),
            summary=f"{gene}: {grades.loc[gene, 'reason']}",
            interval=interval_of(result, column),
            region=region_of(section),
            tools=("lasso", "box", "brush"),
            name=section_stem(section),
        ),
        key="maps",
        underlay=underlay_of(section),
    )
    if drawn is not None:
        keep_region(drawn.upon(region_of(section)))
    region = region_of(section)
    if region is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{int(region.sum()):,} positions are marked: see *Region* below.")
            if st.button("Clear the region", key="region_clear"):
                st.session_state.region = None
                st.rerun()
    st.caption(
        f"Values are {section.scale}. Zooming one map zooms all, and the next gene keeps the view; "
        "a double click shows everything again. "
        "The arrow keys left and right go through the genes. Single spots that stand out in the "
        "imputed map are measured ones: they keep their own value."
    )
    return gene


def region_of(section) -> np.ndarray | None:
    """What was drawn around (n,), while it is of this section."""
    region = st.session_state.get("region")
    return region if region is not None and len(region) == section.n_positions else None


def keep_region(region: np.ndarray) -> None:
    """Take over what was just drawn."""
    st.session_state.region = region if region.any() else None
    st.rerun()


def pick_gene(grades: pd.DataFrame) -> str:
    """The gene to look at: by name, or the next and the one before."""
    genes = list(grades.index)
    if st.session_state.get("result_gene") not in genes:
        st.session_state.result_gene = genes[0]

    def step(by: int) -> None:
        at = genes.index(st.session_state.result_gene)
        st.session_state.result_gene = genes[(at + by) % len(genes)]

    with st.container(horizontal=True, vertical_alignment="bottom"):
        gene = st.selectbox(
            "Gene (clearest pattern first)",
            genes,
            key="result_gene",
            width=360,
            format_func=lambda g: f"{g} · {grades.loc[g, 'light']}",
            help="Type to search. The word after the name answers a question. " + USE.help(),
        )
        st.button(
            "Previous",
            key="gene_before",
            on_click=step,
            args=(-1,),
            shortcut="Left",
            help="The gene before",
        )
        st.button(
            "Next",
            key="gene_next",
            on_click=step,
            args=(1,),
            shortcut="Right",
            help="The next gene",
        )
        st.caption(grades.loc[gene, "reason"])
    return gene


def choose_look(panels: list[Panel]) -> Look:
    """Colours, and how far they reach before the reader moves their ends."""
    colours = st.selectbox("Colours (all safe for colour-blind readers)", COLOURS, key="colours")
    values = [p.values for p in panels if p.scale == "value"]
    limits = None
    if values:
        share = st.select_slider(
            "Brightest colour at this share of values",
            list(QUANTILES),
            format_func=QUANTILES.__getitem__,
            key=_state.first_value("quantile", 0.995),
        )
        limits = colour_range(np.concatenate(values), share)
    return Look(colours, limits)


def interval_of(result: Result, column: int) -> Interval | None:
    """The interval of every imputed position, for the pointer."""
    if "lower" not in result.layers:
        return None
    lower, upper = (np.asarray(result.layers[n][:, column]) for n in ("lower", "upper"))
    share = f"{result.config.coverage:.0%}".replace("%", " %")
    return Interval(lower, upper, f"{share} interval")


def first_panels(panels: dict[str, Panel]) -> list[str]:
    """What is shown before anything is chosen."""
    kriging = METHODS["programme-kriging"].label
    wanted = ("Measured", "Imputed", kriging, "Truth", "Error", "Interval width")
    return [name for name in wanted if name in panels]


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
