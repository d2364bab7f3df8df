"""Reader of 10x Space Ranger (Visium): the counts, the spots in tissue and the tissue image."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.matching import best_match
from s2s_core.readers.pairs import join
from s2s_core.readers.positions import check_half, read_text, space_ranger_positions
from s2s_core.readers.segmented import is_cells, read_cells
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import Matrix, find_matrices, read_matrix, several

POSITIONS = tuple(
    f"tissue_positions{ending}"
    for ending in (".parquet", ".csv", ".csv.gz", "_list.csv", "_list.csv.gz", "_list.txt")
)
# The largest share of the spots in tissue that may be without a read.
FEW_EMPTY = 0.1
# Of a run's own metadata only words that say what was run.
ABOUT = ("chemistry_description", "software_version")


def sniff(source: Source) -> bool:
    """Whether there is a 10x count matrix."""
    return bool(find_matrices(source))


def read(source: Source, options: ReadOptions) -> Section:
    """Read a Space Ranger run, given as ``outs``, the folder above, a zip or single files.

    Spots outside the tissue are left out; the tissue image stays in ``uns["spatial"]``.
    """
    name = matrix_of(source)
    matrix = read_matrix(source, name)
    library = library_of(source, name, matrix)
    if is_cells(matrix):
        return read_cells(source, name, matrix, library, options)
    places = read_positions(source, name)
    return spots(source, name, matrix, places, library, options)


def spots(
    source: Source,
    name: str,
    matrix: Matrix,
    places: pd.DataFrame,
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
    found = best_match(matrix.barcodes, places.index)
    match, notes = found.rows, (*notes, *found.notes)
    spoken, table = source.spoken(name), "the table of positions"
    check_half((match >= 0).sum(), matrix.barcodes, places.index, spoken, table)
    places = _with_libraries(source, places, matrix)
    if not binned:
        matrix, match, more = _with_empty(matrix, match, places, options, spoken)
        notes = (*notes, *more)
    about = {key: matrix.about[key] for key in ABOUT if key in matrix.about}
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
    )


def _with_empty(
    matrix: Matrix, match: np.ndarray, places: pd.DataFrame, options: ReadOptions, spoken: str
) -> tuple[Matrix, np.ndarray, tuple[str, ...]]:
    """(matrix, match, notes) with the spots in tissue that have no reads, which no matrix holds.

    Raises
    ------
    S2SError
        If the spots of the matrix are not those in tissue: barcodes are the same on every slide.
    """
    inside = as_bool(places["in_tissue"], "in_tissue")
    found = match[match >= 0]
    missing = np.setdiff1d(np.nonzero(inside)[0], found)
    if not len(missing):
        return matrix, match, ()
    few = len(missing) <= FEW_EMPTY * inside.sum()
    if not few and 2 * inside[found].sum() < len(found):
        raise S2SError(
            f"Of the {len(found):,} spots of {spoken!r} only {inside[found].sum():,} are in the tissue "
            "by the table of positions; give the positions of this section."
        )
    if not few:
        note = (
            f"{len(missing):,} spots in the tissue are not in {spoken!r}: too many to be spots "
            "without reads, so they are taken as not measured."
        )
        return matrix, match, (note,)
    if options.absent not in ("auto", "zeros"):
        return matrix, match, ()
    barcodes = matrix.barcodes.append(places.index[missing])
    empty = sparse.csr_matrix((len(missing), matrix.values.shape[1]), dtype=np.float32)
    values = sparse.vstack([matrix.values, empty]).tocsr()
    some = ", ".join(map(repr, places.index[missing][:2]))
    note = (
        f"{len(missing):,} spots in the tissue have no reads (such as {some}): they are measured "
        "zeros; absent gaps has them imputed."
    )
    match = np.concatenate([match, missing])
    return replace(matrix, values=values, barcodes=barcodes), match, (note,)


def _with_libraries(source: Source, places: pd.DataFrame, matrix: Matrix) -> pd.DataFrame:
    """Positions with a column ``library_id`` where barcodes are of several libraries (-1, -2)."""
    number = pd.Series(places.index).str.extract(r"-(\d+)$")[0]
    if "library_id" in places.columns or number.nunique() < 2 or number.isna().any():
        return places
    names = dict(enumerate(_aggregated(source) or matrix.libraries, 1))
    labels = [str(names.get(int(n), f"library {n}")) for n in number]
    return places.assign(library_id=labels)


def _aggregated(source: Source) -> list[str]:
    """Names of the libraries in the order of their numbers, where Space Ranger's aggr lists them."""
    for name in source.find("aggregation.csv", "aggregation_csv.csv"):
        table = read_text(source, name)
        column = next((c for c in ("library_id", "sample_id") if c in table.columns), None)
        if column is not None:
            return table[column].astype(str).tolist()
    return []


def matrix_of(source: Source) -> str:
    """The one matrix to read.

    Raises
    ------
    S2SError
        If the files belong to several sections.
    """
    found = several(find_matrices(source))
    if len(found) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(found)} sections ({', '.join(found[:3])}); give the files "
            "of one."
        )
    return found[0]


def read_positions(source: Source, matrix: str) -> pd.DataFrame:
    """Table of positions nearest to a matrix; its index holds the barcodes.

    Space Ranger 1 writes it without a header, so that its first line is a spot.
    """
    name = source.nearest(matrix, *POSITIONS)
    if name is None:
        raise S2SError(
            f"{source.name!r} has counts but no positions: add spatial/tissue_positions.csv (or "
            "tissue_positions_list.csv), or give the whole folder outs."
        )
    return space_ranger_positions(source, name)


def library_of(source: Source, name: str, matrix: Matrix) -> str:
    """What the section is called: as the run says, or as its files are called."""
    said = matrix.about.get("library_ids", "")
    prefix = name.rsplit("/", 1)[-1]
    prefix = re.split(r"(filtered|raw)_(feature|gene)_bc|matrix\.mtx", prefix)[0].strip("_-. ")
    folder = next((p for p in reversed([source.name, *name.split("/")[:-1]])
                   if p not in ("outs", "spatial") and "_bc_matri" not in p
                   and not p.startswith(("square_", "binned_outputs"))), "section")  # fmt: skip
    # A slash would make groups of it in the file.
    return re.sub(r"[/\\]", "_", said or prefix or re.sub(r"\.(zip|h5)$", "", folder))


READER = Reader("space_ranger", "10x Space Ranger (Visium)", sniff, read)
