"""The maps of one gene that Results shows side by side."""

import numpy as np
import pandas as pd
import streamlit as st

from pages import _state
from pages._quality import underlay_of
from s2s_core.data.result import Result
from s2s_core.methods import METHODS
from s2s_core.output.colours import colour_range
from s2s_core.output.maps import map_panels
from s2s_core.output.panels import COLOURS, Look, Panel
from s2s_core.sampling.painting import inside
from s2s_core.vocabulary import USE

LAYERS = ("median", "lower", "upper")
UNIT = "log-normalised"
QUANTILES = {0.95: "95 %", 0.99: "99 %", 0.995: "99.5 %", 1.0: "maximum"}
TOOLS = {"zoom": "Zoom", "pan": "Move", "lasso": "Lasso a region", "select": "Box a region"}


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
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tool = st.segmented_control(
            "Pointer",
            list(TOOLS),
            default="zoom",
            format_func=TOOLS.__getitem__,
            key="tool",
            label_visibility="collapsed",
        )
        with st.popover("Maps and colours"):
            shown = st.multiselect("Maps", list(panels), key="panels")
            look = choose_look(section, gene, [panels[n] for n in shown], tool or "zoom")
    if not shown:
        st.info("Choose at least one map.")
        return gene
    figure = map_panels(
        section,
        [panels[name] for name in shown],
        UNIT,
        look=look,
        hints=hints(result, column),
        uirevision="results",
        width=940,
    )
    drawing = tool in ("lasso", "select")
    drawn = st.plotly_chart(
        figure,
        key=f"maps-draw-{st.session_state.get('region_turn', 0)}" if drawing else "maps-look",
        on_select="rerun" if drawing else "ignore",
        selection_mode=("box", "lasso"),
        config={"displaylogo": False, "scrollZoom": True},
    )
    if drawing:
        keep_region(inside(section, dict(getattr(drawn, "selection", {}))))
    region = region_of(section)
    if region is not None:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"{int(region.sum()):,} positions are marked: see *Region* below.")
            if st.button("Clear the region", key="region_clear"):
                st.session_state.region = None
                # A chart of another name forgets what was drawn on it.
                st.session_state.region_turn = st.session_state.get("region_turn", 0) + 1
                st.rerun()
    st.caption(
        f"Values are {section.scale}. Zooming one map zooms all; a double click shows everything "
        "again. "
        "The arrow keys left and right go through the genes. Single spots that stand out in the "
        "imputed map are measured ones: they keep their own value."
    )
    return gene


def region_of(section) -> np.ndarray | None:
    """What was drawn around (n,), while it is of this section."""
    region = st.session_state.get("region")
    return region if region is not None and len(region) == section.n_positions else None


def keep_region(drawn: np.ndarray) -> None:
    """Take over what was just drawn: the maps of another gene come without it."""
    kept = st.session_state.get("region")
    if drawn.any() and (kept is None or not np.array_equal(kept, drawn)):
        st.session_state.region = drawn
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


def choose_look(section, gene: str, panels: list[Panel], tool: str) -> Look:
    """Colours and their range, marks, tissue image."""
    colours = st.selectbox("Colours (all safe for colour-blind readers)", COLOURS, key="colours")
    values = [p.values for p in panels if p.scale == "value"]
    limits = None
    if values:
        together = np.concatenate(values)
        share = st.select_slider(
            "Brightest colour at this share of values",
            list(QUANTILES),
            format_func=QUANTILES.__getitem__,
            key=_state.first_value("quantile", 0.995),
        )
        low, high = colour_range(together, share)
        top = float(np.nanmax(together)) or 1.0
        if top > low:
            limits = st.slider(
                "Range of the colours (log-normalised)",
                float(low),
                max(top, high),
                (low, high),
                key=f"range-{gene}-{share}",
            )
            limits = limits if limits[1] > limits[0] else None
    marked = st.toggle("Mark measured spots", key="marked")
    underlay, opacity = underlay_of(section), 1.0
    if underlay is not None:
        opacity = st.slider(
            "Opacity of the spots",
            0.0,
            1.0,
            step=0.05,
            key=_state.first_value("tissue_opacity", 0.6),
        )
    return Look(colours, limits, marked, region_of(section), underlay, opacity, tool)


def hints(result: Result, column: int) -> np.ndarray | None:
    """The interval of every imputed position, for the pointer."""
    if "lower" not in result.layers:
        return None
    lower, upper = (np.asarray(result.layers[n][:, column]) for n in ("lower", "upper"))
    share = f"{result.config.coverage:.0%}".replace("%", " %")
    return np.array(
        [
            "" if measured else f"<br>{share} interval {low:.2f} to {high:.2f}"
            for measured, low, high in zip(result.section.measured, lower, upper, strict=True)
        ]
    )


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
