"""First estimate: kriging of programmes, a residual Gaussian process, and residuals of genes.

Programmes of several weightings of the genes stand side by side (:mod:`gene_weightings`); a gene is
their weighted average. Three steps follow, each with a named result:

1. :func:`fit_residual_gp` kriges every programme at withheld measured spots and corrects it by what
   kriging got wrong at spots of a similar profile (:mod:`residual_gp`), with each choice of ridges;
2. :func:`select_components` keeps the numbers of programmes, the ridges and the weightings that did
   best there;
3. :func:`fit_gene_residuals` kriges for each gene alone what the programmes leave of it, as far as
   withheld spots support it.

Programmes and variograms are fitted once, on all measured spots: the withheld folds choose, they
are no independent test.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from s2s_core.data.observation import Observation, folds
from s2s_core.geostat.estimate_images import AVERAGED_KERNELS, Estimate, as_images
from s2s_core.geostat.gene_residuals import GeneResiduals, fit_gene_residuals, residuals_of
from s2s_core.geostat.gene_weightings import WeightedProgrammes, fit_weighted
from s2s_core.geostat.kriging import Kriged, krige
from s2s_core.geostat.observation_cache import (
    DecompositionCache,
    ObservationCache,
    observation_digest,
)
from s2s_core.geostat.residual_gp import Ridges, residual_gp_mean
from s2s_core.geostat.variogram_fit import Criterion, candidates_for, fit_variograms
from s2s_core.geostat.variograms import Variograms

# Ridges of the residual process that are tried: none, gentle or firm. Several are averaged, which
# has a lower variance than choosing one. Untuned.
RIDGE_CHOICES: tuple[Ridges, ...] = ((), (50.0, 20.0, 8.0), (8.0, 4.0, 2.0))
# Numbers of programmes that are tried, beside all: rows "P 5" to "P 80" of
# benchmarks/results/2026-11-21-ablations.md say that many do no harm, since fewer may be chosen.
COMPONENT_COUNTS = (5, 10, 15, 20, 30, 40, 60, 80)
# Length scales of each kernel; untuned.
RANGES = 6
# Parts of the work that fit_first_estimate reports.
FIT_STEPS = 6


@dataclass(frozen=True)
class ResidualGPFit:
    """Programme scores predicted at measured spots from the other folds.

    Attributes
    ----------
    scores : (R, m, P) float32 array
        With each of R choices of ridges.
    ridges : tuple of R tuples of float
    """

    scores: np.ndarray
    ridges: tuple[Ridges, ...]


@dataclass(frozen=True)
class ComponentSelection:
    """Programmes, ridges and weightings with the least error at withheld spots.

    Attributes
    ----------
    counts : tuple of int
        Programmes chosen of each of the weightings that were tried.
    programmes : WeightedProgrammes
        Those programmes, of the weightings that take part.
    columns : (P,) int array
        Which columns of all that were tried they are.
    ridges : tuple of tuple of float
        Of each weighting that takes part.
    cross_validated : (m, P) float32 array
        Their scores at the measured spots, predicted from the other folds.
    """

    counts: tuple[int, ...]
    programmes: WeightedProgrammes
    columns: np.ndarray
    ridges: tuple[Ridges, ...]
    cross_validated: np.ndarray


@dataclass(frozen=True)
class FirstEstimate:
    """Kriging of programmes with its corrections, fitted on measured spots before any training.

    Attributes
    ----------
    programmes : WeightedProgrammes
    variograms : Variograms
        Of the programmes.
    ridges : tuple of tuple of float
        Of the residual process in each weighting's programme space; none where it did not help.
    residuals : GeneResiduals
    decompositions : DecompositionCache
    estimates : ObservationCache of Estimate
        Those of the subsets seen last: folds serve training, shrinkage and intervals.
    """

    programmes: WeightedProgrammes
    variograms: Variograms
    ridges: tuple[Ridges, ...]
    residuals: GeneResiduals
    decompositions: DecompositionCache = field(repr=False, compare=False)
    estimates: ObservationCache[Estimate] = field(
        init=False,
        repr=False,
        compare=False,
        default_factory=lambda: ObservationCache(observation_digest),
    )

    @property
    def importance(self) -> np.ndarray:
        """(P,) signal standard deviation of each programme in gene units."""
        return self.programmes.size / np.sqrt(1.0 + self.variograms.nugget)

    def predict(self, obs: Observation, targets: np.ndarray) -> Kriged:
        """Programme scores, mean and variance (t, P), at flat target pixels."""
        return self._predict(obs, targets, self.programmes.scores(obs.values))

    def estimate(self, obs: Observation) -> Estimate:
        """Programmes of an observation over the whole tissue, as images."""
        return self.estimates.get(obs, self._estimate)

    def genes(self, obs: Observation, targets: np.ndarray, scores: np.ndarray) -> np.ndarray:
        """(t, G) values from (t, P) scores, with each gene's own kriged residual."""
        values = self.programmes.genes(scores)
        if self.residuals.shrinkage.any():
            left, where = residuals_of(self.programmes, obs), obs.lattice_xy(targets)
            self.residuals.add_to(values, left, where, self.decompositions.of(obs))
        return np.maximum(values, 0.0, out=values)

    def gene_deviation(self, variance: np.ndarray) -> np.ndarray:
        """(t, G) predictive deviation of a measurement from (t, P) score variances."""
        own = self.residuals.variance
        return np.sqrt(self.programmes.gene_variance(variance) + own).astype(np.float32)

    def _predict(self, obs: Observation, targets: np.ndarray, scores: np.ndarray) -> Kriged:
        made = self.decompositions.of(obs)
        kriged = krige(
            made.spots,
            scores,
            obs.lattice_xy(targets),
            self.variograms,
            leave_one_out=any(self.ridges),
            decompositions=made,
        )
        mean = residual_gp_mean(kriged, scores, obs.noise, self.programmes, self.ridges)
        return Kriged(mean, kriged.variance)

    def _estimate(self, obs: Observation) -> Estimate:
        scores = self.programmes.scores(obs.values)
        predicted = self._predict(obs, obs.targets, scores)
        return as_images(obs, scores, predicted, self.variograms)


def fit_first_estimate(
    obs: Observation,
    count: int,
    seed: int,
    progress: Callable[[int, int], None] = lambda *_: None,
    *,
    ridges: tuple[Ridges, ...] = RIDGE_CHOICES,
) -> FirstEstimate:
    """First estimate of an observation.

    Parameters
    ----------
    obs : Observation
    count : int
        Most programmes of each weighting of the genes; withheld spots may ask for fewer.
    seed : int
    progress : callable
        Called with the parts done and all parts; may raise to stop.
    ridges : tuple of tuple of float
        Choices for the residual process; ``((),)`` leaves kriging alone.

    Raises
    ------
    S2SError
        If fewer than ten spots are measured.
    """
    cache = DecompositionCache()
    made = cache.of(obs)
    candidates = candidates_for(made.spots.points, AVERAGED_KERNELS, RANGES)
    programmes = fit_weighted(obs, count, seed)
    scores = programmes.scores(obs.values)
    variograms = fit_variograms(
        made.spots,
        scores,
        Criterion.AVERAGE,
        candidates=candidates,
        seed=seed,
        decompositions=made,
    )
    progress(1, FIT_STEPS)
    tried = fit_residual_gp(obs, programmes, scores, variograms, cache, progress, ridges)
    selection = select_components(obs, programmes, scores, tried)
    # One kernel serves residuals as well.
    residuals = fit_gene_residuals(
        obs,
        selection.programmes,
        selection.cross_validated,
        candidates=candidates[:RANGES],
        cache=cache,
        seed=seed,
    )
    return FirstEstimate(
        selection.programmes,
        variograms.columns(selection.columns),
        selection.ridges,
        residuals,
        cache,
    )


def fit_residual_gp(
    obs: Observation,
    programmes: WeightedProgrammes,
    scores: np.ndarray,
    variograms: Variograms,
    cache: DecompositionCache,
    progress: Callable[[int, int], None] = lambda *_: None,
    choices: tuple[Ridges, ...] = RIDGE_CHOICES,
) -> ResidualGPFit:
    """Measured (m, P) scores at each fold from the other folds, with each choice of ridges."""
    predicted = np.empty((len(choices), *scores.shape), np.float32)
    for k, out in enumerate(folds(obs)):
        kept = obs.subset(~out)
        made = cache.of(kept)
        kriged = krige(
            made.spots,
            scores[~out],
            obs.lattice_xy(obs.pixels[out]),
            variograms,
            variance=False,
            leave_one_out=any(choices),
            decompositions=made,
        )
        for i, ridges in enumerate(choices):
            everywhere = (ridges,) * len(programmes.columns)
            predicted[i, out] = residual_gp_mean(
                kriged, scores[~out], kept.noise, programmes, everywhere
            )
        progress(2 + k, FIT_STEPS)
    return ResidualGPFit(predicted, choices)


def select_components(
    obs: Observation, programmes: WeightedProgrammes, scores: np.ndarray, tried: ResidualGPFit
) -> ComponentSelection:
    """Number of programmes and ridges of each weighting, and the weightings' stacking weights.

    Parameters
    ----------
    obs : Observation
    programmes : WeightedProgrammes
        All that may be chosen.
    scores : (m, P) array
        Measured.
    tried : ResidualGPFit
    """
    counts, ridges, predicted = [], [], []
    for at in programmes.columns:
        true, numbers = scores[:, at], _component_counts(at.stop - at.start)
        # Loadings are orthonormal: squared error over weighted genes is that over programmes,
        # and a programme left out costs its own size.
        saved = (true**2 - (tried.scores[:, :, at] - true) ** 2) * programmes.scale[at] ** 2
        saved = (saved / obs.noise[:, None]).sum(1).cumsum(1)[:, [n - 1 for n in numbers]]
        best_ridges, best_number = np.unravel_index(saved.argmax(), saved.shape)
        counts.append(numbers[best_number])
        ridges.append(tried.ridges[best_ridges])
        predicted.append(tried.scores[best_ridges, :, at])
    cross_validated = np.hstack(predicted)
    stacking = programmes.fit_stacking_weights(obs, cross_validated, counts)
    chosen, columns = programmes.first(counts, stacking)
    return ComponentSelection(
        counts=tuple(counts),
        programmes=chosen,
        columns=columns,
        ridges=tuple(ridges[k] for k in np.nonzero(stacking)[0]),
        cross_validated=cross_validated[:, columns],
    )


def _component_counts(most: int) -> list[int]:
    """Numbers of programmes to try."""
    return [n for n in COMPONENT_COUNTS if n < most] + [most]
