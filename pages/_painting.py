"""Sampling by hand: regions drawn on the map, added to the mask or taken out of it."""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages import _state
from s2s_core.maps import mask_map
from s2s_core.painting import Painting, inside
from s2s_core.section import Section

TOOLS = {"lasso": "Lasso", "select": "Box", "zoom": "Zoom"}
STARTS = ("the design", "nothing measured", "everything measured")


def painted(section: Section, designed: Section | None) -> np.ndarray | None:
    """Mask (n,) painted by hand, None where the user does not paint.

    ``designed`` is the section under the design chosen on the page, None where that failed.
    """
    here = _state.workspace()
    if not st.toggle("Paint on the map", key="paint", help="Add or remove regions by hand."):
        here.painting = None
        return None
    starts = STARTS if designed is not None else STARTS[1:]
    start = st.radio("Begin with", starts, horizontal=True, key="paint_start")
    first = {
        STARTS[0]: None if designed is None else designed.measured,
        STARTS[1]: np.zeros(section.n_positions, bool),
        STARTS[2]: section.known,
    }[start]
    if here.painting is None or not np.array_equal(here.painting.start, first):
        here.painting = Painting(first.copy())
    return here.painting.mask & section.known


def canvas(section: Section) -> None:
    """The map one paints on, with its tools."""
    here = _state.workspace()
    painting = here.painting
    # A stroke that was taken over must not be offered again: each stroke has its own chart.
    key = f"canvas-{len(painting.strokes)}-{st.session_state.get('canvas_turn', 0)}"
    drawn = inside(section, _selection(key)) & section.known
    with st.container(horizontal=True, vertical_alignment="bottom"):
        tool = st.segmented_control(
            "Tool", list(TOOLS), default="lasso", format_func=TOOLS.get, key="paint_tool",
            label_visibility="collapsed",
        )  # fmt: skip
        nothing = not drawn.any()
        if st.button("Measure these", key="paint_add", type="primary", disabled=nothing):
            _stroke(painting.painted("add", drawn))
        if st.button("Do not measure these", key="paint_remove", disabled=nothing):
            _stroke(painting.painted("remove", drawn))
        if st.button("Undo", key="paint_undo", disabled=not painting.strokes):
            _stroke(painting.undone())
    count = int(drawn.sum())
    st.caption(
        f"{count:,} spots are inside what you drew: measure them or not?"
        if count else "Draw around spots on the map; then say whether they are measured."
    )  # fmt: skip
    shown = replace(section, measured=painting.mask & section.known, design="painted")
    st.plotly_chart(
        mask_map(shown, dragmode=tool or "lasso"), key=key, on_select="rerun",
        selection_mode=("box", "lasso"), config={"displaylogo": False},
    )  # fmt: skip


def _selection(key: str) -> dict:
    found = st.session_state.get(key)
    return dict(found.selection) if found else {}


def _stroke(painting: Painting) -> None:
    _state.workspace().painting = painting
    st.session_state.canvas_turn = st.session_state.get("canvas_turn", 0) + 1
    st.rerun()
