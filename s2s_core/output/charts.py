"""Curves and scatter plots as Plotly figures. No streamlit here."""

from __future__ import annotations

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

# Seen well on light and on dark pages.
INK = "#2A8FAB"
# Leaves a strip above the chart to the buttons of the toolbar.
# Strip above a chart for its tools, and their colours.
TOOLBAR = 36
MODEBAR = {"bgcolor": "rgba(0,0,0,0)", "color": "#8A97A0", "activecolor": "#0B6E8A"}
UNDER_TOOLS = {"l": 8, "r": 8, "t": TOOLBAR, "b": 8}


def loss_curves(lines: list[dict]) -> go.Figure:
    """Training losses and the error on the spots set aside, by step."""
    figure = make_subplots(
        1,
        2,
        subplot_titles=["Training losses", "Error on measured spots set aside"],
        # Room for the numbers and the title of the right axis, on narrow pages too.
        horizontal_spacing=0.2,
    )
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
                x=steps,
                y=_smooth([line["losses"][name] for line in lines]),
                mode="lines",
                name=words.get(name, name),
            ),
            1,
            1,
        )
    scored = [line for line in lines if line["score"] is not None]
    figure.add_trace(
        go.Scatter(
            x=[line["step"] for line in scored],
            y=[line["score"] for line in scored],
            mode="lines+markers",
            name="set-aside spots",
            marker={"color": INK},
            line={"color": INK},
            showlegend=False,
        ),
        1,
        2,
    )
    figure.update_xaxes(title_text="step")
    figure.update_yaxes(title_text="loss", row=1, col=1)
    figure.update_yaxes(title_text="error (start = 1)", row=1, col=2)
    figure.update_layout(
        height=300,
        margin={"l": 8, "r": 8, "t": 36, "b": 8},
        legend={"orientation": "h", "y": -0.25},
        uirevision="loss",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    figure.update_annotations(font_size=14)
    return figure


def truth_scatter(truth: np.ndarray, imputed: np.ndarray, gene: str) -> go.Figure:
    """Imputed against true values of one gene at the scored spots."""
    high = float(max(truth.max(initial=0.0), imputed.max(initial=0.0))) or 1.0
    figure = go.Figure(
        [
            go.Scatter(
                x=[0, high],
                y=[0, high],
                mode="lines",
                line={"color": "#9AA5AE", "dash": "dot"},
                hoverinfo="skip",
            ),
            go.Scatter(
                x=truth,
                y=imputed,
                mode="markers",
                marker={"size": 5, "color": INK, "opacity": 0.45},
                hovertemplate="true %{x:.2f}<br>imputed %{y:.2f}<extra></extra>",
            ),
        ]
    )
    figure.update_layout(
        height=340,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        showlegend=False,
        xaxis_title=f"true {gene} (log-normalised)",
        yaxis_title=f"imputed {gene}",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def _smooth(values: list[float], share: float = 0.15) -> list[float]:
    out, mean = [], values[0]
    for value in values:
        mean += share * (value - mean)
        out.append(mean)
    return out


def budget_curves(found: pd.DataFrame, score: str, names: dict[str, str], goal: float) -> go.Figure:
    """A score against the budget for every design, with its interval and the goal as a line.

    Parameters
    ----------
    found : DataFrame
        Of :func:`s2s_core.studies.budget_curve.curve`.
    score : {"reached", "pcc", "rmse"}
    names : dict
        Designs for the user.
    goal : float
        Drawn where it is finite.
    """
    words = {"reached": "share of genes that reach the PCC", "pcc": "mean PCC", "rmse": "mean RMSE"}
    figure = go.Figure()
    for i, (design, part) in enumerate(found.groupby("design", sort=False)):
        # Side by side, so that intervals do not hide each other.
        x = 100 * part["budget"] + 0.25 * i
        figure.add_trace(
            go.Scatter(
                x=x,
                y=part[score],
                mode="lines+markers",
                name=names.get(design, design),
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "thickness": 1,
                    "array": part[f"{score}_high"] - part[score],
                    "arrayminus": part[score] - part[f"{score}_low"],
                },
                customdata=part["n_measured"],
                hovertemplate="%{customdata:,} spots<br>%{y:.3f}<extra>%{fullData.name}</extra>",
            )
        )
    if np.isfinite(goal):
        figure.add_hline(goal, line={"color": "#9AA5AE", "dash": "dot"})
    figure.update_layout(
        height=408,
        margin=UNDER_TOOLS,
        uirevision=score,
        modebar=MODEBAR,
        xaxis_title="measured spots, % of the section",
        yaxis_title=words[score],
        legend={"orientation": "h", "y": -0.2},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def variants_chart(summary: pd.DataFrame, score: str, cost: str = "") -> go.Figure:
    """Score of every variant of an experiment: median and quartiles over genes.

    With ``cost`` (a column) it is drawn against that, else by name.
    """
    x = summary[cost] if cost else summary["variant"]
    middle = summary[f"{score}_median"]
    figure = go.Figure(
        go.Scatter(
            x=x,
            y=middle,
            mode="markers+text" if cost else "markers",
            text=summary["variant"],
            textposition="top center",
            marker={"color": INK, "size": 10},
            error_y={
                "type": "data",
                "symmetric": False,
                "thickness": 1,
                "array": summary[f"{score}_q75"] - middle,
                "arrayminus": middle - summary[f"{score}_q25"],
            },
        )
    )
    figure.update_layout(
        height=368,
        margin=UNDER_TOOLS,
        showlegend=False,
        modebar=MODEBAR,
        xaxis_title=cost.replace("_", " "),
        yaxis_title=f"{score.upper()}, median and quartiles over genes",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure


def histogram(values: np.ndarray, name: str, count: str) -> go.Figure:
    """Histogram of values; ``count`` says what is counted."""
    heights, edges = np.histogram(values, bins=min(40, max(5, len(values) // 20)))
    figure = go.Figure(
        go.Bar(
            x=(edges[:-1] + edges[1:]) / 2,
            y=heights,
            width=np.diff(edges),
            marker={"color": INK},
            hovertemplate=f"{name} about %{{x:,.0f}}<br>%{{y}} {count}<extra></extra>",
        )
    )
    figure.update_layout(
        height=170,
        margin={"l": 8, "r": 8, "t": 8, "b": 8},
        bargap=0.02,
        xaxis_title=name,
        yaxis_title=count,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    return figure
