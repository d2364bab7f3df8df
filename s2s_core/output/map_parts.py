"""Parts of maps: pictures, heatmaps, marks and what the pointer says of a position."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from scipy.spatial import cKDTree

from s2s_core.data.section import Section
from s2s_core.output.hex_tiles import hex_tiling
from s2s_core.output.panels import ColourScale, Look, Panel

# Above this many positions the pointer tells values only: ids would weigh megabytes.
NAMED_MAX = 12_000
CLEAR = {"opacity": 0.0}


@dataclass(frozen=True)
class Canvas:
    """Figure, section and words that all its maps share.

    Attributes
    ----------
    figure : go.Figure
    section : Section
    unit : str
        What the values are, for the pointer; "" where it tells none.
    words : (n,) str array or None
        Said of each position when the pointer rests on it.
    """

    figure: go.Figure
    section: Section
    unit: str
    words: np.ndarray | None


def add_map(
    canvas: Canvas, place: dict[str, int], panel: Panel, scale: ColourScale, look: Look
) -> None:
    """Draw the values of a panel at a ``place`` (row and column of subplots)."""
    section, words, values = canvas.section, canvas.words, panel.values
    number = "marker.color" if section.grid.kind == "hex" else "z"
    said = "%{text}" if words is not None else ""
    if canvas.unit:
        said += f"<br>{canvas.unit} %{{{number}:.3f}}"
    low, high = scale.limits
    color: dict[str, object]
    if section.grid.kind == "hex":
        tiles = hex_tiling(section)
        picture = tiles.picture(values, low, high, scale.colours)
        add_image(canvas.figure, place, picture, tiles.extent, look.opacity)
        shown = np.isfinite(values)
        color = {"coloraxis": scale.axis} if scale.axis else {"cmin": low, "cmax": high}
        trace = go.Scattergl(
            x=section.xy[shown, 0],
            y=section.xy[shown, 1],
            mode="markers",
            showlegend=False,
            marker={"size": 9, "color": values[shown], "opacity": 0.0, **color},
            selected={"marker": CLEAR},
            unselected={"marker": CLEAR},
            text=None if words is None else words[shown],
            hovertemplate=said + "<extra></extra>",
        )
    else:
        height, width = section.grid.shape
        image = np.full(height * width, np.nan, np.float32)
        image[section.pixels] = values
        text = None
        if words is not None:
            text = np.full((height, width), "", dtype=object)
            text.ravel()[section.pixels] = words
        (x0, y0), (x1, y1) = section.grid.to_xy(np.array([0, height - 1]), np.array([0, width - 1]))
        color = (
            {"coloraxis": scale.axis}
            if scale.axis
            else {"zmin": low, "zmax": high, "colorscale": scale.colours, "showscale": False}
        )
        trace = go.Heatmap(
            z=image.reshape(height, width),
            text=text,
            x0=x0,
            dx=(x1 - x0) / max(width - 1, 1),
            y0=y0,
            dy=(y1 - y0) / max(height - 1, 1),
            hoverongaps=False,
            opacity=look.opacity,
            hovertemplate=said + "<extra></extra>",
            **color,
        )
    canvas.figure.add_trace(trace, **place)


def add_image(
    figure: go.Figure,
    place: dict[str, int],
    source: str,
    extent: tuple[float, float, float, float],
    opacity: float = 1.0,
) -> None:
    """Lay a picture beneath a map; ``extent`` are its edges in the section's unit."""
    x0, x1, y0, y1 = extent
    figure.add_layout_image(
        source=source,
        x=x0,
        y=y0,
        sizex=x1 - x0,
        sizey=y1 - y0,
        xanchor="left",
        yanchor="top",
        sizing="stretch",
        layer="below",
        opacity=opacity,
        **place,
    )


def add_marks(figure: go.Figure, place: dict[str, int], section: Section) -> None:
    """Dots on measured spots, dark on light and light on dark."""
    figure.add_trace(
        go.Scattergl(
            x=section.xy[section.measured, 0],
            y=section.xy[section.measured, 1],
            mode="markers",
            marker={"size": 4, "color": "white", "line": {"color": "black", "width": 1}},
            hoverinfo="skip",
        ),
        **place,
    )


def _rim(section: Section, where: np.ndarray) -> np.ndarray:
    """Positions (n,) bool at the edge of a region: a neighbour of theirs is not in it."""
    points = section.grid.lattice_xy(section.row, section.col)
    inside = cKDTree(points[where])
    around = np.array([len(n) for n in inside.query_ball_point(points[where], 1.1)]) - 1
    edge = where.copy()
    edge[where] = around < (6 if section.grid.kind == "hex" else 4)
    return edge


def edge_dots(section: Section, where: np.ndarray, color: str, name: str) -> go.Scattergl:
    """Dots around a region, so that what lies in it stays visible."""
    where = _rim(section, where)
    return go.Scattergl(
        x=section.xy[where, 0],
        y=section.xy[where, 1],
        mode="markers",
        name=name,
        hoverinfo="skip",
        marker={"size": 5, "color": color},
    )


def words_of(section: Section, hints: np.ndarray | None) -> np.ndarray | None:
    """Words (n,) of the pointer at every position, its value apart."""
    if section.n_positions > NAMED_MAX:
        return None
    state = np.where(
        section.measured, "measured", np.where(section.known, "hidden", "not measured")
    )
    words = np.char.add(np.char.add(safe_ids(section), "<br>"), state)
    return words if hints is None else np.char.add(words, np.asarray(hints, str))


def safe_ids(section: Section) -> np.ndarray:
    """Spot ids without what a browser would take for markup."""
    ids = np.asarray(section.spot_ids, str)
    return np.char.replace(np.char.replace(ids, "<", "‹"), ">", "›")


def frame_axes(figure: go.Figure, frame: tuple[float, float, float, float]) -> None:
    """Link the zoom of all maps, keep circles round, let y point down."""
    figure.update_xaxes(
        matches="x", range=frame[:2], visible=False, constrain="domain", showgrid=False
    )
    figure.update_yaxes(
        matches="y", range=frame[3:1:-1], visible=False, scaleanchor="x", constrain="domain"
    )


def frame_of(section: Section) -> tuple[float, float, float, float]:
    """x and y limits with half a pitch around."""
    low, high = section.xy.min(0), section.xy.max(0)
    pad = 0.7 * section.grid.pitch
    return low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad


def symbol(section: Section) -> str:
    """Marker that looks like a spot of the lattice."""
    return "hexagon" if section.grid.kind == "hex" else "square"
