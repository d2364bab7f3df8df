"""Aliasing: what a periodic mask takes for something coarser than it is.

A mask that repeats with a period cannot tell a pattern of wave vector k from one of k + f,
where f is a peak of the mask's own spectrum. The share of the pilot's patterns whose waves lie
nearer to such a peak than to zero is what a design would fold onto coarser patterns.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.fft import next_fast_len
from scipy.ndimage import maximum_filter, uniform_filter

from s2s_core.data.grid import HEX_ROW
from s2s_core.data.section import Section

# A peak of a mask's spectrum, relative to its share of spots.
PEAK = 0.5
# White noise is what the upper part of the frequencies holds on average.
NOISE_FROM = 0.75


@dataclass(frozen=True)
class Spectrum:
    """Power of a section's patterns by wave vector.

    Attributes
    ----------
    cells : (n, 2) int array
        Row and column of each position in axial coordinates (the plain pixels of a square
        lattice), which any shift of the lattice leaves a lattice.
    shape : (H, W)
    power : (H, W) array
        Sums to 1; white noise is taken out. All zero where nothing is left.
    waves : (H, W, 2) array
        Wave vector of each entry in cycles a pitch.
    translations : (9, 2) array
        Wave vectors that the full lattice itself cannot tell from zero.
    """

    cells: np.ndarray
    shape: tuple[int, int]
    power: np.ndarray
    waves: np.ndarray
    translations: np.ndarray


def spectrum(section: Section, rows: np.ndarray, values: np.ndarray) -> Spectrum:
    """Spectrum of (m, C) values at some rows of a section; columns weigh by their variance."""
    hexagonal = section.grid.kind == "hex"
    array_row, array_col = section.array_index
    if hexagonal:
        array_col = (array_col - array_row - section.grid.parity) // 2
    cells = np.column_stack([array_row - array_row.min(), array_col - array_col.min()])
    shape = tuple(next_fast_len(int(side) + 1, real=True) for side in cells.max(0))
    total = np.zeros(shape)
    centred = values - values.mean(0)
    for column in centred.T:
        image = np.zeros(shape, np.float32)
        image[tuple(cells[rows].T)] = column
        total += np.abs(np.fft.fft2(image)) ** 2
    along, across = np.meshgrid(*(np.fft.fftfreq(side) for side in shape), indexing="ij")
    waves = to_waves(along, across, hexagonal=hexagonal)
    steps = np.array([(a, b) for a in (0, -1, 1) for b in (0, -1, 1)], float)
    translations = to_waves(*steps.T, hexagonal=hexagonal)
    length = np.linalg.norm(_shortest(waves, translations), axis=-1)
    # A periodogram is as uncertain as it is high: neighbouring waves are averaged.
    total = uniform_filter(total, 3, mode="wrap")
    noise = total[length >= np.quantile(length, NOISE_FROM)].mean()
    power = np.maximum(total - noise, 0.0)
    power /= max(power.sum(), 1e-12)
    return Spectrum(cells, shape, power, waves, translations)


def to_waves(along, across, *, hexagonal: bool) -> np.ndarray:
    """(..., 2) wave vectors (u, v) in cycles a pitch from frequencies along both axes.

    A hexagonal position lies at u = q + r / 2, v = r sqrt(3) / 2.
    """
    if not hexagonal:
        return np.stack([across, along], -1)
    return np.stack([across, (along - across / 2) / HEX_ROW], -1)


def aliased_share(patterns: Spectrum, mask: np.ndarray) -> tuple[float, bool]:
    """Share (0..1) of the patterns a mask folds onto coarser ones, and whether it is periodic.

    Parameters
    ----------
    patterns : Spectrum
    mask : (n,) bool array
        Measured tissue positions.
    """
    image = np.zeros(patterns.shape, np.float32)
    image[tuple(patterns.cells[mask].T)] = 1.0
    height = np.abs(np.fft.fft2(image)) / max(float(mask.sum()), 1.0)
    peaks = (height > PEAK) & (height == maximum_filter(height, 5, mode="wrap"))
    tissue = np.zeros(patterns.shape, np.float32)
    tissue[tuple(patterns.cells.T)] = 1.0
    # Around zero a mask has the spectrum of the tissue's outline: no period of its own.
    peaks &= np.abs(np.fft.fft2(tissue)) / len(patterns.cells) < PEAK / 2
    found = patterns.waves[peaks]
    if not len(found):
        return 0.0, False
    origins = (found[:, None] + patterns.translations).reshape(-1, 2)
    busy = patterns.power > 0
    waves = patterns.waves[busy]
    own = (_shortest(waves, patterns.translations) ** 2).sum(-1)
    # A tie (a wave half-way) is lost as well, up to rounding.
    foreign = np.full(len(waves), np.inf)
    for origin in origins:
        foreign = np.minimum(foreign, ((waves - origin) ** 2).sum(-1))
    return float(patterns.power[busy][foreign <= own + 1e-9].sum()), True


def _shortest(waves: np.ndarray, translations: np.ndarray) -> np.ndarray:
    """Each wave vector's shortest equal on the full lattice."""
    apart = waves[..., None, :] - translations
    nearest = (apart**2).sum(-1).argmin(-1)
    return np.take_along_axis(apart, nearest[..., None, None], -2)[..., 0, :]
