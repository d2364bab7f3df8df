"""The compact engine's first estimate: depth-aware kriging of programmes, then regression.

Kriging predicts each programme from its own neighbourhood. Programmes also inform each other
beyond any linear rule (a spot on the edge of a duct has its typical profile), so the kriged
profile of a position predicts, by Gaussian-process regression in programme space, what kriging
got wrong at measured spots with a similar kriged profile. How many programmes to use and how
far to trust the regression is decided on withheld measured spots.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from s2s_core.kriging import Kriged, Variograms, candidate_ranges, fit_variograms, krige
from s2s_core.observation import Observation, morton_order, to_image
from s2s_core.programmes import Programmes, fit_programmes

FOLDS = 4
PROFILE = 20
CENTRES = 1000
# Ridge of the regression; infinite switches it off.
RIDGES = (np.inf, 20.0, 8.0, 4.0, 2.0)
COUNTS = (5, 10, 15, 20, 30, 40, 60, 80)


@dataclass(frozen=True)
class Estimate:
    """Estimated images of C programmes from some of the spots, and those samples.

    ``mean``, ``deviation``, ``samples`` are (C, H, W) float32, ``mask`` (H, W) bool, ``noise``
    (C,) the noise share of each programme's variance.
    """

    mean: np.ndarray
    deviation: np.ndarray
    samples: np.ndarray
    mask: np.ndarray
    noise: np.ndarray


@dataclass(frozen=True)
class Lens:
    """What is fitted on measured spots before any training.

    Attributes
    ----------
    programmes : Programmes
    variograms : Variograms
    ridge : float
        Of the regression in programme space; infinite where it did not help.
    """

    programmes: Programmes
    variograms: Variograms
    ridge: float

    @property
    def importance(self) -> np.ndarray:
        """(P,) signal standard deviation of each programme in gene units."""
        return self.programmes.scale / np.sqrt(1.0 + self.variograms.nugget)

    def predict(self, obs: Observation, targets: np.ndarray) -> Kriged:
        """Programme scores at flat target pixels from an observation's spots."""
        scores = self.programmes.scores(obs.values)
        kriged = _krige(obs, scores, targets, self.variograms, leave_out=np.isfinite(self.ridge))
        if kriged.left_out is None:
            return kriged
        correction = regress(kriged, scores, obs.noise, self.programmes.scale, self.ridge)
        return Kriged(kriged.mean + correction, kriged.variance)

    def estimate(self, obs: Observation) -> Estimate:
        """Programmes of an observation over the whole tissue, as images."""
        predicted = self.predict(obs, obs.targets)
        return as_images(obs, self.programmes.scores(obs.values), predicted, self.variograms)


def fit_lens(obs: Observation, count: int, seed: int, like: Lens | None = None) -> Lens:
    """Programmes, variograms and regression of an observation.

    Parameters
    ----------
    obs : Observation
    count : int
        Most programmes to use; withheld spots may ask for fewer.
    seed : int
    like : Lens, optional
        Take its number of programmes and ridge instead of choosing them anew.
    """
    if like is not None:
        count = len(like.programmes.scale)
    programmes = fit_programmes(obs.values, count, seed, obs.noise)
    scores = programmes.scores(obs.values)
    points = obs.lattice_xy(obs.pixels)
    variograms = fit_variograms(points, scores, "withheld", noise=obs.noise, seed=seed)
    if like is not None:
        return Lens(programmes, variograms, like.ridge)
    count, ridge = _choose(obs, programmes, scores, variograms)
    return Lens(programmes.first(count), variograms.first(count), ridge)


def regress(
    kriged: Kriged, scores: np.ndarray, noise: np.ndarray, scale: np.ndarray, ridge: float
) -> np.ndarray:
    """(t, P) correction of kriged scores, learned from how kriging did at measured spots.

    Features are kriged profiles (each measured spot's from the other spots), the response is
    what kriging missed there. Subset of regressors with at most 1000 centres.
    """
    profile = kriged.left_out[:, :PROFILE] * scale[:PROFILE]
    asked = kriged.mean[:, :PROFILE] * scale[:PROFILE]
    missed = (scores - kriged.left_out).astype(np.float64)
    step = -(-len(profile) // CENTRES)
    centres = profile[::step]
    among = cdist(centres, centres, "sqeuclidean")
    # Bandwidth: variance 1/2 of the typical squared distance between profiles.
    width = max(float(np.median(among)), 1e-12)
    gram = np.exp(-among / width)
    cross = np.exp(-cdist(centres, profile, "sqeuclidean") / width)
    precise = cross / noise
    system = precise @ cross.T + ridge * gram
    system[np.diag_indices_from(system)] += 1e-6 * np.trace(system) / len(system)
    weights = cho_solve(cho_factor(system, check_finite=False), precise @ missed)
    out = np.empty((len(asked), scores.shape[1]), np.float32)
    for start in range(0, len(asked), 8192):
        rows = slice(start, start + 8192)
        out[rows] = np.exp(-cdist(asked[rows], centres, "sqeuclidean") / width) @ weights
    return out


def as_images(
    obs: Observation, columns: np.ndarray, predicted: Kriged, variograms: Variograms
) -> Estimate:
    """Images of predicted columns, their deviation and samples."""
    # Deviation of the signal itself: the nugget's share is taken out again.
    signal = np.maximum(predicted.variance - variograms.sill * variograms.nugget, 0.0)
    return Estimate(
        to_image(predicted.mean, obs.targets, obs.grid.shape),
        to_image(np.sqrt(signal), obs.targets, obs.grid.shape),
        obs.image(columns),
        obs.mask_image(),
        (variograms.nugget / (1.0 + variograms.nugget)).astype(np.float32),
    )


def krige_photographs(obs: Observation, columns: np.ndarray) -> Estimate:
    """Estimate of photographs measured at the observation's spots, each with its own range."""
    points = obs.lattice_xy(obs.pixels)
    ranges = candidate_ranges(points)[::3]
    variograms = fit_variograms(points, columns, "withheld", ranges=ranges)
    return as_images(obs, columns, _krige(obs, columns, obs.targets, variograms), variograms)


def _krige(obs, columns, targets, variograms, *, leave_out: bool = False) -> Kriged:
    points, where = obs.lattice_xy(obs.pixels), obs.lattice_xy(targets)
    return krige(points, columns, where, variograms, noise=obs.noise, leave_out=leave_out)


def _choose(obs, programmes, scores, variograms) -> tuple[int, float]:
    """Number of programmes and ridge with the least error at withheld measured spots."""
    counts = [c for c in COUNTS if c < len(programmes.scale)] + [len(programmes.scale)]
    error = np.zeros((len(RIDGES), len(counts)))
    fold = np.empty(len(obs.pixels), int)
    fold[morton_order(obs.lattice_xy(obs.pixels))] = np.arange(len(fold)) % FOLDS
    for k in range(FOLDS):
        kept, out = obs.subset(fold != k), fold == k
        kriged = _krige(kept, scores[fold != k], obs.pixels[out], variograms, leave_out=True)
        true = (scores[out] * programmes.scale) ** 2
        for i, ridge in enumerate(RIDGES):
            guess = kriged.mean
            if np.isfinite(ridge):
                guess = guess + regress(
                    kriged, scores[fold != k], kept.noise, programmes.scale, ridge
                )
            # Loadings are orthonormal: squared error over genes is that over programmes, and
            # a programme left out costs its own size.
            saved = true - ((guess - scores[out]) * programmes.scale) ** 2
            saved = (saved / obs.noise[out][:, None]).sum(0).cumsum()
            error[i] -= saved[[c - 1 for c in counts]]
    ridge, count = np.unravel_index(error.argmin(), error.shape)
    return counts[count], RIDGES[ridge]
