"""From a table of spots to a Section: lattice, tissue, gaps and checks, the same for all readers."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.added_positions import empty_pixels_note, fill_absent
from s2s_core.data.array_positions import checked_index
from s2s_core.data.depth import SUMMED, UNSCALED, Depth, depth_of
from s2s_core.data.lattice import Lattice, find_lattice
from s2s_core.data.rows import (
    Placed,
    Rows,
    bin_points,
    check_coordinates,
    keep_rows,
    without_empty,
)
from s2s_core.data.section import Section, check_values
from s2s_core.data.value_scale import detect_scale
from s2s_core.errors import S2SError
from s2s_core.limits import Limits

ABSENT = ("auto", "gaps", "zeros", "background")


@dataclass(frozen=True)
class Absent:
    """Meaning of lattice positions inside the tissue that hold no spot.

    Attributes
    ----------
    meaning : {"gaps", "zeros", "background"}
    note : str
        Where that is not what was asked for; else "".
    """

    meaning: str
    note: str = ""


def assemble(
    counts,
    *,
    obs: pd.DataFrame,
    var: pd.DataFrame,
    xy: np.ndarray | None,
    array_index: tuple[np.ndarray, np.ndarray] | None = None,
    kind: str = "auto",
    absent: str = "auto",
    binned: bool = False,
    bin_size: float | None = None,
    scale: str = "auto",
    totals: str = "auto",
    measured: np.ndarray | None = None,
    uns: dict | None = None,
) -> Section:
    """Build a Section from a spots x genes table.

    Rows may come in any order: positions are ordered by lattice row and column, so that every
    order of a file gives the same section (:attr:`Section.file_row` keeps the file's own).

    Parameters
    ----------
    counts : (n, G) array or sparse matrix
    obs, var : DataFrame
        Index: spot ids and gene names.
    xy : (n, 2) array or None
        Coordinates; None where only lattice positions are known.
    array_index : pair of (n,) int arrays, optional
        Lattice row and column. Without them a lattice is looked for in ``xy``.
    kind : {"auto", "square", "hex", "points"}
    absent : {"auto", "gaps", "zeros", "background"}
        What lattice positions inside the tissue without a spot are: gaps to impute, true
        zeros, or no tissue. ``auto``: background for bins, gaps otherwise. Bins that are there
        but hold nothing count as absent.
    binned : bool
        The table is known to hold bins of points already.
    bin_size : float, optional
        Edge of the bins for points; proposed when not given.
    scale : {"auto", "counts", "log"}
        Whether values are counts or log-normalised.
    totals : str
        What spots are scaled by: ``auto``, ``sum``, ``none`` or a column
        (:func:`s2s_core.data.depth.depth_of`).
    measured : (n,) bool array, optional
        False where a spot was not measured; its values are ignored whatever they hold.
    uns : dict, optional

    Raises
    ------
    S2SError
        Duplicate spots or positions, unusable values, wrong options.
    """
    if absent not in ABSENT:
        raise S2SError(f"`absent` must be one of {', '.join(ABSENT)}; found {absent!r}.")
    counts = sparse.csr_matrix(counts, dtype=np.float32)
    if 0 in counts.shape:
        raise S2SError(f"The table is empty ({counts.shape[0]} spots x {counts.shape[1]} genes).")
    _check_ids(obs.index, "spot id")
    _check_ids(var.index, "gene name")
    uns = dict(uns or {})
    # Ids are unique: whatever follows sees the same order, down to the last digit of a sum.
    order = np.argsort(obs.index.to_numpy(str), kind="stable")
    rows = _rows(counts, obs, xy, measured).take(order)
    check_values(rows.counts.data)
    values = detect_scale(rows.counts, scale, uns)
    depth = Depth(SUMMED, None, "")
    if not values.is_log:
        depth = depth_of(rows.counts, rows.obs, rows.seen, totals)
    rows = replace(rows, totals=depth.totals)
    check_coordinates(rows)
    lattice = resolve_lattice(rows.xy, _in_order(array_index, order), kind)
    if lattice is None:
        placed = bin_points(rows, bin_size, depth, is_log=values.is_log)
        binned = True
    else:
        _check_positions(lattice, rows.obs.index)
        if binned and lattice.kind == "square":
            lattice = replace(lattice, kind="bins")
        placed = Placed(rows, lattice)
    if placed.bin_affine is not None:
        # An exported file says by it that its pixels are bins.
        uns["bin_size"] = float(np.abs(placed.bin_affine[0, 0]))
    unmeasured = resolve_absent(absent, binned=binned, gaps_known=not rows.seen.all())
    notes = [values.note, depth.note, placed.lattice.note, unmeasured.note]
    if binned and unmeasured.meaning != "zeros" and depth.how != UNSCALED:
        placed = without_empty(placed)
    section = _section(placed, var, uns, notes, is_log=values.is_log)
    _check_size(section)
    if unmeasured.meaning != "background":
        section = fill_absent(section, zeros=unmeasured.meaning == "zeros")
        _check_size(section)
    if not binned:
        return section
    return replace(section, notes=(*section.notes, empty_pixels_note(section, unmeasured.meaning)))


def resolve_lattice(
    xy: np.ndarray | None, array_index: tuple[np.ndarray, np.ndarray] | None, kind: str
) -> Lattice | None:
    """Lattice of the spots, from array positions where there are any, else from coordinates.

    Parameters
    ----------
    xy : (n, 2) array or None
    array_index : pair of (n,) int arrays or None
    kind : {"auto", "square", "hex", "points"}

    Returns
    -------
    Lattice or None
        None for points: they are to be counted in bins.

    Raises
    ------
    S2SError
        If nothing says where the spots are, or they form no lattice of the declared kind.
    """
    if array_index is not None:
        return checked_index(*array_index, xy, "auto" if kind == "points" else kind)
    if xy is None:
        raise S2SError(
            "No coordinates were found: give obsm['spatial'], or columns x, y, or "
            "array_row, array_col."
        )
    if kind == "points":
        return None
    found = find_lattice(xy, kind)
    if found is None and kind != "auto":
        raise S2SError(
            f"The coordinates form no {kind} lattice: give array_row and array_col, or read "
            "the positions as points."
        )
    return found


def resolve_absent(absent: str, *, binned: bool, gaps_known: bool) -> Absent:
    """Meaning of absent positions, from what was asked and what the table says itself.

    Parameters
    ----------
    absent : {"auto", "gaps", "zeros", "background"}
    binned : bool
        The positions are bins of points.
    gaps_known : bool
        The table says of some positions that they were not measured.
    """
    if absent == "auto":
        return Absent("background" if binned else "gaps")
    if absent == "zeros" and gaps_known:
        note = (
            "The section says which positions were measured, so absent ones are unknown: they are "
            "gaps, not zeros."
        )
        return Absent("gaps", note)
    return Absent(absent)


def silent_note(count: int) -> str:
    """Sentence on measured spots that hold no count."""
    return f"{count:,} measured spots hold no count of these genes: they are measured zeros."


def _rows(counts: sparse.csr_matrix, obs: pd.DataFrame, xy, measured) -> Rows:
    """Rows in the table's own order, those of unmeasured spots empty."""
    seen = np.ones(len(obs), bool) if measured is None else np.asarray(measured, bool)
    return Rows(
        counts=keep_rows(counts, seen),
        obs=obs,
        xy=None if xy is None else np.asarray(xy, float),
        seen=seen,
        totals=None,
        file_row=np.arange(len(obs)),
    )


def _in_order(
    array_index: tuple[np.ndarray, np.ndarray] | None, order: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    if array_index is None:
        return None
    row, col = (np.asarray(a).astype(int)[order] for a in array_index)
    return row, col


def _section(placed: Placed, var: pd.DataFrame, uns: dict, notes: list[str], *, is_log: bool):
    placed = placed.take(np.lexsort((placed.lattice.col, placed.lattice.row)))
    rows, lattice = placed.rows, placed.lattice
    grid = gridlib.from_array_index(
        lattice.kind, lattice.row, lattice.col, xy=rows.xy, affine=placed.bin_affine
    )
    row, col = grid.pixel(lattice.row, lattice.col)
    if lattice.kind != "bins":
        silent = int((rows.seen & (rows.depth == 0)).sum())
        notes = [*notes, silent_note(silent) if silent else ""]
    return Section(
        counts=rows.counts,
        obs=rows.obs,
        var=var,
        xy=grid.to_xy(row, col) if rows.xy is None else rows.xy,
        grid=grid,
        row=row,
        col=col,
        measured=rows.seen,
        known=rows.seen.copy(),
        origin=np.full(len(row), "spot", dtype=object),
        is_log=is_log,
        notes=tuple(note for note in notes if note),
        uns=uns,
        totals=rows.totals,
        file_row=rows.file_row,
    )


def _check_size(section: Section) -> None:
    limit = Limits.from_environment().max_spots
    if section.n_positions > limit:
        raise S2SError(
            f"The section has {section.n_positions:,} positions, more than the {limit:,.0f} that "
            "are taken here; choose larger bins, or raise S2S_MAX_SPOTS."
        )


def _check_ids(index: pd.Index, what: str) -> None:
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise S2SError(
            f"The {what} {twice!r} occurs more than once; make every {what} unique and try again."
        )


def _check_positions(lattice: Lattice, ids: pd.Index) -> None:
    row, col = lattice.row, lattice.col
    same = pd.DataFrame({"row": row, "col": col}).duplicated(keep=False).to_numpy()
    if same.any():
        first = np.nonzero(same)[0][0]
        second = np.nonzero((row == row[first]) & (col == col[first]))[0][1]
        raise S2SError(
            f"Two spots share one lattice position (for example {ids[first]!r} and "
            f"{ids[second]!r}): keep one spot a position, or one section where these are several."
        )
