"""Maps for the viewer: panels with the colours they share, and a sampling design in its kinds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from s2s_core.data.section import Section
from s2s_core.output.panels import COLOURS, DIVERGING, Look, Panel, colour_scales

# Palettes that the viewer knows; the last one is for errors about 0.
PALETTES = (*COLOURS, DIVERGING)
MEASURED, HIDDEN, GAP, NEXT = "#0B6E8A", "#C9D1D6", "#F0B429", "#D1495B"
# Where a tissue image beneath would change what the colours say.
WITHOUT_IMAGE = ("error", "width")
LABELS = {"error": "imputed − truth", "width": "interval width"}


@dataclass(frozen=True)
class Scale:
    """Colours that maps share.

    Attributes
    ----------
    label : str
        What the colours mean.
    low, high : float
        Values at the ends of the colours, until the reader moves them.
    palette : str
        One of :data:`PALETTES`.
    categories : tuple of (str, str)
        Name and hex colour of each code 0, 1, ...; then there is no range.
    image : bool
        Whether a tissue image may lie beneath: under errors and widths it would mislead.
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    palette: str = PALETTES[0]
    categories: tuple[tuple[str, str], ...] = ()
    image: bool = True


@dataclass(frozen=True)
class Interval:
    """Bounds (n,) that the pointer reads out at imputed positions, and what they are called."""

    lower: np.ndarray
    upper: np.ndarray
    label: str


@dataclass(frozen=True)
class Maps:
    """What one viewer shows of a place.

    Attributes
    ----------
    title : str
        What is looked at, such as a gene: names pictures that are saved.
    summary : str
        The same for those who cannot see the maps: gene, range, score.
    unit : str
        Of the values that the pointer reads out.
    maps : sequence of Panel
        Titles, values (n,) or codes of categories (NaN: not shown), and names of their scales.
    scales : dict
        Name of a scale -> :class:`Scale`.
    interval : Interval, optional
    region : (n,) bool array, optional
        Positions with a line around them.
    tools : tuple of {"lasso", "box", "brush"}
        What can be drawn.
    drawing : {"replace", "add", "remove"}
        What a stroke without a modifier key does to what was drawn before.
    name : str
        Begins the file names of pictures that are saved.
    height : int
        Pixels that the maps fill at most, as far as all can be seen in them.
    marked : bool
        Whether measured spots are marked until the reader says otherwise.
    """

    title: str
    summary: str
    unit: str
    maps: Sequence[Panel]
    scales: dict[str, Scale]
    interval: Interval | None = None
    region: np.ndarray | None = None
    tools: tuple[str, ...] = ()
    drawing: str = "replace"
    name: str = ""
    height: int = 620
    marked: bool = False


def panel_maps(panels: Sequence[Panel], unit: str, *, title: str, look: Look | None = None) -> Maps:
    """Panels with the colours that they share.

    Parameters
    ----------
    panels : sequence of Panel
        Those of scale "own" get a scale for themselves, told in their title.
    unit : str
        What the colours mean.
    title : str
        What is looked at, such as a gene.
    look : Look, optional
        Colours and limits of the value scale.
    """
    shown, scales = [], {}
    for i, (panel, colours) in enumerate(
        zip(panels, colour_scales(list(panels), look or Look()), strict=True)
    ):
        own = panel.scale == "own"
        name = f"own {i}" if own else panel.scale
        low, high = colours.limits
        scales[name] = Scale(
            "" if own else LABELS.get(panel.scale, unit),
            low,
            high,
            str(colours.colours),
            image=panel.scale not in WITHOUT_IMAGE,
        )
        told = f"{panel.title} ({low:.2g}–{high:.2g})" if own else panel.title
        shown.append(replace(panel, title=told, scale=name))
    ranges = "; ".join(
        f"{panel.title}, {scales[panel.scale].low:.2f} to {scales[panel.scale].high:.2f}"
        for panel in shown
    )
    return Maps(title=title, summary=f"{title}: {ranges}", unit=unit, maps=shown, scales=scales)


def design_maps(section: Section, *, proposed: np.ndarray | None = None) -> Maps:
    """The sampling design: measured, hidden and gap positions, and spots (n,) to measure next."""
    kinds = (
        *(() if proposed is None else (("to measure next", proposed, NEXT),)),
        ("measured", section.measured, MEASURED),
        ("hidden, kept for scores", section.hidden, HIDDEN),
        ("never measured", ~section.known, GAP),
    )
    codes = np.select([where for _, where, _ in kinds], range(len(kinds))).astype(float)
    counted = [f"{name}: {int((codes == i).sum()):,}" for i, (name, *_) in enumerate(kinds)]
    # Kinds that no position is of stay without a place in the legend.
    categories = tuple(
        (words, colour) for words, (_, _, colour) in zip(counted, kinds, strict=True)
    )
    used = np.unique(codes.astype(int))
    return Maps(
        title="Sampling design",
        summary="Sampling design: " + ", ".join(counted[i] for i in used),
        unit="",
        maps=[Panel("Design", np.searchsorted(used, codes).astype(float), "kind")],
        scales={"kind": Scale("", categories=tuple(categories[i] for i in used), image=True)},
        height=520,
    )
