"""A page with nothing but the map viewer, for the benchmark: lattice, size and maps from the address."""

import numpy as np
import streamlit as st

from benchmarks.viewer_section import lattice_section, maps_of
from pages._viewer import map_viewer
from s2s_core.output.colours import colour_range
from s2s_core.output.panels import Panel
from s2s_core.output.viewer_maps import Interval, Maps, Scale

asked = st.query_params
count, shown = int(asked.get("n", 6_700)), int(asked.get("maps", 6))
st.set_page_config(layout="wide")


@st.cache_resource
def data(count: int, lattice: str):
    section = lattice_section(count, lattice)
    return section, [maps_of(section, seed) for seed in range(4)]


section, genes = data(count, asked.get("lattice", "hex"))
at = st.session_state.setdefault("at", 0)
st.button("Next", on_click=lambda: st.session_state.update(at=(at + 1) % len(genes)))
made = genes[at]
every = [
    Panel("Measured", np.where(section.measured, made["truth"], np.nan)),
    Panel("Imputed", made["imputed"]),
    Panel("Kriging", made["kriging"]),
    Panel("Truth", made["truth"]),
    Panel("Error", made["error"], "error"),
    Panel("Interval width", made["width"], "width"),
]
low, high = colour_range(made["truth"])
bound = float(np.nanmax(np.abs(every[4].values)))
scales = {
    "value": Scale("log-normalised", low, high),
    "error": Scale("imputed − truth", -bound, bound, "RdBu_r", image=False),
    "width": Scale("interval width", 0.0, float(np.nanmax(every[5].values)), "Plasma", image=False),
}
drawn = map_viewer(
    section,
    Maps(
        title=f"GENE{at}",
        summary=f"GENE{at}: {low:.2f} to {high:.2f}, log-normalised; r 0.8 at hidden spots.",
        unit="log-normalised",
        maps=every[:shown],
        scales={name: scales[name] for name in {m.scale for m in every[:shown]}},
        interval=Interval(made["lower"], made["upper"], "90 % interval"),
        region=st.session_state.get("region"),
        tools=("lasso", "box", "brush"),
    ),
    key="maps",
)
if drawn is not None:
    st.session_state.region = drawn.inside
    st.session_state.strokes = st.session_state.get("strokes", 0) + 1
    st.rerun()
st.caption(
    f"{int(np.sum(st.session_state.get('region', 0)))} inside, {st.session_state.get('strokes', 0)} strokes"
)
