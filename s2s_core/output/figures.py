"""Figures for print: maps and scatter plots as PNG or SVG, at a size in millimetres.

Hexagonal lattices are drawn as hexagons that tile the tissue, square ones and bins as squares.
Only colour maps that survive grey print and colour-blind eyes are offered. Works on
matplotlib's figures alone, never on pyplot, so that threads of a web server may draw.
"""

from __future__ import annotations

import io
import re
import threading
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PolyCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.output.colours import colour_range

COLOURS = ("viridis", "cividis", "magma", "inferno", "plasma", "RdBu_r", "PuOr_r")
DIVERGING = ("RdBu_r", "PuOr_r")
KINDS = {"png": "image/png", "svg": "image/svg+xml"}
MM, FONT = 1.0 / 25.4, 7.0
# Without a value; lines and words.
EMPTY, INK, POINT = "#D9DEE2", "#20262B", "#0B6E8A"
# Corners of a cell in lattice units, where neighbouring spots are 1 apart.
HEXAGON = np.array(
    [[0.5, s / np.sqrt(12)] for s in (-1, 1)]
    + [[0, 1 / np.sqrt(3)]]
    + [[-0.5, s / np.sqrt(12)] for s in (1, -1)]
    + [[0, -1 / np.sqrt(3)]]
)
SQUARE = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
# More shapes than this become pixels inside an SVG, which no program opens otherwise.
MOST_SHAPES = 20_000
# Millimetres: room for the title of the figure, of each panel, the scale bar, the colour bar.
TITLE, PANEL_TITLE, BELOW, BAR, GAP = 5.0, 4.0, 4.0, 16.0, 2.0

_saving = threading.Lock()


def map_figure(
    section: Section,
    panels: Sequence[tuple[str, np.ndarray]],
    unit: str,
    *,
    title: str = "",
    colours: str = "viridis",
    limits: tuple[float, float] | None = None,
    marked: bool = False,
    width_mm: float = 180.0,
    columns: int = 4,
    dpi: int = 300,
) -> Figure:
    """Maps side by side with one colour bar and, where the unit is known, a scale bar.

    Parameters
    ----------
    section : Section
    panels : list of (title, values)
        Values (n,) at the tissue positions; NaN is drawn grey.
    unit : str
        What the colours mean.
    title : str
        Above all panels.
    colours : str
        One of :data:`COLOURS`; the diverging ones are centred on 0.
    limits : (low, high), optional
        Of the colours; default: 0 (or the lowest value) to the 99.5 % quantile of all panels.
    marked : bool
        Small dots on the measured spots.
    width_mm : float
        Width of the figure; its height follows from the tissue.
    columns : int
        Most panels in a row.
    dpi : int
        Resolution of PNG, and of what is pixels in an SVG.

    Raises
    ------
    S2SError
        For an unknown colour map, no panel, or a width below 40 mm.
    """
    if colours not in COLOURS:
        raise S2SError(f"Unknown colours {colours!r}; choose one of {', '.join(COLOURS)}.")
    if not panels:
        raise S2SError("There is no map to draw; choose at least one.")
    if not width_mm >= 40:
        raise S2SError(f"A figure must be 40 mm wide or more, found {width_mm:g} mm.")
    columns = min(columns, len(panels))
    rows = -(-len(panels) // columns)
    corners = _corners(section)
    low, high = corners.min((0, 1)), corners.max((0, 1))
    each = (width_mm - BAR - (columns - 1) * GAP) / columns
    tall = each * float((high[1] - low[1]) / (high[0] - low[0]))
    head = TITLE if title else 0.0
    height = head + rows * (tall + PANEL_TITLE) + (rows - 1) * GAP + BELOW
    figure = Figure(figsize=(width_mm * MM, height * MM), dpi=dpi)

    def place(left: float, top: float, wide: float, high: float):
        return figure.add_axes(
            (left / width_mm, 1 - (top + high) / height, wide / width_mm, high / height)
        )

    together = np.concatenate([np.asarray(values, float) for _, values in panels])
    norm = Normalize(*(limits or colour_range(together, symmetric=colours in DIVERGING)))
    scale = ScalarMappable(norm, mpl.colormaps[colours])
    for i, (name, values) in enumerate(panels):
        row, col = divmod(i, columns)
        top = head + row * (tall + PANEL_TITLE + GAP) + PANEL_TITLE
        axes = place(col * (each + GAP), top, each, tall)
        axes.set_axis_off()
        axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
        _draw(axes, section, corners, np.asarray(values, float), scale)
        if marked:
            _mark(axes, section, each / float(high[0] - low[0]) * MM * 72)
        _write(axes, 0.5, 1.0, name, 1.5, ha="center", va="bottom")
        if i == (rows - 1) * columns:
            _scale_bar(axes, section, high[0] - low[0])
    bar = figure.colorbar(
        scale, cax=place(width_mm - BAR + 3, head + PANEL_TITLE, 2.5, min(tall, 45))
    )
    bar.set_label(_plain(unit), size=FONT, color=INK, parse_math=False)
    bar.ax.tick_params(labelsize=FONT - 1, length=2, width=0.5, color=INK, labelcolor=INK)
    bar.outline.set_linewidth(0.5)
    if title:
        figure.text(
            0.0,
            1 - 1 / height,
            _plain(title),
            size=FONT + 1,
            weight="bold",
            va="top",
            color=INK,
            parse_math=False,
        )
    return figure


def scatter_figure(
    truth: np.ndarray, imputed: np.ndarray, gene: str, *, width_mm: float = 80.0, dpi: int = 300
) -> Figure:
    """Imputed against true values (t,) of one gene at the scored spots."""
    figure = Figure(figsize=(width_mm * MM, width_mm * MM), dpi=dpi)
    axes = figure.add_axes((0.15, 0.13, 0.82, 0.82))
    high = float(max(np.max(truth, initial=0.0), np.max(imputed, initial=0.0))) * 1.03 or 1.0
    axes.plot([0, high], [0, high], ":", color="#9AA5AE", linewidth=0.8)
    axes.plot(
        truth,
        imputed,
        ".",
        color=POINT,
        alpha=0.45,
        markersize=3,
        markeredgewidth=0,
        rasterized=len(truth) > MOST_SHAPES,
    )
    axes.set(xlim=(0, high), ylim=(0, high), aspect="equal")
    words: dict[str, Any] = {"size": FONT, "color": INK, "parse_math": False}
    axes.set_xlabel(_plain(f"true {gene} (log-normalised)"), **words)
    axes.set_ylabel(_plain(f"imputed {gene}"), **words)
    axes.tick_params(labelsize=FONT - 1, length=2, width=0.5, color=INK, labelcolor=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_linewidth(0.5)
    return figure


def save(figure: Figure, kind: str) -> bytes:
    """PNG or SVG of a figure; words in an SVG stay words, and equal figures equal bytes.

    Raises
    ------
    S2SError
        For any other kind.
    """
    if kind not in KINDS:
        raise S2SError(f"Figures are saved as {' or '.join(KINDS)}, not {kind!r}.")
    out = io.BytesIO()
    settings: dict[Any, str] = {"svg.fonttype": "none", "svg.hashsalt": "s2s"}
    # These settings are the process's; nobody else may save meanwhile.
    with _saving, mpl.rc_context(settings), warnings.catch_warnings():
        # A letter the font lacks becomes a box in a PNG, which says enough.
        warnings.filterwarnings("ignore", message="Glyph")
        figure.savefig(
            out, format=kind, dpi=figure.dpi, metadata={"Date": None} if kind == "svg" else None
        )
    return out.getvalue()


def micrometres(section: Section) -> float | None:
    """Micrometres in one unit of the coordinates; None where the section does not say."""
    words = str(section.uns.get("spatial_unit") or section.uns.get("unit") or "").strip().lower()
    if re.match(r"(micromet(re|er)|micron|um\b|µm|μm)", words):
        return 1.0
    if re.match(r"(millimet(re|er)|mm\b)", words):
        return 1000.0
    return None


def _corners(section: Section) -> np.ndarray:
    """(n, k, 2) corners of every cell in the user's coordinates; cells tile the tissue."""
    grid = section.grid
    shape = HEXAGON if grid.kind == "hex" else SQUARE
    return grid.to_xy(section.row, section.col)[:, None] + shape @ grid.affine[:2]


def _draw(axes, section: Section, corners: np.ndarray, values: np.ndarray, scale) -> None:
    colours = scale.to_rgba(values)
    colours[~np.isfinite(values)] = mpl.colors.to_rgba(EMPTY)
    affine = section.grid.affine[:2]
    upright = abs(affine[0, 1]) + abs(affine[1, 0]) < 1e-3 * np.abs(affine).max()
    if section.grid.kind != "hex" and upright:
        height, width = section.grid.shape
        image = np.zeros((height * width, 4))
        image[section.pixels] = colours
        ends = section.grid.to_xy(np.array([0, height - 1]), np.array([0, width - 1]))
        ends += np.array([[-0.5, -0.5], [0.5, 0.5]]) @ affine
        # The last row of the lattice is the "bottom" of an image whose first row is on top.
        extent = (ends[0, 0], ends[1, 0], ends[1, 1], ends[0, 1])
        limits = axes.axis()
        axes.imshow(image.reshape(height, width, 4), extent=extent, interpolation="nearest")
        axes.axis(limits)
        return
    # Thin edges of the same colour close the hairlines between neighbours.
    axes.add_collection(
        PolyCollection(
            list(corners),
            facecolors=colours,
            edgecolors=colours,
            linewidths=0.15,
            rasterized=len(corners) > MOST_SHAPES,
        ),
        autolim=False,
    )


def _mark(axes, section: Section, points_per_unit: float) -> None:
    size = float(np.clip(0.3 * section.grid.pitch * points_per_unit, 0.15, 2.5))
    x, y = section.grid.to_xy(section.row, section.col)[section.measured].T
    axes.plot(
        x,
        y,
        "o",
        markersize=size,
        color="white",
        markeredgecolor=INK,
        markeredgewidth=0.15 * size,
        rasterized=len(x) > MOST_SHAPES,
    )


def _scale_bar(axes, section: Section, extent: float) -> None:
    """A bar of a round length, about a quarter of the tissue, below the map."""
    scale = micrometres(section)
    if scale is None:
        return
    wanted = 0.25 * extent * scale
    power = 10.0 ** np.floor(np.log10(wanted))
    length = max(n for n in (1, 2, 5) if n * power <= wanted * (1 + 1e-9)) * power
    share = length / scale / extent
    axes.plot(
        [0, share],
        [-0.04, -0.04],
        color=INK,
        linewidth=1.2,
        solid_capstyle="butt",
        transform=axes.transAxes,
        clip_on=False,
    )
    words = f"{length / 1000:g} mm" if length >= 1000 else f"{length:g} µm"
    _write(axes, share + 0.02, -0.04, words, 0.0, ha="left", va="center")


def _write(axes, x: float, y: float, words: str, above: float, **place) -> None:
    """Words at a place of the axes, ``above`` points above it."""
    axes.annotate(
        _plain(words),
        (x, y),
        xycoords="axes fraction",
        xytext=(0, above),
        textcoords="offset points",
        size=FONT,
        color=INK,
        annotation_clip=False,
        parse_math=False,
        **place,
    )


def _plain(words: str) -> str:
    """Words without control characters, which an SVG may not hold."""
    return "".join(c if c.isprintable() else " " for c in str(words))
