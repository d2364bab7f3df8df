"""Kriging made as the first estimate makes it, as methods of their own: like beside like.

The first estimate averages over variograms, lets shallow spots count less and sees genes under
several weightings. These methods do the same without the residual process among programmes and
without the network, so that a comparison shows what those two add.
"""

from __future__ import annotations

import numpy as np

from s2s_core.data.observation import Observation
from s2s_core.geostat.estimate_images import AVERAGED_KERNELS
from s2s_core.geostat.first_estimate import RANGES, FirstEstimate, fit_first_estimate
from s2s_core.geostat.kriging import krige
from s2s_core.geostat.observation_cache import DecompositionCache
from s2s_core.geostat.variogram_fit import Criterion, candidates_for, fit_variograms
from s2s_core.interfaces import Prediction, Predictor


def fit_kriging_average(obs: Observation, seed: int = 0) -> Predictor:
    """Kriging of every gene with the first estimate's candidates, average and depth weights."""
    cache = DecompositionCache()
    made = cache.of(obs)
    variograms = fit_variograms(
        made.spots,
        obs.values,
        Criterion.AVERAGE,
        candidates=candidates_for(made.spots.points, AVERAGED_KERNELS, RANGES),
        seed=seed,
        decompositions=made,
    )

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        made, where = cache.of(obs), obs.lattice_xy(targets)
        kriged = krige(made.spots, obs.values, where, variograms, decompositions=made)
        return Prediction(np.maximum(kriged.mean, 0.0), np.sqrt(kriged.asked_variance()))

    return predict


def fit_programme_kriging_average(obs: Observation, programmes: int, seed: int = 0) -> Predictor:
    """Kriging of programmes under several weightings: the first estimate, nothing corrected."""
    return predictor_of(fit_first_estimate(obs, programmes, seed, ridges=((),)))


def predictor_of(estimate: FirstEstimate) -> Predictor:
    """What a first estimate alone says of the genes."""

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        kriged = estimate.predict(obs, targets)
        mean = estimate.genes(obs, targets, kriged.mean)
        return Prediction(mean, estimate.gene_deviation(kriged.asked_variance()))

    return predict
