"""Rows of a table on their way to a section: kept, left out, counted in bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.depth import UNSCALED, Depth
from s2s_core.errors import S2SError


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
            self.counts[at],
            self.obs.iloc[at],
            None if self.xy is None else self.xy[at],
            self.seen[at],
            None if self.totals is None else self.totals[at],
            self.file_row[at],
        )


def keep_rows(counts: sparse.csr_matrix, keep: np.ndarray) -> sparse.csr_matrix:
    """Empty the rows that are not kept, whatever they hold (NaN included)."""
    if keep.all():
        return counts
    scatter = sparse.csr_matrix(
        (np.ones(keep.sum(), np.float32), (np.nonzero(keep)[0], np.arange(keep.sum()))),
        shape=(len(keep), int(keep.sum())),
    )
    return (scatter @ counts[keep]).tocsr()


def without_empty(rows: Rows, lattice) -> tuple[Rows, tuple]:
    """Leave out measured bins that hold nothing: nothing is known of their expression."""
    totals = rows.depth
    keep = np.nonzero((totals > 0) | ~rows.seen)[0]
    if len(keep) in (0, len(totals)):
        return rows, lattice
    kind, row, col = lattice
    return rows.take(keep), (kind, row[keep], col[keep])


def bin_points(rows: Rows, bin_size: float | None, depth: Depth, *, is_log: bool):
    """(rows, lattice, affine, sentence) of points counted in square pixels."""
    xy, members = rows.xy, len(rows.obs)
    if members < 2:
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
        keep_rows(counts, whole),
        table,
        grid.to_xy(row, col),
        whole,
        totals,
        np.full(len(bins), -1),
    )
    return binned, ("bins", row, col), grid.affine, note
