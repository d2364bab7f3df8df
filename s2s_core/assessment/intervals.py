"""Median and interval of every imputed value, learned from withheld measured spots.

Each measured spot is predicted from others, and what was measured is set beside what was
predicted. Around each predicted level, the measured values of the spots predicted alike give the
conditional median and the shortest interval with the wanted coverage: counts are skewed and often
zero, so neither is symmetric about the mean. The intervals are then made wider or narrower by one
factor, and grow with the local uncertainty of the prediction.

What an interval says: of the values that would be measured where this gene is predicted alike, at
typical depth, 90 % lie inside. The factor is that of a cross-conformal step: quantiles learned from
four fifths of the measured spots are judged at the other fifth, with the correction for a finite
number of spots. It is no exact conformal guarantee: one factor serves all genes, and settings of the
method (programmes, variograms, the network's prior) were chosen with the judged spots among the
others, which makes predictions there a little better than at hidden spots. Both are measured, not
proven: benchmarks/interval_truth.py.

What it does not say: that 90 % of the spots with much of a gene lie inside. Among spots chosen by
their true value, hot spots, an interval given the prediction holds far fewer.

A map of medians must beat no map at all: where one number for the whole section, the gene's median
at the measured spots, has no higher absolute error at spots left out, that number is the answer.

References
----------
Vovk, Cross-conformal predictors, Ann. Math. Artif. Intell. 74, 2015.
Lei et al., Distribution-free predictive inference for regression, JASA 113, 2018: equation of the
finite-sample level.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from s2s_core.assessment.level_windows import LevelWindows, Place

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
    """How to read a method's prediction.

    Attributes
    ----------
    quantiles : ConditionalQuantiles
    conformal_factor : float
        Of the interval widths.
    constant : (G,) array
        Median answer of a gene whose map of medians is no better than it; NaN for other genes.
    """

    quantiles: ConditionalQuantiles
    conformal_factor: float
    constant: np.ndarray

    def answer(self, mean: np.ndarray, sd: np.ndarray) -> Intervals:
        """Median and interval (t, G) where ``mean`` and deviation ``sd`` are predicted."""
        found = _read(self.quantiles, mean, sd, self.conformal_factor)
        flat = np.nonzero(np.isfinite(self.constant))[0]
        # Where the interval leaves the constant out, its nearer end: the three stay in order.
        found.median[:, flat] = np.clip(
            self.constant[flat], found.lower[:, flat], found.upper[:, flat]
        )
        return found


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
    quantiles = _learn(measured, predicted, sd, coverage)
    return Calibration(quantiles, factor, _constant(measured, predicted, sd, coverage))


def _constant(
    measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray, coverage: float
) -> np.ndarray:
    """Each gene's median (G,) where, on spots left out of both, it errs no more than its map."""
    part, error = np.arange(len(measured)) % CONFORMAL_FOLDS, np.zeros(measured.shape[1])
    for k in range(CONFORMAL_FOLDS):
        rest, out = part != k, part == k
        quantiles = _learn(measured[rest], predicted[rest], sd[rest], coverage)
        mapped = _read(quantiles, predicted[out], sd[out], 1.0).median
        error += np.abs(measured[out] - mapped).sum(0)
        error -= np.abs(measured[out] - np.median(measured[rest], axis=0)).sum(0)
    return np.where(error < 0, np.nan, np.median(measured, axis=0)).astype(np.float32)


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
    level = conformal_level(len(measured), coverage)
    return float(np.clip(np.quantile(np.concatenate(needed), level), *FACTOR_RANGE))


def conformal_level(spots: int, coverage: float) -> float:
    """Share of calibration values to hold so that new ones are held with at least ``coverage``.

    The finite-sample correction of split-conformal intervals. Genes share spots, so that spots
    count, not values: 0.90 becomes 0.96 with 28 spots, 0.93 with 57, 0.901 with 669.
    """
    return min(1.0, math.ceil((spots + 1) * coverage) / spots)


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
    windows = LevelWindows.along(predicted)
    width = windows.width
    level = windows.of(predicted).mean(-1)
    spread = windows.of(sd).mean(-1)
    inside = np.sort(windows.of(measured), axis=-1)
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
    place = Place.of(quantiles.predicted, mean)
    columns = quantiles.middle, quantiles.low, quantiles.high
    # Beyond the last level in proportion: what is zero there stays zero.
    grown = np.clip(mean / np.maximum(quantiles.predicted[-1], 1e-6), 1.0, MOST_GROWTH)
    centre, low, high = (grown * place.at(values) for values in columns)
    width = factor * sd / np.maximum(place.at(quantiles.sd), 1e-9)
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
