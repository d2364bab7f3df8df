"""First estimates as images: what the network on programmes starts from and corrects."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.data.observation import Observation, to_image
from s2s_core.geostat.baselines import gaussian_weights
from s2s_core.geostat.kriging import Kriged, krige
from s2s_core.geostat.variogram_fit import Criterion, candidates_for, fit_variograms
from s2s_core.geostat.variograms import Candidate, Decompositions, Variograms, spots_of

# Kernels that are averaged over for programmes and natural images; length scales of each for images
# alone. Untuned.
AVERAGED_KERNELS = ("exponential", "matern32")
IMAGE_RANGES = 4
# Widths of the Gaussian averages that stand for kriging without it, in distances between
# neighbouring measured spots; untuned.
NARROW, WIDE, NOISE_WIDTH = 0.6, 1.5, 1.0


@dataclass(frozen=True)
class Estimate:
    """Estimated images of C programmes from some of the spots, and those samples.

    Attributes
    ----------
    mean, deviation : (C, H, W) float32 arrays
        The estimate and the standard deviation of its signal.
    samples : (C, H, W) float32 array
        Values at the measured spots, 0 elsewhere.
    mask : (H, W) bool array
        Measured spots.
    noise : (C,) float32 array
        Share of noise in each programme's variance, 0..1.
    row_offset : (H, W) float32 array
        How far a row is displaced from the first (hexagonal lattices), in pitches.
    """

    mean: np.ndarray
    deviation: np.ndarray
    samples: np.ndarray
    mask: np.ndarray
    noise: np.ndarray
    row_offset: np.ndarray


def as_images(
    obs: Observation, values: np.ndarray, predicted: Kriged, variograms: Variograms
) -> Estimate:
    """Images of kriged columns, their deviation and the samples.

    Parameters
    ----------
    obs : Observation
    values : (m, C) array
        What was measured.
    predicted : Kriged
        Mean and variance at the observation's targets.
    variograms : Variograms of the C columns
    """
    # Deviation of the signal itself: the noise's share is taken out again.
    signal = np.maximum(predicted.asked_variance() - variograms.noise, 0.0)
    noise = variograms.noise / (variograms.signal + variograms.noise)
    return _images(obs, values, predicted.mean, np.sqrt(signal), noise)


def estimate_images(
    obs: Observation,
    values: np.ndarray,
    decompositions: Decompositions | None = None,
    candidates: tuple[Candidate, ...] | None = None,
) -> Estimate:
    """Estimate of images measured at the observation's spots, each with its own variogram.

    Parameters
    ----------
    obs : Observation
        Where and how noisily the images are measured; its values are not used.
    values : (m, C) array
        Measured values of C images.
    decompositions : Decompositions, optional
        Those of the observation's spots.
    candidates : tuple of (kernel, range), optional
        Covariances to try.
    """
    made = Decompositions(spots_of(obs)) if decompositions is None else decompositions
    candidates = candidates or candidates_for(made.spots.points, AVERAGED_KERNELS, IMAGE_RANGES)
    variograms = fit_variograms(
        made.spots, values, Criterion.AVERAGE, candidates=candidates, decompositions=made
    )
    targets = obs.lattice_xy(obs.targets)
    predicted = krige(made.spots, values, targets, variograms, decompositions=made)
    return as_images(obs, values, predicted, variograms)


def smooth_images(obs: Observation, values: np.ndarray) -> Estimate:
    """Estimate without kriging: narrow and wide Gaussian averages of (m, C) values.

    The wide one takes the place of the deviation.
    """
    points, where = obs.lattice_xy(obs.pixels), obs.lattice_xy(obs.targets)
    spacing = float(np.median(cKDTree(points).query(points, k=2)[0][:, 1]))
    narrow, wide = (gaussian_weights(points, where, s * spacing) @ values for s in (NARROW, WIDE))
    near = gaussian_weights(points, points, NOISE_WIDTH * spacing, leave_out=True) @ values
    noise = np.clip(((near - values) ** 2).mean(0) / np.maximum(values.var(0), 1e-9), 0.0, 1.0)
    return _images(obs, values, narrow, wide, noise)


def _images(
    obs: Observation,
    values: np.ndarray,
    mean: np.ndarray,
    deviation: np.ndarray,
    noise: np.ndarray,
) -> Estimate:
    """Estimate of (m, C) values from (n, C) mean and deviation at the observation's targets."""
    shape = obs.grid.shape
    u = obs.grid.lattice_xy(*np.indices(shape).reshape(2, -1))[:, 0].reshape(shape)
    return Estimate(
        mean=to_image(mean, obs.targets, shape),
        deviation=to_image(deviation, obs.targets, shape),
        samples=obs.image(values),
        mask=obs.mask_image(),
        noise=noise.astype(np.float32),
        row_offset=(u - u[0]).astype(np.float32),
    )
