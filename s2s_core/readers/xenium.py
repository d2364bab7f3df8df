"""Reader of 10x Xenium: the cells of an output folder, or its table of transcripts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.delimited import column_names, read_table
from s2s_core.readers.matching import match_spots
from s2s_core.readers.molecules import Columns, columns_named, find_table, named, read_molecules
from s2s_core.readers.pairs import join
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import MTX_ENDINGS, one_a_section, read_matrix

CELLS = ("cells.parquet", "cells.csv.gz", "cells.csv")
TRANSCRIPTS = ("transcripts.parquet", "transcripts.csv.gz", "transcripts.csv")
# The makers' own bound: one in a hundred transcripts of this quality is wrong.
MIN_QV = 20.0


def _matrices(source: Source) -> list[str]:
    """Matrices of cells x genes, HDF5 files before Matrix Market folders."""
    found = source.find("cell_feature_matrix.h5")
    return found + [n for n in source.find(*MTX_ENDINGS) if "cell_feature_matrix" in n]


def _matrix(source: Source) -> str | None:
    return next(iter(_matrices(source)), None)


def _cells(source: Source, matrix: str) -> str | None:
    name = source.nearest(matrix, *CELLS)
    columns = column_names(source, name) if name else ["none"]
    # A damaged file has no columns; reading it says so.
    return name if not columns or named(columns, "x_centroid") else None


def _columns(names: list[str]) -> Columns | None:
    found = columns_named(names, gene="feature_name", x="x_location", y="y_location")
    if found is None:
        return None
    return replace(found, quality=named(names, "qv"), min_quality=MIN_QV)


def sniff(source: Source) -> bool:
    """Whether there is a cell matrix, or a table of transcripts."""
    return _matrix(source) is not None or find_table(source, TRANSCRIPTS, _columns) is not None


def read(source: Source, options: ReadOptions) -> Section:
    """Read cells and bin them; transcripts are counted where there are no cells.

    Coordinates are micrometres.
    """
    matrix = _matrix(source)
    runs = one_a_section(_matrices(source))
    if len(runs) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(runs)} sections ({', '.join(runs[:3])}); give the folder of "
            "one."
        )
    cells = None if matrix is None else _cells(source, matrix)
    if matrix is None or cells is None:
        found = find_table(source, TRANSCRIPTS, _columns)
        if found is None:
            raise S2SError(
                f"{source.name!r} has counts of cells but not their positions; add cells.parquet "
                "or cells.csv.gz."
            )
        return read_molecules(source, *found, options, "um")
    counts = read_matrix(source, matrix)
    places = read_table(source, cells, id_column=_cell_id, keep=lambda _: True).other
    ids = pd.Index(np.asarray(counts.barcodes, object))
    match = match_spots(
        ids, places.index, repr(source.display_name(matrix)), repr(source.display_name(cells))
    )
    notes = (*counts.notes, *match.notes)
    return join(counts.values, ids, counts.var, places, match.rows, points(options), notes=notes)


def _cell_id(header: list[str], rows: list[list[str]]) -> str:
    return named(header, "cell_id") or header[0]


READER = Reader("xenium", "10x Xenium (cells or transcripts)", sniff, read)
