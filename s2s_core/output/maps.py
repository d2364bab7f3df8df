"""Maps of a section as Plotly figures: side by side, linked in zoom. No streamlit here.

Square lattices and bins are heatmaps on the dense grid; hexagonal lattices are pictures of true
hexagons (:mod:`s2s_core.output.hex_tiles`) under invisible markers that answer the pointer.
"""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from s2s_core.data.section import Section
from s2s_core.output.hex_tiles import Underlay
from s2s_core.output.map_parts import (
    Canvas,
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
from s2s_core.output.panels import AXES, ColourScale, Look, Panel, colour_scales

MEASURED, HIDDEN, GAP = "#0B6E8A", "#C9D1D6", "#F0B429"
PAINTED = "#D1495B"
# The toolbar lies in a strip of its own above the maps: without a pointer that hovers it never goes.
TOOLBAR = 36
MODEBAR = {"bgcolor": "rgba(0,0,0,0)", "color": "#8A97A0", "activecolor": MEASURED}


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
    scales = colour_scales(panels, look)
    titles = [_title(panel, scale) for panel, scale in zip(panels, scales, strict=True)]
    figure = make_subplots(
        rows, columns, subplot_titles=titles, horizontal_spacing=0.02, vertical_spacing=0.12 / rows
    )
    frame = frame_of(section)
    aspect = (frame[3] - frame[2]) / (frame[1] - frame[0])
    panel_height = float(np.clip((width - 110) / columns * aspect, 160, 620))
    canvas = Canvas(figure, section, unit, words_of(section, hints))
    for i, (panel, scale) in enumerate(zip(panels, scales, strict=True)):
        row, col = divmod(i, columns)
        place = {"row": row + 1, "col": col + 1}
        if look.underlay is not None:
            add_image(figure, place, look.underlay.source, look.underlay.extent)
        add_map(canvas, place, panel, scale, look)
        if look.marked:
            add_marks(figure, place, section)
        if look.region is not None:
            figure.add_trace(edge_dots(section, look.region, PAINTED, "region"), **place)
    _add_scales(figure, panels, scales, unit)
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
    look = Look(opacity=1.0 if underlay is None else 0.45)
    scale = ColourScale(colours, (-0.5, len(kinds) - 0.5), AXES["value"])
    add_map(Canvas(figure, section, "", words), place, Panel("", code), scale, look)
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
    low, high = scale.limits
    figure.update_layout(
        coloraxis={"colorscale": steps, "showscale": False, "cmin": low, "cmax": high}
    )
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


def _add_scales(
    figure: go.Figure, panels: list[Panel], scales: list[ColourScale], unit: str
) -> None:
    """One colour bar for each scale in use, one below the other beside the maps."""
    said = {"value": unit, "error": "imputed − truth", "width": "interval width"}
    shared = {panel.scale: scale for panel, scale in zip(panels, scales, strict=True)}
    used = [name for name in AXES if name in shared]
    share = 1.0 / len(used) if used else 1.0
    for i, name in enumerate(used):
        low, high = shared[name].limits
        figure.update_layout(
            {
                AXES[name]: {
                    "colorscale": shared[name].colours,
                    "cmin": low,
                    "cmax": high,
                    "colorbar": {
                        "title": {"text": said[name], "side": "right"},
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


def _title(panel: Panel, scale: ColourScale) -> str:
    return f"{panel.title} (0–{scale.limits[1]:.2g})" if panel.scale == "own" else panel.title
