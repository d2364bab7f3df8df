"""Sampling by hand: regions drawn on the map, and what they are for."""

from dataclasses import replace

import numpy as np
import streamlit as st

from pages import _state
from pages._choice import USES
from pages._quality import underlay_of
from pages._viewer import map_viewer
from s2s_core.data.section import Section
from s2s_core.output.viewer_maps import design_maps
from s2s_core.sampling.painting import Painting

MODES = {"add": "A stroke adds", "remove": "A stroke takes away"}
STARTS = {
    "nothing": "nothing measured",
    "everything": "everything measured",
    "design": "the design below",
}


def painted_region(section: Section) -> tuple[str | None, np.ndarray | None]:
    """Use of the painted region (a key of ``USES``) and the region (n,); None without painting."""
    here = _state.workspace()
    if not st.toggle(
        "Paint on the map", key="paint", help="Draw regions with lasso, box or brush."
    ):
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
    """The map one paints on: every stroke counts at once."""
    with st.container(horizontal=True, vertical_alignment="center"):
        mode = st.segmented_control(
            "A stroke",
            list(MODES),
            format_func=MODES.__getitem__,
            default="add",
            required=True,
            key="paint_mode",
            label_visibility="collapsed",
        )
        if st.button("Undo", key="paint_undo", disabled=not painting.strokes):
            _take(painting.undone())
            st.rerun()
    st.caption(
        f"{int(painting.mask.sum()):,} spots are painted. Choose lasso, box or brush above the map "
        "and draw; with Shift a stroke adds, with Alt it takes away, Ctrl-Z undoes it."
    )
    mask = sampled.measured if sampled is not None and use != "mask" else painting.mask
    shown = replace(section, measured=mask & section.known, design="painted")
    drawn = map_viewer(
        shown,
        replace(
            design_maps(shown),
            region=None if use == "mask" else painting.mask,
            tools=("lasso", "box", "brush"),
            drawing=mode or "add",
        ),
        key="canvas",
        underlay=underlay_of(section),
        on_undo=lambda: _take(painting.undone()),
    )
    if drawn is not None:
        inside = drawn.inside & section.known
        _take(painting.painted("remove" if drawn.mode == "remove" else "add", inside))
        st.rerun()


def _take(painting: Painting) -> None:
    _state.workspace().painting = painting
