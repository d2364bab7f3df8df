"""Small made sections and results that the tests work on."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.config import preset
from s2s_core.data.assemble import assemble
from s2s_core.data.observation import known_values, normalisation_target
from s2s_core.data.result import Result
from s2s_core.data.section import Section

GENES = 6


def lattice_positions(
    kind: str, rows: int, cols: int, row0: int = 0, col0: int = 0, parity: int = 0
):
    """Array rows and columns of a full lattice; ``cols`` pixels a row."""
    row, col = (a.ravel() for a in np.indices((rows, cols)))
    row = row + row0
    if kind == "hex":
        return row, 2 * (col + col0) + (row + parity) % 2
    return row, col + col0


def made_counts(row, col, genes: int = GENES, seed: int = 0) -> np.ndarray:
    """Poisson counts with smooth patterns, one gene empty-ish, none all zero."""
    rng = np.random.default_rng(seed)
    phase = rng.uniform(0, 2 * np.pi, genes)
    rate = 6 * (1.2 + np.sin(np.asarray(row)[:, None] / 3 + np.asarray(col)[:, None] / 5 + phase))
    return rng.poisson(rate).astype(np.float32)


def made_table(kind: str = "square", rows: int = 10, cols: int = 12, **place):
    """(counts, obs, var, xy, (array_row, array_col)) of a full lattice."""
    row, col = lattice_positions(kind, rows, cols, **place)
    counts = made_counts(row, col)
    ids = pd.Index([f"AAAC{i:04d}-1" for i in range(len(row))])
    obs = pd.DataFrame({"array_row": row, "array_col": col}, index=ids)
    var = pd.DataFrame(index=pd.Index([f"Gene{g}" for g in range(counts.shape[1])]))
    pitch = 100.0
    if kind == "hex":
        xy = np.column_stack([col * pitch / 2, row * pitch * np.sqrt(3) / 2]) + [500.0, 900.0]
    else:
        xy = np.column_stack([col * pitch, row * pitch]) + [500.0, 900.0]
    return counts, obs, var, xy, (row, col)


def made_section(kind: str = "square", rows: int = 10, cols: int = 12, **place) -> Section:
    """A full section on a lattice."""
    counts, obs, var, xy, index = made_table(kind, rows, cols, **place)
    # So few genes would not be scaled by depth otherwise.
    return assemble(counts, obs=obs, var=var, xy=xy, array_index=index, kind=kind, totals="sum")


def made_points(n: int = 900, seed: int = 1):
    """(counts, obs, var, xy) of scattered cells."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 300, (n, 2))
    counts = made_counts(xy[:, 1] / 20, xy[:, 0] / 20)
    obs = pd.DataFrame(index=pd.Index([f"cell{i}" for i in range(n)]))
    var = pd.DataFrame(index=pd.Index([f"Gene{g}" for g in range(counts.shape[1])]))
    return counts, obs, var, xy


def made_result(section: Section, method: str = "linear") -> Result:
    """A result as a run would leave it, without a run: hidden spots hold the gene's mean."""
    truth = known_values(section, normalisation_target(section))
    imputed = np.where(section.measured[:, None], truth, np.nanmean(truth[section.measured], 0))
    other = np.where(section.measured[:, None], truth, 0.5)
    metrics = pd.DataFrame(
        {
            "method": np.repeat([method, "nearest"], len(section.genes)),
            "gene": np.tile(section.genes, 2),
            "spots": "hidden truth",
            "n_spots": int(section.hidden.sum()),
            **dict.fromkeys(("mae", "rmse", "pcc", "spearman", "ssim", "ssim_spots"), 0.5),
        }
    )
    return Result(
        section=section,
        config=preset("fast", method=method, compare=("nearest",)),
        maps={method: imputed.astype(np.float32), "nearest": other.astype(np.float32)},
        sd={method: np.full(imputed.shape, 0.25, np.float32)},
        layers={
            "median": imputed.astype(np.float32),
            "lower": np.maximum(imputed - 0.5, 0.0).astype(np.float32),
            "upper": (imputed + 0.5).astype(np.float32),
        },
        truth=truth,
        metrics=metrics,
        info={"device": "cpu", "seconds": 1.5, "peak": np.float64(3.0), "nothing": float("nan")},
    )


def assembled(table, keep=None, **options):
    """Section of a made table (see :func:`made_table`), or of those of its spots that are kept."""
    counts, obs, var, xy, index = table
    keep = np.ones(len(obs), bool) if keep is None else keep
    return assemble(
        counts[keep],
        obs=obs[keep],
        var=var,
        xy=xy[keep],
        array_index=tuple(a[keep] for a in index),
        **options,
    )
