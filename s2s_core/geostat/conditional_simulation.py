"""Conditional simulation: Gaussian fields of what kriging of some columns may have missed.

An unconditional field is drawn at measured spots and targets, the noise of measuring is added at
the spots, and the spots are kriged as the data were: what kriging misses of the drawn field is a
draw of what it missed of the true one. Its covariance is that of kriging errors, between any two
targets as well, the estimated mean of a column included.

References
----------
Chiles & Delfiner, Geostatistics: Modeling Spatial Uncertainty, 2012, section 7.3 (conditioning by
kriging).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from s2s_core.geostat.kriging import Kriged, krige
from s2s_core.geostat.random_fields import LatticeFields
from s2s_core.geostat.variograms import NUGGETS, Decompositions, Spots, Variograms

# Columns simulated at once, which bounds memory.
COLUMNS = 1024


@dataclass(frozen=True)
class Errors:
    """Draws (t, C) of kriging errors, in deviations of a new measurement at each target.

    Attributes
    ----------
    signal : (t, C) float32 array
        Of the signal, what varies continuously in space.
    measurement : (t, C) float32 array
        Of a new measurement, noise included: unit variance.
    """

    signal: np.ndarray
    measurement: np.ndarray


class ErrorSimulation:
    """Draws of kriging errors of C columns at t targets.

    Parameters
    ----------
    spots : Spots
        The m measured ones.
    targets : (t, 2) array
        Lattice coordinates.
    variograms : Variograms
        Of the columns; each column's heaviest candidate and nugget are taken for true.
    kind : str
        Lattice type of spots and targets.
    """

    def __init__(
        self, spots: Spots, targets: np.ndarray, variograms: Variograms, kind: str
    ) -> None:
        self._spots, self._targets = spots, targets
        self._variograms = variograms.most_probable()
        self._fields = LatticeFields(np.vstack([spots.points, targets]), kind)
        self._decompositions = None if spots.exceeds_dense_limit else Decompositions(spots)
        self._candidate, nugget = _chosen(self._variograms)
        self._noise = np.sqrt(nugget).astype(np.float32)
        nothing = np.zeros((len(spots.points), len(nugget)), np.float32)
        variance = self._krige(nothing, self._variograms, variance=True).asked_variance()
        # In units of the signal's variance; what measured spots explain cannot exceed it.
        variance = np.maximum(variance / self._variograms.signal, nugget + 1e-6)
        self._scale = (1.0 / np.sqrt(variance)).astype(np.float32)

    def draw(self, rng: np.random.Generator) -> Errors:
        """One draw of all columns."""
        shape = len(self._targets), len(self._noise)
        out = Errors(np.empty(shape, np.float32), np.empty(shape, np.float32))
        for first in range(0, shape[1], COLUMNS):
            self._fill(out, slice(first, min(first + COLUMNS, shape[1])), rng)
        return out

    def _fill(self, out: Errors, columns: slice, rng: np.random.Generator) -> None:
        noise, m = self._noise[columns], len(self._spots.points)
        field = np.empty((m + len(self._targets), len(noise)), np.float32)
        chosen = self._candidate[columns]
        for i in np.unique(chosen):
            at = np.nonzero(chosen == i)[0]
            field[:, at] = self._fields.draw(self._variograms.candidates[i], len(at), rng)
        precision = self._spots.root_precision
        measured = rng.standard_normal((m, len(noise)), np.float32)
        measured = field[:m] + measured * noise / precision[:, None]
        mean = np.average(measured, axis=0, weights=precision**2)
        own = replace(self._variograms.columns(columns), mean=mean)
        missed = (field[m:] - self._krige(measured, own).mean) * self._scale[:, columns]
        out.signal[:, columns] = missed
        again = rng.standard_normal(missed.shape, np.float32)
        out.measurement[:, columns] = missed + again * noise * self._scale[:, columns]

    def _krige(
        self, values: np.ndarray, variograms: Variograms, *, variance: bool = False
    ) -> Kriged:
        return krige(
            self._spots,
            values,
            self._targets,
            variograms,
            variance=variance,
            decompositions=self._decompositions,
        )


def _chosen(variograms: Variograms) -> tuple[np.ndarray, np.ndarray]:
    """Index of the candidate (C,) and nugget (C,) that columns of one candidate each have."""
    flat = variograms.weight.reshape(-1, variograms.weight.shape[2]).argmax(0)
    candidate, nugget = np.divmod(flat, len(NUGGETS))
    return candidate, NUGGETS[nugget]
