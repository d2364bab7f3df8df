"""The compact engine's first estimate: depth-aware kriging of programmes, then regression.

Programmes of several weightings of the genes stand side by side (see
:mod:`s2s_core.geostat.gene_weightings`); a gene is the average of what they say of it.
Kriging predicts each programme from its own neighbourhood. Programmes also inform each other
beyond any linear rule (a spot on the edge of a duct has its typical profile), so the kriged
profile of a position predicts, by Gaussian-process regression in programme space, what kriging
got wrong at measured spots with a similar kriged profile. How many programmes to use and how
far to trust the regression is decided on withheld measured spots. What programmes leave of a
gene is kriged for that gene alone, as far as withheld spots favour it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial.distance import cdist

from s2s_core.data.observation import Observation, folds
from s2s_core.geostat.estimate_images import KERNELS, Estimate, Kept, as_images, spots_of
from s2s_core.geostat.gene_weightings import WeightedProgrammes, fit_weighted
from s2s_core.geostat.kriging import Kriged, krige
from s2s_core.geostat.variograms import Variograms, candidates_for, fit_variograms

PROFILE = 20
CENTRES = 1000
# Positions corrected at once: bounds memory.
ROWS = 20_000
# Ridges of the regression: none, gentle or firm; several are averaged, which is surer than one.
RIDGES = ((), (50.0, 20.0, 8.0), (8.0, 4.0, 2.0))
COUNTS = (5, 10, 15, 20, 30, 40, 60, 80)
# Length scales of each kernel.
RANGES = 6
# Weight of the share that all genes (or programmes) have in common, in typical ones.
LEAN = 5.0
# Share of a gene's remainder that is not worth kriging.
NEGLIGIBLE = 0.02


@dataclass(frozen=True)
class FirstEstimate:
    """What is fitted on measured spots before any training.

    Attributes
    ----------
    programmes : WeightedProgrammes
    variograms : Variograms
    ridges : tuple of tuple of float
        Of the regression in each weighting's programme space, averaged; none where it did not
        help.
    remainder : Variograms
        Of each gene's own remainder, what the programmes leave of it.
    share : (G,) array
        How much of the kriged remainder counts, 0..1; what is negligible is 0 and not kriged.
    spots, estimates : Kept
        Decompositions and estimates of the subsets seen last.
    """

    programmes: WeightedProgrammes
    variograms: Variograms
    ridges: tuple[tuple[float, ...], ...]
    remainder: Variograms
    share: np.ndarray
    spots: Kept = field(repr=False, compare=False)
    estimates: Kept = field(repr=False, compare=False)

    @property
    def importance(self) -> np.ndarray:
        """(P,) signal standard deviation of each programme in gene units."""
        return self.programmes.size / np.sqrt(1.0 + self.variograms.nugget)

    def predict(self, obs: Observation, targets: np.ndarray) -> Kriged:
        """Programme scores at flat target pixels from an observation's spots."""
        return self._predict(obs, targets, self.programmes.scores(obs.values))

    def _predict(self, obs: Observation, targets: np.ndarray, scores: np.ndarray) -> Kriged:
        kriged = krige(
            self.spots.of(obs, spots_of),
            scores,
            obs.lattice_xy(targets),
            self.variograms,
            leave_out=any(self.ridges),
        )
        mean = _corrected(kriged, scores, obs.noise, self.programmes, self.ridges)
        return Kriged(mean, kriged.variance)

    def estimate(self, obs: Observation) -> Estimate:
        """Programmes of an observation over the whole tissue, as images.

        Those of the subsets seen last are kept: folds serve training, shares and intervals.
        """
        return self.estimates.of(obs, self._estimate)

    def _estimate(self, obs: Observation) -> Estimate:
        scores = self.programmes.scores(obs.values)
        predicted = self._predict(obs, obs.targets, scores)
        return as_images(obs, scores, predicted, self.variograms)

    def genes(self, obs: Observation, targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(t, G) values from (t, P) scores, with each gene's own kriged remainder."""
        values = self.programmes.genes(scores)
        used = np.nonzero(self.share)[0]
        if len(used):
            left = obs.values - self.programmes.genes(self.programmes.scores(obs.values))
            where, spots = obs.lattice_xy(targets), self.spots.of(obs, spots_of)
            own = self.remainder.columns(used)
            kriged = krige(spots, left[:, used], where, own, variance=False).mean
            values[:, used] += self.share[used] * kriged
        return np.maximum(values, 0.0, out=values)

    def gene_deviation(self, variance: np.ndarray) -> np.ndarray:
        """(t, G) predictive deviation of a measurement from (t, P) score variances."""
        own = self.remainder.noise + self.remainder.signal
        return np.sqrt(self.programmes.gene_variance(variance) + own).astype(np.float32)


# Parts of the work that fit_first_estimate reports.
FIT_STEPS = 6


def fit_first_estimate(
    obs: Observation,
    count: int,
    seed: int,
    tick: Callable[[int, int], None] = lambda *_: None,
    *,
    regression: bool = True,
) -> FirstEstimate:
    """Programmes, variograms and regression of an observation.

    Parameters
    ----------
    obs : Observation
    count : int
        Most programmes of each weighting of the genes; withheld spots may ask for fewer.
    seed : int
    tick : callable
        Called with the parts done and all parts; may raise to stop.
    regression : bool
        Whether withheld spots may ask for a regression among programmes; without it the
        estimate is kriging alone.
    """
    kept = Kept()
    programmes = fit_weighted(obs, count, seed)
    scores, spots = programmes.scores(obs.values), kept.of(obs, spots_of)
    candidates = candidates_for(spots.points, KERNELS, RANGES)
    variograms = fit_variograms(spots, scores, "average", candidates=candidates, seed=seed)
    tick(1, FIT_STEPS)
    counts, ridges, withheld = _choose(
        obs, programmes, scores, variograms, kept, tick, RIDGES if regression else RIDGES[:1]
    )
    share = programmes.favoured(obs, withheld, counts)
    ridges = tuple(own for own, some in zip(ridges, share > 0, strict=True) if some)
    programmes, used = programmes.first(counts, share)
    variograms = variograms.columns(used)
    left = obs.values - programmes.genes(programmes.scores(obs.values))
    # One kernel and the likelihood alone serve a remainder as well, at a tenth of the time.
    remainder = fit_variograms(
        spots, left, "likelihood-average", candidates=candidates[:RANGES], seed=seed
    )
    step = np.empty(left.shape, np.float32)
    for out in folds(obs):
        rest, asked = kept.of(obs.subset(~out), spots_of), spots.points[out]
        step[out] = krige(rest, left[~out], asked, remainder, variance=False).mean
    missed = obs.values - programmes.genes(withheld[:, used])
    scale = 1.0 / np.maximum(obs.values.std(0), 1e-6)
    share = shrinkage_factors(step, missed, 1.0 / obs.noise, scale)
    share[share < NEGLIGIBLE] = 0.0
    return FirstEstimate(programmes, variograms, ridges, remainder, share, kept, Kept())


def regress(
    kriged: Kriged,
    scores: np.ndarray,
    noise: np.ndarray,
    scale: np.ndarray,
    ridges: tuple[float, ...],
) -> np.ndarray:
    """(t, P) correction of kriged scores, learned from how kriging did at measured spots.

    Features are kriged profiles (each measured spot's from the other spots), the response is
    what kriging missed there. Subset of regressors with at most 1000 centres, averaged over
    ridges.
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
    known, wanted = precise @ cross.T, precise @ missed
    weights = np.zeros_like(wanted)
    for ridge in ridges:
        system = known + ridge * gram
        system[np.diag_indices_from(system)] += 1e-6 * np.trace(system) / len(system)
        weights += cho_solve(cho_factor(system, check_finite=False), wanted) / len(ridges)
    weights = weights.astype(np.float32)
    out = np.empty((len(asked), weights.shape[1]), np.float32)
    for first in range(0, len(asked), ROWS):
        rows = slice(first, first + ROWS)
        reach = np.exp(-cdist(asked[rows], centres, "sqeuclidean").astype(np.float32) / width)
        out[rows] = reach @ weights
    return out


def shrinkage_factors(
    step: np.ndarray, missed: np.ndarray, certainty: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    """(C,) share in 0..1 of a proposed step that withheld spots favour, column by column.

    Parameters
    ----------
    step, missed : (m, C) arrays
        What the correction proposes at withheld spots, and what would have been right.
    certainty : (m,) array
        Weight of each spot.
    scale : (C,) array
        Weight of each column in the share they have in common: a column alone is judged on
        few spots and leans on it.
    """
    along = (certainty[:, None] * step * missed).sum(0) * scale**2
    size = (certainty[:, None] * step**2).sum(0) * scale**2
    common = along.sum() / max(float(size.sum()), 1e-12)
    lean = LEAN * size.mean() + 1e-12
    return np.clip((along + lean * common) / (size + lean), 0.0, 1.0).astype(np.float32)


def _choose(obs, programmes, scores, variograms, spots, tick, choices=RIDGES):
    """Number of programmes and ridges with the least error at withheld measured spots.

    Each weighting (K of them) has its own.

    Returns
    -------
    counts : list of K int
    ridges : tuple of K tuples
    withheld : (m, P) array
        Scores that were predicted at the withheld spots with these ridges.
    """
    rooms = programmes.columns
    guess = np.empty((len(choices), *scores.shape), np.float32)
    for k, out in enumerate(folds(obs)):
        kept, seen = obs.subset(~out), scores[~out]
        kriged = krige(
            spots.of(kept, spots_of),
            seen,
            obs.lattice_xy(obs.pixels[out]),
            variograms,
            variance=False,
            leave_out=any(choices),
        )
        for i, ridges in enumerate(choices):
            every = (ridges,) * len(rooms)
            guess[i, out] = _corrected(kriged, seen, kept.noise, programmes, every)
        tick(2 + k, FIT_STEPS)
    counts, best, withheld = [], [], []
    for at in rooms:
        true, tried = scores[:, at], _counts(at)
        # Loadings are orthonormal: squared error over weighted genes is that over programmes,
        # and a programme left out costs its own size.
        saved = (true**2 - (guess[:, :, at] - true) ** 2) * programmes.scale[at] ** 2
        saved = (saved / obs.noise[:, None]).sum(1).cumsum(1)[:, [c - 1 for c in tried]]
        i, j = np.unravel_index(saved.argmax(), saved.shape)
        counts.append(tried[j])
        best.append(choices[i])
        withheld.append(guess[i, :, at])
    return counts, tuple(best), np.hstack(withheld)


def _corrected(
    kriged: Kriged, scores: np.ndarray, noise: np.ndarray, programmes: WeightedProgrammes, ridges
) -> np.ndarray:
    """(t, P) kriged means with each weighting's regression, by its own ridges, added."""
    mean = kriged.mean.copy()
    for at, own in zip(programmes.columns, ridges, strict=True):
        if own:
            part = Kriged(kriged.mean[:, at], None, kriged.left_out[:, at])
            mean[:, at] += regress(part, scores[:, at], noise, programmes.scale[at], own)
    return mean


def _counts(room: slice) -> list[int]:
    """Numbers of programmes to try."""
    most = room.stop - room.start
    return [c for c in COUNTS if c < most] + [most]
