"""Panels of maps, their look, and the colours that panels share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.output.colours import colour_range

# Readable with every common kind of colour blindness, and in print.
# (Not those that begin with #000004: page themes take it for one of their own.)
COLOURS = ("Viridis", "Cividis", "Plasma")
DIVERGING = "RdBu_r"
# Scales whose colours panels share.
SHARED = ("value", "error", "width")


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
    """

    colours: str = COLOURS[0]
    limits: tuple[float, float] | None = None


@dataclass(frozen=True)
class ColourScale:
    """Colours of one panel.

    Attributes
    ----------
    colours : str
        Name of a scale.
    limits : (low, high)
        Values of its ends.
    """

    colours: str
    limits: tuple[float, float]


def colour_scales(panels: list[Panel], look: Look) -> list[ColourScale]:
    """Colours of every panel; panels of one scale share them."""
    shared: dict[str, tuple[float, float]] = {}
    for scale in SHARED:
        values = [p.values for p in panels if p.scale == scale]
        if values:
            shared[scale] = colour_range(np.concatenate(values), symmetric=scale == "error")
    if look.limits is not None:
        shared["value"] = look.limits
    return [
        ColourScale(
            _colours(panel, look),
            shared[panel.scale] if panel.scale in shared else colour_range(panel.values),
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
