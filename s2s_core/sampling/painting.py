"""A sampling mask painted by hand: boxes and lassos drawn on the map, added or taken away."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

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
