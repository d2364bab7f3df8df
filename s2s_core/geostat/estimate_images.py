"""First estimates as images: what the compact network starts from and corrects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.data.observation import Observation, to_image
from s2s_core.geostat.baselines import gaussian_weights
from s2s_core.geostat.kriging import Kriged, krige
from s2s_core.geostat.variograms import Candidate, Spots, Variograms, candidates_for, fit_variograms

# Kernels of programmes and photographs.
KERNELS = ("exponential", "matern32")


@dataclass(frozen=True)
class Estimate:
    """Estimated images of C programmes from some of the spots, and those samples.

    ``mean``, ``deviation``, ``samples`` are (C, H, W) float32, ``mask`` (H, W) bool, ``noise``
    (C,) the noise share of each programme's variance, ``row_offset`` (H, W) how far a row is
    displaced from the first (hexagonal lattices), in pitches.
    """

    mean: np.ndarray
    deviation: np.ndarray
    samples: np.ndarray
    mask: np.ndarray
    noise: np.ndarray
    row_offset: np.ndarray


def as_images(
    obs: Observation, columns: np.ndarray, predicted: Kriged, variograms: Variograms
) -> Estimate:
    """Images of predicted columns, their deviation and samples."""
    # Deviation of the signal itself: the noise's share is taken out again.
    signal = np.maximum(predicted.variance - variograms.noise, 0.0)
    noise = variograms.noise / (variograms.signal + variograms.noise)
    return _images(obs, columns, predicted.mean, np.sqrt(signal), noise)


def estimate_images(
    obs: Observation,
    columns: np.ndarray,
    spots: Spots | None = None,
    candidates: tuple[Candidate, ...] | None = None,
) -> Estimate:
    """Estimate of images measured at the observation's spots, each with its own variogram."""
    spots = spots_of(obs) if spots is None else spots
    candidates = candidates or candidates_for(spots.points, KERNELS, 4)
    variograms = fit_variograms(spots, columns, "average", candidates=candidates)
    predicted = krige(spots, columns, obs.lattice_xy(obs.targets), variograms)
    return as_images(obs, columns, predicted, variograms)


def smooth_images(obs: Observation, columns: np.ndarray) -> Estimate:
    """The same without kriging: narrow and wide Gaussian averages of the samples."""
    points, where = obs.lattice_xy(obs.pixels), obs.lattice_xy(obs.targets)
    spacing = float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))
    narrow, wide = (gaussian_weights(points, where, s * spacing) @ columns for s in (0.6, 1.5))
    near = gaussian_weights(points, points, spacing, leave_out=True) @ columns
    noise = np.clip(((near - columns) ** 2).mean(0) / np.maximum(columns.var(0), 1e-9), 0.0, 1.0)
    return _images(obs, columns, narrow, wide, noise)


def _images(obs: Observation, columns, mean, deviation, noise) -> Estimate:
    shape = obs.grid.shape
    u = obs.grid.lattice_xy(*np.indices(shape).reshape(2, -1))[:, 0].reshape(shape)
    return Estimate(
        to_image(mean, obs.targets, shape),
        to_image(deviation, obs.targets, shape),
        obs.image(columns),
        obs.mask_image(),
        noise.astype(np.float32),
        (u - u[0]).astype(np.float32),
    )


def spots_of(obs: Observation) -> Spots:
    """Measured spots of an observation for kriging."""
    return Spots(obs.lattice_xy(obs.pixels), obs.noise)


class Kept:
    """Things made of the observations seen last, so that they are made once.

    Observations of one section are told apart by their measured pixels.
    """

    def __init__(self, most: int = 6) -> None:
        self._most = most
        self._kept: dict[bytes, object] = {}

    def of(self, obs: Observation, make: Callable[[Observation], object]):
        """What ``make`` makes of an observation, or made of it before."""
        key = obs.pixels.tobytes()
        thing = self._kept.pop(key) if key in self._kept else make(obs)
        self._kept[key] = thing
        if len(self._kept) > self._most:
            del self._kept[next(iter(self._kept))]
        return thing
