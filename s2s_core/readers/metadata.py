"""Columns of numbers that are about a spot and no gene: recognised by name or by content."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

# Names in lower case that the tools of this field give to what they say of a spot or cell.
NAMES = frozenset(
    """in_tissue tissue measured known origin new_x new_y selected sample samples sample_id
    library_id batch slide section replicate region layer layer_guess label labels annotation
    cluster clusters graphclust cell_type celltype seurat_clusters ident phase
    n_cells n_beads n_points n_transcripts n_molecules n_umi n_umis numi ngene ngenes nreads
    n_reads total_reads total_umi total_umis total_count total_expr total transcript_count
    transcript_counts library_size lib_size libsize size_factor size_factors sizefactor
    nr_feats perc_feats nfeatures ncounts mt_frac cell_id cell_index spot_index cells_per_spot
    doublet_score doublet_scores predicted_doublet predicted_doublets
    s.score g2m.score s_score g2m_score
    entityid instanceid fov fov_id volume cell_volume area cell_area nucleus_area nucleus_count
    spot_area perimeter convex_area eccentricity orientation roundness circularity elongation
    anisotropy perimeter_area_ratio solidity aspectratio aspect_ratio width height
    min_x max_x min_y max_y min_z max_z z z_centroid z_location center_z global_z zlevel z_level
    bounding_box_width bounding_box_height segmentation_method segmentation_confidence
    nucleus_centroid_distance overlaps_nucleus transcript_id barcode_id barcode_index
    nearest_nucleus_distance nucleus_distance qv cellcomp codeword_index codeword_category
    is_gene x_fov_px y_fov_px x_local_px y_local_px center_x center_y
    vertex_x vertex_y label_id nucarea nucaspectratio propnegative complexity errorctestimate
    percofdatafromerror splitratiotolocal unassignedtranscripts log10totalcounts
    dualfiles version assay_type slide_id run_tissue_name panel tissue qcflagsfov
    array_row array_col pxl_row_in_fullres pxl_col_in_fullres""".split()  # noqa: SIM905
)
PATTERN = re.compile(
    r"unnamed(: ?\d+)?(_level_\d+)?"
    # Seurat
    r"|orig\.ident.*|n(count|feature)s?[_.].+|(percent|pct|perc)[._].+|.+_snn_res[._].+"
    r"|.+[._]scores?|prediction\.score\..+|pann_.+|df\.classifications_.+"
    # scanpy and its kin
    r"|n_(genes|counts|features|umis?)([_.].+)?|total_(counts|umis?|expr|features)([_.].+)?"
    r"|log1p_.+|log10_.+|(leiden|louvain|kmeans)([_. ].*|\d*)"
    r"|(x_)?(umap|tsne|pca?|harmony|ica|phate|diffmap)[_-]\d+|leiden_clus.*"
    # MERSCOPE
    r"|(dapi|polyt|cellbound\d?|cell_?boundary\d?|anti-?\w+)_(raw|high_pass).*|(dapi|polyt)_.+"
    # Xenium
    r"|\w*_counts|\w+_area"
    # CosMx
    r"|center[xy]_.+|(mean|max|median|min)\.\w.*|n(count|feature)_.+|.+_(local|global|slide)_(px|mm)"
    r"|qcflags\w*|qccells\w*|\w+_quantile_.+|median_(rna|neg\w*)"
    r"|[xy]_(slide|fov)_(px|mm)|(area|perimeter|dist)\.(um2?|px)|(cell|nucleus)_?(area|perimeter)",
    re.IGNORECASE,
)
# What a column of totals is called where its name is no tool's own.
TOTAL_WORDS = re.compile(
    r"total|(n?umis?|counts?|reads?|depth|transcripts?|molecules?|(?<![a-z])sum(me|s)?)(?![a-z])"
    r"|library|lib_?size|gesamt",
    re.IGNORECASE,
)
# A column called so is a gene, whatever its name and numbers look like.
GENE_MARK = "gene:"
# Fewer rows or columns show nothing of what a column is.
MIN_ROWS, MIN_OTHERS = 20, 3
# Share of rows that a rule must hold for.
NEARLY_ALL, SOME = 0.98, 0.05


def by_name(column: str) -> bool:
    """Whether a column is metadata by its name; one without a name numbers the rows."""
    name = column.strip().lower()
    return name in NAMES or name == "" or PATTERN.fullmatch(name) is not None


@dataclass(frozen=True)
class Columns:
    """Columns of numbers, sorted into genes and metadata.

    Attributes
    ----------
    genes : list of str
    counts : (n, len(genes)) csr_matrix
    metadata : DataFrame
        Without an index of its own.
    reasons : dict
        Why each column is metadata.
    notes : tuple of str
        What could not be told.
    """

    genes: list[str]
    counts: sparse.csr_matrix
    metadata: pd.DataFrame
    reasons: dict[str, str]
    notes: tuple[str, ...] = ()


def sort_columns(names: list[str], values, seen: np.ndarray) -> Columns:
    """Tell genes from metadata.

    Parameters
    ----------
    names : list of str
    values : (n, len(names)) csr_matrix
    seen : (n,) bool
        Rows that were measured; others may hold anything.
    """
    marked = [n.lower().startswith(GENE_MARK) and len(n) > len(GENE_MARK) for n in names]
    reasons = {
        n: "by name" for n, gene in zip(names, marked, strict=True) if not gene and by_name(n)
    }
    open_ = [i for i, n in enumerate(names) if n not in reasons]
    found, notes = _by_nature(values[seen][:, open_].tocsc(), [names[i] for i in open_])
    unmarked = {n for n, gene in zip(names, marked, strict=True) if not gene}
    reasons |= {n: why for n, why in found.items() if n in unmarked}
    genes = [i for i, n in enumerate(names) if n not in reasons]
    rest = [i for i, n in enumerate(names) if n in reasons]
    metadata = pd.DataFrame(
        values[:, rest].toarray().astype(float), columns=[names[i] for i in rest]
    )
    display_name = [names[i][len(GENE_MARK) :] if marked[i] else names[i] for i in genes]
    counts = values if len(genes) == len(names) else values[:, genes].tocsr()
    return Columns(display_name, counts, metadata, reasons, notes)


def note(reasons: dict[str, str]) -> tuple[str, ...]:
    """One sentence on the columns that are no genes, why, and how to have it otherwise."""
    groups: dict[str, list[str]] = {}
    for name, why in reasons.items():
        # (A column without a name numbers the rows.)
        if name:
            groups.setdefault(why, []).append(name)
    if not groups:
        return ()
    parts = "; ".join(f"{', '.join(names)} ({why})" for why, names in groups.items())
    return (
        f"Columns taken as metadata, not genes: {parts}. If one is a gene, call its column "
        f"{GENE_MARK}NAME.",
    )


def _by_nature(values: sparse.csc_matrix, names: list[str]):
    """(reason by name, notes) of columns whose numbers are not those of a gene."""
    n, width = values.shape
    reasons: dict[int, str] = {}
    if n < MIN_ROWS or width <= MIN_OTHERS:
        return {}, ()
    data, place = values.data, np.repeat(np.arange(width), np.diff(values.indptr))
    finite = np.isfinite(data)

    def per_column(which: np.ndarray) -> np.ndarray:
        return np.bincount(place[which], minlength=width)

    filled = per_column(finite & (data != 0))
    # (Remainders of infinite values would warn.)
    fractions = per_column(finite & (data != np.rint(np.where(finite, data, 0))))
    negative = per_column(finite & (data < 0))
    whole = (filled > 0) & (fractions == 0) & (negative == 0)
    for column in map(int, np.nonzero(filled >= n - 1)[0]):
        held = values[:, [column]].toarray().ravel()
        if filled[column] == n and held.min() == held.max():
            reasons[column] = "the same number everywhere"
        elif _counts_rows(held):
            reasons[column] = "numbers of the rows"
    mostly = fractions > filled / 2
    if whole.sum() >= max(MIN_OTHERS, mostly.sum()):
        why = "fractions, while the other columns are whole numbers"
        reasons |= {c: why for c in map(int, np.nonzero(mostly)[0]) if c not in reasons}
    signed = negative > max(SOME * n, 1)
    if (filled * (negative == 0) > 0).sum() >= max(MIN_OTHERS, signed.sum()):
        reasons |= {
            c: "negative numbers among counts"
            for c in map(int, np.nonzero(signed)[0])
            if c not in reasons
        }
    totals, notes = _totals(values, names, [c for c in range(width) if c not in reasons])
    reasons |= totals
    if len(reasons) >= width - 1:
        return {}, ()
    return {names[c]: reasons[c] for c in sorted(reasons)}, notes


def _counts_rows(held: np.ndarray) -> bool:
    """Whether numbers are 0, 1, 2 ... or 1, 2, 3 ..., in any order."""
    ordered = np.sort(held)
    return ordered[0] in (0, 1) and np.array_equal(ordered, np.arange(len(held)) + ordered[0])


def _totals(
    values: sparse.csc_matrix, names: list[str], open_: list[int]
) -> tuple[dict[int, str], tuple[str, ...]]:
    """(reason by column, notes) of columns that hold the totals of the others.

    A gene may be larger than all others together (of a few genes with MALAT1 among them), so that
    alone is no proof: the numbers must be the sums, or the name speak of totals.
    """
    part = values[:, open_]
    part.data = np.where(np.isfinite(part.data), np.abs(part.data), 0)
    sums, rows = np.asarray(part.sum(0)).ravel(), np.asarray(part.sum(1)).ravel()
    largest = np.argsort(-sums, kind="stable")[: min(6, len(open_) - MIN_OTHERS)]
    notes: tuple[str, ...] = ()
    # Totals of several kinds stand in one table: the largest columns are taken away together.
    for many in range(len(largest), 0, -1):
        top = largest[:many]
        held = part[:, top].toarray()
        rest = rows - held.sum(1)
        some = rest > 0
        if some.sum() < MIN_ROWS:
            continue
        equal = np.isclose(held[some], rest[some, None], rtol=1e-5).mean(0) >= NEARLY_ALL
        above = (held[some] >= rest[some, None] * (1 - 1e-5)).mean(0) >= NEARLY_ALL
        said = np.array([TOTAL_WORDS.search(names[open_[c]]) is not None for c in top])
        if (equal | (above & said)).all():
            return dict.fromkeys((open_[c] for c in top), "totals of the other columns"), ()
        if many == 1 and above[0]:
            notes = (
                f"The gene {names[open_[top[0]]]!r} is larger than all other genes together at "
                "nearly every spot; if it is a total, call its column total_counts.",
            )
    return {}, notes
