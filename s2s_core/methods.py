"""The registry of methods: the network and the classical ones behind one interface.

``fit(obs, config, hooks) -> predictor`` sees measured spots only; importing this module does
not import torch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from s2s_core.config import RunConfig
from s2s_core.data.observation import Observation
from s2s_core.errors import S2SError
from s2s_core.geostat import baselines, ensemble_kriging
from s2s_core.geostat.variogram_fit import Criterion
from s2s_core.interfaces import Hooks, Predictor


@dataclass(frozen=True)
class Method:
    """One imputation method.

    Attributes
    ----------
    label : str
        Name for the screen.
    hint : str
        One sentence on what it does.
    fit : callable
    lattice_only : bool
        Needs a lattice mask.
    refit : bool
        Fitted again on every measured spot after it was scored at withheld ones; a network that
        takes minutes to train is not.
    """

    label: str
    hint: str
    fit: Callable[[Observation, RunConfig, Hooks], Predictor]
    lattice_only: bool = False
    refit: bool = True


def method(name: str) -> Method:
    """Method by name.

    Raises
    ------
    S2SError
        If there is none of that name.
    """
    if name not in METHODS:
        raise S2SError(f"Unknown method {name!r}; choose one of {', '.join(METHODS)}.")
    return METHODS[name]


def applicable(name: str, obs: Observation) -> bool:
    """Whether a method can run on this observation (some need a lattice mask)."""
    return obs.lattice is not None or not method(name).lattice_only


def _fit_s2s(obs: Observation, config: RunConfig, hooks: Hooks) -> Predictor:
    from s2s_core.network.fit import fit_network

    return fit_network(obs, config, hooks)


METHODS = {
    "s2s": Method(
        "Sparser2Sparse network",
        "Learns on this section by restoring measured spots from an even sparser part of them.",
        _fit_s2s,
        refit=False,
    ),
    "programme-kriging-average": Method(
        "Kriging of gene programmes (averaged)",
        "Programmes of several weightings of the genes, averaged over variograms; the network's "
        "first estimate without its regression.",
        lambda obs, config, hooks: ensemble_kriging.fit_programme_kriging_average(
            obs, config.programmes, config.seed
        ),
    ),
    "programme-kriging": Method(
        "Kriging of gene programmes",
        "Geostatistical prediction of the patterns that genes share; the classical method to beat.",
        lambda obs, config, hooks: baselines.fit_programme_kriging(obs, config.programmes),
    ),
    "programme-kriging-withheld": Method(
        "Kriging of gene programmes (fitted on withheld spots)",
        "The same, its settings chosen by leaving each measured spot out in turn.",
        lambda obs, config, hooks: baselines.fit_programme_kriging(
            obs, config.programmes, Criterion.LEAVE_ONE_OUT
        ),
    ),
    "kriging-average": Method(
        "Kriging per gene (averaged)",
        "Each gene on its own, averaged over variograms; shallow spots count less.",
        lambda obs, config, hooks: ensemble_kriging.fit_kriging_average(obs, config.seed),
    ),
    "kriging": Method(
        "Kriging per gene",
        "Geostatistical prediction of each gene on its own.",
        lambda obs, config, hooks: baselines.fit_kriging(obs),
    ),
    "kriging-withheld": Method(
        "Kriging per gene (fitted on withheld spots)",
        "The same, its settings chosen by leaving each measured spot out in turn.",
        lambda obs, config, hooks: baselines.fit_kriging(obs, Criterion.LEAVE_ONE_OUT),
    ),
    "gaussian": Method(
        "Gaussian smoothing",
        "Weighted mean of nearby measured spots; the width is chosen for each gene.",
        lambda obs, config, hooks: baselines.fit_gaussian(obs),
    ),
    "linear": Method(
        "Linear interpolation",
        "Straight lines between the nearest measured spots.",
        lambda obs, config, hooks: baselines.fit_linear(obs),
    ),
    "bilinear": Method(
        "Bilinear interpolation",
        "Straight lines along and between the rows of a lattice mask.",
        lambda obs, config, hooks: baselines.fit_bilinear(obs),
        lattice_only=True,
    ),
    "bicubic": Method(
        "Bicubic interpolation",
        "Smooth curves through the measured spots of a lattice mask.",
        lambda obs, config, hooks: baselines.fit_bicubic(obs),
        lattice_only=True,
    ),
    "nearest": Method(
        "Nearest measured spot",
        "Copies the closest measured spot.",
        lambda obs, config, hooks: baselines.fit_nearest(obs),
    ),
}
