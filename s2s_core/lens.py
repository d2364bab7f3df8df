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

from s2s_core.estimate import KERNELS, Estimate, as_images, spots_of
from s2s_core.kriging import Kriged, krige
from s2s_core.observation import Observation, morton_order
from s2s_core.programmes import Programmes, fit_programmes
from s2s_core.variograms import Variograms, fit_variograms

FOLDS = 4
PROFILE = 20
CENTRES = 1000
# Ridge of the regression; infinite switches it off.
RIDGES = (np.inf, 20.0, 8.0, 4.0, 2.0)
COUNTS = (5, 10, 15, 20, 30, 40, 60, 80)
# Length scales of each kernel.
RANGES = 6
# Weight of the common share of the remainder, in typical genes.
LEAN = 5.0


@dataclass(frozen=True)
class Lens:
    """What is fitted on measured spots before any training.

    Attributes
    ----------
    programmes : Programmes
    variograms : Variograms
    ridge : float
        Of the regression in programme space; infinite where it did not help.
    remainder : Variograms
        Of each gene's own remainder, what the programmes leave of it.
    share : (G,) array
        How much of the kriged remainder counts, 0..1.
    """

    programmes: Programmes
    variograms: Variograms
    ridge: float
    remainder: Variograms
    share: np.ndarray

    @property
    def importance(self) -> np.ndarray:
        """(P,) signal standard deviation of each programme in gene units."""
        return self.programmes.scale / np.sqrt(1.0 + self.variograms.nugget)

    def predict(self, obs: Observation, targets: np.ndarray) -> Kriged:
        """Programme scores at flat target pixels from an observation's spots."""
        scores = self.programmes.scores(obs.values)
        kriged = krige(
            spots_of(obs), scores, obs.lattice_xy(targets), self.variograms,
            leave_out=np.isfinite(self.ridge),
        )  # fmt: skip
        if kriged.left_out is None:
            return kriged
        correction = regress(kriged, scores, obs.noise, self.programmes.scale, self.ridge)
        return Kriged(kriged.mean + correction, kriged.variance)

    def genes(self, obs: Observation, targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(t, G) values from (t, P) scores, with each gene's own kriged remainder."""
        values = self.programmes.genes(scores)
        if self.share.any():
            values += self.share * _krige_remainder(obs, targets, self.programmes, self.remainder)
        return np.maximum(values, 0.0)

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
    scores, spots = programmes.scores(obs.values), spots_of(obs)
    variograms = fit_variograms(spots, scores, "average", kernels=KERNELS, ranges=RANGES, seed=seed)
    withheld = None
    if like is None:
        count, ridge, withheld = _choose(obs, programmes, scores, variograms)
        programmes, variograms = programmes.first(count), variograms.columns(slice(count))
    left = obs.values - programmes.genes(programmes.scores(obs.values))
    remainder = fit_variograms(
        spots, left, "likelihood-average", kernels=("exponential",), ranges=4, seed=seed
    )
    if like is not None:
        return Lens(programmes, variograms, like.ridge, remainder, like.share)
    share = _share(obs, programmes, withheld[:, :count], remainder)
    return Lens(programmes, variograms, ridge, remainder, share)


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


def _choose(obs, programmes, scores, variograms) -> tuple[int, float, np.ndarray]:
    """Number of programmes and ridge with the least error at withheld measured spots.

    Also returns the scores (m, P) that were predicted there with that ridge.
    """
    counts = [c for c in COUNTS if c < len(programmes.scale)] + [len(programmes.scale)]
    error = np.zeros((len(RIDGES), len(counts)))
    guess = np.empty((len(RIDGES), *scores.shape), np.float32)
    for out in _folds(obs):
        kept = obs.subset(~out)
        kriged = krige(
            spots_of(kept), scores[~out], obs.lattice_xy(obs.pixels[out]), variograms,
            variance=False, leave_out=True,
        )  # fmt: skip
        true = (scores[out] * programmes.scale) ** 2
        for i, ridge in enumerate(RIDGES):
            guess[i, out] = kriged.mean
            if np.isfinite(ridge):
                guess[i, out] += regress(kriged, scores[~out], kept.noise, programmes.scale, ridge)
            # Loadings are orthonormal: squared error over genes is that over programmes, and
            # a programme left out costs its own size.
            saved = true - ((guess[i, out] - scores[out]) * programmes.scale) ** 2
            saved = (saved / obs.noise[out][:, None]).sum(0).cumsum()
            error[i] -= saved[[c - 1 for c in counts]]
    best, count = np.unravel_index(error.argmin(), error.shape)
    return counts[count], RIDGES[best], guess[best]


def _share(obs, programmes, withheld, remainder) -> np.ndarray:
    """(G,) least-squares share of the kriged remainder at withheld measured spots.

    Genes lean on the share of all of them, as each alone is judged on few spots.
    """
    missed = obs.values - programmes.genes(withheld)
    left = obs.values - programmes.genes(programmes.scores(obs.values))
    nowhere = np.empty((0, 2))
    step = krige(spots_of(obs), left, nowhere, remainder, variance=False, leave_out=True).left_out
    weight = 1.0 / obs.noise[:, None]
    scale = np.maximum(obs.values.var(0), 1e-9)
    along = (weight * step * missed).sum(0) / scale
    size = (weight * step**2).sum(0) / scale
    common = along.sum() / max(float(size.sum()), 1e-9)
    lean = LEAN * size.mean()
    return np.clip((along + lean * common) / (size + lean + 1e-9), 0.0, 1.0).astype(np.float32)


def _krige_remainder(obs, targets, programmes, remainder) -> np.ndarray:
    left = obs.values - programmes.genes(programmes.scores(obs.values))
    where = obs.lattice_xy(targets)
    return krige(spots_of(obs), left, where, remainder, variance=False).mean


def _folds(obs: Observation) -> list[np.ndarray]:
    """Bool masks (m,) of the measured spots withheld in turn, each spread evenly."""
    rank = np.empty(len(obs.pixels), int)
    rank[morton_order(obs.lattice_xy(obs.pixels))] = np.arange(len(rank))
    return [rank % FOLDS == k for k in range(FOLDS)]
