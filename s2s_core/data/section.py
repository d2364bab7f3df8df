"""The Section: counts of genes at positions of a tissue, and which of them are measured."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import anndata as ad
import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.gene_lookup import unknown_genes
from s2s_core.data.grid import Grid
from s2s_core.errors import S2SError
from s2s_core.vocabulary import LATTICES

MIN_MEASURED = 20
# What values are, in the words that scores and texts use.
SCALED = "log1p of counts scaled to the median total of the measured spots"
NOT_SCALED = "log1p of counts, not scaled by depth"
AS_THEY_CAME = "log-normalised values as they came"


@dataclass(frozen=True)
class Section:
    """One tissue section on its dense grid. Row i is the i-th tissue position.

    Attributes
    ----------
    counts : (n, G) csr_matrix, float32
        As they came (counts, or log-normalised values when ``is_log``). Rows of positions
        that were never measured are empty.
    obs : DataFrame
        Index: spot ids (unique). Carries the input's columns; new positions have NaN there.
    var : DataFrame
        Index: gene names (unique).
    xy : (n, 2) float array
        Coordinates in the user's unit.
    grid : Grid
        Dense grid; ``row``, ``col`` (n,) are the pixel of each position.
    measured : (n,) bool
        M_h at the tissue positions: what any method may see.
    known : (n,) bool
        Positions whose value is in the file, measured or hidden by a mask: only scores see
        the hidden ones.
    origin : (n,) str array
        "spot", "empty bin" (a true zero), "gap" (tissue without a spot) or "new" (densified).
    is_log : bool
        Values are log-normalised already.
    design : str
        The sampling mask that made ``measured``; "" when none was applied.
    notes : tuple of str
        What reading decided, in sentences for the user.
    uns : dict
        Metadata of the input that survives to the output.
    totals : (n,) float array, optional
        Total count of each position over all genes of the input, kept when genes are chosen:
        what a spot is normalised by must not depend on the panel. Ones where a panel of few
        genes is not scaled at all (:mod:`s2s_core.data.depth`). None: the sum of ``counts``.
    file_row : (n,) int array, optional
        Row of each position in the input's own table, -1 where it has none. Positions are
        ordered by lattice row and column, whatever the order of the file; tables are written in
        the file's order.
    """

    counts: sparse.csr_matrix
    obs: pd.DataFrame
    var: pd.DataFrame
    xy: np.ndarray
    grid: Grid
    row: np.ndarray
    col: np.ndarray
    measured: np.ndarray
    known: np.ndarray
    origin: np.ndarray
    is_log: bool = False
    design: str = ""
    notes: tuple[str, ...] = ()
    uns: dict = field(default_factory=dict)
    totals: np.ndarray | None = None
    file_row: np.ndarray | None = None

    def __repr__(self) -> str:
        """What it holds in one line: tables and arrays would fill pages."""
        height, width = self.grid.shape
        return (
            f"Section({int(self.measured.sum()):,} of {self.n_positions:,} positions measured, "
            f"{len(self.genes):,} genes, {LATTICES[self.grid.kind]} of {height} x {width}, {self.scale}"
            f"{f', design {self.design!r}' if self.design else ''})"
        )

    @property
    def n_positions(self) -> int:
        """Number of tissue positions n, measured or not."""
        return self.counts.shape[0]

    @property
    def genes(self) -> pd.Index:
        """Gene names."""
        return self.var.index

    @property
    def spot_ids(self) -> pd.Index:
        """Id of every tissue position."""
        return self.obs.index

    @property
    def pixels(self) -> np.ndarray:
        """(n,) flat index of each position in the (H, W) grid."""
        return self.row * self.grid.shape[1] + self.col

    @property
    def spot_totals(self) -> np.ndarray:
        """(n,) total count of each position over all genes of the input."""
        return np.asarray(self.counts.sum(1)).ravel() if self.totals is None else self.totals

    @property
    def is_scaled(self) -> bool:
        """Whether counts are scaled by depth: not for log values, nor for panels of few genes."""
        unscaled = self.totals is not None and np.isin(self.totals, (0.0, 1.0)).all()
        return not self.is_log and not unscaled

    @property
    def scale(self) -> str:
        """Scale of the values of maps and scores, in words."""
        if self.is_log:
            return AS_THEY_CAME
        return SCALED if self.is_scaled else NOT_SCALED

    @property
    def written_order(self) -> np.ndarray:
        """(n,) order in which positions are written: as in the file, then those it has not."""
        if self.file_row is None:
            return np.arange(self.n_positions)
        rank = np.where(self.file_row < 0, self.n_positions, self.file_row)
        return np.argsort(rank, kind="stable")

    @property
    def hidden(self) -> np.ndarray:
        """(n,) bool, positions with a known value that the mask hides: where scores are taken."""
        return self.known & ~self.measured

    @property
    def array_index(self) -> tuple[np.ndarray, np.ndarray]:
        """The lattice's own row and column of every position."""
        return self.grid.array_index(self.row, self.col)

    @property
    def n_known(self) -> int:
        """Number of positions whose value is in the file."""
        return int(self.known.sum())

    def everything_known(self) -> Section:
        """Return the section with every known position measured: no mask applied."""
        return replace(self, measured=self.known.copy(), design="")

    def with_measured(self, measured: np.ndarray, design: str = "") -> Section:
        """Return the same section with another set of measured positions.

        Raises
        ------
        S2SError
            If it measures nothing, or positions whose value is not known.
        """
        measured = np.asarray(measured, bool) & self.known
        if not measured.any():
            raise S2SError(
                f"The mask{f' {design!r}' if design else ''} measures no spot of this section; "
                "choose a denser design."
            )
        return replace(self, measured=measured, design=design)

    def without_hidden(self) -> Section:
        """Forget every hidden value: the hidden positions become true gaps."""
        counts = self.counts.copy()
        keep = np.repeat(self.measured, np.diff(counts.indptr))
        counts.data[~keep] = 0.0
        counts.eliminate_zeros()
        totals = None if self.totals is None else np.where(self.measured, self.totals, 0.0)
        return replace(self, counts=counts, known=self.measured.copy(), totals=totals)

    def subset_genes(self, genes) -> Section:
        """Keep the named genes, in the given order.

        Raises
        ------
        S2SError
            If a gene is not in the section; close names are suggested.
        """
        genes = list(dict.fromkeys(genes))
        if not genes:
            raise S2SError("No gene is selected; choose at least one.")
        index = self.genes.get_indexer(genes)
        missing = [g for g, i in zip(genes, index, strict=True) if i < 0]
        if missing:
            raise S2SError(unknown_genes(missing, self.genes))
        return replace(
            self,
            counts=self.counts[:, index].tocsr(),
            var=self.var.iloc[index],
            totals=self.spot_totals,
        )

    def check_ready(self) -> None:
        """Refuse what no method can impute, with a sentence.

        Raises
        ------
        S2SError
            Too few measured spots, nothing to impute, a single row or column of spots, an
            all-zero panel, or unusable values at measured spots.
        """
        n = int(self.measured.sum())
        if n < MIN_MEASURED:
            raise S2SError(
                f"Only {n} spots are measured; imputation needs at least {MIN_MEASURED}. "
                "Choose a denser mask or a larger section."
            )
        if min(self.grid.shape) < 2:
            raise S2SError(
                f"The section is a single line of spots ({self.grid.shape[0]} x "
                f"{self.grid.shape[1]}); a map needs at least two rows and two columns."
            )
        if self.measured.all():
            raise S2SError(
                "Every position is measured, so nothing is left to impute: apply a sampling "
                "mask to simulate a sparse section, or densify the lattice."
            )
        values = self.counts[self.measured].data
        check_values(values)
        if not values.any():
            raise S2SError(
                "Every selected gene is zero at all measured spots; choose genes that are "
                "expressed in this section."
            )

    def most_variable_gene(self) -> str:
        """Gene whose measured values vary most on the log scale: a telling preview."""
        measured = self.counts[self.measured].log1p()
        mean = np.asarray(measured.mean(0)).ravel()
        variance = np.asarray(measured.multiply(measured).mean(0)).ravel() - mean**2
        return str(self.genes[int(variance.argmax())])

    def to_anndata(self) -> ad.AnnData:
        """AnnData of all tissue positions: ``X`` as read, ``obs["measured"]``, lattice indices."""
        array_row, array_col = self.array_index
        obs = self.obs.copy()
        obs["array_row"], obs["array_col"] = array_row, array_col
        obs["measured"] = self.measured
        obs["origin"] = pd.Categorical(self.origin)
        adata = ad.AnnData(self.counts.copy(), obs=obs, var=self.var.copy())
        adata.obsm["spatial"] = self.xy.copy()
        adata.uns.update(self.uns)
        return adata


def check_values(values: np.ndarray) -> None:
    """Refuse negative, NaN and infinite values.

    Raises
    ------
    S2SError
    """
    if not np.isfinite(values).all():
        bad = int((~np.isfinite(values)).sum())
        raise S2SError(
            f"The table holds {bad} values that are NaN or infinite at measured spots; replace "
            "them by counts, or mark their spots as unmeasured."
        )
    if (values < 0).any():
        raise S2SError(
            f"The table holds {int((values < 0).sum())} negative values; give counts or "
            "log-normalised values (scaled or centred data cannot be imputed)."
        )


def describe(section: Section) -> list[str]:
    """Content of a section, in sentences for the user."""
    rows, cols = section.grid.shape
    n = {name: int((section.origin == name).sum()) for name in ("spot", "empty bin", "gap", "new")}
    out = [
        f"{n['spot']:,} spots and {len(section.genes):,} genes on a "
        f"{LATTICES[section.grid.kind]} of {rows} x {cols} positions."
    ]
    if n["empty bin"]:
        out.append(f"{n['empty bin']:,} empty bins inside the tissue count as measured zeros.")
    unmeasured = int((~section.known).sum()) - n["new"]
    if unmeasured:
        out.append(f"{unmeasured:,} positions inside the tissue have no measurement.")
    return [*out, *section.notes]
