"""Space Ranger's table of positions: as it writes it, and as R or a spreadsheet wrote it again."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers.delimited import Table, read_table
from s2s_core.readers.layout import POSITIONS as COLUMNS
from s2s_core.readers.layout import Heading
from s2s_core.readers.several import SECTIONS
from s2s_core.readers.source import Source

# What others call the columns (lower case, without signs); Seurat's own names among them.
OTHER_NAMES = {
    "barcode": ("barcodes", "spot", "spotid", "cell", "cellid"),
    "intissue": ("tissue",),
    "arrayrow": ("row",),
    "arraycol": ("col", "column", "arraycolumn"),
    "pxlrowinfullres": ("imagerow", "pxlrow", "pixelrow"),
    "pxlcolinfullres": ("imagecol", "pxlcol", "pixelcol"),
}
ENDINGS = tuple(
    f"tissue_positions{ending}"
    for ending in (
        ".parquet",
        ".csv",
        ".csv.gz",
        "_list.csv",
        "_list.csv.gz",
        "_list.txt",
        ".tsv",
        ".tsv.gz",
        ".txt",
        ".txt.gz",
        "_list.txt.gz",
        "_list.tsv",
    )
)
# What R calls columns that a file without header has.
NAMELESS = re.compile(r"v\d+")


@dataclass(frozen=True)
class Positions:
    """Positions of the spots.

    Attributes
    ----------
    table : DataFrame
        Index: barcodes; Space Ranger's columns, and columns that name sections.
    name : str
        File it was read from.
    notes : tuple of str
    """

    table: pd.DataFrame
    name: str
    notes: tuple[str, ...] = ()


def read_positions(source: Source, matrix: str) -> Positions:
    """Table of positions nearest to a matrix.

    Space Ranger 1 writes it without a header, so that its first line is a spot.

    Raises
    ------
    S2SError
        If there is none, or it is no table of positions.
    """
    name = source.nearest(matrix, *ENDINGS)
    if name is None and source.expand():
        name = source.nearest(matrix, *ENDINGS)
    if name is None:
        raise S2SError(
            f"{source.name!r} has counts but no positions: add spatial/tissue_positions.csv (or "
            "tissue_positions_list.csv), or give the whole folder outs."
        )
    display_name = source.display_name(name)
    written = read_table(
        source, name, id_column=lambda *_: None, keep=lambda _: True, heading=heading
    )
    table, notes = _named(written.other, display_name)
    return Positions(table, name, (*_notes(written, display_name), *notes))


def _notes(written: Table, display_name: str) -> tuple[str, ...]:
    said = f"{display_name!r} has decimal commas; they were read as decimal points."
    return (*written.notes, said) if written.decimal == "," else written.notes


def heading(first: list[str], second: list[str]) -> Heading:
    """Heading of a table of positions: columns without names are called by their place."""
    headed = _is_header(first)
    nameless = not headed or all(NAMELESS.fullmatch(c.lower()) for c in first if c)
    names = _by_place(second) if nameless else first
    # Of columns without a name only the first may hold row names.
    return Heading([c or str(i) if i else c for i, c in enumerate(names)], is_line=headed)


def _plain(name) -> str:
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def _is_header(cells: list[str]) -> bool:
    known = {n for wanted, more in OTHER_NAMES.items() for n in (wanted, *more)}
    words = [cell for cell in cells if cell]
    return any(_plain(c) in known for c in words) or all(
        NAMELESS.fullmatch(c.lower()) for c in words
    )


def _wordy(cells: list[str]) -> list[int]:
    """Places of cells that hold no number: names and answers, which stay as they are written."""
    return [i for i, cell in enumerate(cells) if not re.fullmatch(r"-?[\d.,eE+-]+", cell)]


def _by_place(cells: list[str]) -> list[str]:
    """Names of the columns by their place; a column of row numbers may stand before them."""
    shifted = len(cells) > len(COLUMNS) and 0 not in _wordy(cells) and 1 in _wordy(cells)
    names = [""] * shifted + list(COLUMNS)
    return [*names, *map(str, range(len(names), len(cells)))]


def _named(table: pd.DataFrame, display_name: str):
    """(table with Space Ranger's columns, notes), whatever the columns are called and in what order."""
    found, renamed = {}, []
    plain = {_plain(c): c for c in reversed(table.columns)}
    for column in COLUMNS:
        wanted = _plain(column)
        name = next((plain[n] for n in (wanted, *OTHER_NAMES[wanted]) if n in plain), None)
        if name is None and column == "barcode":
            name = _first_words(table)
        if name is None:
            continue
        found[column] = table[name].to_numpy()
        if wanted != _plain(name):
            renamed.append(f"{column} from {name!r}" if name else f"{column} from the row names")
    notes: tuple[str, ...] = ()
    if renamed:
        notes = (f"Of {display_name!r} were taken: {', '.join(renamed)}.",)
    if "in_tissue" not in found and set(COLUMNS) - set(found) == {"in_tissue"}:
        found["in_tissue"] = np.ones(len(table), int)
        notes += (f"{display_name!r} has no column 'in_tissue': all its spots count as tissue.",)
    missing = [c for c in COLUMNS if c not in found]
    if missing:
        raise S2SError(
            f"{display_name!r} has no column {missing[0]!r}; give Space Ranger's own table of positions."
        )
    for name in table.columns:
        if SECTIONS.fullmatch(str(name)) and name not in COLUMNS:
            found[str(name)] = table[name].to_numpy()
    ids = [v.decode() if isinstance(v, bytes) else str(v).strip() for v in found.pop("barcode")]
    return pd.DataFrame(found, index=pd.Index(ids, dtype=object)), notes


def _first_words(table: pd.DataFrame):
    """The first column without a name, where it holds words; None elsewhere."""
    first = table.columns[0] if len(table.columns) else None
    nameless = first is not None and (
        _plain(first) in ("", "x", "rownames", "index") or str(first).lower().startswith("unnamed")
    )
    return first if nameless and not pd.api.types.is_numeric_dtype(table[first].dtype) else None
