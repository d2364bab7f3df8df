"""One method's answer: mean, deviation, median and interval at some positions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from s2s_core.assessment.intervals import Calibration, Intervals
from s2s_core.interfaces import Prediction


@dataclass(frozen=True)
class Answer:
    """One method's answer at t positions.

    Attributes
    ----------
    mean : (t, G) float32 array
    sd : (t, G) array or None
        Predictive standard deviation, where the method has one.
    intervals : Intervals or None
        None where a method that is only compared has no deviation.
    details : dict
    constant : (G,) bool array or None
        Genes whose median is one number for the whole section.
    """

    mean: np.ndarray
    sd: np.ndarray | None
    intervals: Intervals | None
    details: dict
    constant: np.ndarray | None = None

    @classmethod
    def of(cls, prediction: Prediction, calibration: Calibration | None) -> Answer:
        """Read a prediction by its calibration."""
        mean, sd = prediction.mean.astype(np.float32), prediction.sd
        if calibration is None:
            return cls(mean, sd, None, prediction.details)
        spread = np.ones_like(mean) if sd is None else sd.astype(np.float32)
        constant = np.isfinite(calibration.constant)
        return cls(mean, sd, calibration.answer(mean, spread), prediction.details, constant)

    def with_measured(self, rows: np.ndarray, measured: np.ndarray) -> Answer:
        """The answer with measured values (m, G) in their rows (m,): data consistency."""

        def put(values: np.ndarray, known: np.ndarray | float) -> np.ndarray:
            values = values.astype(np.float32)
            values[rows] = known
            return values

        found, sd = self.intervals, self.sd
        if found is not None:
            columns = (found.median, found.lower, found.upper)
            found = Intervals(*(put(values, measured) for values in columns))
        sd = None if sd is None else put(sd, 0.0)
        return Answer(put(self.mean, measured), sd, found, self.details, self.constant)


@dataclass(frozen=True)
class ScoredSpots:
    """Predictions of one method at measured spots that were withheld from it.

    Attributes
    ----------
    rows : (k,) int array
        Rows of the section.
    measured, mean : (k, G) arrays
        What was measured there, log-normalised, and what was predicted.
    intervals : Intervals or None
    """

    rows: np.ndarray
    measured: np.ndarray
    mean: np.ndarray
    intervals: Intervals | None

    @classmethod
    def of(
        cls, rows: Sequence[np.ndarray], measured: Sequence[np.ndarray], answers: Sequence[Answer]
    ) -> ScoredSpots:
        """The spots of several folds, one fold after the other."""
        found = [answer.intervals for answer in answers if answer.intervals is not None]
        intervals = (
            Intervals(
                np.concatenate([part.median for part in found]),
                np.concatenate([part.lower for part in found]),
                np.concatenate([part.upper for part in found]),
            )
            if found
            else None
        )
        means = np.concatenate([answer.mean for answer in answers])
        return cls(np.concatenate(rows), np.concatenate(measured), means, intervals)
