"""From a table of spots to a Section: lattice, tissue, gaps and checks, the same for all readers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core import grid as gridlib
from s2s_core.errors import S2SError
from s2s_core.grid import Grid
from s2s_core.limits import Limits
from s2s_core.section import Section, check_values

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
    measured: np.ndarray | None = None,
    uns: dict | None = None,
) -> Section:
    """Build a Section from a spots x genes table.

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
        zeros (binned points), or no tissue. ``auto``: zeros for bins, gaps otherwise.
    binned : bool
        The table is known to hold bins of points already.
    bin_size : float, optional
        Edge of the bins for points; proposed when not given.
    scale : {"auto", "counts", "log"}
        Whether values are counts or log-normalised.
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
    n = counts.shape[0]
    if n == 0 or counts.shape[1] == 0:
        raise S2SError(f"The table is empty ({n} spots x {counts.shape[1]} genes).")
    _check_ids(obs.index, "spot id")
    _check_ids(var.index, "gene name")
    seen = np.ones(n, bool) if measured is None else np.asarray(measured, bool)
    counts = _keep_rows(counts, seen)
    check_values(counts.data)
    is_log, note = detect_scale(counts, scale, uns or {})
    notes = [note]

    if xy is not None:
        xy = np.asarray(xy, float)
        if not np.isfinite(xy).all():
            bad = obs.index[~np.isfinite(xy).all(1)][0]
            raise S2SError(f"The coordinates of spot {bad!r} are missing; fill or remove them.")
        if np.abs(xy).max() > MAX_COORDINATE:
            raise S2SError(
                f"A coordinate is {np.abs(xy).max():.3g}, further away than any section; check the "
                "coordinate columns."
            )
    if array_index is None and kind != "points" and xy is not None:
        found = gridlib.infer_lattice(xy)
        if found and kind in ("auto", found[0]):
            array_index = found[1:]
            kind = found[0]
            notes.append(f"The coordinates form a {found[0]} lattice.")
        elif kind != "auto":
            raise S2SError(
                f"The coordinates form no {kind} lattice: give array_row and array_col, or read "
                "the positions as points."
            )
    if array_index is None:
        if xy is None:
            raise S2SError(
                "No coordinates were found: give obsm['spatial'], or columns x, y, or "
                "array_row, array_col."
            )
        counts, obs, xy, grid, row, col, seen, note = _bin(counts, obs, xy, bin_size, is_log, seen)
        notes.append(note)
        binned = True
        # An exported file says by it that its pixels are bins.
        uns = {**(uns or {}), "bin_size": grid.pitch}
    else:
        row_index, col_index = (np.asarray(a).astype(int) for a in array_index)
        if kind in ("auto", "points"):
            kind = gridlib.lattice_kind(row_index, col_index, xy)
        if binned and kind == "square":
            kind = "bins"
        _check_positions(row_index, col_index, obs.index)
        grid = gridlib.from_array_index(kind, row_index, col_index, xy=xy)
        row, col = grid.pixel(row_index, col_index)
        if xy is None:
            xy = grid.to_xy(row, col)
    origin = np.full(len(row), "spot", dtype=object)
    section = Section(
        counts, obs, var, xy, grid, row, col, seen, seen.copy(), origin, is_log, "",
        tuple(notes), dict(uns or {}),
    )  # fmt: skip
    meaning = ("zeros" if binned else "gaps") if absent == "auto" else absent
    _check_size(section)
    if meaning == "background":
        return section
    section = _fill_absent(section, meaning)
    _check_size(section)
    return _with_share(section) if grid.kind == "bins" else section


def _check_size(section: Section) -> None:
    limit = Limits.limits().max_spots
    if section.n_positions > limit:
        raise S2SError(
            f"The section has {section.n_positions:,} positions, more than the {limit:,.0f} that "
            "are taken here; choose larger bins, or raise S2S_MAX_SPOTS."
        )


def _with_share(section: Section) -> Section:
    """Say how many pixels of the tissue no point fell into: what a bin size is judged by."""
    empty = np.isin(section.origin, ["empty bin", "gap"]).mean()
    note = f"{empty:.0%} of the pixels inside the tissue are empty; a larger bin_size has fewer."
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
    return Section(**{**out.__dict__, "design": factor})


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
        return Section(**{**section.__dict__, "grid": grid, "row": row, "col": col})
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
    )


def _new_ids(grid: Grid, row, col, origin: str, taken: pd.Index) -> pd.Index:
    prefix = {"gap": "gap", "empty bin": "bin", "new": "new"}[origin]
    array_row, array_col = grid.array_index(row, col)
    ids = pd.Index([f"{prefix}_{r}_{c}" for r, c in zip(array_row, array_col, strict=True)])
    clash = ids.isin(taken)
    return ids.where(~clash, ids + "_s2s")


def _bin(counts, obs, xy, bin_size, is_log, seen):
    if len(xy) < 2:
        raise S2SError("There is a single point; a section needs many.")
    size = bin_size or gridlib.propose_bin_size(xy)
    grid, row, col = gridlib.bin_points(xy, size)
    pixel = row * grid.shape[1] + col
    bins, member = np.unique(pixel, return_inverse=True)
    gather = sparse.csr_matrix(
        (np.ones(len(member), np.float32), (member, np.arange(len(member)))),
        shape=(len(bins), len(member)),
    )
    n_points = np.asarray(gather.sum(1)).ravel()
    counts = (gather @ counts).tocsr()
    if is_log:
        # Log values cannot be added up: a bin holds the mean of its points.
        counts = sparse.diags(1.0 / n_points).dot(counts).tocsr().astype(np.float32)
    row, col = np.divmod(bins, grid.shape[1])
    ids = [f"bin_{r}_{c}" for r, c in zip(row, col, strict=True)]
    table = pd.DataFrame({"n_points": n_points.astype(int)}, index=pd.Index(ids))
    # A bin with an unmeasured point in it is not fully measured.
    whole = np.ones(len(bins), bool)
    np.logical_and.at(whole, member, seen)
    counts = _keep_rows(counts, whole)
    how = "chosen" if bin_size else "proposed"
    note = (
        f"{len(member)} points were binned into {len(bins)} pixels of {size:g} x {size:g} "
        f"({how} size; {len(member) / len(bins):.1f} points a pixel)."
    )
    return counts, table, grid.to_xy(row, col), grid, row, col, whole, note


def _keep_rows(counts: sparse.csr_matrix, keep: np.ndarray) -> sparse.csr_matrix:
    """Empty the rows that are not kept, whatever they hold (NaN included)."""
    if keep.all():
        return counts
    scatter = sparse.csr_matrix(
        (np.ones(keep.sum(), np.float32), (np.nonzero(keep)[0], np.arange(keep.sum()))),
        shape=(len(keep), int(keep.sum())),
    )
    return (scatter @ counts[keep]).tocsr()


def _check_ids(index: pd.Index, what: str) -> None:
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise S2SError(
            f"The {what} {twice!r} occurs more than once; make every {what} unique and try again."
        )


def _check_positions(row: np.ndarray, col: np.ndarray, ids: pd.Index) -> None:
    same = pd.DataFrame({"row": row, "col": col}).duplicated(keep=False).to_numpy()
    if same.any():
        first, second = ids[same][:2]
        raise S2SError(
            f"Two spots share one lattice position (for example {first!r} and {second!r}); "
            "keep one spot a position."
        )
