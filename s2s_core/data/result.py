"""A finished run: maps, deviations and scores of a section, kept exactly, opened without torch."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pyarrow.feather as feather

from s2s_core._version import __version__
from s2s_core.config import RunConfig
from s2s_core.data.format_number import FORMAT_KEY, format_number
from s2s_core.data.observation import normalisation_target
from s2s_core.data.provenance import INPUT_KEY, mask_seed
from s2s_core.data.section import Section
from s2s_core.data.store import atomic, load_section, save_section, writable
from s2s_core.errors import S2SError

# How maps are drawn from a result: it takes kriging, whose room lies above this one and puts its
# function here (`provide_drawing`), as `import s2s_core` makes it do.
_DRAWING: list[Callable[..., Iterator[np.ndarray]]] = []
# Form of a saved result's folder, written into its run.json (see `format_number`).
RESULT_FORMAT = 1


def provide_drawing(draw_maps: Callable[..., Iterator[np.ndarray]]) -> None:
    """Give results their way of drawing (:meth:`Result.draws`)."""
    _DRAWING.append(draw_maps)


@dataclass(frozen=True)
class Withheld:
    """What the chosen method predicts at the m measured spots when it does not see them.

    Each is predicted from most of the others, in folds; settings were chosen with all of them.

    Attributes
    ----------
    mean, sd : (m, G) float32 arrays
        In the order of the section's measured rows; deviation 1 where the method has none.
    """

    mean: np.ndarray
    sd: np.ndarray


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
    layers : dict of str -> (n, G) float32 array
        Of the chosen method: ``median`` (conditional median), ``lower`` and ``upper`` (ends of
        the calibrated interval that holds ``config.coverage`` of the values).
    truth : (n, G) float32 array
        Known values, NaN where nothing is known. For scores and pictures only.
    metrics : DataFrame
        One row a gene and method: method, gene, spots (of
        :class:`s2s_core.vocabulary.Spots`), n_spots, scale, mae, rmse, pcc, spearman, ssim, ...
    info : dict
        Versions, seed, device, times, peak memory, notes: what run.json holds.
    withheld : Withheld, optional
        Predictions at withheld measured spots, which draws are made from; None in runs that
        earlier versions kept.
    """

    section: Section
    config: RunConfig
    maps: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]
    layers: dict[str, np.ndarray]
    truth: np.ndarray
    metrics: pd.DataFrame
    info: dict
    withheld: Withheld | None = None

    @property
    def imputed(self) -> np.ndarray:
        """(n, G) map of the chosen method: its mean, or median where that was asked for."""
        if self.config.answer == "median":
            return self.layers["median"]
        return self.maps[self.config.method]

    def __repr__(self) -> str:
        """What it holds in one line: maps would fill pages."""
        return f"Result({', '.join(self.maps)} of {self.section!r})"

    def draws(self, count: int, seed: int = 0, *, kind: str = "measurement") -> np.ndarray:
        """Draws of the map: conditional simulations, each of which could be true.

        Correlations between genes, sums over regions and counts of spots above a level are taken
        draw by draw; those of the mean map are smoother than any measurement's. Draw number i
        depends on ``seed`` and i alone. One draw at a time without holding all of them:
        :func:`s2s_core.draw_maps`.

        Parameters
        ----------
        count : int
        seed : int
        kind : {"measurement", "signal"}
            What could have been measured, noise included; or what varies continuously in space.

        Returns
        -------
        (count, n, G) float32 array
            Log-normalised; measured positions hold their own values in every draw.

        Raises
        ------
        S2SError
            If this result has kept nothing to draw from (runs of earlier versions).
        """
        out = np.empty((count, *self.truth.shape), np.float32)
        for i, drawn in enumerate(_DRAWING[-1](self, count, seed=seed, kind=kind)):
            out[i] = drawn
        return out

    def to_anndata(self):
        """AnnData of the imputed map (see :func:`to_anndata`)."""
        return to_anndata(self)


def to_anndata(result: Result) -> ad.AnnData:
    """AnnData of the dense map.

    ``X`` is the imputed, log-normalised map (float32); ``obs`` has ``measured``, ``origin``,
    the array position and the input's columns; ``obsm["spatial"]`` the coordinates;
    ``layers`` has the conditional ``mean`` and ``median``, the ends ``lower`` and ``upper`` of
    the calibrated interval, and ``sd``, the predictive deviation, where the method has one;
    ``uns["s2s"]`` how it was made.
    """
    section, config = result.section, result.config
    order = section.written_order
    adata = section.to_anndata()
    out = ad.AnnData(
        np.asarray(result.imputed, np.float32)[order],
        obs=writable(adata.obs.iloc[order]),
        var=writable(adata.var),
    )
    out.obsm["spatial"] = adata.obsm["spatial"][order]
    out.layers["mean"] = np.asarray(result.maps[config.method], np.float32)[order]
    for name, values in result.layers.items():
        out.layers[name] = np.asarray(values, np.float32)[order]
    if config.method in result.sd:
        out.layers["sd"] = np.asarray(result.sd[config.method], np.float32)[order]
    out.uns.update(section.uns)
    # scanpy's mark of log-normalised values.
    out.uns["log1p"] = {}
    out.uns["s2s"] = provenance(result)
    return out


def provenance(result: Result) -> dict:
    """Provenance of a map, in values that any file format holds."""
    config = result.config
    made = {
        "method": config.method,
        "preset": config.preset,
        "seed": config.seed,
        "version": __version__,
        "design": result.section.design,
        "scale": "log1p",
        "answer": config.answer,
        "coverage": config.coverage,
        "config": config.to_json(),
    }
    seed = mask_seed(result.section)
    if seed is not None:
        made["mask_seed"] = seed
    target = result.info.get("target_sum") or normalisation_target(result.section)
    if target is not None:
        made["target_sum"] = float(target)
    return made


def write_run(result: Result, path: str | Path) -> None:
    """Write what was run, on what and how, as JSON."""
    data = {
        **result.info,
        FORMAT_KEY: RESULT_FORMAT,
        **{k: v for k, v in provenance(result).items() if k != "config"},
        "input": result.section.uns.get(INPUT_KEY),
        "config": asdict(result.config),
        "maps": list(result.maps),
        "sd": list(result.sd),
        "layers": list(result.layers),
    }
    with atomic(path) as part:
        part.write_text(json.dumps(plain(data), indent=2), encoding="utf-8")


def save_result(result: Result, folder: str | Path) -> None:
    """Keep a whole run so that it opens again in an instant, without torch.

    ``section.h5ad``, ``maps/METHOD.npy``, ``sd/METHOD.npy``, ``layers/NAME.npy``, ``truth.npy``,
    ``withheld/mean.npy``, ``withheld/sd.npy``, ``metrics.feather`` and, last of all, ``run.json``: where that stands, the run is complete.
    """
    folder = Path(folder)
    (folder / "run.json").unlink(missing_ok=True)
    save_section(result.section, folder / "section.h5ad")
    for kind, arrays in (("maps", result.maps), ("sd", result.sd), ("layers", result.layers)):
        for name, values in arrays.items():
            _save_array(values, _array_path(folder, kind, name))
    _save_array(result.truth, folder / "truth.npy")
    if result.withheld is not None:
        _save_array(result.withheld.mean, _array_path(folder, "withheld", "mean"))
        _save_array(result.withheld.sd, _array_path(folder, "withheld", "sd"))
    with atomic(folder / "metrics.feather") as part:
        feather.write_feather(result.metrics, str(part))
    write_run(result, folder / "run.json")


def load_result(folder: str | Path) -> Result:
    """Open :func:`save_result` again; maps stay on disk until they are looked at.

    Raises
    ------
    S2SError
        If the folder holds no finished run, or one of a newer version of the program.
    """
    folder = Path(folder)
    if not (folder / "run.json").is_file() or not (folder / "section.h5ad").is_file():
        raise S2SError(f"{str(folder)!r} holds no finished run; start it again or resume it.")
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    format_number(info, RESULT_FORMAT, f"The finished run {str(folder)!r}")
    return Result(
        section=load_section(folder / "section.h5ad"),
        config=RunConfig.from_json(json.dumps(info["config"])),
        maps={name: _load_array(_array_path(folder, "maps", name)) for name in info["maps"]},
        sd={name: _load_array(_array_path(folder, "sd", name)) for name in info["sd"]},
        layers={name: _load_array(_array_path(folder, "layers", name)) for name in info["layers"]},
        truth=_load_array(folder / "truth.npy"),
        metrics=feather.read_feather(str(folder / "metrics.feather")),
        info=info,
        withheld=_load_withheld(folder),
    )


def _load_withheld(folder: Path) -> Withheld | None:
    mean, sd = (_array_path(folder, "withheld", name) for name in ("mean", "sd"))
    if not (mean.is_file() and sd.is_file()):
        return None
    return Withheld(_load_array(mean), _load_array(sd))


def _array_path(folder: Path, kind: str, name: str) -> Path:
    if not re.fullmatch(r"[\w-]+", name):
        raise S2SError(f"{name!r} is no name of a method.")
    return folder / kind / f"{name}.npy"


def _save_array(values: np.ndarray, path: Path) -> None:
    with atomic(path) as part:
        np.save(part, np.asarray(values, np.float32))


def _load_array(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def plain(value):
    """JSON of what numpy and paths bring along; NaN, which JSON lacks, becomes null."""
    if isinstance(value, dict):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (str, int, type(None))) else str(value)
