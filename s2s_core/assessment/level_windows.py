"""Windows of spots predicted alike: what intervals and draws learn from, gene by gene.

The measured spots of a gene are put in the order of what was predicted for them. Windows along
this order hold spots that were predicted alike; what was measured in a window is what may be
measured where as much is predicted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Predicted levels at which windows are kept, and spots in the window around each at least: a
# 90 % interval of 24 values leaves two outside. Both untuned.
KNOTS = 32
FEWEST_IN_WINDOW = 24
# A window is this part of all spots where that is more: it overlaps with about three others. Untuned.
WINDOWS = 12


@dataclass(frozen=True)
class LevelWindows:
    """Q windows of w spots for each of G genes.

    Attributes
    ----------
    order : (m, G) int array
        Spots by what is predicted for them.
    starts : (Q,) int array
        First rank of each window.
    width : int
        w.
    """

    order: np.ndarray
    starts: np.ndarray
    width: int

    @classmethod
    def along(cls, predicted: np.ndarray) -> LevelWindows:
        """Windows along (m, G) predicted values."""
        count = len(predicted)
        width = min(count, max(FEWEST_IN_WINDOW, count // WINDOWS))
        order = np.argsort(predicted, axis=0, kind="stable")
        return cls(order, np.unique(np.linspace(0, count - width, KNOTS).astype(int)), width)

    def of(self, values: np.ndarray) -> np.ndarray:
        """(Q, G, w) view of (m, G) values in the windows."""
        ranked = np.take_along_axis(values, self.order, 0)
        return sliding_window_view(ranked, self.width, axis=0)[self.starts]


@dataclass(frozen=True)
class Place:
    """Where (t, G) predictions stand between the levels of Q windows.

    Attributes
    ----------
    below, above : (t, G) int arrays
        The windows on either side.
    share : (t, G) float32 array
        Weight of the upper one, 0..1; predictions beyond the ends stand at the ends.
    """

    below: np.ndarray
    above: np.ndarray
    share: np.ndarray

    @classmethod
    def of(cls, levels: np.ndarray, predicted: np.ndarray) -> Place:
        """Places of (t, G) predictions among (Q, G) rising levels."""
        below = np.stack(
            [np.searchsorted(levels[:, g], predicted[:, g]) for g in range(predicted.shape[1])],
            axis=1,
        )
        below = np.clip(below - 1, 0, max(len(levels) - 2, 0))
        above = np.minimum(below + 1, len(levels) - 1)
        left = np.take_along_axis(levels, below, 0)
        span = np.take_along_axis(levels, above, 0) - left
        share = np.clip((predicted - left) / np.maximum(span, 1e-12), 0.0, 1.0)
        return cls(below, above, share.astype(np.float32))

    def at(self, values: np.ndarray) -> np.ndarray:
        """(t, G) values, interpolated between the (Q, G) of the windows."""
        low = np.take_along_axis(values, self.below, 0)
        return low + self.share * (np.take_along_axis(values, self.above, 0) - low)
