"""Reader of NanoString CosMx: the flat files of counts and of cells, joined by view and cell."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.delimited import read_table
from s2s_core.readers.matching import match_spots
from s2s_core.readers.molecules import Columns, columns_named, find_table, named, read_molecules
from s2s_core.readers.pairs import join
from s2s_core.readers.source import Source

COUNTS = ("exprmat_file.csv", "exprmat_file.csv.gz")
MOLECULES = ("tx_file.csv", "tx_file.csv.gz", "tx_file.parquet")
CELLS = ("metadata_file.csv", "metadata_file.csv.gz")
KEY = ("fov", "cell_ID")
X = ("CenterX_global_px", "x_slide_px", "x_FOV_px", "CenterX_local_px")
Y = ("CenterY_global_px", "y_slide_px", "y_FOV_px", "CenterY_local_px")


def sniff(source: Source) -> bool:
    """Whether there is an expression matrix of CosMx, or a table of its transcripts."""
    return bool(source.find(*COUNTS)) or find_table(source, MOLECULES, _columns) is not None


def _columns(names: list[str]) -> Columns | None:
    return columns_named(names, gene="target", x="x_global_px", y="y_global_px")


def read(source: Source, options: ReadOptions) -> Section:
    """Read cells (global coordinates in pixels) and bin them.

    Counts outside every cell (``cell_ID`` 0) are left out. Transcripts are counted where there are
    no counts of cells, or no positions of them.
    """
    names = source.find(*COUNTS), source.find(*CELLS)
    molecules = None if all(names) else find_table(source, MOLECULES, _columns)
    if molecules is not None:
        note = (
            "Transcripts were counted at x_global_px and y_global_px; for the counts of cells give "
            "..._exprMat_file.csv and ..._metadata_file.csv."
        )
        return read_molecules(source, *molecules, options, "pixels of the image", (note,))
    if not names[1]:
        raise S2SError(
            f"{source.name!r} has counts of cells but not their positions; add the file "
            "..._metadata_file.csv."
        )
    if max(map(len, names)) > 1:
        raise S2SError(
            f"{source.name!r} holds several sections ({', '.join(names[0][:3])}); give the two "
            "files of one."
        )
    counts = read_table(source, names[0][0], id_column=_no_id, keep=_is_key)
    cells = read_table(source, names[1][0], id_column=_no_id, keep=lambda _: True).other
    ids, places = _ids(counts.other, names[0][0]), cells.set_axis(_ids(cells, names[1][0]))
    xy = named(list(places), *X), named(list(places), *Y)
    if None in xy:
        raise S2SError(
            f"{source.display_name(names[1][0])!r} has no columns CenterX_global_px and "
            "CenterY_global_px; export it again."
        )
    places = places.rename(columns={xy[0]: "x", xy[1]: "y"})
    inside = np.array([not i.endswith("_0") for i in ids], bool)
    notes = counts.notes
    if not inside.all():
        notes = (
            *notes,
            f"{(~inside).sum()} rows of counts outside every cell were left out.",
        )
    kept = ids[inside]
    match = match_spots(
        kept,
        places.index,
        repr(source.display_name(names[0][0])),
        repr(source.display_name(names[1][0])),
    )
    var = pd.DataFrame(index=pd.Index(counts.names, dtype=object))
    values = counts.values[np.nonzero(inside)[0]]
    return join(
        values, kept, var, places, match.rows, points(options), notes=(*notes, *match.notes)
    )


def _no_id(header: list[str], rows: list[list[str]]) -> None:
    return None


def _is_key(column: str) -> bool:
    return column.lower() in ("fov", "cell_id", "cell")


def _ids(table: pd.DataFrame, name: str) -> pd.Index:
    """``fov_cell`` of every row, which is unique where ``cell_ID`` alone is not."""
    columns = [named(list(table), key) for key in KEY]
    if None in columns:
        raise S2SError(f"{name.rsplit('/', 1)[-1]!r} has no columns fov and cell_ID.")
    parts = [table[c].map(_whole) for c in columns]
    return pd.Index(parts[0] + "_" + parts[1], dtype=object)


def _whole(value) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


READER = Reader(
    "cosmx", "NanoString CosMx (exprMat_file and metadata_file, or tx_file)", sniff, read
)
