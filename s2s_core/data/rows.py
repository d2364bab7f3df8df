"""Rows of a table on their way to a section: kept, left out, counted in bins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.depth import UNSCALED, Depth
from s2s_core.data.lattice import Lattice
from s2s_core.errors import S2SError

# In any unit a section is smaller; beyond, arithmetic on places loses its digits.
MAX_COORDINATE = 1e12


@dataclass(frozen=True)
class Rows:
    """Rows of a table on their way to a section.

    Attributes
    ----------
    counts : (n, G) csr_matrix
    obs : DataFrame
    xy : (n, 2) array or None
    seen : (n,) bool array
        Which were measured.
    totals : (n,) array or None
    file_row : (n,) int array
        Row in the file's table; -1 for bins that were made here.
    """

    counts: sparse.csr_matrix
    obs: pd.DataFrame
    xy: np.ndarray | None
    seen: np.ndarray
    totals: np.ndarray | None
    file_row: np.ndarray

    @property
    def depth(self) -> np.ndarray:
        """(n,) totals that rows are scaled by: those given, or their own sums."""
        return np.asarray(self.counts.sum(1)).ravel() if self.totals is None else self.totals

    def take(self, at: np.ndarray) -> Rows:
        """Some of the rows, in the given order."""
        return Rows(
            counts=self.counts[at],
            obs=self.obs.iloc[at],
            xy=None if self.xy is None else self.xy[at],
            seen=self.seen[at],
            totals=None if self.totals is None else self.totals[at],
            file_row=self.file_row[at],
        )


@dataclass(frozen=True)
class Placed:
    """Rows of a table, each with its place on a lattice.

    Attributes
    ----------
    rows : Rows
    lattice : Lattice
        ``row``, ``col`` are those of ``rows``.
    bin_affine : (3, 2) array or None
        For bins that were made here: their exact map from lattice to user coordinates
        (:attr:`Grid.affine`), which need not be fitted.
    """

    rows: Rows
    lattice: Lattice
    bin_affine: np.ndarray | None = None

    def take(self, at: np.ndarray) -> Placed:
        """Some of the rows, in the given order."""
        return replace(self, rows=self.rows.take(at), lattice=self.lattice.take(at))


def keep_rows(counts: sparse.csr_matrix, keep: np.ndarray) -> sparse.csr_matrix:
    """Empty the rows that are not kept, whatever they hold (NaN included)."""
    if keep.all():
        return counts
    scatter = sparse.csr_matrix(
        (np.ones(keep.sum(), np.float32), (np.nonzero(keep)[0], np.arange(keep.sum()))),
        shape=(len(keep), int(keep.sum())),
    )
    return (scatter @ counts[keep]).tocsr()


def check_coordinates(rows: Rows) -> None:
    """Refuse coordinates that are missing, or further away than any section.

    Raises
    ------
    S2SError
    """
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


def without_empty(placed: Placed) -> Placed:
    """Leave out measured bins that hold nothing: nothing is known of their expression."""
    rows = placed.rows
    totals = rows.depth
    keep = np.nonzero((totals > 0) | ~rows.seen)[0]
    return placed if len(keep) in (0, len(totals)) else placed.take(keep)


def bin_points(rows: Rows, bin_size: float | None, depth: Depth, *, is_log: bool) -> Placed:
    """Points counted in square pixels.

    Parameters
    ----------
    rows : Rows
        One row a point, with coordinates.
    bin_size : float or None
        Edge of a pixel in the user's unit; proposed when None.
    depth : Depth
        What bins are scaled by.
    is_log : bool
        Values are log-normalised: a bin holds their mean instead of their sum.

    Raises
    ------
    S2SError
        For a single point, or a bin size that gives too many pixels.
    """
    xy, members = rows.xy, len(rows.obs)
    if xy is None or members < 2:
        raise S2SError("There is a single point; a section needs many.")
    size = bin_size or gridlib.propose_bin_size(xy)
    grid, row, col = gridlib.bin_points(xy, size)
    pixel = row * grid.shape[1] + col
    bins, member = np.unique(pixel, return_inverse=True)
    gather = sparse.csr_matrix(
        (np.ones(members, np.float32), (member, np.arange(members))), shape=(len(bins), members)
    )
    n_points = np.asarray(gather.sum(1)).ravel()
    counts = (gather @ rows.counts).tocsr()
    if is_log:
        # Log values cannot be added up: a bin holds the mean of its points.
        counts = sparse.diags(1.0 / n_points).dot(counts).tocsr().astype(np.float32)
    row, col = np.divmod(bins, grid.shape[1])
    ids = [f"bin_{r}_{c}" for r, c in zip(row, col, strict=True)]
    table = pd.DataFrame({"n_points": n_points.astype(int)}, index=pd.Index(ids))
    # A bin with an unmeasured point in it is not fully measured.
    whole = np.ones(len(bins), bool)
    np.logical_and.at(whole, member, rows.seen)
    totals = None if rows.totals is None else gather @ rows.totals
    if depth.how == UNSCALED:
        totals = np.where(whole, 1.0, 0.0)
    elif totals is not None:
        totals = np.where(whole, totals, 0.0)
    how = "chosen" if bin_size else "proposed"
    note = (
        f"{members:,} points were binned into {len(bins):,} pixels of {size:g} x {size:g} "
        f"({how} size; {members / len(bins):.1f} points a pixel)."
    )
    binned = Rows(
        counts=keep_rows(counts, whole),
        obs=table,
        xy=grid.to_xy(row, col),
        seen=whole,
        totals=totals,
        file_row=np.full(len(bins), -1),
    )
    return Placed(binned, Lattice("bins", row, col, note), grid.affine)
