"""Methods that only the benchmark needs, behind the interface of the product's.

The network's first estimate by itself, and the average of each gene: no map at all.
"""

from __future__ import annotations

import numpy as np

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation
from s2s_core.geostat.ensemble_kriging import predictor_of
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.interfaces import Hooks, Prediction, Predictor
from s2s_core.methods import METHODS, Method


def fit_first(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Kriging and regression of programmes as the network starts from, without the network."""
    return predictor_of(fit_first_estimate(obs, config.programmes, config.seed))


def fit_constant(obs: Observation, *_) -> Predictor:
    """The mean of each gene at the measured spots, everywhere."""

    def predict(obs: Observation, targets: np.ndarray) -> Prediction:
        return Prediction(np.tile(obs.values.mean(0), (len(targets), 1)))

    return predict


METHODS["first-estimate"] = Method("First estimate", "s2s without its network.", fit_first)
METHODS["constant"] = Method("Constant", "Each gene's mean; its median as median.", fit_constant)
