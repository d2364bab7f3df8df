"""Degrading clean images as tissue is: outlines and holes, masks of all kinds, noise by depth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from s2s_core.data.grid import Grid
from s2s_core.data.observation import Observation
from s2s_core.geostat.estimate_images import Estimate, estimate_images, smooth_images
from s2s_core.network.pretrained.patterns import draw_pattern, smooth_field

SIZE = 40
IMAGES = 16
NOISE_FREE = 0.15
NOISE_TO_SIGNAL = (0.1, 8.0)
FEWEST = 40
MOST = 700


@dataclass(frozen=True)
class Example:
    """Images measured at the same spots of one tissue: an estimate and the truth (C, H, W)."""

    estimate: Estimate
    truth: np.ndarray
    tissue: np.ndarray


def draw_example(photographs, rng: np.random.Generator, *, kriging: bool = True) -> Example:
    """One random tissue, mask and noise with :data:`IMAGES` images.

    Parameters
    ----------
    photographs : tuple of arrays
    rng : numpy Generator
    kriging : bool
        First estimate by kriging, else by Gaussian averages of the samples.
    """
    hexagonal = rng.random() < 0.5
    tissue = draw_tissue((SIZE, SIZE), rng)
    grid = Grid("hex" if hexagonal else "square", tissue, 0, 0, 0, np.eye(3)[:, :2])
    truth = np.stack(
        [draw_pattern(photographs, tissue.shape, rng, hexagonal=hexagonal) for _ in range(IMAGES)]
    )
    low, high = NOISE_TO_SIGNAL
    ratio = np.exp(rng.uniform(np.log(low), np.log(high), IMAGES))
    ratio[rng.random(IMAGES) < NOISE_FREE] = 0.0
    truth -= truth[:, tissue].mean(1)[:, None, None]
    truth /= np.maximum(truth[:, tissue].std(1), 1e-3)[:, None, None]
    truth *= np.sqrt(1.0 / (1.0 + ratio))[:, None, None]
    pixels = np.flatnonzero(draw_mask(tissue, rng))
    depth = np.exp(rng.uniform(0.0, 0.5) * rng.normal(size=len(pixels)))
    spread = np.sqrt(ratio / (1.0 + ratio) * depth[:, None])
    values = truth.reshape(IMAGES, -1)[:, pixels].T
    values = values + rng.normal(size=values.shape) * spread
    obs = Observation(
        values.astype(np.float32),
        pixels,
        np.flatnonzero(tissue),
        grid,
        None,
        np.clip(depth, 0.2, 5.0),
    )
    make = estimate_images if kriging else smooth_images
    return Example(make(obs, obs.values), truth, tissue)


def draw_tissue(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """(H, W) bool tissue: the whole field, or an outline with holes and lost spots."""
    if rng.random() < 0.3:
        return np.ones(shape, bool)
    row, col = (np.linspace(-1, 1, n) for n in shape)
    radius = np.hypot(row[:, None] - rng.uniform(-0.5, 0.5), col - rng.uniform(-0.5, 0.5))
    field = smooth_field(shape, rng, rng.uniform(2.0, 6.0)) - rng.uniform(0.5, 2.0) * radius
    tissue = field > np.quantile(field, rng.uniform(0.05, 0.5))
    return tissue & (rng.random(shape) >= rng.uniform(0.0, 0.05))


def draw_mask(tissue: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(H, W) bool sampling mask inside the tissue: lattice, stratified or random."""
    row, col = np.indices(tissue.shape)
    kind = rng.integers(5)
    if kind <= 1:
        stride = (2, 2, 3)[rng.integers(3)]
        mask = ((row + rng.integers(stride)) % stride == 0) & (
            (col + rng.integers(stride)) % stride == 0
        )
    elif kind == 2:
        mask = (row + col) % 2 == 0
    elif kind == 3:
        # One random spot in each cell: evenly spread, as Poisson disc.
        cell = (2, 2, 3, 4)[rng.integers(4)]
        pick = (
            rng.integers(cell, size=(2, *tissue.shape))[:, ::cell, ::cell]
            .repeat(cell, 1)
            .repeat(cell, 2)
        )
        pick = pick[:, : tissue.shape[0], : tissue.shape[1]]
        mask = (row % cell == pick[0]) & (col % cell == pick[1])
    else:
        mask = rng.random(tissue.shape) < np.exp(rng.uniform(np.log(0.06), np.log(0.6)))
    if rng.random() < 0.5:
        # Sparser still, as the splits of a section are.
        mask = mask & (rng.random(tissue.shape) >= rng.uniform(0.1, 0.5))
    mask &= tissue
    count = int(mask.sum())
    if count > MOST:
        mask.flat[rng.choice(np.flatnonzero(mask), count - MOST, replace=False)] = False
    elif count < FEWEST:
        free = np.flatnonzero(tissue & ~mask)
        mask.flat[rng.choice(free, min(FEWEST - count, len(free)), replace=False)] = True
    return mask
