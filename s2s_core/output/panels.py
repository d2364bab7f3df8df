"""Panels of maps, their look, and the colours that panels share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.output.colours import colour_range
from s2s_core.output.hex_tiles import Underlay

# Readable with every common kind of colour blindness, and in print.
# (Not those that begin with #000004: page themes take it for one of their own.)
COLOURS = ("Viridis", "Cividis", "Plasma")
DIVERGING = "RdBu_r"
# Colour axis of the figure that all panels of a scale share.
AXES = {"value": "coloraxis", "error": "coloraxis2", "width": "coloraxis3"}


@dataclass(frozen=True)
class Panel:
    """One map: a title and a value (n,) for each tissue position (NaN: not shown).

    ``scale`` says which colours it shares: "value" and "width" run over the range of all such
    panels, "error" is symmetric about 0, "own" is a panel's own range (told in its title).
    """

    title: str
    values: np.ndarray
    scale: str = "value"


@dataclass(frozen=True)
class Look:
    """Look of maps.

    Attributes
    ----------
    colours : str
        One of :data:`COLOURS`.
    limits : (low, high) or None
        Of the value scale; None: the range of its panels.
    marked : bool
        A dot on every measured spot.
    region : (n,) bool array or None
        Positions drawn around: coloured dots along its edge.
    underlay : Underlay or None
        Tissue image beneath.
    opacity : float
        Of the spots, so that the image shows through.
    dragmode : {"zoom", "lasso", "select", "pan"}
    """

    colours: str = COLOURS[0]
    limits: tuple[float, float] | None = None
    marked: bool = False
    region: np.ndarray | None = None
    underlay: Underlay | None = None
    opacity: float = 1.0
    dragmode: str = "zoom"


@dataclass(frozen=True)
class ColourScale:
    """Colours of one panel.

    Attributes
    ----------
    colours : str or tuple of str
        Name of a scale, or colours of equal steps.
    limits : (low, high)
        Values of its ends.
    axis : str or None
        Colour axis that the panel shares with others; None: colours of its own.
    """

    colours: str | tuple[str, ...]
    limits: tuple[float, float]
    axis: str | None = None


def colour_scales(panels: list[Panel], look: Look) -> list[ColourScale]:
    """Colours of every panel; panels of one scale share them."""
    shared: dict[str, tuple[float, float]] = {}
    for scale in AXES:
        values = [p.values for p in panels if p.scale == scale]
        if values:
            shared[scale] = colour_range(np.concatenate(values), symmetric=scale == "error")
    if look.limits is not None:
        shared["value"] = look.limits
    return [
        ColourScale(
            _colours(panel, look),
            shared[panel.scale] if panel.scale in shared else colour_range(panel.values),
            AXES.get(panel.scale),
        )
        for panel in panels
    ]


def _colours(panel: Panel, look: Look) -> str:
    if panel.scale == "error":
        return DIVERGING
    if panel.scale != "width":
        return look.colours
    # Widths must not be mistaken for values.
    return "Plasma" if look.colours != "Plasma" else "Viridis"
