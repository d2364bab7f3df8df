"""Tables of positions in text, as Space Ranger, R and spreadsheets write them."""

from __future__ import annotations

import io
import re
import warnings

import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.base import ID_NAMES
from s2s_core.readers.delimited import SAFE
from s2s_core.readers.layout import ENCODINGS, MAX_LINE, is_number
from s2s_core.readers.parquet import is_parquet
from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, find_pair
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import SNIFF_BYTES, Source

ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")
COLUMNS = (
    "barcode", "in_tissue", "array_row", "array_col", "pxl_row_in_fullres", "pxl_col_in_fullres",
)  # fmt: skip
# Other hands' names of the same columns, in small letters.
ALSO = {
    "barcodes": "barcode", "tissue": "in_tissue", "row": "array_row", "col": "array_col",
    "imagerow": "pxl_row_in_fullres", "imagecol": "pxl_col_in_fullres",
}  # fmt: skip


def positions(source: Source, name: str) -> pd.DataFrame | None:
    """Table of places by spot id; None where a table has no columns of places."""
    table = read_text(source, name, header=COLUMNS if "tissue_positions" in name else None)
    if find_pair(table.columns, (*XY_NAMES, *INDEX_NAMES)) is None:
        return None
    lower = {str(c).lower(): c for c in reversed(list(table.columns))}
    named = next((lower[n] for n in ID_NAMES if n in lower), table.columns[0])
    ids = table.pop(named).map(_word)
    return table.set_axis(pd.Index(ids, dtype=object))


def space_ranger_positions(source: Source, name: str) -> pd.DataFrame:
    """Space Ranger's table, whatever wrote it again; Space Ranger 1 wrote no header.

    Raises
    ------
    S2SError
        If a column is missing, or there is no spot.
    """
    spoken, table = source.spoken(name), read_text(source, name, header=COLUMNS)
    lower = [str(c).lower() for c in table.columns]
    table = table.set_axis([c if ALSO.get(c, c) in lower else ALSO.get(c, c) for c in lower], axis=1)
    if "barcode" not in table.columns and len(table.columns) > len(COLUMNS) - 1:
        # R's row names, or an index, stand in a column without a name.
        table = table.rename(columns={table.columns[0]: "barcode"})
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise S2SError(
            f"{spoken!r} has no column {missing[0]!r}; give Space Ranger's own table of positions."
        )
    if len(table) == 0:
        raise S2SError(f"{spoken!r} names no spot; copy it again.")
    library = ["library_id"] if "library_id" in table.columns else []
    ids = table["barcode"].map(_word)
    return table[[*COLUMNS[1:], *library]].set_axis(pd.Index(ids, dtype=object))


def _word(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value).strip()


def read_text(source: Source, name: str, header: tuple[str, ...] | None = None) -> pd.DataFrame:
    """Table with named columns: Parquet, or text with commas, semicolons, tabs or spaces.

    Parameters
    ----------
    source, name
        The file.
    header : tuple of str, optional
        Names of the columns where the file has none.

    Raises
    ------
    S2SError
    """
    try:
        if is_parquet(source, name):
            return pd.concat([b.to_pandas() for b in parquet.batches(source, name)]).reset_index()
        return _text(source, name, header)
    except S2SError:
        raise
    except (ValueError, pd.errors.ParserWarning, OSError) as error:
        raise S2SError(
            f"{source.spoken(name)!r} is damaged or no table of positions; copy it again."
        ) from error


def _text(source: Source, name: str, header: tuple[str, ...] | None) -> pd.DataFrame:
    head = source.head(name, SNIFF_BYTES)
    wide = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ENCODINGS:
        try:
            return _parsed(source, name, encoding, header)
        except UnicodeDecodeError:
            continue
    raise S2SError(f"{source.spoken(name)!r} is no text; save it as CSV in UTF-8.")


def _parsed(source: Source, name: str, encoding: str, header: tuple[str, ...] | None):
    with source.open(name) as stream:
        text = io.TextIOWrapper(stream, encoding)
        first, second = (text.readline(MAX_LINE).rstrip("\r\n") for _ in range(2))
    counts = {d: first.count(d) for d in "\t;,"}
    delimiter = max(counts, key=counts.get)
    delimiter = delimiter if counts[delimiter] else r"\s+"
    cells, values = ([c.strip().strip("\"'") for c in re.split(delimiter, x)] for x in (first, second))
    headed = header is None or not any(map(is_number, cells[1:]))
    # R's write.table leaves the row names' column without a name.
    names = ["", *cells] if headed and len(values) == len(cells) + 1 else cells
    names = names if headed else list(header)
    if len(set(names)) < len(names):
        raise S2SError(f"Two columns of {source.spoken(name)!r} have one name; rename one.")
    lower = {n.lower(): n for n in reversed(names)}
    ids = next((lower[n] for n in ID_NAMES if n in lower), names[0])
    comma = delimiter != "," and re.search(r"\d,\d", second) and not re.search(r"\d\.\d", second)
    with source.open(name) as stream, warnings.catch_warnings():
        warnings.simplefilter("error", pd.errors.ParserWarning)
        table = pd.read_csv(
            stream, sep=delimiter, header=None, names=names, skiprows=int(headed), index_col=False,
            encoding=encoding, decimal="," if comma else ".", dtype={ids: str}, quotechar=_quote(first, second),
            low_memory=False, float_precision=SAFE, skipinitialspace=True,
        )  # fmt: skip
    check_values(*table.shape, source.spoken(name))
    return table


def _quote(first: str, second: str) -> str:
    return "'" if "'" in first + second and '"' not in first + second else '"'


def check_half(matched: int, ids, places, counts: str, table: str) -> None:
    """Refuse positions of other spots: fewer than half of the smaller set are in both.

    Raises
    ------
    S2SError
    """
    if matched and 2 * matched >= min(len(ids), len(places)):
        return
    few = "No spot" if not matched else f"Only {matched:,} of {len(ids):,} spots"
    raise S2SError(
        f"{few} of {counts!r} {'is' if matched < 2 else 'are'} in {table} ({ids[0]!r} against "
        f"{places[0]!r}); give files of one section."
    )
