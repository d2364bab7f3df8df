"""A finished run, opened from the folder that the app or ``impute --out`` left."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from s2s_core.data.section import Section
from s2s_core.errors import S2SError


def finished_run(folder: Path) -> tuple[Section, np.ndarray]:
    """Section and (n, G) deviation of a finished run, of the app or of ``impute --out``.

    Raises
    ------
    S2SError
        If the folder holds none.
    """
    from s2s_core.data.result import load_result

    kept = folder / "result" if (folder / "result").is_dir() else folder
    if (kept / "section.h5ad").is_file():
        result = load_result(kept)
        if result.config.method in result.sd:
            return result.section, result.sd[result.config.method]
        return result.section, result.layers["upper"] - result.layers["lower"]
    table = kept / "imputed.h5ad"
    if not table.is_file():
        raise S2SError(
            f"{str(folder)!r} holds no finished run: give the folder of `impute --out`, or of a run "
            "of the app."
        )
    return _exported_run(table)


def _exported_run(path: Path) -> tuple[Section, np.ndarray]:
    """Section and deviation of an exported table; its measured values are the section's."""
    import anndata as ad

    from s2s_core.readers import read

    section = read(path, measured="measured", absent="background")
    layers = ad.read_h5ad(path, backed="r")
    rows = layers.obs_names.get_indexer(section.spot_ids)
    if (rows < 0).any():
        raise S2SError(f"{str(path)!r} lists other positions than its lattice; run it again.")
    if "sd" in layers.layers:
        return section, np.asarray(layers.layers["sd"][:])[rows]
    return section, (layers.layers["upper"][:] - layers.layers["lower"][:])[rows]
