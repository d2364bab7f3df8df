"""Positions added to a section: gaps, empty bins, the new positions of a denser lattice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.grid import Grid
from s2s_core.data.section import Section
from s2s_core.errors import S2SError

# What ids of added positions begin with, by their origin.
PREFIXES = {"gap": "gap", "empty bin": "bin", "new": "new"}
# What empty pixels inside the tissue become, in the sentence about a bin size.
EMPTY_PIXELS = {
    "gaps": "gaps to impute",
    "zeros": "measured zeros, as was asked",
    "background": (
        "background, since an expression divided by no total means nothing (absent gaps imputes "
        "them, absent zeros takes them for measured zeros)"
    ),
}


def densify(section: Section, factor: int) -> Section:
    """Section on a lattice of ``factor`` times the linear density (the paper's S).

    Every position keeps its id and counts; new positions get coordinates and ids ``new_R_C``.

    Parameters
    ----------
    section : Section
    factor : int
        2 or more; the map then has about ``factor`` squared times as many positions.

    Raises
    ------
    S2SError
        If the factor is no whole number, or below 2.
    """
    if isinstance(factor, bool) or not isinstance(factor, (int, np.integer)):
        raise S2SError(f"The densify factor must be a whole number, found {factor!r}.")
    fine = section.grid.densified(factor)
    row, col = fine.pixel(*section.grid.densified_index(section.row, section.col, factor))
    return replace(_append(section, fine, row, col, "new"), design=f"densify:{factor}")


def fill_absent(section: Section, *, zeros: bool) -> Section:
    """Section with the lattice positions inside its tissue that hold no spot.

    Parameters
    ----------
    section : Section
    zeros : bool
        Added positions are measured zeros (empty bins); gaps to impute otherwise.
    """
    closed = section.grid.with_tissue(gridlib.close_tissue(section.grid))
    return _append(section, closed, section.row, section.col, "empty bin" if zeros else "gap")


def empty_pixels_note(section: Section, meaning: str) -> str:
    """Sentence on the share of pixels inside the tissue that hold nothing, by which to judge bins.

    Parameters
    ----------
    section : Section
        Of bins, absent ones filled in already.
    meaning : {"gaps", "zeros", "background"}
        What they were taken for.
    """
    inside = gridlib.close_tissue(section.grid)
    full = np.zeros(section.grid.shape, bool)
    of_file = ~np.isin(section.origin, ["empty bin", "gap"])
    full[section.row[of_file], section.col[of_file]] = True
    empty = (inside & ~full).sum() / inside.sum()
    note = f"{empty:.0%} of the pixels inside the tissue are empty"
    if not empty:
        return note + "."
    return note + f": they are {EMPTY_PIXELS[meaning]}; a larger bin_size has fewer."


def _append(section: Section, grid: Grid, row, col, origin: str) -> Section:
    """Add the tissue pixels of ``grid`` that no position of the section occupies."""
    free = grid.tissue.copy()
    free[row, col] = False
    new_row, new_col = np.nonzero(free)
    n_new = len(new_row)
    if n_new == 0:
        return replace(section, grid=grid, row=row, col=col)
    zero = origin == "empty bin"
    ids = _new_ids(grid, new_row, new_col, origin, section.obs.index)
    empty = sparse.csr_matrix((n_new, section.counts.shape[1]), dtype=np.float32)
    totals, file_row = section.totals, section.file_row
    return replace(
        section,
        counts=sparse.vstack([section.counts, empty]).tocsr(),
        obs=pd.concat([section.obs, pd.DataFrame(index=ids)]),
        xy=np.vstack([section.xy, grid.to_xy(new_row, new_col)]),
        grid=grid,
        row=np.concatenate([row, new_row]),
        col=np.concatenate([col, new_col]),
        measured=np.concatenate([section.measured, np.full(n_new, zero)]),
        known=np.concatenate([section.known, np.full(n_new, zero)]),
        origin=np.concatenate([section.origin, np.full(n_new, origin, dtype=object)]),
        totals=None if totals is None else np.append(totals, np.zeros(n_new)),
        file_row=None if file_row is None else np.append(file_row, np.full(n_new, -1)),
    )


def _new_ids(grid: Grid, row, col, origin: str, taken: pd.Index) -> pd.Index:
    array_row, array_col = grid.array_index(row, col)
    prefix = PREFIXES[origin]
    ids = pd.Index([f"{prefix}_{r}_{c}" for r, c in zip(array_row, array_col, strict=True)])
    clash = ids.isin(taken)
    return ids.where(~clash, ids + "_s2s")
