"""Draws of a map as one file that scanpy opens: a layer for each draw, written one by one."""

from __future__ import annotations

import warnings
from pathlib import Path

import anndata as ad
import h5py
import numpy as np

from s2s_core.data.result import Result, to_anndata
from s2s_core.data.store import atomic
from s2s_core.geostat.draws import Kind, draw_maps


def write_draws(
    result: Result, path: str | Path, count: int, *, seed: int = 0, kind: Kind = Kind.MEASUREMENT
) -> None:
    """Write the imputed map with draws of it as AnnData.

    ``X`` is the imputed map, ``layers["draw_1"]``, ``layers["draw_2"]``, ... are the draws, all
    log-normalised; ``uns["s2s"]`` has ``draws``, ``draws_seed`` and ``draws_kind`` beside how the
    map was made. One draw at a time is in memory.

    Parameters
    ----------
    result : Result
    path : str or Path
    count : int
    seed : int
    kind : Kind

    Raises
    ------
    S2SError
        If fewer than one draw is asked for, or the result has kept nothing to draw from.
    """
    drawn = draw_maps(result, count, seed=seed, kind=kind)
    table = to_anndata(result)
    for name in list(table.layers):
        del table.layers[name]
    table.uns["s2s"] |= {"draws": count, "draws_seed": seed, "draws_kind": str(kind)}
    order = result.section.written_order
    with atomic(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table.write_h5ad(part, compression="lzf")
        with h5py.File(part, "r+") as file:
            for number, values in enumerate(drawn, start=1):
                layer = np.ascontiguousarray(values[order])
                options = {"compression": "lzf"}
                ad.io.write_elem(file["layers"], f"draw_{number}", layer, dataset_kwargs=options)
