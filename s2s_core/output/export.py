"""Files of a finished run: tables, AnnData, scores, the record of the run."""

from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd

from s2s_core.data.result import Result, to_anndata, write_run
from s2s_core.data.store import atomic
from s2s_core.output.tables import guard, write_csv, write_parquet


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
