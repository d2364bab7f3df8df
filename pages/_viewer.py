"""The map viewer: the Streamlit component of ``viewer/`` with the bytes it is fed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import streamlit as st
from streamlit.components.v2.manifest_scanner import ComponentConfig, ComponentManifest
from streamlit.runtime import Runtime

from s2s_core._files import ASSETS
from s2s_core._version import __version__
from s2s_core.data.section import Section
from s2s_core.output.map_data import Drawn, Place, drawn_from, maps_message, place_of
from s2s_core.output.tissue_image import Underlay
from s2s_core.output.viewer_maps import Maps

PACKAGE, NAME = "sparser2sparse", "viewer"
COMPONENT = f"{PACKAGE}.{NAME}"


MOST_PLACES = 4


def map_viewer(
    section: Section,
    maps: Maps,
    *,
    key: str,
    underlay: Underlay | None = None,
    on_undo: Callable[[], None] | None = None,
) -> Drawn | None:
    """Draw linked maps; returns the stroke that was just drawn by hand, if any.

    Parameters
    ----------
    section : Section
        Where the values are.
    maps : Maps
        What is shown of it.
    key : str
        The view is kept as long as a viewer of this name is on the page.
    underlay : Underlay, optional
        Tissue image.
    on_undo : callable, optional
        Called when the reader presses Ctrl-Z on a map.
    """
    mount = _component()
    place = _place(section, underlay)
    with st.container(gap=None):
        # An element of its own: Streamlit sends an element that has not changed only once.
        mount(data=place.message, key=f"{key}-place", height=1)
        told = mount(
            data=maps_message(section, place.key, maps),
            key=key,
            on_drawn_change=_nothing,
            on_undo_change=on_undo or _nothing,
        )
    return drawn_from(told.drawn, section.n_positions)


def _nothing() -> None:
    """Naming an event is what makes Streamlit pass it on."""


def _component():
    """The mounting command, registered with the server that runs this page."""
    return _registered(Runtime.instance().bidi_component_registry)


@lru_cache(maxsize=2)
def _registered(manager):
    # Files of a component are served for an installed package with a manifest; this is the manifest
    # for the app in a folder and in a wheel alike.
    manifest = ComponentManifest(PACKAGE, __version__, [ComponentConfig(NAME, "viewer")])
    manager.register_from_manifest(manifest, ASSETS)
    return st.components.v2.component(COMPONENT, js="viewer-*.js")


def _place(section: Section, underlay: Underlay | None) -> Place:
    """The packed place, made once for a browser session and not at every click."""
    kept: dict[tuple[int, ...], tuple[tuple, Place]] = st.session_state.setdefault("places", {})
    of = (section.grid, section.obs.index, underlay)
    name = tuple(map(id, of))
    # An id may be given anew once its object is gone: what is kept holds the objects.
    if name not in kept:
        kept[name] = (of, place_of(section, underlay))
        if len(kept) > MOST_PLACES:
            kept.pop(next(iter(kept)))
    return kept[name][1]
