"""Reader of 10x Space Ranger (Visium): the counts, the spots in tissue and the tissue image."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images, libraries
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.delimited import column_names
from s2s_core.readers.features import Matrix
from s2s_core.readers.matching import best_match
from s2s_core.readers.pairs import join
from s2s_core.readers.positions import ENDINGS, Positions, read_positions
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import find_matrices, is_raw, one_a_section, read_matrix

# Of a run's own metadata only words that say what was run.
ABOUT = ("chemistry_description", "software_version")
# Tables that could be counts, and those of a run that are not.
TABLES = (".csv", ".tsv", ".txt", ".gz", ".parquet")
REPORTS = (
    "metrics_summary.csv",
    "aggregation.csv",
    "probe_set.csv",
    "spatial_enrichment.csv",
    "barcode_fluorescence_intensity.csv",
    "clusters.csv",
    "projection.csv",
    "components.csv",
    "dispersion.csv",
    "features_selected.csv",
    "variance.csv",
    "differential_expression.csv",
    ".json.gz",
    ".png.gz",
    ".fastq.gz",
    ".tar.gz",
)
# More columns than positions have are genes.
MOST_COLUMNS = 10
# Below this share of barcodes with a position the positions are of another sample; and so they are
# where more than OTHER of the spots disagree about the tissue both ways.
LEAST_MATCHED, OTHER = 0.5, 0.1
# Spots without a read are few, and beside them are spots with few.
SILENT, SILENT_READS = 0.05, 100


def sniff(source: Source) -> bool:
    """Whether there is a 10x count matrix."""
    return bool(find_matrices(source))


def read(source: Source, options: ReadOptions) -> Section:
    """Read a Space Ranger run, given as ``outs``, the folder above, a zip or single files.

    Spots outside the tissue are left out; the tissue image stays in ``uns["spatial"]``.
    """
    name = matrix_of(source)
    matrix = read_matrix(source, name)
    places = read_positions(source, name)
    library = library_of(source, name, matrix)
    return spots(source, name, matrix, places, library, options)


def spots(
    source: Source,
    name: str,
    matrix: Matrix,
    positions: Positions,
    library: str,
    options: ReadOptions,
    notes: tuple[str, ...] = (),
    *,
    binned: bool = False,
) -> Section:
    """Section of the spots of a matrix, with what lies around it.

    Raises
    ------
    S2SError
        If the positions are those of other spots.
    """
    places, more = libraries.with_library(source, name, matrix, positions.table)
    notes = (*notes, *positions.notes, *more)
    if is_raw(name):
        matrix, more = _with_position(matrix, places)
        notes = (*notes, *more)
    matched = best_match(matrix.barcodes, places.index)
    match, notes = matched.rows, (*notes, *matched.notes)
    display_name = source.display_name(name), source.display_name(positions.name)
    _check_match(display_name, matrix.barcodes, places, match, raw=is_raw(name))
    silent = 0
    if not binned and not is_raw(name):
        completed = _with_silent(matrix, places, match, options.absent)
        matrix, match, silent = completed.matrix, completed.match, completed.added
        notes = (*notes, *completed.notes)
    about = {key: matrix.about[key] for key in ABOUT if key in matrix.about}
    if libraries.COLUMN in places and places[libraries.COLUMN].nunique() > 1:
        uns, more = libraries.pictures(source, name, about, places)
    else:
        uns, more = images.found(source, library, name, about)
    return join(
        matrix.values,
        matrix.barcodes,
        matrix.var,
        places,
        match,
        options,
        notes=(*notes, *matrix.notes, *more),
        uns=uns,
        binned=binned,
        silent=silent,
    )


def _with_position(matrix: Matrix, places: pd.DataFrame) -> tuple[Matrix, tuple[str, ...]]:
    """A raw matrix, which holds every barcode, without those that the positions leave out."""
    placed = matrix.barcodes.isin(places.index)
    if placed.all() or not placed.any():
        return matrix, ()
    rows = np.nonzero(placed)[0]
    note = f"{(~placed).sum():,} barcodes of the raw matrix have no position and were left out."
    return replace(matrix, values=matrix.values[rows], barcodes=matrix.barcodes[rows]), (note,)


def _check_match(
    display_name: tuple[str, str],
    barcodes: pd.Index,
    places: pd.DataFrame,
    match: np.ndarray,
    *,
    raw: bool,
) -> None:
    """Refuse positions of another sample: of other barcodes, or of other spots in tissue."""
    inside = as_bool(places["in_tissue"], "in_tissue")
    matched = int((match >= 0).sum())
    most = min(len(barcodes), int(inside.sum()) or len(places))
    if matched < LEAST_MATCHED * most or not matched:
        raise S2SError(
            f"Of {len(barcodes):,} barcodes of {display_name[0]!r} (such as {barcodes[0]!r}) {matched:,} are "
            f"among the {len(places):,} of {display_name[1]!r} (such as {places.index[0]!r}); give files of "
            "one section."
        )
    # All slides have the same barcodes, so only the tissue tells whose positions they are.
    outside = int((~inside[match[match >= 0]]).sum())
    lacking = int(inside.sum()) - (matched - outside)
    if not raw and outside > OTHER * matched and lacking > OTHER * inside.sum():
        raise S2SError(
            f"Of the {matched:,} spots of {display_name[0]!r} {outside:,} are outside the tissue in "
            f"{display_name[1]!r}, and {lacking:,} of its {inside.sum():,} spots in tissue have no counts: "
            "counts and positions are of different samples; give files of one section."
        )


@dataclass(frozen=True)
class Completed:
    """A matrix with the spots in tissue that it lacked.

    Attributes
    ----------
    matrix : Matrix
    match : (n,) int array
        Row of each spot's position.
    notes : tuple of str
    added : int
        Spots that were added, without a count.
    """

    matrix: Matrix
    match: np.ndarray
    notes: tuple[str, ...] = ()
    added: int = 0


def _with_silent(matrix: Matrix, places: pd.DataFrame, match: np.ndarray, absent: str) -> Completed:
    """Add the spots in tissue that a filtered matrix lacks: no read is theirs.

    Where they are many, or the others have many reads each, somebody took them out: they stay
    absent.
    """
    inside = as_bool(places["in_tissue"], "in_tissue")
    lacking = np.setdiff1d(np.nonzero(inside)[0], match)
    if not len(lacking) or absent not in ("auto", "zeros"):
        return Completed(matrix, match)
    least = float(matrix.values.sum(1).min())
    said = f"{len(lacking):,} of {inside.sum():,} spots in tissue are not among the counts"
    if len(lacking) > SILENT * inside.sum() or least > SILENT_READS:
        why = (
            "too many to have no read"
            if least <= SILENT_READS
            else f"while every other spot has {least:,.0f} reads or more"
        )
        note = f"{said}, {why}: they are taken for spots that were left out."
        return Completed(matrix, match, (note,))
    extra = sparse.csr_matrix((len(lacking), matrix.values.shape[1]), dtype=np.float32)
    matrix = replace(
        matrix,
        values=sparse.vstack([matrix.values, extra]).tocsr(),
        barcodes=matrix.barcodes.append(places.index[lacking]),
    )
    note = f"{said}: they have no reads, and are measured zeros (absent gaps imputes them)."
    return Completed(matrix, np.concatenate([match, lacking]), (note,), added=len(lacking))


def matrix_of(source: Source) -> str:
    """The one matrix to read.

    Raises
    ------
    S2SError
        If the files belong to several sections.
    """
    found = one_a_section(find_matrices(source))
    if len(found) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(found)} sections ({', '.join(found[:3])}); give the "
            "folder or the files of one."
        )
    return found[0]


def library_of(source: Source, name: str, matrix: Matrix) -> str:
    """Name of the section: as the run says, or as its files are called."""
    said = matrix.about.get("library_ids", "")
    prefix = name.rsplit("/", 1)[-1]
    prefix = re.split(r"(filtered|raw)_(feature|gene)_bc|matrix\.mtx", prefix)[0].strip("_-. ")
    folder = next(
        (
            p
            for p in reversed([source.name, *name.split("/")[:-1]])
            if p not in ("outs", "spatial")
            and "_bc_matri" not in p
            and not p.startswith(("square_", "binned_outputs"))
        ),
        "section",
    )
    # A slash would make groups of it in the file.
    return re.sub(
        r"[/\\]", "_", said or prefix or re.sub(r"\.(zip|h5|tar|tgz|tar\.\w+)$", "", folder)
    )


def check_counts(source: Source) -> None:
    """Refuse positions that lie there without counts.

    Raises
    ------
    S2SError
    """
    own = source.find(*ENDINGS)
    others = [n for n in source.find(*TABLES) if n not in own and not n.endswith(REPORTS)]
    if own and not others and len(column_names(source, own[0])) <= MOST_COLUMNS:
        raise S2SError(
            f"{source.name!r} has positions of spots ({own[0]!r}) but no counts: add "
            "filtered_feature_bc_matrix.h5 (or its folder of matrix.mtx.gz), or give the whole folder "
            "outs."
        )


READER = Reader("space_ranger", "10x Space Ranger (Visium)", sniff, read)
