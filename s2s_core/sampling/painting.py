"""A sampling mask painted by hand: boxes and lassos drawn on the map, added or taken away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from skimage.measure import points_in_poly

from s2s_core.data.section import Section

MODES = ("add", "remove")


@dataclass(frozen=True)
class Stroke:
    """One region and what it does: ``mode`` of :data:`MODES`, ``inside`` (n,) bool."""

    mode: str
    inside: np.ndarray


@dataclass(frozen=True)
class Painting:
    """Strokes upon a first mask; immutable, so that undo is the painting before.

    Attributes
    ----------
    start : (n,) bool array
        Measured spots before the first stroke.
    strokes : tuple of Stroke
    """

    start: np.ndarray
    strokes: tuple[Stroke, ...] = field(default=())

    @property
    def mask(self) -> np.ndarray:
        """(n,) bool array, the painted mask."""
        mask = self.start.copy()
        for stroke in self.strokes:
            mask[stroke.inside] = stroke.mode == "add"
        return mask

    def painted(self, mode: str, inside: np.ndarray) -> Painting:
        """Return the painting with one more stroke."""
        return replace(self, strokes=(*self.strokes, Stroke(mode, inside)))

    def undone(self) -> Painting:
        """Return the painting without its last stroke."""
        return replace(self, strokes=self.strokes[:-1])


def inside(section: Section, selection: dict) -> np.ndarray:
    """Positions (n,) bool within the regions that were drawn on a map.

    Parameters
    ----------
    section : Section
    selection : dict
        Plotly's selection: ``box`` and ``lasso`` are lists of regions with ``x`` and ``y`` in
        the section's unit (two corners, or the vertices of a polygon).
    """
    found = np.zeros(section.n_positions, bool)
    for box in selection.get("box") or ():
        x, y = np.sort(box["x"]), np.sort(box["y"])
        found |= (
            (section.xy[:, 0] >= x[0])
            & (section.xy[:, 0] <= x[-1])
            & (section.xy[:, 1] >= y[0])
            & (section.xy[:, 1] <= y[-1])
        )
    for lasso in selection.get("lasso") or ():
        corners = np.column_stack([lasso["x"], lasso["y"]]).astype(float)
        if len(corners) > 2:
            found |= points_in_poly(section.xy, corners)
    return found
