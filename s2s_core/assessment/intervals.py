"""Median and interval of every imputed value, learned from withheld measured spots.

Each measured spot is predicted from others, and what was measured is set beside what was
predicted. Around each predicted level, the measured values of the spots predicted alike give the
conditional median and the shortest interval with the wanted coverage: counts are skewed and often
zero, so neither is symmetric about the mean. The intervals are then made wider or narrower by one
factor until they cover as promised on spots that had no part in them (a split-conformal step),
and grow with the local uncertainty of the prediction.

A map of medians must beat no map at all: where one number for the whole section, the gene's median
at the measured spots, has no higher absolute error at spots left out, that number is the answer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

KNOTS = 32
FEWEST = 24
PARTS = 5
GENES_AT_ONCE = 512
GENES_FOR_FACTOR = 1000


@dataclass(frozen=True)
class Levels:
    """What was measured around predicted levels: (Q, G) arrays at Q knots.

    ``predicted`` is the level, ``low``, ``middle``, ``high`` the interval's ends and the median
    of what was measured there, ``sd`` the typical predictive deviation of these spots.
    """

    predicted: np.ndarray
    low: np.ndarray
    middle: np.ndarray
    high: np.ndarray
    sd: np.ndarray


@dataclass(frozen=True)
class Calibration:
    """How to read a method's prediction.

    Attributes
    ----------
    levels : Levels
    widen : float
        Factor for interval widths.
    constant : (G,) array
        Median answer of a gene whose map of medians is no better than it; NaN for other genes.
    """

    levels: Levels
    widen: float
    constant: np.ndarray

    def answer(self, mean: np.ndarray, sd: np.ndarray) -> tuple[np.ndarray, ...]:
        """Median, lower and upper end (t, G) where ``mean`` and deviation ``sd`` are predicted."""
        median, lower, upper = _read(self.levels, mean, sd, self.widen)
        flat = np.nonzero(np.isfinite(self.constant))[0]
        # Where the interval leaves the constant out, its nearer end: the three stay in order.
        median[:, flat] = np.clip(self.constant[flat], lower[:, flat], upper[:, flat])
        return median, lower, upper


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
    widen = _factor(measured[:, some], predicted[:, some], sd[:, some], coverage)
    levels = _learn(measured, predicted, sd, coverage)
    return Calibration(levels, widen, _constant(measured, predicted, sd, coverage))


def _constant(measured, predicted, sd, coverage: float) -> np.ndarray:
    """Each gene's median (G,) where, on spots left out of both, it errs no more than its map."""
    part, error = np.arange(len(measured)) % PARTS, np.zeros(measured.shape[1])
    for k in range(PARTS):
        rest, out = part != k, part == k
        levels = _learn(measured[rest], predicted[rest], sd[rest], coverage)
        mapped = _read(levels, predicted[out], sd[out], 1.0)[0]
        error += np.abs(measured[out] - mapped).sum(0)
        error -= np.abs(measured[out] - np.median(measured[rest], axis=0)).sum(0)
    return np.where(error < 0, np.nan, np.median(measured, axis=0)).astype(np.float32)


def _factor(measured, predicted, sd, coverage: float) -> float:
    """Factor for the widths that makes intervals cover spots they were not learned from."""
    if not measured.size:
        return 1.0
    part, needed = np.arange(len(measured)) % PARTS, []
    for k in range(PARTS):
        learn = part != k
        levels = _learn(measured[learn], predicted[learn], sd[learn], coverage)
        needed.append(_needed(levels, measured[~learn], predicted[~learn], sd[~learn]))
    return float(np.clip(np.quantile(np.concatenate(needed), coverage), 0.5, 3.0))


def _learn(measured, predicted, sd, coverage: float) -> Levels:
    """Levels of every gene, genes in chunks to bound memory."""
    parts = [
        _learn_chunk(
            measured[:, g : g + GENES_AT_ONCE],
            predicted[:, g : g + GENES_AT_ONCE],
            sd[:, g : g + GENES_AT_ONCE],
            coverage,
        )
        for g in range(0, measured.shape[1], GENES_AT_ONCE)
    ]
    return Levels(*(np.concatenate(columns, 1) for columns in zip(*parts, strict=True)))


def _learn_chunk(measured, predicted, sd, coverage: float) -> tuple[np.ndarray, ...]:
    count = len(measured)
    width = min(count, max(FEWEST, count // 12))
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


def _read(levels: Levels, mean, sd, widen: float) -> tuple[np.ndarray, ...]:
    """Median and interval at predicted values: levels interpolated, widths by uncertainty."""
    out = tuple(np.zeros(mean.shape, np.float32) for _ in range(3))
    # A gene that is zero nearly everywhere has all three at zero: half of a transcriptome.
    some = np.nonzero(levels.high.any(0))[0]
    for first in range(0, len(some), GENES_AT_ONCE):
        at = some[first : first + GENES_AT_ONCE]
        part = Levels(
            levels.predicted[:, at],
            levels.low[:, at],
            levels.middle[:, at],
            levels.high[:, at],
            levels.sd[:, at],
        )
        for whole, piece in zip(out, _read_chunk(part, mean[:, at], sd[:, at], widen), strict=True):
            whole[:, at] = piece
    return out


def _read_chunk(levels: Levels, mean, sd, widen: float) -> tuple[np.ndarray, ...]:
    knots = levels.predicted
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
    grown = np.clip(mean / np.maximum(knots[-1], 1e-6), 1.0, 3.0)
    centre, low, high = (grown * at(v) for v in (levels.middle, levels.low, levels.high))
    factor = widen * sd / np.maximum(at(levels.sd), 1e-9)
    # An end at zero stays there: no value lies below.
    lower = np.where(low > 0.0, np.maximum(centre - factor * (centre - low), 0.0), 0.0)
    return centre, lower, centre + factor * (high - centre)


def _needed(levels: Levels, measured, predicted, sd) -> np.ndarray:
    """Factor (m, G) that would just bring each value inside its interval."""
    centre, lower, upper = _read(levels, predicted, sd, 1.0)
    above = (measured - centre) / np.maximum(upper - centre, 1e-6)
    below = np.where(lower > 0.0, (centre - measured) / np.maximum(centre - lower, 1e-6), 0.0)
    return np.maximum(above, below)
