"""From a table of spots to a Section: lattice, tissue, gaps and checks, the same for all readers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.array_positions import checked_index
from s2s_core.data.depth import SUMMED, UNSCALED, Depth, depth_of
from s2s_core.data.grid import Grid
from s2s_core.data.lattice import find_lattice
from s2s_core.data.rows import Rows, bin_points, keep_rows, without_empty
from s2s_core.data.section import Section, check_values
from s2s_core.errors import S2SError
from s2s_core.limits import Limits

ABSENT = ("auto", "gaps", "zeros", "background")
LOG_MAX = 20.0
# In any unit a section is smaller; beyond, arithmetic on places loses its digits.
MAX_COORDINATE = 1e12


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
    seen = np.ones(len(obs), bool) if measured is None else np.asarray(measured, bool)
    seen, xy = seen[order], None if xy is None else np.asarray(xy, float)[order]
    if array_index is not None:
        array_index = tuple(np.asarray(a).astype(int)[order] for a in array_index)
    counts = keep_rows(counts[order], seen)
    check_values(counts.data)
    is_log, note = detect_scale(counts, scale, uns)
    obs = obs.iloc[order]
    depth = depth_of(counts, obs, seen, totals) if not is_log else Depth(SUMMED, None, "")
    rows = Rows(counts, obs, xy, seen, depth.totals, order)
    notes = [note, depth.note]
    _check_coordinates(rows)
    lattice, note = _lattice(rows, array_index, kind)
    notes.append(note)
    if lattice is None:
        rows, lattice, affine, note = bin_points(rows, bin_size, depth, is_log=is_log)
        notes.append(note)
        binned = True
        # An exported file says by it that its pixels are bins.
        uns["bin_size"] = float(np.abs(affine[0, 0]))
    else:
        _check_positions(lattice, rows.obs.index)
        affine = None
        if binned and lattice[0] == "square":
            lattice = ("bins", *lattice[1:])
    meaning, note = _meaning(absent, binned=binned, gaps_known=not seen.all())
    notes.append(note)
    if binned and meaning != "zeros" and depth.how != UNSCALED:
        rows, lattice = without_empty(rows, lattice)
    section = _section(rows, lattice, affine, var, notes, uns, is_log=is_log)
    _check_size(section)
    if meaning == "background":
        return _with_share(section) if binned else section
    section = _fill_absent(section, meaning)
    _check_size(section)
    return _with_share(section) if section.grid.kind == "bins" else section


def _check_coordinates(rows: Rows) -> None:
    if rows.xy is None:
        return
    if not np.isfinite(rows.xy).all():
        bad = rows.obs.index[~np.isfinite(rows.xy).all(1)][0]
        raise S2SError(f"The coordinates of spot {bad!r} are missing; fill or remove them.")
    if np.abs(rows.xy).max() > MAX_COORDINATE:
        raise S2SError(
            f"A coordinate is {np.abs(rows.xy).max():.3g}, further away than any section; check the "
            "coordinate columns."
        )


def _lattice(rows: Rows, array_index, kind: str):
    """((kind, row, col) or None for points, sentence) from array positions or coordinates."""
    if array_index is not None:
        wanted = "auto" if kind == "points" else kind
        *lattice, note = checked_index(*array_index, rows.xy, wanted)
        return tuple(lattice), note
    if rows.xy is None:
        raise S2SError(
            "No coordinates were found: give obsm['spatial'], or columns x, y, or "
            "array_row, array_col."
        )
    if kind == "points":
        return None, ""
    found = find_lattice(rows.xy, kind)
    if found is None and kind != "auto":
        raise S2SError(
            f"The coordinates form no {kind} lattice: give array_row and array_col, or read "
            "the positions as points."
        )
    return (None, "") if found is None else ((found.kind, found.row, found.col), found.note)


def _meaning(absent: str, *, binned: bool, gaps_known: bool) -> tuple[str, str]:
    """(what absent positions are, sentence where that is not what was asked)."""
    if absent == "auto":
        return ("background" if binned else "gaps"), ""
    if absent == "zeros" and gaps_known:
        return "gaps", (
            "The section says which positions were measured, so absent ones are unknown: they are "
            "gaps, not zeros."
        )
    return absent, ""


def _section(rows: Rows, lattice, affine, var, notes, uns: dict, *, is_log: bool) -> Section:
    kind, array_row, array_col = lattice
    order = np.lexsort((array_col, array_row))
    rows, array_row, array_col = rows.take(order), array_row[order], array_col[order]
    grid = gridlib.from_array_index(kind, array_row, array_col, xy=rows.xy, affine=affine)
    row, col = grid.pixel(array_row, array_col)
    if kind != "bins":
        totals = rows.depth
        silent = int((rows.seen & (totals == 0)).sum())
        said = f"{silent:,} measured spots hold no count of these genes: they are measured zeros."
        notes = [*notes, said if silent else ""]
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


def _with_share(section: Section) -> Section:
    """Say how many pixels inside the tissue hold nothing: what a bin size is judged by."""
    inside = gridlib.close_tissue(section.grid)
    full = np.zeros(section.grid.shape, bool)
    of_file = ~np.isin(section.origin, ["empty bin", "gap"])
    full[section.row[of_file], section.col[of_file]] = True
    empty = (inside & ~full).sum() / inside.sum()
    are = {
        "empty bin": "measured zeros, as was asked",
        "gap": "gaps to impute",
    }.get(
        next(iter(set(section.origin[~of_file])), ""),
        (
            "background, since an expression divided by no total means nothing (absent gaps imputes "
            "them, absent zeros takes them for measured zeros)"
        ),
    )
    note = f"{empty:.0%} of the pixels inside the tissue are empty"
    note += f": they are {are}; a larger bin_size has fewer." if empty else "."
    return replace(section, notes=(*section.notes, note))


def detect_scale(counts: sparse.csr_matrix, scale: str, uns: dict) -> tuple[bool, str]:
    """Tell counts from log-normalised values; returns (is_log, sentence)."""
    if scale not in ("auto", "counts", "log"):
        raise S2SError(f"The scale must be auto, counts or log; found {scale!r}.")
    if scale != "auto":
        return scale == "log", f"Values were declared as {scale}."
    data = counts.data
    if "log1p" in uns:
        return True, "The file says its values are log-normalised (log1p)."
    if len(data) == 0 or np.array_equal(data, np.rint(data)):
        return False, "Values are integer counts."
    if data.max() <= LOG_MAX:
        return True, (
            "Values are no integers and at most "
            f"{data.max():.1f}, so they are taken as log-normalised already."
        )
    return False, (
        f"Values are no integers but reach {data.max():.0f}, so they are taken as counts that "
        "were corrected or scaled, not yet on a log scale."
    )


def densify(section: Section, stride: int) -> Section:
    """Ask for the map at ``stride`` times the lattice density (the paper's S).

    Every measured position keeps its id; new positions get coordinates and ids ``new_R_C``.
    """
    fine = section.grid.densified(stride)
    row, col = fine.pixel(*section.grid.densified_index(section.row, section.col, stride))
    out = _append(section, fine, row, col, "new")
    factor = f"densify:{stride}"
    return replace(out, design=factor)


def _fill_absent(section: Section, meaning: str) -> Section:
    closed = section.grid.with_tissue(gridlib.close_tissue(section.grid))
    origin = "gap" if meaning == "gaps" else "empty bin"
    return _append(section, closed, section.row, section.col, origin)


def _append(section: Section, grid: Grid, row, col, origin: str) -> Section:
    """Add the tissue pixels of ``grid`` that no position of the section occupies."""
    free = grid.tissue.copy()
    free[row, col] = False
    new_row, new_col = np.nonzero(free)
    if len(new_row) == 0:
        return replace(section, grid=grid, row=row, col=col)
    zero = origin == "empty bin"
    ids = _new_ids(grid, new_row, new_col, origin, section.obs.index)
    obs = pd.concat([section.obs, pd.DataFrame(index=ids)])
    n_new = len(ids)
    return Section(
        counts=sparse.vstack(
            [section.counts, sparse.csr_matrix((n_new, section.counts.shape[1]), dtype=np.float32)]
        ).tocsr(),
        obs=obs,
        var=section.var,
        xy=np.vstack([section.xy, grid.to_xy(new_row, new_col)]),
        grid=grid,
        row=np.concatenate([row, new_row]),
        col=np.concatenate([col, new_col]),
        measured=np.concatenate([section.measured, np.full(n_new, zero)]),
        known=np.concatenate([section.known, np.full(n_new, zero)]),
        origin=np.concatenate([section.origin, np.full(n_new, origin, dtype=object)]),
        is_log=section.is_log,
        design=section.design,
        notes=section.notes,
        uns=section.uns,
        totals=None if section.totals is None else np.append(section.totals, np.zeros(n_new)),
        file_row=None
        if section.file_row is None
        else np.append(section.file_row, np.full(n_new, -1)),
    )


def _new_ids(grid: Grid, row, col, origin: str, taken: pd.Index) -> pd.Index:
    prefix = {"gap": "gap", "empty bin": "bin", "new": "new"}[origin]
    array_row, array_col = grid.array_index(row, col)
    ids = pd.Index([f"{prefix}_{r}_{c}" for r, c in zip(array_row, array_col, strict=True)])
    clash = ids.isin(taken)
    return ids.where(~clash, ids + "_s2s")


def _check_ids(index: pd.Index, what: str) -> None:
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise S2SError(
            f"The {what} {twice!r} occurs more than once; make every {what} unique and try again."
        )


def _check_positions(lattice, ids: pd.Index) -> None:
    _, row, col = lattice
    same = pd.DataFrame({"row": row, "col": col}).duplicated(keep=False).to_numpy()
    if same.any():
        first = np.nonzero(same)[0][0]
        second = np.nonzero((row == row[first]) & (col == col[first]))[0][1]
        raise S2SError(
            f"Two spots share one lattice position (for example {ids[first]!r} and "
            f"{ids[second]!r}): keep one spot a position, or one section where these are several."
        )
