"""Sequencing depth of spots: the totals that counts are scaled by, where they mean anything.

With a handful of genes the total of a spot is nearly the gene itself: scaling by it makes one
gene binary and a few compositional. Then totals that the file gives are used (``total_counts``,
``nCount_Spatial`` and the like), or counts are not scaled at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError

# Panels of fewer genes are not scaled by their own totals. Measured: `benchmarks/few_genes.py`
# (2026-11-25, 13 sections): with 8 genes four sections are closer to the right values without any
# scaling, with 12 genes two, with 30 none.
FEW_GENES = 10
# Columns that hold a spot's total over all genes, the most particular first.
TOTALS = re.compile(
    r"(total_counts|n_?counts?_all|ncount_(spatial|rna|xenium|vizgen|nanostring|\w+)"
    r"|n_counts|ncounts|n_umis?|total_umis?|umi_counts?|total_expr|transcript_counts?"
    r"|total_transcripts|n_transcripts|total)(_all_genes)?",
    re.IGNORECASE,
)
SUMMED, GIVEN, UNSCALED = "summed", "given", "unscaled"


@dataclass(frozen=True)
class Depth:
    """Depth of the spots of a table.

    Attributes
    ----------
    how : {"summed", "given", "unscaled"}
        The sum over the genes of the table, a column of the table, or nothing.
    totals : (n,) float array or None
        None where they are the sums of the table itself; ones where nothing is scaled.
    note : str
        What was decided and why, for the user; "" where it is the ordinary sum.
    """

    how: str
    totals: np.ndarray | None
    note: str


def depth_of(
    counts: sparse.csr_matrix, obs: pd.DataFrame, seen: np.ndarray, totals: str = "auto"
) -> Depth:
    """Decide what the spots of a table of counts are scaled by.

    Parameters
    ----------
    counts : (n, G) csr_matrix
        Counts, rows of unmeasured spots empty.
    obs : DataFrame
        What else is known of the spots: totals may stand among it.
    seen : (n,) bool array
        Spots that were measured; totals of the others are not looked at.
    totals : str
        ``auto``; ``sum`` of the genes of the table; ``none``; or the name of a column.

    Raises
    ------
    S2SError
        If a column is named that is not there, or holds less than the genes' own sums.
    """
    sums = np.asarray(counts.sum(1)).ravel()
    if totals == "none":
        return Depth(
            UNSCALED, np.where(seen, 1.0, 0.0), "Counts are not scaled by depth, as asked."
        )
    if totals not in ("auto", "sum"):
        return _named(obs, totals, sums, seen)
    n_genes = counts.shape[1]
    if totals == "sum" or n_genes >= FEW_GENES:
        return Depth(SUMMED, None, "")
    few = "1 gene" if n_genes == 1 else f"{n_genes} genes"
    for column in obs.columns:
        found = _totals(obs[column], sums, seen) if TOTALS.fullmatch(str(column)) else None
        if found is not None:
            return Depth(
                GIVEN,
                found,
                (
                    f"With {few} the sum of a spot says little about its depth: spots are scaled by "
                    f"their totals in the column {column!r}; totals sum or none (--totals) does otherwise."
                ),
            )
    return Depth(
        UNSCALED,
        np.where(seen, 1.0, 0.0),
        (
            f"With {few} the sum of a spot is not its depth, so counts are not scaled (log1p of the "
            "counts themselves); a column total_counts with each spot's total over all genes scales them, "
            "and totals sum (--totals) by these genes alone."
        ),
    )


def _named(obs: pd.DataFrame, column: str, sums: np.ndarray, seen: np.ndarray) -> Depth:
    if column not in obs.columns:
        raise S2SError(
            f"There is no column {column!r} of totals; give auto, sum, none, or one of "
            f"{', '.join(map(str, obs.columns[:8])) or '(the file has no such columns)'}."
        )
    found = _totals(obs[column], sums, seen)
    if found is None:
        raise S2SError(
            f"The column {column!r} is no total of these counts: every measured spot needs a number, "
            "at least the sum of its genes and somewhere more."
        )
    return Depth(
        GIVEN, found, f"Spots are scaled by their totals in the column {column!r}, as asked."
    )


def _totals(column: pd.Series, sums: np.ndarray, seen: np.ndarray) -> np.ndarray | None:
    """The column as totals; None where it cannot be that of these counts."""
    if not pd.api.types.is_numeric_dtype(column.dtype):
        return None
    totals = column.to_numpy(float, na_value=np.nan)
    fits = np.isfinite(totals) & (totals >= sums * (1 - 1e-6))
    if not fits[seen].all() or not (totals[seen] > sums[seen]).any():
        return None
    return np.where(seen, totals, 0.0)
