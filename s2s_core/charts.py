"""Arrays to Plotly figures: maps of a section, loss curves, scatter plots. No streamlit here.

Square lattices and bins are heatmaps on the dense grid. Hexagonal lattices are drawn as
hexagons while there are few enough of them, as heatmaps of the offset grid otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from s2s_core.section import Section

SEQUENTIAL = "Viridis"
DIVERGING = "RdBu_r"
MEASURED, HIDDEN, GAP = "#0B6E8A", "#D9DEE2", "#F0B429"
HEX_MAX = 10_000
# Colour bars stand beside the first row, however many rows there are.
BAR = {"lenmode": "pixels", "len": 300, "y": 1.0, "yanchor": "top"}


@dataclass(frozen=True)
class Panel:
    """One map: a title and a value (n,) for each tissue position (NaN: not shown)."""

    title: str
    values: np.ndarray
    diverging: bool = False


def map_panels(
    section: Section,
    panels: list[Panel],
    unit: str,
    *,
    limits: tuple[float, float] | None = None,
    width: int = 1100,
    columns: int = 3,
    uirevision: str = "map",
) -> go.Figure:
    """Maps side by side with linked zoom and one colour scale.

    Parameters
    ----------
    section : Section
    panels : list of Panel
        Diverging panels (errors) share a second, symmetric colour scale.
    unit : str
        What the colours mean, for the colour bar and the hover text.
    limits : (low, high), optional
        Of the shared scale; default: the range of all its panels.
    width : int
        Smallest width in pixels the figure will be shown at. Wider screens leave room at the
        sides: markers have a fixed size, and larger maps would tear them apart.
    columns : int
        Panels a row.
    uirevision : str
        The zoom is kept while this does not change.
    """
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    figure = make_subplots(
        rows, columns, subplot_titles=[p.title for p in panels],
        horizontal_spacing=0.02, vertical_spacing=0.12 / rows,
    )  # fmt: skip
    frame = _frame(section)
    aspect = (frame[3] - frame[2]) / (frame[1] - frame[0])
    panel_width = (width - 110) / columns
    panel_height = float(np.clip(panel_width * aspect, 160, 620))
    plain = [p.values for p in panels if not p.diverging]
    low, high = limits or _range(np.concatenate(plain) if plain else np.zeros(1))
    spread = max((_range(np.abs(p.values))[1] for p in panels if p.diverging), default=1.0)
    for i, panel in enumerate(panels):
        row, col = divmod(i, columns)
        axis = "coloraxis2" if panel.diverging else "coloraxis"
        trace = _map_trace(
            section, panel, axis, unit, min(panel_width, panel_height / aspect), frame
        )
        figure.add_trace(trace, row + 1, col + 1)
    figure.update_xaxes(
        matches="x", range=frame[:2], visible=False, constrain="domain", showgrid=False
    )
    figure.update_yaxes(
        matches="y", range=frame[3:1:-1], visible=False, scaleanchor="x", constrain="domain"
    )
    figure.update_layout(
        height=int(rows * (panel_height + 40) + 20), margin={"l": 8, "r": 8, "t": 36, "b": 8},
        coloraxis={"colorscale": SEQUENTIAL, "cmin": low, "cmax": high,
                   "colorbar": {"title": {"text": unit, "side": "right"}, "thickness": 12, "x": 1.0, **BAR}},
        coloraxis2={"colorscale": DIVERGING, "cmin": -spread, "cmax": spread,
                    "colorbar": {"title": {"text": "imputed − truth", "side": "right"},
                                 "thickness": 12, "x": 1.08, **BAR}},
        showlegend=False, uirevision=uirevision, dragmode="zoom",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    figure.update_annotations(font_size=14)
    return figure


def mask_map(section: Section, width: int = 520) -> go.Figure:
    """The sampling design on the tissue: measured, hidden and gap positions."""
    # Measured spots last, so that they lie on top where a narrow screen makes markers overlap.
    kinds = [
        ("to be imputed (never measured)", ~section.known, GAP),
        ("hidden, kept for scores", section.hidden, HIDDEN),
        ("measured", section.measured, MEASURED),
    ]
    frame = _frame(section)
    aspect = (frame[3] - frame[2]) / (frame[1] - frame[0])
    height = float(np.clip(width * aspect, 240, 640))
    size = _marker_size(section, min(width, height / aspect), frame)
    figure = go.Figure()
    for name, where, color in kinds:
        if where.any():
            figure.add_trace(
                go.Scattergl(
                    x=section.xy[where, 0], y=section.xy[where, 1], mode="markers", name=name,
                    marker={"size": size, "color": color, "symbol": _symbol(section)},
                    text=section.spot_ids[where],
                    hovertemplate="%{text}<br>" + name + "<extra></extra>",
                )
            )  # fmt: skip
    figure.update_xaxes(range=frame[:2], visible=False, constrain="domain")
    figure.update_yaxes(range=frame[3:1:-1], visible=False, scaleanchor="x", constrain="domain")
    figure.update_layout(
        height=int(height + 60), margin={"l": 8, "r": 8, "t": 8, "b": 8},
        legend={"orientation": "h", "y": -0.02, "itemsizing": "constant", "traceorder": "reversed"},
        uirevision="mask",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure


def loss_curves(lines: list[dict]) -> go.Figure:
    """Training losses and the error on the spots set aside, by step."""
    figure = make_subplots(
        1, 2, subplot_titles=["Training losses", "Error on measured spots set aside"],
        horizontal_spacing=0.1,
    )  # fmt: skip
    words = {
        "s2s": "section, sparser to sparse",
        "s2d": "section, sparse to dense",
        "images": "photographs",
        "images s2s": "photographs, sparser to sparse",
        "images s2d": "photographs, sparse to dense",
    }
    steps = [line["step"] for line in lines]
    names = [n for n in (lines[0]["losses"] if lines else {}) if n != "total"]
    for name in names:
        figure.add_trace(
            go.Scatter(
                x=steps, y=_smooth([line["losses"][name] for line in lines]), mode="lines",
                name=words.get(name, name),
            ),
            1, 1,
        )  # fmt: skip
    scored = [line for line in lines if line["score"] is not None]
    figure.add_trace(
        go.Scatter(
            x=[line["step"] for line in scored], y=[line["score"] for line in scored],
            mode="lines+markers", name="set-aside spots", marker={"color": MEASURED},
            line={"color": MEASURED}, showlegend=False,
        ),
        1, 2,
    )  # fmt: skip
    figure.update_xaxes(title_text="step")
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_yaxes(title_text="error (start = 1)", row=1, col=2)
    figure.update_layout(
        height=300, margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": -0.25}, uirevision="loss",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    figure.update_annotations(font_size=14)
    return figure


def truth_scatter(truth: np.ndarray, imputed: np.ndarray, gene: str) -> go.Figure:
    """Imputed against true values of one gene at the scored spots."""
    high = float(max(truth.max(initial=0.0), imputed.max(initial=0.0))) or 1.0
    figure = go.Figure(
        [
            go.Scatter(x=[0, high], y=[0, high], mode="lines", line={"color": "#9AA5AE", "dash": "dot"},
                       hoverinfo="skip"),
            go.Scatter(x=truth, y=imputed, mode="markers",
                       marker={"size": 5, "color": MEASURED, "opacity": 0.45},
                       hovertemplate="true %{x:.2f}<br>imputed %{y:.2f}<extra></extra>"),
        ]
    )  # fmt: skip
    figure.update_layout(
        height=340, margin={"l": 8, "r": 8, "t": 8, "b": 8}, showlegend=False,
        xaxis_title=f"true {gene} (log-normalised)", yaxis_title=f"imputed {gene}",
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)",
    )  # fmt: skip
    return figure


def _map_trace(section: Section, panel: Panel, axis: str, unit: str, pixels: float, frame):
    state = np.where(
        section.measured, "measured", np.where(section.known, "hidden", "not measured")
    )
    if section.grid.kind == "hex" and section.n_positions <= HEX_MAX:
        shown = np.isfinite(panel.values)
        return go.Scattergl(
            x=section.xy[shown, 0], y=section.xy[shown, 1], mode="markers",
            marker={"size": _marker_size(section, pixels, frame), "symbol": _symbol(section),
                    "color": panel.values[shown], "coloraxis": axis},
            customdata=np.column_stack([section.spot_ids[shown], state[shown]]),
            hovertemplate="%{customdata[0]}<br>" + unit + " %{marker.color:.3f}<br>%{customdata[1]}"
            "<extra></extra>",
        )  # fmt: skip
    height, width = section.grid.shape
    image = np.full(height * width, np.nan, np.float32)
    image[section.pixels] = panel.values
    text = np.full(height * width, "", dtype=object)
    text[section.pixels] = np.char.add(
        np.asarray(section.spot_ids, str), np.char.add("<br>", state.astype(str))
    )
    (x0, y0), (x1, y1) = section.grid.to_xy(np.array([0, height - 1]), np.array([0, width - 1]))
    return go.Heatmap(
        z=image.reshape(height, width), text=text.reshape(height, width),
        x0=x0, dx=(x1 - x0) / max(width - 1, 1), y0=y0, dy=(y1 - y0) / max(height - 1, 1),
        coloraxis=axis, hoverongaps=False,
        hovertemplate="%{text}<br>" + unit + " %{z:.3f}<extra></extra>",
    )  # fmt: skip


def _frame(section: Section) -> tuple[float, float, float, float]:
    """x and y limits with half a pitch around."""
    low, high = section.xy.min(0), section.xy.max(0)
    pad = 0.7 * section.grid.pitch
    return low[0] - pad, high[0] + pad, low[1] - pad, high[1] + pad


def _marker_size(section: Section, pixels: float, frame) -> float:
    """Marker diameter in screen pixels at which neighbours just touch."""
    per_unit = pixels / (frame[1] - frame[0])
    # A hexagon is 2 / sqrt(3) times as wide from corner to corner as from side to side.
    shape = 1.16 if section.grid.kind == "hex" else 0.95
    return float(np.clip(section.grid.pitch * per_unit * shape, 1.5, 30))


def _symbol(section: Section) -> str:
    return "hexagon" if section.grid.kind == "hex" else "square"


def _range(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if len(values) == 0 or values.max() == values.min():
        return 0.0, 1.0
    # A few extreme spots must not wash out the rest.
    return float(min(0.0, values.min())), float(np.quantile(values, 0.995)) or float(values.max())


def _smooth(values: list[float], share: float = 0.15) -> list[float]:
    out, mean = [], values[0]
    for value in values:
        mean += share * (value - mean)
        out.append(mean)
    return out
