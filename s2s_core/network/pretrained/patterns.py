"""Clean images the prior learns from: photographs and made patterns of unit variance."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from s2s_core.data.grid import HEX_ROW
from s2s_core.network.natural_images import crop

PHOTOGRAPHS = 0.6


def draw_pattern(photographs, shape: tuple[int, int], rng, *, hexagonal: bool) -> np.ndarray:
    """(H, W) image on a square or hexagonal lattice, mean 0 and variance 1."""
    # A hexagonal lattice is sampled from a square image that is larger by the half step.
    source = (shape[0] + 2, shape[1] + 2)
    if rng.random() < PHOTOGRAPHS:
        image = crop(photographs, source, rng)
        if rng.random() < 0.5:
            image = -image
    else:
        image = MADE[rng.integers(len(MADE))](source, rng)
    row, col = np.indices(shape).astype(float)
    if hexagonal:
        col += 0.5 * (np.arange(shape[0])[:, None] % 2)
        row *= HEX_ROW
    image = map_coordinates(image, [row, col], order=1)
    return ((image - image.mean()) / max(float(image.std()), 1e-3)).astype(np.float32)


def smooth_field(shape: tuple[int, int], rng, width: float | None = None) -> np.ndarray:
    """Gaussian random field of a random correlation length, unit variance."""
    width = 2.0 ** rng.uniform(0.0, 3.5) if width is None else width
    field = gaussian_filter(rng.normal(size=shape), width, mode="wrap")
    return field / field.std()


def _regions(shape, rng) -> np.ndarray:
    """Flat regions with sharp borders: nearest of random seeds, displaced by a smooth field."""
    place = np.moveaxis(np.indices(shape), 0, -1).astype(float)
    place += 2.0 * np.stack([smooth_field(shape, rng, 4.0) for _ in range(2)], -1)
    seeds = rng.uniform(0, max(shape), (rng.integers(4, 40), 2))
    nearest = ((place[:, :, None] - seeds) ** 2).sum(-1).argmin(-1)
    return rng.normal(size=len(seeds))[nearest]


def _islands(shape, rng) -> np.ndarray:
    """Regions where a smooth field passes a threshold."""
    field = smooth_field(shape, rng)
    return np.tanh((field - rng.uniform(-1.0, 1.5)) * 2.0 ** rng.uniform(0, 4))


def _layers(shape, rng) -> np.ndarray:
    """Layers across a bent axis, as of a cortex."""
    row, col = np.indices(shape) / max(shape)
    angle = rng.uniform(0, np.pi)
    depth = row * np.cos(angle) + col * np.sin(angle) + 0.15 * smooth_field(shape, rng, 8.0)
    levels = rng.normal(size=rng.integers(3, 9))
    return np.interp(depth % 1.0, np.linspace(0, 1, len(levels)), levels)


def _ridges(shape, rng) -> np.ndarray:
    """Thin bent lines: where a smooth field crosses zero."""
    width = rng.uniform(0.1, 0.4)
    return np.exp(-((smooth_field(shape, rng, 2.0 ** rng.uniform(1, 3)) / width) ** 2))


def _spots(shape, rng) -> np.ndarray:
    """Small bright spots on a dark ground."""
    seeds = rng.random(shape) < rng.uniform(0.005, 0.05)
    image = gaussian_filter(seeds * rng.exponential(size=shape), rng.uniform(0.5, 2.0))
    return image / max(float(image.std()), 1e-6)


def _sum(shape, rng) -> np.ndarray:
    """Sharp regions over a smooth trend."""
    return _regions(shape, rng) + rng.uniform(0.3, 1.5) * smooth_field(shape, rng)


MADE = (smooth_field, _regions, _islands, _layers, _ridges, _spots, _sum)
