"""The main job: a Section in, a Result with maps, deviations and scores out."""

from __future__ import annotations

import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.baselines import Prediction
from s2s_core.config import RunConfig
from s2s_core.errors import Cancelled
from s2s_core.methods import Hooks, applicable, method
from s2s_core.metrics import SCALE, score_genes
from s2s_core.observation import Observation, known_values, observe, withhold
from s2s_core.progress import Progress
from s2s_core.section import Section

SCORE_FOLDS = 2
SCORE_FRACTION = 0.1
HIDDEN = "hidden truth"
WITHHELD = "withheld measured spots"

__all__ = ["Progress", "Result", "run"]


@dataclass(frozen=True)
class Result:
    """A finished imputation.

    Attributes
    ----------
    section : Section
    config : RunConfig
    maps : dict of str -> (n, G) float32 array
        Log-normalised dense map of each method at all tissue positions (row i is the section's
        row i); the first key is the chosen method. Measured positions hold their own values.
    sd : dict of str -> (n, G) float32 array
        Predictive standard deviation, for the methods that have one.
    truth : (n, G) float32 array
        Known values, NaN where nothing is known. For scores and pictures only.
    metrics : DataFrame
        One row a gene and method: method, gene, spots ("hidden truth" or "withheld measured
        spots"), n_spots, scale, mae, rmse, pcc, spearman, ssim, ...
    info : dict
        Versions, seed, device, times, peak memory, notes: what run.json holds.
    """

    section: Section
    config: RunConfig
    maps: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]
    truth: np.ndarray
    metrics: pd.DataFrame
    info: dict

    @property
    def imputed(self) -> np.ndarray:
        """(n, G) map of the chosen method."""
        return self.maps[self.config.method]

    def to_anndata(self):
        """AnnData of the imputed map (see :func:`s2s_core.export.to_anndata`)."""
        from s2s_core.export import to_anndata

        return to_anndata(self)


def run(
    section: Section,
    config: RunConfig,
    *,
    folder: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: bool = False,
    preview_gene: str | None = None,
) -> Result:
    """Impute a section with one method, compare it with others, and score them all.

    With hidden truth (a simulated mask) scores are taken there. Otherwise a tenth of the
    measured spots is withheld from training altogether and predicted, in two folds, from all
    the others; the delivered map then uses every measured spot.

    Parameters
    ----------
    section : Section
    config : RunConfig
    folder : Path, optional
        Where the checkpoint is kept.
    on_progress, should_stop : callables, optional
    resume : bool
        Go on from the folder's checkpoint.
    preview_gene : str, optional
        Gene whose map is reported while training.

    Raises
    ------
    S2SError
        For whatever the user can put right.
    Cancelled
        When asked to stop; a resumed run ends with the same result.
    """
    started = time.perf_counter()
    obs = observe(section)
    truth = known_values(section, obs.target_sum)
    hooks = Hooks(
        on_progress or (lambda progress: None),
        should_stop or (lambda: False),
        folder / "checkpoint.pt" if folder else None,
        resume,
        int(section.genes.get_loc(preview_gene)) if preview_gene else None,
    )
    method(config.method)
    names = [config.method, *(n for n in config.compare if n != config.method)]
    names = [n for i, n in enumerate(names) if i == 0 or applicable(n, obs)]
    folds = [] if section.hidden.any() else _score_folds(obs, config)
    maps, sd, tables, times, details = {}, {}, [], {}, {}
    for name in names:
        begun = time.perf_counter()
        prediction, withheld = _impute(name, obs, config, hooks, folds)
        times[name] = time.perf_counter() - begun
        maps[name] = _consistent(prediction.mean, obs)
        if prediction.sd is not None:
            sd[name] = prediction.sd.astype(np.float32)
            sd[name][np.isin(obs.targets, obs.pixels)] = 0.0
        tables.append(_score(section, truth, maps[name], withheld, folds, obs).assign(method=name))
        details[name] = {k: v for k, v in prediction.details.items() if np.isscalar(v)}
    metrics = pd.concat(tables, ignore_index=True)
    metrics = metrics[["method", *metrics.columns.drop("method")]]
    info = _info(section, config, obs, times, details, time.perf_counter() - started)
    return Result(section, config, maps, sd, truth, metrics, info)


def _impute(
    name: str, obs: Observation, config: RunConfig, hooks: Hooks, folds: list[np.ndarray]
) -> tuple[Prediction, list[np.ndarray]]:
    """Prediction at all targets, and at the withheld spots of each fold."""
    chosen = method(name)
    if hooks.should_stop():
        raise Cancelled
    if name != config.method:
        hooks.on_progress(Progress(f"Comparing with: {chosen.label}", 0, 1))
    withheld = []
    if folds:
        # Fitted without any of the withheld spots; each fold is then predicted from all others.
        predictor = chosen.fit(_without(obs, np.any(folds, axis=0)), config, hooks)
        withheld = [predictor(_without(obs, fold), obs.pixels[fold]).mean for fold in folds]
        if name != "s2s":
            predictor = chosen.fit(obs, config, hooks)
    else:
        predictor = chosen.fit(obs, config, hooks)
    hooks.on_progress(Progress(f"Predicting: {chosen.label}", 0, 1))
    return predictor(obs, obs.targets), withheld


def _without(obs: Observation, fold: np.ndarray) -> Observation:
    # A lattice with a few spots missing is still that lattice to the methods that need one.
    return replace(obs.subset(~fold), lattice=obs.lattice)


def _score_folds(obs: Observation, config: RunConfig) -> list[np.ndarray]:
    """Bool masks (m,) of measured spots kept for scores only."""
    first = withhold(obs, SCORE_FRACTION, config.seed + 1000)
    rank = np.cumsum(first) - 1
    return [first & (rank % SCORE_FOLDS == k) for k in range(SCORE_FOLDS)]


def _consistent(mean: np.ndarray, obs: Observation) -> np.ndarray:
    """Put every measured value in its place: the last step is data consistency."""
    order = np.argsort(obs.targets)
    rows = order[np.searchsorted(obs.targets, obs.pixels, sorter=order)]
    out = mean.astype(np.float32)
    out[rows] = obs.values
    return out


def _score(section, truth, imputed, withheld, folds, obs: Observation) -> pd.DataFrame:
    place = {"pixels": section.pixels, "shape": section.grid.shape}
    if not folds:
        table = score_genes(truth, imputed, section.hidden, **place)
        at, spots = section.hidden, HIDDEN
    else:
        row_of = {p: i for i, p in enumerate(section.pixels)}
        guess, at = truth.copy(), np.zeros(section.n_positions, bool)
        for fold, values in zip(folds, withheld, strict=True):
            rows = [row_of[p] for p in obs.pixels[fold]]
            guess[rows] = values
            at[rows] = True
        table = score_genes(truth, guess, at, **place, shown=section.measured)
        spots = WITHHELD
    table.insert(0, "gene", section.genes.to_numpy())
    table.insert(1, "spots", spots)
    table.insert(2, "n_spots", int(at.sum()))
    table.insert(3, "scale", SCALE)
    return table


def _info(section, config, obs, times, details, seconds) -> dict:
    packages = ("numpy", "scipy", "scikit-learn", "anndata", "torch")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "design": section.design,
        "n_positions": section.n_positions,
        "n_measured": int(section.measured.sum()),
        "n_hidden": int(section.hidden.sum()),
        "n_genes": obs.n_genes,
        "target_sum": obs.target_sum,
        "scale": SCALE,
        "seconds": round(seconds, 2),
        "seconds_by_method": {k: round(v, 2) for k, v in times.items()},
        "details": details,
        # Linux counts kilobytes, macOS bytes.
        "peak_memory_mb": round(peak / (2**20 if sys.platform == "darwin" else 2**10)),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "notes": list(section.notes),
        "config": asdict(config),
    }
