"""New measurements into a section that was run before: the loop of measuring and imputing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.section import Section, check_values
from s2s_core.errors import S2SError

# The section is no longer what its file says.
ADDED_KEY = "s2s_added"
INDEX = ["array_row", "array_col"]
TOTAL = "total_counts"
# Columns that a table of new measurements may bring back from the list of spots to measure.
ABOUT = ("spot_id", *INDEX, "x", "y", "order", "uncertainty", "measured", TOTAL)


def read_additions(source) -> pd.DataFrame:
    """Read a CSV of new measurements (path or file object).

    Raises
    ------
    S2SError
        If it is no table.
    """
    try:
        # The default reader of numbers crashes on some that are none.
        table = pd.read_csv(source, dtype={"spot_id": str}, float_precision="round_trip")
    except (ValueError, UnicodeDecodeError, pd.errors.ParserError):
        raise S2SError("The file of new measurements is no CSV table; export it as CSV.") from None
    if "spot_id" in table:
        table["spot_id"] = table["spot_id"].str.removeprefix("'")
    return table.rename(columns=lambda name: str(name).removeprefix("'"))


def add_measurements(section: Section, table: pd.DataFrame) -> Section:
    """Section with new spots measured.

    Parameters
    ----------
    section : Section
        As it was run. Of values that a mask hides only those of the table's spots are replaced.
    table : DataFrame
        One row a spot: ``spot_id``, or ``array_row`` and ``array_col``; a column for every gene
        of the section, on its scale; ``total_counts`` where the genes are a part of what was
        counted.

    Raises
    ------
    S2SError
        If a spot is not a position of the section, is measured already or named twice, a gene
        is missing, or a value cannot be.
    """
    rows = _positions(section, table)
    missing = [gene for gene in section.genes if gene not in table.columns]
    if missing:
        raise S2SError(
            f"The new measurements lack {len(missing)} of {len(section.genes)} genes "
            f"({', '.join(missing[:3])} ...); give a column for every gene that was run."
        )
    try:
        values = table[list(section.genes)].to_numpy(np.float32)
    except (TypeError, ValueError):
        raise S2SError(
            "The new measurements hold cells that are no numbers; give counts."
        ) from None
    check_values(values)
    counts = section.counts.tolil()
    counts[rows] = values
    flags = {name: getattr(section, name).copy() for name in ("measured", "known", "origin")}
    flags["measured"][rows] = flags["known"][rows] = True
    flags["origin"][rows] = "spot"
    totals = section.totals
    if totals is not None:
        totals = totals.copy()
        totals[rows] = _totals(section, table, values)
    added = len(rows) + int(section.uns.get(ADDED_KEY, 0))
    note = f"{len(rows):,} spots were measured later and added."
    return replace(
        section,
        counts=sparse.csr_matrix(counts, dtype=np.float32),
        totals=totals,
        notes=(*section.notes, note),
        uns={**section.uns, ADDED_KEY: added},
        **flags,
    )


def _positions(section: Section, table: pd.DataFrame) -> np.ndarray:
    """Rows of the section that a table's spots are."""
    if "spot_id" in table:
        rows, said = section.spot_ids.get_indexer(table["spot_id"].astype(str)), table["spot_id"]
    elif set(INDEX) <= set(table.columns):
        place = pd.MultiIndex.from_arrays(section.array_index)
        rows = place.get_indexer(pd.MultiIndex.from_frame(table[INDEX]))
        said = table[INDEX].astype(str).agg("x".join, axis=1)
    else:
        raise S2SError(
            "The new measurements name no spots; give a column spot_id, or array_row and array_col."
        )
    if len(rows) == 0:
        raise S2SError("The table of new measurements is empty; give one row a spot.")
    for wrong, words in (
        (rows < 0, "no positions of this section"),
        (pd.Series(rows).duplicated().to_numpy(), "named twice"),
        ((rows >= 0) & section.measured[rows], "measured already"),
    ):
        if wrong.any():
            named = ", ".join(map(str, np.asarray(said)[wrong][:3]))
            raise S2SError(
                f"{int(wrong.sum())} spots of the new measurements are {words} ({named}); "
                "correct the table."
            )
    return rows


def _totals(section: Section, table: pd.DataFrame, values: np.ndarray) -> np.ndarray:
    """Total counts of the new spots over everything that was counted."""
    if TOTAL in table:
        return table[TOTAL].to_numpy(float)
    others = [c for c in table.columns if c not in section.genes and c not in ABOUT]
    more = table[others].select_dtypes("number").sum(axis=1).to_numpy(float)
    if section.is_log or more.any():
        return values.sum(1) + more
    # The panel's share of all counts, as it is at the spots measured before.
    at = section.measured
    sums = np.asarray(section.counts[at].sum(1)).ravel()
    share = sums / np.maximum(section.spot_totals[at], 1e-9)
    return values.sum(1) / max(float(np.median(share)), 1e-9)
