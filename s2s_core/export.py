"""What a run leaves behind: tables and AnnData for the user, a compact store for the app.

Formulas
--------
A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``. Gene names and spot ids
that do, and are no plain numbers, are written to CSV with a leading ``'``; the table reader takes
it off again. (Spreadsheets also turn names such as MARCH1 into dates: import the column as text.)
"""

from __future__ import annotations

import json
import re
import warnings
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import anndata as ad
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.feather as feather
import pyarrow.parquet as pq

from s2s_core.config import RunConfig
from s2s_core.errors import S2SError
from s2s_core.observation import normalisation_target
from s2s_core.readers import INPUT_KEY
from s2s_core.store import atomic, load_section, save_section, writable

if TYPE_CHECKING:
    from s2s_core.imputation import Result

FIXED_COLUMNS = ("spot_id", "array_row", "array_col", "x", "y", "measured")
CHUNK_ROWS = 1024
# Parquet describes every column of every group: few groups keep wide tables small.
GROUP_ROWS = 4096


def export(result: Result, folder: str | Path, *, intervals: bool = False) -> None:
    """Write ``imputed`` (csv, parquet, h5ad), ``metrics.csv`` and ``run.json`` into a folder.

    With ``intervals`` the interval's ends follow as ``imputed_lower.csv`` and
    ``imputed_upper.csv``, tables of the same form.
    """
    folder = Path(folder)
    write_csv(result, folder / "imputed.csv")
    write_parquet(result, folder / "imputed.parquet")
    for name in ("lower", "upper") if intervals else ():
        write_csv(result, folder / f"imputed_{name}.csv", result.layers[name])
    write_h5ad(result, folder / "imputed.h5ad")
    write_metrics(result.metrics, folder / "metrics.csv")
    write_run(result, folder / "run.json")


def write_csv(result: Result, path: str | Path, values: np.ndarray | None = None) -> None:
    """Dense map as a table: id, array position, x, y, measured, then one column a gene.

    Values are log-normalised. Each is written with as many digits as it takes to read back the
    same float32.
    """
    with atomic(path) as part:
        _write_table(result, values, partial(pa_csv.CSVWriter, part), guard, CHUNK_ROWS)


def write_parquet(result: Result, path: str | Path, values: np.ndarray | None = None) -> None:
    """Write the table of :func:`write_csv` as Parquet: smaller, and read in an instant.

    Names stand as they are: no program runs them as formulas.
    """
    with atomic(path) as part:
        writer = partial(pq.ParquetWriter, part, compression="zstd", use_dictionary=False)
        _write_table(result, values, writer, str, GROUP_ROWS)


def _write_table(
    result: Result, values: np.ndarray | None, open_writer, name_of, step: int
) -> None:
    """Table in pieces of ``step`` rows."""
    section = result.section
    dense = result.imputed if values is None else values
    array_row, array_col = section.array_index
    columns = [
        (FIXED_COLUMNS[0], pa.array([name_of(i) for i in section.spot_ids], pa.string())),
        (FIXED_COLUMNS[1], pa.array(array_row, pa.int64())),
        (FIXED_COLUMNS[2], pa.array(array_col, pa.int64())),
        (FIXED_COLUMNS[3], pa.array(section.xy[:, 0], pa.float64())),
        (FIXED_COLUMNS[4], pa.array(section.xy[:, 1], pa.float64())),
        (FIXED_COLUMNS[5], pa.array(section.measured, pa.bool_())),
    ]
    # A fly's gene may be called y: it must not pass for a coordinate.
    genes = [f"{g} (gene)" if g in FIXED_COLUMNS else name_of(g) for g in section.genes]
    schema = pa.schema(
        [(name, values.type) for name, values in columns] + [(g, pa.float32()) for g in genes]
    )
    with open_writer(schema=schema) as writer:
        for start in range(0, section.n_positions, step):
            rows = slice(start, start + step)
            # Columns of a chunk must be contiguous; the whole map is never copied.
            values = np.asfortranarray(dense[rows], dtype=np.float32)
            arrays = [v[rows] for _, v in columns]
            arrays += [pa.array(values[:, g]) for g in range(values.shape[1])]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def guard(name: str) -> str:
    """Name as it is safe in a spreadsheet."""
    name = str(name)
    if name[:1] in ("=", "+", "-", "@", "\t", "\r") and not re.fullmatch(r"[+-]?[\d.]+", name):
        return "'" + name
    return name


def to_anndata(result: Result) -> ad.AnnData:
    """AnnData of the dense map.

    ``X`` is the imputed, log-normalised map (float32); ``obs`` has ``measured``, ``origin``,
    the array position and the input's columns; ``obsm["spatial"]`` the coordinates;
    ``layers`` has the conditional ``mean`` and ``median``, the ends ``lower`` and ``upper`` of
    the calibrated interval, and ``sd``, the predictive deviation, where the method has one;
    ``uns["s2s"]`` how it was made.
    """
    section, config = result.section, result.config
    adata = section.to_anndata()
    out = ad.AnnData(
        np.array(result.imputed, np.float32), obs=writable(adata.obs), var=writable(adata.var)
    )
    out.obsm["spatial"] = adata.obsm["spatial"]
    out.layers["mean"] = np.array(result.maps[config.method], np.float32)
    for name, values in result.layers.items():
        out.layers[name] = np.array(values, np.float32)
    if config.method in result.sd:
        out.layers["sd"] = np.array(result.sd[config.method], np.float32)
    out.uns.update(section.uns)
    # scanpy's mark of log-normalised values.
    out.uns["log1p"] = {}
    out.uns["s2s"] = provenance(result)
    return out


def provenance(result: Result) -> dict:
    """How a map was made, in values that any file format holds."""
    from s2s_core import __version__

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
    target = result.info.get("target_sum") or normalisation_target(result.section)
    if target is not None:
        made["target_sum"] = float(target)
    return made


def write_h5ad(result: Result, path: str | Path) -> None:
    """Write :func:`to_anndata` to a file."""
    with atomic(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        to_anndata(result).write_h5ad(part, compression="lzf")


def write_metrics(metrics: pd.DataFrame, path: str | Path) -> None:
    """Write the table of scores."""
    table = metrics.copy()
    if "gene" in table:
        table["gene"] = table["gene"].map(guard)
    with atomic(path) as part:
        table.to_csv(part, index=False)


def write_run(result: Result, path: str | Path) -> None:
    """Write what was run, on what and how, as JSON."""
    data = {
        **result.info,
        **{k: v for k, v in provenance(result).items() if k != "config"},
        "input": result.section.uns.get(INPUT_KEY),
        "config": asdict(result.config),
        "maps": list(result.maps),
        "sd": list(result.sd),
        "layers": list(result.layers),
    }
    with atomic(path) as part:
        part.write_text(json.dumps(_plain(data), indent=2), encoding="utf-8")


def save_result(result: Result, folder: str | Path) -> None:
    """Keep a whole run so that it opens again in an instant, without torch.

    ``section.h5ad``, ``maps/METHOD.npy``, ``sd/METHOD.npy``, ``layers/NAME.npy``, ``truth.npy``,
    ``metrics.feather`` and, last of all, ``run.json``: where that stands, the run is complete.
    """
    folder = Path(folder)
    (folder / "run.json").unlink(missing_ok=True)
    save_section(result.section, folder / "section.h5ad")
    for kind, arrays in (("maps", result.maps), ("sd", result.sd), ("layers", result.layers)):
        for name, values in arrays.items():
            _save_array(values, _array_path(folder, kind, name))
    _save_array(result.truth, folder / "truth.npy")
    with atomic(folder / "metrics.feather") as part:
        feather.write_feather(result.metrics, str(part))
    write_run(result, folder / "run.json")


def load_result(folder: str | Path) -> Result:
    """Open :func:`save_result` again; maps stay on disk until they are looked at.

    Raises
    ------
    S2SError
        If the folder holds no finished run.
    """
    from s2s_core.imputation import Result

    folder = Path(folder)
    if not (folder / "run.json").is_file() or not (folder / "section.h5ad").is_file():
        raise S2SError(f"{str(folder)!r} holds no finished run; start it again or resume it.")
    info = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return Result(
        section=load_section(folder / "section.h5ad"),
        config=RunConfig.from_json(json.dumps(info["config"])),
        maps={name: _load_array(_array_path(folder, "maps", name)) for name in info["maps"]},
        sd={name: _load_array(_array_path(folder, "sd", name)) for name in info["sd"]},
        layers={name: _load_array(_array_path(folder, "layers", name)) for name in info["layers"]},
        truth=_load_array(folder / "truth.npy"),
        metrics=feather.read_feather(str(folder / "metrics.feather")),
        info=info,
    )


def _array_path(folder: Path, kind: str, name: str) -> Path:
    if not re.fullmatch(r"[\w-]+", name):
        raise S2SError(f"{name!r} is no name of a method.")
    return folder / kind / f"{name}.npy"


def _save_array(values: np.ndarray, path: Path) -> None:
    with atomic(path) as part:
        np.save(part, np.asarray(values, np.float32))


def _load_array(path: Path) -> np.ndarray:
    return np.load(path, mmap_mode="r", allow_pickle=False)


def _plain(value):
    """JSON of what numpy and paths bring along; NaN, which JSON lacks, becomes null."""
    if isinstance(value, dict):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (np.ndarray, np.generic)):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value if isinstance(value, (str, int, type(None))) else str(value)
