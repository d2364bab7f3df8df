"""Reader of 10x Space Ranger (Visium): the counts, the spots in tissue and the tissue image."""

from __future__ import annotations

import re
import warnings

import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images, parquet
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.delimited import SAFE
from s2s_core.readers.pairs import join, match_ids
from s2s_core.readers.parquet import is_parquet
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import Matrix, find_matrices, read_matrix, several

COLUMNS = (
    "barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres",
)  # fmt: skip
POSITIONS = tuple(
    f"tissue_positions{ending}"
    for ending in (".parquet", ".csv", ".csv.gz", "_list.csv", "_list.csv.gz", "_list.txt")
)
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
    places = read_positions(source, name)
    library = library_of(source, name, matrix)
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
    match = match_ids(matrix.barcodes, places.index)
    if not (match >= 0).any():
        raise S2SError(
            f"No barcode of {source.spoken(name)!r} is in the table of positions "
            f"({matrix.barcodes[0]!r} against {places.index[0]!r}); give files of one section."
        )
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
    spoken = source.spoken(name)
    try:
        table = _table(source, name)
    except S2SError:
        raise
    except (ValueError, pd.errors.ParserWarning, OSError) as error:
        raise S2SError(f"{spoken!r} is damaged or no table of positions; copy it again.") from error
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise S2SError(
            f"{spoken!r} has no column {missing[0]!r}; give Space Ranger's own table of positions."
        )
    table = table[list(COLUMNS)]
    ids = table.pop("barcode").map(lambda v: v.decode() if isinstance(v, bytes) else str(v))
    if len(table) == 0:
        raise S2SError(f"{spoken!r} names no spot; copy it again.")
    return table.set_axis(pd.Index(ids, dtype=object))


def _table(source: Source, name: str) -> pd.DataFrame:
    if is_parquet(source, name):
        batches = [batch.to_pandas() for batch in parquet.batches(source, name)]
        return pd.concat(batches).reset_index()
    first = source.head(name).decode("utf-8", "replace").split("\n")[0]
    cells = [c.strip() for c in re.split(r"[,\t]", first)]
    headed = "barcode" in cells
    with source.open(name) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            stream,
            sep="\t" if "\t" in first else ",",
            header=0 if headed else None,
            names=None if headed else list(COLUMNS),
            index_col=False,
            dtype={"barcode": str},
            low_memory=False,
            float_precision=SAFE,
        )
    check_values(*table.shape, source.spoken(name))
    return table.set_axis(table.columns.astype(str).str.strip(), axis=1)


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
