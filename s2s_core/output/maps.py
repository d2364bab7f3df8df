"""Maps of a section as Plotly figures: side by side, linked in zoom. No streamlit here.

Square lattices and bins are heatmaps on the dense grid; hexagonal lattices are pictures of true
hexagons (:mod:`s2s_core.output.hex_tiles`) under invisible markers that answer the pointer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from s2s_core.data.section import Section
from s2s_core.output.colours import colour_range
from s2s_core.output.hex_tiles import Underlay
from s2s_core.output.map_parts import (
    add_image,
    add_map,
    add_marks,
    edge_dots,
    frame_axes,
    frame_of,
    safe_ids,
    symbol,
    words_of,
)

# Readable with every common kind of colour blindness, and in print.
# (Not those that begin with #000004: page themes take it for one of their own.)
COLOURS = ("Viridis", "Cividis", "Plasma")
DIVERGING = "RdBu_r"
MEASURED, HIDDEN, GAP = "#0B6E8A", "#C9D1D6", "#F0B429"
PAINTED = "#D1495B"
AXES = {"value": "coloraxis", "error": "coloraxis2", "width": "coloraxis3"}
# The toolbar lies in a strip of its own above the maps: without a pointer that hovers it never goes.
TOOLBAR = 36
MODEBAR = {"bgcolor": "rgba(0,0,0,0)", "color": "#8A97A0", "activecolor": MEASURED}


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
    """How maps are drawn.

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


def map_panels(
    section: Section,
    panels: list[Panel],
    unit: str,
    *,
    look: Look | None = None,
    hints: np.ndarray | None = None,
    width: int = 880,
    columns: int = 3,
    uirevision: str = "map",
) -> go.Figure:
    """Maps side by side with linked zoom.

    Parameters
    ----------
    section : Section
    panels : list of Panel
    unit : str
        What the colours mean, for the colour bar and the hover text.
    look : Look, optional
    hints : (n,) str array, optional
        Said of a position beside its value when the pointer rests on it.
    width : int
        Pixels the figure is laid out for: its height follows.
    columns : int
        Panels a row.
    uirevision : str
        The zoom is kept while this does not change.
    """
    look = look or Look()
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    limits = _limits(panels, look)
    titles = [_title(panel, limits[i]) for i, panel in enumerate(panels)]
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.12 / rows
    )
    frame = frame_of(section)
    aspect = (frame[3] - frame[2]) / (frame[1] - frame[0])
    panel_height = float(np.clip((width - 110) / columns * aspect, 160, 620))
    words = words_of(section, hints)
    for i, panel in enumerate(panels):
        row, col = divmod(i, columns)
        place = {"row": row + 1, "col": col + 1}
        if look.underlay is not None:
            add_image(figure, place, look.underlay.source, look.underlay.extent)
        colours = DIVERGING if panel.scale == "error" else _colours(panel, look)
        add_map(
            figure,
            place,
            section,
            panel.values,
            AXES.get(panel.scale),
            limits[i],
            colours,
            unit,
            words,
            look.opacity,
        )
        if look.marked:
            add_marks(figure, place, section)
        if look.region is not None:
            figure.add_trace(edge_dots(section, look.region, PAINTED, "region"), **place)
    _add_scales(figure, panels, limits, unit, look)
    frame_axes(figure, frame)
    figure.update_layout(
        height=int(rows * (panel_height + 40) + 20 + TOOLBAR - 8),
        margin={"l": 8, "r": 8, "t": TOOLBAR + 28, "b": 8},
        showlegend=False,
        uirevision=uirevision,
        dragmode=look.dragmode,
        modebar=MODEBAR,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_annotations(font_size=14)
    return figure


def mask_map(
    section: Section,
    *,
    width: int = 640,
    dragmode: str = "zoom",
    outlined: np.ndarray | None = None,
    proposed: np.ndarray | None = None,
    underlay: Underlay | None = None,
) -> go.Figure:
    """The sampling design on the tissue: measured, hidden and gap positions.

    ``outlined`` (n,) bool marks the edge of a painted region with dots, ``proposed`` (n,) bool spots
    to measure next; with a tissue image beneath (``underlay``) the design is drawn half clear.
    """
    kinds = (
        *(() if proposed is None else (("to measure next", proposed, PAINTED),)),
        ("measured", section.measured, MEASURED),
        ("hidden, kept for scores", section.hidden, HIDDEN),
        ("never measured", ~section.known, GAP),
    )
    code = np.select([where for _, where, _ in kinds], range(len(kinds))).astype(float)
    colours = tuple(color for *_, color in kinds)
    frame = frame_of(section)
    figure = make_subplots(1, 1)
    place = {"row": 1, "col": 1}
    # What the pointer reads is the kind's name, not its number.
    names = np.array([name for name, _, _ in kinds])[code.astype(int)]
    words = np.char.add(np.char.add(safe_ids(section), "<br>"), names.astype(str))
    if underlay is not None:
        add_image(figure, place, underlay.source, underlay.extent)
    opacity = 1.0 if underlay is None else 0.45
    add_map(
        figure,
        place,
        section,
        code,
        AXES["value"],
        (-0.5, len(kinds) - 0.5),
        colours,
        "",
        words,
        opacity,
    )
    if outlined is not None and outlined.any():
        figure.add_trace(edge_dots(section, outlined, PAINTED, "painted region"))
    for name, where, color in kinds:
        if where.any():
            figure.add_trace(
                go.Scatter(
                    x=[None],
                    y=[None],
                    mode="markers",
                    name=f"{name}: {int(where.sum()):,}",
                    marker={"color": color, "size": 11, "symbol": symbol(section)},
                )
            )
    steps = [[edge / len(kinds), c] for i, c in enumerate(colours) for edge in (i, i + 1)]
    limits = {"cmin": -0.5, "cmax": len(kinds) - 0.5}
    figure.update_layout(coloraxis={"colorscale": steps, "showscale": False, **limits})
    frame_axes(figure, frame)
    aspect = (frame[3] - frame[2]) / (frame[1] - frame[0])
    figure.update_layout(
        height=int(np.clip(width * aspect, 260, 680) + 52 + TOOLBAR),
        margin={"l": 8, "r": 8, "t": TOOLBAR, "b": 8},
        uirevision="mask",
        dragmode=dragmode,
        legend={"orientation": "h", "y": -0.02},
        showlegend=True,
        modebar=MODEBAR,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _add_scales(figure, panels, limits, unit: str, look: Look) -> None:
    """One colour bar for each scale in use, one below the other beside the maps."""
    said = {"value": unit, "error": "imputed − truth", "width": "interval width"}
    used = [scale for scale in AXES if any(p.scale == scale for p in panels)]
    for i, scale in enumerate(used):
        low, high = next(r for p, r in zip(panels, limits, strict=True) if p.scale == scale)
        share = 1.0 / len(used)
        colours = DIVERGING if scale == "error" else _colours(Panel("", np.empty(0), scale), look)
        figure.update_layout(
            {
                AXES[scale]: {
                    "colorscale": colours,
                    "cmin": low,
                    "cmax": high,
                    "colorbar": {
                        "title": {"text": said[scale], "side": "right"},
                        "thickness": 12,
                        "x": 1.0,
                        "lenmode": "fraction",
                        "len": min(share, 0.9),
                        "y": 1.0 - i * share,
                        "yanchor": "top",
                    },
                }
            }
        )


def _colours(panel: Panel, look: Look) -> str:
    """Widths must not be mistaken for values: they have colours of their own."""
    if panel.scale != "width":
        return look.colours
    return "Plasma" if look.colours != "Plasma" else "Viridis"


def _limits(panels: list[Panel], look: Look) -> list[tuple[float, float]]:
    """Range of every panel's colours."""
    shared: dict[str, tuple[float, float]] = {}
    for scale in AXES:
        values = [p.values for p in panels if p.scale == scale]
        if values:
            shared[scale] = colour_range(np.concatenate(values), symmetric=scale == "error")
    if look.limits is not None:
        shared["value"] = look.limits
    return [shared[p.scale] if p.scale in shared else colour_range(p.values) for p in panels]


def _title(panel: Panel, limits: tuple[float, float]) -> str:
    return f"{panel.title} (0–{limits[1]:.2g})" if panel.scale == "own" else panel.title
