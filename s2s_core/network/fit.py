"""The network as a method: fit on an observation, predict everywhere."""

from __future__ import annotations

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation
from s2s_core.interfaces import Hooks, Predictor
from s2s_core.network.fit_paper import fit_paper
from s2s_core.network.fit_programmes import fit_programmes


def fit_network(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    """Train CDCIN on the measured spots of one section, with the engine of the configuration.

    Raises
    ------
    S2SError
        For a device that is not there or too few measured spots.
    Cancelled
        When asked to stop; the checkpoint is written.
    """
    engine = fit_paper if config.engine == "paper" else fit_programmes
    return engine(obs, config, hooks)
