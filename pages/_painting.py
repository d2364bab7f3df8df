"""Sampling by hand: regions drawn on the map, and what they are for."""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages import _state
from pages._choice import USES
from pages._quality import underlay_of
from s2s_core.data.section import Section
from s2s_core.output.maps import mask_map
from s2s_core.sampling.painting import Painting, inside

TOOLS = {"lasso": "Lasso", "select": "Box", "zoom": "Zoom"}
STARTS = {
    "nothing": "nothing measured",
    "everything": "everything measured",
    "design": "the design below",
}


def painted_region(section: Section) -> tuple[str | None, np.ndarray | None]:
    """Use of the painted region (a key of ``USES``) and the region (n,); None without painting."""
    here = _state.workspace()
    if not st.toggle("Paint on the map", key="paint", help="Draw regions with lasso or box."):
        here.painting = None
        return None, None
    use = st.selectbox(
        "The painted spots are", list(USES), format_func=USES.__getitem__, key="paint_use"
    )
    nothing = np.zeros(section.n_positions, bool)
    if use != "mask":
        return use, _painting_upon(nothing).mask & section.known
    start = st.radio(
        "Begin with",
        list(STARTS),
        format_func=STARTS.__getitem__,
        horizontal=True,
        key="paint_start",
    )
    if start == "design":
        # Known only when the design was made; see paint_upon.
        return use, None
    first = section.known if start == "everything" else nothing
    return use, _painting_upon(first).mask & section.known


def paint_upon(mask: np.ndarray) -> np.ndarray:
    """Painted mask, begun with that of a design."""
    return _painting_upon(mask).mask


def _painting_upon(first: np.ndarray) -> Painting:
    """Painting in hand, begun anew where the mask it began with is another one."""
    here = _state.workspace()
    if here.painting is None or not np.array_equal(here.painting.start, first):
        here.painting = Painting(first.copy())
    return here.painting


def canvas(section: Section, painting: Painting, sampled: Section | None, use: str) -> None:
    """The map one paints on, with its tools."""
    # A stroke that was taken over must not be offered again: each stroke has its own chart.
    key = f"canvas-{st.session_state.get('canvas_turn', 0)}"
    drawn = inside(section, _selection(key)) & section.known
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tool = st.segmented_control(
            "Tool",
            list(TOOLS),
            format_func=TOOLS.__getitem__,
            key=_state.first_value("paint_tool", "lasso"),
            label_visibility="collapsed",
        )
        nothing = not drawn.any()
        if st.button("Add", key="paint_add", type="primary", disabled=nothing):
            _stroke(painting.painted("add", drawn))
        if st.button("Remove", key="paint_remove", disabled=nothing):
            _stroke(painting.painted("remove", drawn))
        if st.button("Undo", key="paint_undo", disabled=not painting.strokes):
            _stroke(painting.undone())
    count, total = int(drawn.sum()), int(painting.mask.sum())
    st.caption(
        f"{count:,} spots are inside what you drew: add them or remove them?"
        if count
        else f"{total:,} spots are painted. Draw around spots on the map to add or remove them."
    )
    mask = sampled.measured if sampled is not None and use != "mask" else painting.mask
    shown = replace(section, measured=mask & section.known, design="painted")
    st.plotly_chart(
        mask_map(
            shown,
            dragmode=tool or "lasso",
            underlay=underlay_of(section),
            outlined=None if use == "mask" else painting.mask,
        ),
        key=key,
        on_select="rerun",
        selection_mode=("box", "lasso"),
        config={"displaylogo": False},
    )


def _selection(key: str) -> dict:
    found = st.session_state.get(key)
    return dict(found.selection) if found else {}


def _stroke(painting: Painting) -> None:
    _state.workspace().painting = painting
    st.session_state.canvas_turn = st.session_state.get("canvas_turn", 0) + 1
    st.rerun()
