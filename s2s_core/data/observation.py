"""Observation: the log-normalised values of the measured spots, all that a method may see.

Every imputation method, every hyperparameter and every stopping rule works on an
:class:`Observation`. It is built from the measured rows alone, so that no unmeasured value can
reach training, model choice or a baseline's tuning, whatever the table holds there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

from s2s_core.data.design_text import Decimation, decimation
from s2s_core.data.grid import Grid
from s2s_core.data.section import Section
from s2s_core.data.spatial import morton_order
from s2s_core.errors import S2SError

# Noise variance of a spot goes with its depth to this power, within these limits, relative to a
# typical spot. Counting noise alone would be -1, noise that depth has no part in 0: on eight sections
# -0.5 has the best PCC on six and is within 0.2 % of the best on two (benchmarks/depth_exponent.py). The
# limits are untuned.
DEPTH_EXPONENT = -0.5
NOISE_LIMITS = (0.2, 5.0)


@dataclass(frozen=True)
class Observation:
    """Measured values X_m on the grid.

    Attributes
    ----------
    values : (m, G) float32 array
        log1p of counts scaled to ``target_sum``.
    pixels : (m,) int array
        Flat grid index of each measured spot.
    targets : (n,) int array
        Flat grid index of every tissue position, in the section's row order.
    grid : Grid
    target_sum : float or None
        Median total count of the measured spots; None where input was log-normalised already.
    noise : (m,) array
        Relative noise variance expected of each spot from its total count; 1 is typical.
    lattice : Decimation or None
        Stride and phase where the measured spots are a lattice mask.
    """

    values: np.ndarray
    pixels: np.ndarray
    targets: np.ndarray
    grid: Grid
    target_sum: float | None
    noise: np.ndarray
    lattice: Decimation | None = None

    @property
    def n_genes(self) -> int:
        """Number of genes G."""
        return self.values.shape[1]

    def lattice_xy(self, pixels: np.ndarray) -> np.ndarray:
        """Coordinates (k, 2) of flat pixels, in units of the pitch."""
        return self.grid.lattice_xy(*np.divmod(pixels, self.grid.shape[1]))

    def subset(self, keep: np.ndarray) -> Observation:
        """Observation of only some of the measured spots (sparser still).

        Parameters
        ----------
        keep : (m,) bool or (k,) int array
        """
        keep = np.asarray(keep)
        return replace(
            self,
            values=self.values[keep],
            pixels=self.pixels[keep],
            noise=self.noise[keep],
            lattice=None,
        )

    def rows(self, pixels: np.ndarray) -> np.ndarray:
        """Rows (k,) of :attr:`targets` that flat pixels of the tissue lie at."""
        order = np.argsort(self.targets)
        return order[np.searchsorted(self.targets, pixels, sorter=order)]

    def mask_image(self) -> np.ndarray:
        """M_h as an (H, W) bool image."""
        image = np.zeros(self.grid.shape, bool)
        image.flat[self.pixels] = True
        return image

    def image(self, values: np.ndarray) -> np.ndarray:
        """(C, H, W) float32 images of (m, C) values at the measured spots, 0 elsewhere."""
        return to_image(values, self.pixels, self.grid.shape)


def to_image(values: np.ndarray, pixels: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """Scatter (k, C) values at flat pixels into (C, H, W) float32 images, 0 elsewhere."""
    image = np.zeros((values.shape[1], shape[0] * shape[1]), np.float32)
    image[:, pixels] = values.T
    return image.reshape(values.shape[1], *shape)


def observe(section: Section) -> Observation:
    """Log-normalise the measured spots of a section.

    Each spot's counts are scaled to the median total of the measured spots that have any
    count, then log1p. Values that are log-normalised already pass unchanged.

    Raises
    ------
    S2SError
        Where the section cannot be imputed (see :meth:`Section.check_ready`).
    """
    section.check_ready()
    measured = section.counts[section.measured]
    target_sum = normalisation_target(section)
    return Observation(
        values=log_normalise(measured, target_sum, section.spot_totals[section.measured]),
        pixels=section.pixels[section.measured],
        targets=section.pixels,
        grid=section.grid,
        target_sum=target_sum,
        noise=depth_noise(section.spot_totals[section.measured], target_sum),
        lattice=decimation(section.design),
    )


def depth_noise(totals: np.ndarray, target_sum: float | None) -> np.ndarray:
    """Relative noise variance (m,) of spots from their total counts.

    Counting noise falls with depth, biological noise does not: the variance is taken to go with
    :data:`DEPTH_EXPONENT` of depth, within :data:`NOISE_LIMITS`. Spots without any count are as
    precise as a typical one (an empty bin is no noisy measurement), and so is log-normalised input.

    Parameters
    ----------
    totals : (m,) array
        Total counts.
    target_sum : float or None
        Total of a typical spot; None for log-normalised input.
    """
    if target_sum is None:
        return np.ones(len(totals))
    depth = np.where(totals > 0, totals, target_sum) / target_sum
    return np.clip(depth**DEPTH_EXPONENT, *NOISE_LIMITS)


def normalisation_target(section: Section) -> float | None:
    """Median total count of the measured spots that have any; None for log-normalised input."""
    if section.is_log:
        return None
    totals = section.spot_totals[section.measured]
    return float(np.median(totals[totals > 0]))


def log_normalise(
    counts: sparse.csr_matrix, target_sum: float | None, totals: np.ndarray
) -> np.ndarray:
    """(n, G) float32 array of log1p(counts * target_sum / total); unchanged without a target.

    Parameters
    ----------
    counts : (n, G) csr_matrix
    target_sum : float or None
        None declares the values log-normalised already.
    totals : (n,) array
        Total count of each row, over all genes of the input.
    """
    return log_normalise_sparse(counts, target_sum, totals).toarray().astype(np.float32)


def log_normalise_sparse(
    counts: sparse.csr_matrix, target_sum: float | None, totals: np.ndarray
) -> sparse.csr_matrix:
    """As :func:`log_normalise`, but sparse: float64, or the very counts without a target."""
    if target_sum is None:
        return counts
    totals = np.asarray(totals, float)
    scale = np.divide(target_sum, totals, out=np.zeros_like(totals), where=totals > 0)
    return sparse.diags(scale).dot(counts).log1p()


def known_values(section: Section, target_sum: float | None) -> np.ndarray:
    """(n, G) log-normalised truth for scores; NaN where nothing is known."""
    values = log_normalise(section.counts, target_sum, section.spot_totals)
    values[~section.known] = np.nan
    return values


def withhold(obs: Observation, fraction: float, seed: int) -> np.ndarray:
    """Bool mask (m,) of measured spots set aside, spread evenly, at least five.

    Systematic sampling along a space-filling curve, so that every region gives its share.

    Parameters
    ----------
    obs : Observation
    fraction : float
        Of the measured spots, 0..1.
    seed : int
        Of the first spot along the curve.

    Raises
    ------
    S2SError
        If fewer than ten spots are measured.
    """
    m = _enough(obs)
    count = max(5, round(fraction * m))
    order = morton_order(obs.lattice_xy(obs.pixels))
    step = m / count
    start = np.random.default_rng(seed).uniform(0, step)
    aside = np.zeros(m, bool)
    aside[order[np.floor(start + step * np.arange(count)).astype(int) % m]] = True
    return aside


def _enough(obs: Observation) -> int:
    """Number of measured spots, at least ten."""
    m = len(obs.pixels)
    if m < 10:
        raise S2SError(f"{m} measured spots are too few to set any aside for scores.")
    return m


def folds(obs: Observation, count: int = 4) -> list[np.ndarray]:
    """Cross-validation folds: bool masks (m,) of measured spots, each spread evenly.

    Every measured spot is in one of them: every ``count``-th along a space-filling curve.

    Raises
    ------
    S2SError
        If fewer than ten spots are measured.
    """
    _enough(obs)
    rank = np.empty(len(obs.pixels), int)
    rank[morton_order(obs.lattice_xy(obs.pixels))] = np.arange(len(rank))
    return [rank % count == k for k in range(count)]
