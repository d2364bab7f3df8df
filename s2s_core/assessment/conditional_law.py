"""What may be measured where a value is predicted: the law that draws of a map follow.

Each measured spot is predicted from others, and what was measured at spots predicted alike is what
may be measured where as much is predicted. Counts are skewed and often zero, so the law is theirs
and no formula. Shared by all draws is the predicted mean: the law's own mean is put there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.stats import norm

from s2s_core.assessment.level_windows import LevelWindows, Place

# The law is stretched to the predicted mean by this factor at most, where few spots tell both.
MOST_STRETCH = 4.0


@dataclass(frozen=True)
class ConditionalLaw:
    """Measured values of spots predicted alike, in Q windows of w spots for each of G genes.

    Attributes
    ----------
    level, sd : (Q, G) arrays
        Mean prediction in each window, and mean predictive deviation.
    values : (Q, G, w) array
        What was measured there, rising.
    """

    level: np.ndarray
    sd: np.ndarray
    values: np.ndarray

    @classmethod
    def learn(cls, measured: np.ndarray, predicted: np.ndarray, sd: np.ndarray) -> ConditionalLaw:
        """The law of (m, G) values measured where others' predictions and deviations were these."""
        windows = LevelWindows.along(predicted)
        return cls(
            windows.of(predicted).mean(-1),
            windows.of(sd).mean(-1),
            np.sort(windows.of(measured), axis=-1),
        )

    @cached_property
    def mean(self) -> np.ndarray:
        """(Q, G) mean measured value."""
        return self.values.mean(-1)

    @cached_property
    def slope(self) -> np.ndarray:
        """(Q, G) covariance of a value with the normal score that it is drawn by.

        To first order, draws whose scores correlate by r have the covariance r times the product
        of their slopes (the first term of Mehler's expansion).
        """
        width = self.values.shape[-1]
        edges = norm.pdf(norm.ppf(np.arange(width + 1) / width))
        return (self.values * (edges[:-1] - edges[1:])).sum(-1).astype(np.float32)

    def place(self, predicted: np.ndarray) -> Place:
        """Where (t, G) predictions stand among the levels."""
        return Place.of(self.level, predicted)

    def value(self, place: Place, scores: np.ndarray) -> np.ndarray:
        """(t, G) values at standard normal scores: quantiles of what was measured there."""
        width = self.values.shape[-1]
        rank = np.minimum((norm.cdf(scores) * width).astype(np.intp), width - 1)
        genes = np.arange(scores.shape[1])
        low = self.values[place.below, genes, rank]
        return low + place.share * (self.values[place.above, genes, rank] - low)


@dataclass(frozen=True)
class Fit:
    """How the law of all measured spots is fitted to (t, G) predictions.

    Attributes
    ----------
    mean : (t, G) array
        The law's mean there, stretched to the prediction where it can be.
    stretch : (t, G) array
        Factor of its values.
    widen : (t, G) array
        Factor of deviations from the mean: the predictive deviation there in typical ones.
    slope : (t, G) array
        Covariance of a value with its normal score (:attr:`ConditionalLaw.slope`).
    """

    mean: np.ndarray
    stretch: np.ndarray
    widen: np.ndarray
    slope: np.ndarray

    @classmethod
    def of(cls, law: ConditionalLaw, predicted: np.ndarray, sd: np.ndarray) -> Fit:
        """Fit a law to predictions and their deviations."""
        place = law.place(predicted)
        mean = place.at(law.mean)
        stretch = np.clip(predicted / np.maximum(mean, 1e-6), 1.0 / MOST_STRETCH, MOST_STRETCH)
        stretch = np.where(mean > 1e-6, stretch, 1.0).astype(np.float32)
        widen = (sd / np.maximum(place.at(law.sd), 1e-9)).astype(np.float32)
        return cls(mean * stretch, stretch, widen, place.at(law.slope) * stretch * widen)

    def values(self, law: ConditionalLaw, predicted: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(t, G) values of a (bootstrapped) law at normal scores; what is zero stays zero."""
        drawn = law.value(law.place(predicted), scores)
        value = self.mean + self.widen * (drawn * self.stretch - self.mean)
        return np.where(drawn > 0.0, np.maximum(value, 0.0), 0.0).astype(np.float32)
