"""Space Ranger's table of positions: as it writes it, and as R or a spreadsheet wrote it again."""

from __future__ import annotations

import csv
import io
import re
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.delimited import SAFE
from s2s_core.readers.layout import delimiter_of
from s2s_core.readers.parquet import is_parquet
from s2s_core.readers.preflight import check_values
from s2s_core.readers.several import SECTIONS
from s2s_core.readers.source import Source

COLUMNS = (
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
)
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
MARKS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
COMMA = re.compile(r"-?\d+,\d+")
# What R calls columns that a file without header has.
NAMELESS = re.compile(r"v\d+")


@dataclass(frozen=True)
class Positions:
    """Where the spots are.

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
    try:
        table, notes = _parquet(source, name) if is_parquet(source, name) else _text(source, name)
    except S2SError:
        raise
    except (ValueError, csv.Error, pd.errors.ParserWarning, OSError) as error:
        raise S2SError(
            f"{display_name!r} is damaged or no table of positions; copy it again."
        ) from error
    table, more = _named(table, display_name)
    if len(table) == 0:
        raise S2SError(f"{display_name!r} names no spot; copy it again.")
    return Positions(table, name, (*notes, *more))


def _parquet(source: Source, name: str):
    batches = [batch.to_pandas() for batch in parquet.batches(source, name)]
    return pd.concat(batches).reset_index(), ()


def _text(source: Source, name: str):
    """(table, notes) of a text; columns without a name are called by their place."""
    head = source.head(name)
    encoding = next((code for mark, code in MARKS if head.startswith(mark)), "utf-8")
    lines = [line for line in head.decode(encoding, "replace").splitlines() if line.strip()][:2]
    if not lines:
        raise S2SError(f"{source.display_name(name)!r} is empty; copy it again.")
    sep = delimiter_of(lines[:1]) or r"\s+"
    first, second = (_cells(line, sep) for line in (lines[0], lines[-1]))
    headed = _is_header(first)
    # R heads no column of row names.
    header = [""] * (len(second) == len(first) + 1) + first if headed else None
    decimal = "," if sep != "," and any(COMMA.fullmatch(cell) for cell in second) else "."
    with source.open(name) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            io.TextIOWrapper(stream, encoding, errors="replace"),
            sep=sep,
            header=None,
            names=None if header is None else range(len(header)),
            skiprows=int(headed),
            skipinitialspace=True,
            index_col=False,
            dtype=dict.fromkeys(_wordy(second), str),
            low_memory=False,
            float_precision=SAFE,
            decimal=decimal,
        )
    check_values(*table.shape, source.display_name(name))
    nameless = header is None or all(NAMELESS.fullmatch(c.lower()) for c in header if c)
    columns = _by_place(second) if nameless else header
    # Of columns without a name only the first may hold row names.
    columns = [c or str(i) if i else c for i, c in enumerate(columns)]
    table.columns = [*columns, *map(str, range(len(columns), table.shape[1]))][: table.shape[1]]
    said = f"{source.display_name(name)!r} has decimal commas; they were read as decimal points."
    return table, (said,) if decimal == "," else ()


def _cells(line: str, sep: str) -> list[str]:
    rows = csv.reader([line], delimiter=" " if len(sep) > 1 else sep, skipinitialspace=True)
    return [cell.strip() for cell in next(rows)]


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
    return [""] * shifted + list(COLUMNS)


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
    notes = (f"Of {display_name!r} were taken: {', '.join(renamed)}.",) if renamed else ()
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
