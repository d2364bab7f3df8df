"""Draws of a finished map: maps that could be true, given what was measured.

A map of means is smoother than any measurement, and its genes are far more alike: what was missed
is missing from it. A draw puts it back. What the method missed at measured spots that it did not
see tells by how much values miss (:mod:`s2s_core.assessment.conditional_law`), how that correlates
between genes (:mod:`s2s_core.geostat.residual_factors`) and, with variograms, between positions
(:mod:`s2s_core.geostat.conditional_simulation`). Any method's map can be drawn from: only its
predictions are asked.

What spots as many as these cannot tell differs between draws as well: each learns its law from a
bootstrap sample of the measured spots.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

import numpy as np

from s2s_core.assessment.conditional_law import ConditionalLaw, Fit
from s2s_core.data.observation import Observation, observe
from s2s_core.data.result import Result, provide_drawing
from s2s_core.errors import S2SError
from s2s_core.geostat.conditional_simulation import ErrorSimulation
from s2s_core.geostat.estimate_images import spots_of
from s2s_core.geostat.residual_factors import fit_residual_factors
from s2s_core.geostat.variogram_fit import Criterion, candidates_for, fit_variograms
from s2s_core.hardware import blas_threads

# Kernels and length scales of the fields.
KERNELS = ("exponential", "matern32")
RANGES = 6
# Genes in one array, which bounds memory; random numbers do not depend on it.
GENES_AT_ONCE = 512


class Kind(StrEnum):
    """What is drawn.

    ``MEASUREMENT`` is what a measurement at typical depth could have been, noise included: compare
    it with measurements. ``SIGNAL`` is what varies continuously in space, without the noise of
    measuring: its correlations between genes are not those of measurements.
    """

    MEASUREMENT = "measurement"
    SIGNAL = "signal"


class MapSimulation:
    """Draws of a result's map, each made when it is asked for.

    Parameters
    ----------
    result : Result
    kind : Kind

    Raises
    ------
    S2SError
        If the result does not say what its method predicted at withheld measured spots.
    """

    def __init__(self, result: Result, kind: Kind = Kind.MEASUREMENT) -> None:
        if result.withheld is None:
            raise S2SError(
                "This run has kept no predictions at withheld measured spots, which draws are made "
                "from: run the method again with this version."
            )
        self._kind, self._threads = Kind(kind), result.config.threads
        obs = observe(result.section)
        self._measured, self._rows = obs.values, obs.rows(obs.pixels)
        self._hidden = np.setdiff1d(np.arange(len(obs.targets)), self._rows)
        # No expression is below zero, whatever a method says.
        self._predicted = np.maximum(result.withheld.mean, 0.0)
        self._sd = np.asarray(result.withheld.sd)
        self._mean = np.maximum(self._hidden_part(result.maps, result), 0.0)
        residuals = self._measured - self._predicted
        deviation = np.maximum(residuals.std(0), 1e-6)
        with blas_threads(len(self._rows), self._threads):
            self._fits, response = self._fit(self._hidden_part(result.sd, result))
            self._factors = fit_residual_factors(residuals, response / deviation)
            self._errors = self._simulation(obs, obs.values / deviation)

    def _hidden_part(self, maps: dict[str, np.ndarray], result: Result) -> np.ndarray:
        """(t, G) float32 part of the method's map, or of its deviation; ones where it has none."""
        method = result.config.method
        if method not in maps:
            return np.ones((len(self._hidden), self._measured.shape[1]), np.float32)
        return np.asarray(maps[method])[self._hidden]

    def _fit(self, sd: np.ndarray) -> tuple[list[Fit], np.ndarray]:
        """The law fitted to the map, by chunks of genes, and its slope (G,) at measured spots."""
        fits, slopes = [], []
        for at, law in self._laws(np.arange(len(self._measured))):
            fits.append(Fit.of(law, self._mean[:, at], sd[:, at]))
            slope = Fit.of(law, self._predicted[:, at], self._sd[:, at]).slope
            slopes.append(np.sqrt((slope**2).mean(0)))
        return fits, np.concatenate(slopes)

    def _simulation(self, obs: Observation, values: np.ndarray) -> ErrorSimulation:
        """Kriging errors of factors and genes, by variograms of measured values in residuals' units."""
        spots = spots_of(obs)
        columns = np.hstack([values @ self._factors.directions.T, values])
        candidates = candidates_for(spots.points, KERNELS, RANGES)
        variograms = fit_variograms(spots, columns, Criterion.LIKELIHOOD, candidates=candidates)
        targets = obs.lattice_xy(obs.targets[self._hidden])
        return ErrorSimulation(spots, targets, variograms, obs.grid.kind)

    @property
    def shape(self) -> tuple[int, int]:
        """(n, G) of a draw."""
        return len(self._rows) + len(self._hidden), self._measured.shape[1]

    def draw(self, index: int, seed: int = 0) -> np.ndarray:
        """(n, G) float32 draw number ``index``; measured positions hold their own values."""
        rng = np.random.default_rng([seed, index])
        with blas_threads(len(self._rows), self._threads):
            errors = self._errors.draw(rng)
        out = np.empty(self.shape, np.float32)
        out[self._rows] = self._measured
        if self._kind is Kind.SIGNAL:
            out[self._hidden] = self._signal(self._scores(errors.signal))
        else:
            bootstrap = rng.integers(len(self._measured), size=len(self._measured))
            out[self._hidden] = self._measurement(self._scores(errors.measurement), bootstrap)
        return out

    def _signal(self, scores: np.ndarray) -> np.ndarray:
        """(t, G) means with what they may have missed, to first order in the normal scores."""
        slope = np.hstack([fit.slope for fit in self._fits])
        return np.maximum(self._mean + slope * scores, 0.0)

    def _measurement(self, scores: np.ndarray, bootstrap: np.ndarray) -> np.ndarray:
        """(t, G) values of the law that a bootstrap sample of the measured spots teaches."""
        parts = zip(self._laws(bootstrap), self._fits, strict=True)
        return np.hstack(
            [fit.values(law, self._mean[:, at], scores[:, at]) for (at, law), fit in parts]
        )

    def _scores(self, errors: np.ndarray) -> np.ndarray:
        """(t, G) normal scores of genes from the errors of factors and of each gene's own part."""
        count = len(self._factors.directions)
        shared = errors[:, :count] @ self._factors.loadings.T
        return shared + errors[:, count:] * self._factors.own

    def _laws(self, spots: np.ndarray) -> Iterator[tuple[slice, ConditionalLaw]]:
        """Law of some of the measured spots for every chunk of genes."""
        for first in range(0, self._measured.shape[1], GENES_AT_ONCE):
            at = slice(first, first + GENES_AT_ONCE)
            learned = self._measured, self._predicted, self._sd
            yield at, ConditionalLaw.learn(*(table[spots, at] for table in learned))


def draw_maps(
    result: Result, count: int, *, seed: int = 0, kind: str = Kind.MEASUREMENT
) -> Iterator[np.ndarray]:
    """Draws (n, G) of a result's map, one after the other, so that memory holds one.

    Parameters
    ----------
    result : Result
    count : int
    seed : int
        Draw number i depends on seed and i alone.
    kind : {"measurement", "signal"}

    Raises
    ------
    S2SError
        If fewer than one draw is asked for, or the result has kept nothing to draw from.
    """
    if count < 1:
        raise S2SError(f"At least one draw is needed, not {count}.")
    simulation = MapSimulation(result, Kind(kind))
    return (simulation.draw(i, seed) for i in range(count))


provide_drawing(draw_maps)
