"""Median and interval of every imputed value, learned from withheld measured spots.

Each measured spot is predicted from others, and what was measured is set beside what was
predicted. Around each predicted level, the measured values of the spots predicted alike give the
conditional median and the shortest interval with the wanted coverage: counts are skewed and often
zero, so neither is symmetric about the mean. The intervals are then made wider or narrower by one
factor until they cover as promised on spots that had no part in them (a split-conformal step),
and grow with the local uncertainty of the prediction.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

# Predicted levels at which quantiles are kept, and spots in the window around each at least: a
# 90 % interval of 24 values leaves two outside. Both untuned.
KNOTS = 32
FEWEST_IN_WINDOW = 24
# A window is this part of all spots where that is more: it overlaps with about three others. Untuned.
WINDOWS = 12
# Folds of the conformal step: each is judged by quantiles of the other four fifths. Untuned.
CONFORMAL_FOLDS = 5
# The conformal factor is held within these ends, which guard against degenerate input. Untuned.
FACTOR_RANGE = (0.5, 3.0)
# Beyond the highest level quantiles grow in proportion to the prediction, at most this far. Untuned.
MOST_GROWTH = 3.0
# Genes in one array, which bounds memory, and genes that are enough to tell one common factor.
GENES_AT_ONCE = 512
GENES_FOR_FACTOR = 1000


@dataclass(frozen=True)
class Intervals:
    """Conditional medians and intervals of some positions: three (t, G) float32 arrays.

    Attributes
    ----------
    median, lower, upper : (t, G) arrays
        ``lower <= median <= upper``, log-normalised.
    """

    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> Intervals:
        """Intervals of some of the positions."""
        return Intervals(self.median[rows], self.lower[rows], self.upper[rows])


@dataclass(frozen=True)
class ConditionalQuantiles:
    """Quantiles of measured values given the predicted one: (Q, G) arrays at Q knots.

    Attributes
    ----------
    predicted : (Q, G) array
        Mean prediction of the spots in the window around each knot.
    low, middle, high : (Q, G) arrays
        Ends of the shortest interval that holds the wanted share of the values measured there,
        and their median.
    sd : (Q, G) array
        Mean predictive standard deviation of these spots.
    """

    predicted: np.ndarray
    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """A method's conditional quantiles and the conformal factor of its interval widths."""

    quantiles: ConditionalQuantiles
    conformal_factor: float

    def answer(self, mean: np.ndarray, sd: np.ndarray) -> Intervals:
        """Median and interval (t, G) where ``mean`` and deviation ``sd`` are predicted."""
        return _read(self.quantiles, mean, sd, self.conformal_factor)


def calibrate(
    measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray, coverage: float = 0.9
) -> Calibration:
    """Learn medians and intervals.

    Parameters
    ----------
    measured : (m, G) array
        Log-normalised values of measured spots.
    predicted, sd : (m, G) arrays
        What the method predicts there, and how uncertain it is, when it does not see them.
    coverage : float
        Share of values an interval should hold.
    """
    # Where hardly anything but zeros was measured the interval is zero itself: no width to fit.
    some = np.nonzero((measured > 0).mean(0) > 1.5 * (1.0 - coverage))[0]
    # All genes have one factor in common: a thousand of them tell it.
    some = some[:: -(-len(some) // GENES_FOR_FACTOR)] if len(some) else some
    factor = _conformal_factor(measured[:, some], predicted[:, some], sd[:, some], coverage)
    return Calibration(_learn(measured, predicted, sd, coverage), factor)


def _conformal_factor(
    measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray, coverage: float
) -> float:
    """Factor for the widths that makes intervals cover spots they were not learned from."""
    if not measured.size:
        return 1.0
    part, needed = np.arange(len(measured)) % CONFORMAL_FOLDS, []
    for k in range(CONFORMAL_FOLDS):
        learn = part != k
        quantiles = _learn(measured[learn], predicted[learn], sd[learn], coverage)
        needed.append(_needed(quantiles, measured[~learn], predicted[~learn], sd[~learn]))
    return float(np.clip(np.quantile(np.concatenate(needed), coverage), *FACTOR_RANGE))


def _learn(
    measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray, coverage: float
) -> ConditionalQuantiles:
    """Conditional quantiles of every gene, genes in chunks to bound memory."""
    parts = [
        _learn_chunk(
            measured[:, g : g + GENES_AT_ONCE],
            predicted[:, g : g + GENES_AT_ONCE],
            sd[:, g : g + GENES_AT_ONCE],
            coverage,
        )
        for g in range(0, measured.shape[1], GENES_AT_ONCE)
    ]
    return ConditionalQuantiles(
        *(np.concatenate(columns, 1) for columns in zip(*parts, strict=True))
    )


def _learn_chunk(
    measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray, coverage: float
) -> tuple[np.ndarray, ...]:
    """Fields of :class:`ConditionalQuantiles` for a chunk of genes."""
    count = len(measured)
    width = min(count, max(FEWEST_IN_WINDOW, count // WINDOWS))
    order = np.argsort(predicted, axis=0, kind="stable")
    starts = np.unique(np.linspace(0, count - width, KNOTS).astype(int))

    def windows(values: np.ndarray) -> np.ndarray:
        ranked = np.take_along_axis(values, order, 0)
        return sliding_window_view(ranked, width, axis=0)[starts]

    level = windows(predicted).mean(-1)
    spread = windows(sd).mean(-1)
    inside = np.sort(windows(measured), axis=-1)
    held = min(width, int(np.ceil(coverage * width)))
    lengths = inside[..., held - 1 :] - inside[..., : width - held + 1]
    # The lowest of equally short ones: zeros belong in.
    first = lengths.argmin(-1)[..., None]
    low = np.take_along_axis(inside, first, -1)[..., 0]
    high = np.take_along_axis(inside, first + held - 1, -1)[..., 0]
    middle = np.maximum.accumulate(np.median(inside, -1), axis=0)
    return level, np.minimum(low, middle), middle, np.maximum(high, middle), spread


def _read(
    quantiles: ConditionalQuantiles, mean: np.ndarray, sd: np.ndarray, factor: float
) -> Intervals:
    """Median and interval at predicted values: quantiles interpolated, widths by uncertainty."""
    out = Intervals(*(np.zeros(mean.shape, np.float32) for _ in range(3)))
    # A gene that is zero nearly everywhere has all three at zero: half of a transcriptome.
    some = np.nonzero(quantiles.high.any(0))[0]
    for first in range(0, len(some), GENES_AT_ONCE):
        at = some[first : first + GENES_AT_ONCE]
        part = ConditionalQuantiles(
            quantiles.predicted[:, at],
            quantiles.low[:, at],
            quantiles.middle[:, at],
            quantiles.high[:, at],
            quantiles.sd[:, at],
        )
        found = _read_chunk(part, mean[:, at], sd[:, at], factor)
        out.median[:, at], out.lower[:, at], out.upper[:, at] = (
            found.median,
            found.lower,
            found.upper,
        )
    return out


def _read_chunk(
    quantiles: ConditionalQuantiles, mean: np.ndarray, sd: np.ndarray, factor: float
) -> Intervals:
    knots = quantiles.predicted
    below = np.stack(
        [np.searchsorted(knots[:, g], mean[:, g]) for g in range(mean.shape[1])], axis=1
    )
    below = np.clip(below - 1, 0, max(len(knots) - 2, 0))
    above = np.minimum(below + 1, len(knots) - 1)
    left = np.take_along_axis(knots, below, 0)
    span = np.take_along_axis(knots, above, 0) - left
    share = np.clip((mean - left) / np.maximum(span, 1e-12), 0.0, 1.0).astype(np.float32)

    def at(values: np.ndarray) -> np.ndarray:
        low = np.take_along_axis(values, below, 0)
        return low + share * (np.take_along_axis(values, above, 0) - low)

    # Beyond the last level in proportion: what is zero there stays zero.
    grown = np.clip(mean / np.maximum(knots[-1], 1e-6), 1.0, MOST_GROWTH)
    centre, low, high = (grown * at(v) for v in (quantiles.middle, quantiles.low, quantiles.high))
    width = factor * sd / np.maximum(at(quantiles.sd), 1e-9)
    # An end at zero stays there: no value lies below.
    lower = np.where(low > 0.0, np.maximum(centre - width * (centre - low), 0.0), 0.0)
    return Intervals(centre, lower, centre + width * (high - centre))


def _needed(
    quantiles: ConditionalQuantiles, measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray
) -> np.ndarray:
    """Factor (m, G) that would just bring each value inside its interval."""
    found = _read(quantiles, predicted, sd, 1.0)
    centre, lower = found.median, found.lower
    above = (measured - centre) / np.maximum(found.upper - centre, 1e-6)
    below = np.where(lower > 0.0, (centre - measured) / np.maximum(centre - lower, 1e-6), 0.0)
    return np.maximum(above, below)
