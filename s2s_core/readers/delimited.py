"""Tables of numbers in text (CSV, TSV, gzipped) or Parquet, read in blocks into a sparse matrix."""

from __future__ import annotations

import csv
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.parquet import BLOCK_VALUES, is_parquet
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import PARQUET_MAGIC, Source

MAX_LINE = 2**26
# pandas' faster ways crash the process on exponents beyond its integers (2e3099919288).
SAFE = "round_trip"
ENCODINGS = ("utf-8-sig", "latin-1")


@dataclass(frozen=True)
class Table:
    """A table: numbers as a sparse matrix, everything else beside it.

    Attributes
    ----------
    header : list of str
        All columns in the file's order.
    names : list of str
        Columns of ``values``, in the file's order.
    values : (n, len(names)) csr_matrix, float32
    other : DataFrame
        Columns asked for by name, and columns that hold words; the index holds the row ids.
    has_ids : bool
        The file names its rows; otherwise they were numbered.
    """

    header: list[str]
    names: list[str]
    values: sparse.csr_matrix
    other: pd.DataFrame
    has_ids: bool


@dataclass(frozen=True)
class Layout:
    """How the text of a table is written."""

    header: list[str]
    first: list[str]
    delimiter: str
    decimal: str
    encoding: str
    skip: int


def is_table(source: Source, name: str) -> bool:
    """Whether a file is Parquet, or text whose first line has three columns or more."""
    head = source.head(name)
    if head.startswith(PARQUET_MAGIC):
        return True
    lines = head.decode("latin-1").splitlines()
    return b"\0" not in head and bool(lines) and delimiter_of(lines[0]) is not None


def outline(source: Source, name: str) -> tuple[list[str], list[str]]:
    """(column names, first row as text) of a table.

    Raises
    ------
    S2SError
        If it is none.
    """
    if is_parquet(source, name):
        return parquet.outline(source, name)
    found = layout(source, name)
    return found.header, found.first


def column_names(source: Source, name: str) -> list[str]:
    """Column names of a table; none where it is no table."""
    try:
        return outline(source, name)[0]
    except S2SError:
        return []


def delimiter_of(line: str) -> str | None:
    """Delimiter of a line, None where it has fewer than three columns."""
    counts = {d: line.count(d) for d in ("\t", ";", ",")}
    best = max(counts, key=counts.get)
    return best if counts[best] >= 2 else None


def layout(source: Source, name: str, encoding: str = ENCODINGS[0]) -> Layout:
    """Find header, delimiter and decimal mark.

    Raises
    ------
    S2SError
        If the first lines are no table with named columns.
    """
    spoken = source.spoken(name)
    with source.open(name) as stream:
        lines, skip = [], 0
        while len(lines) < 2 and (line := stream.readline(MAX_LINE)):
            if line.startswith(b"#") and not lines:
                skip += 1
            else:
                lines.append(line)
    try:
        first, second = (line.decode(encoding) for line in [*lines, b"", b""][:2])
    except UnicodeDecodeError:
        return layout(source, name, ENCODINGS[1])
    delimiter = delimiter_of(first)
    if delimiter is None:
        raise S2SError(f"{spoken!r} has fewer than three columns; give a table of spots x genes.")
    try:
        header = next(csv.reader([first.rstrip("\r\n")], delimiter=delimiter))
        values = next(csv.reader([second.rstrip("\r\n")], delimiter=delimiter), [])
    except csv.Error as error:
        raise S2SError(f"{spoken!r} is no regular table; export it again.") from error
    if not values:
        raise S2SError(f"{spoken!r} has a header but no rows.")
    if sum(map(is_number, header)) > len(header) / 2:
        raise S2SError(
            f"The first line of {spoken!r} holds numbers; it must name the columns (x, y and "
            "genes)."
        )
    if len(values) == len(header) + 1:
        # R's write.table leaves the row names' column without a name.
        header = ["", *header]
    comma = delimiter != "," and re.search(r"\d,\d", second) and not re.search(r"\d\.\d", second)
    header = [unguard(h.strip()) for h in header]
    return Layout(header, values, delimiter, "," if comma else ".", encoding, skip + 1)


def read_table(
    source: Source,
    name: str,
    *,
    id_column: Callable[[list[str], list[str]], str | None],
    keep: Callable[[str], bool],
) -> Table:
    """Read a whole table.

    Parameters
    ----------
    source, name
        The file.
    id_column : callable
        Names the column of row ids, from the header and the first row; None: there is none.
    keep : callable
        Whether a column goes to ``other`` as it is.

    Raises
    ------
    S2SError
        Irregular rows, columns of one name, no rows, more values than are read here.
    """
    spoken = source.spoken(name)
    if is_parquet(source, name):
        header, first = parquet.outline(source, name)
        ids = id_column(header, first)
        _check_header(header, spoken)
        return _collect(parquet.frames(source, name, header), header, ids, keep, spoken)
    found = layout(source, name)
    ids = id_column(found.header, found.first)
    _check_header(found.header, spoken)
    try:
        return _collect(_text_blocks(source, name, found, ids), found.header, ids, keep, spoken)
    except UnicodeDecodeError:
        # The old western encoding reads any byte.
        found = layout(source, name, ENCODINGS[1])
        return _collect(_text_blocks(source, name, found, ids), found.header, ids, keep, spoken)


def first_column(header: list[str], first: list[str]) -> str | None:
    """Row ids stand in the first column."""
    return header[0]


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def unguard(name: str) -> str:
    """Undo the quote that keeps spreadsheets from running a name as a formula."""
    return name[1:] if re.match(r"'[=+\-@]", name) else name


def _check_header(header: list[str], spoken: str) -> None:
    if len(set(header)) < len(header):
        twice = pd.Index(header)[pd.Index(header).duplicated()][0]
        raise S2SError(
            f"The column {twice!r} occurs more than once in {spoken!r}; give every column and gene "
            "a name of its own."
        )


def _text_blocks(source: Source, name: str, found: Layout, ids: str | None) -> Iterator:
    rows = max(64, BLOCK_VALUES // len(found.header))
    try:
        with source.open(name) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            reader = pd.read_csv(
                stream,
                sep=found.delimiter,
                decimal=found.decimal,
                encoding=found.encoding,
                header=None,
                names=found.header,
                skiprows=found.skip,
                index_col=False,
                converters={} if ids is None else {ids: str.strip},
                chunksize=rows,
                float_precision=SAFE,
                low_memory=False,
            )
            yield from reader
    except (UnicodeDecodeError, S2SError):
        raise
    except (ValueError, pd.errors.ParserWarning) as error:
        line = re.search(r"line (\d+)", str(error))
        raise S2SError(
            f"{source.spoken(name)!r} is no regular table: a row{f' (line {line[1]})' if line else ''} "
            "has more columns than the header; export it again."
        ) from error


def _collect(blocks: Iterator, header, ids: str | None, keep, spoken: str) -> Table:
    """Put the blocks together: numbers sparse, words and wanted columns as they are."""
    wanted = [c for c in header if c != ids and keep(c)]
    rest = [c for c in header if c != ids and not keep(c)]
    parts, others, names, words, n = [], [], [], set(), 0
    for block in blocks:
        n += len(block)
        check_values(n, len(rest), spoken)
        if ids is not None:
            names.append(block[ids].map(_as_text))
        numbers = block[rest]
        lasting = [c for c, t in zip(rest, numbers.dtypes, strict=True) if not _is_numeric(t)]
        words.update(lasting)
        others.append(block[wanted + lasting].copy())
        values = numbers.drop(columns=lasting).to_numpy(np.float32)
        places = np.array([i for i, c in enumerate(rest) if c not in set(lasting)], int)
        part = sparse.csr_matrix(values)
        parts.append(
            sparse.csr_matrix(
                (part.data, places[part.indices] if len(places) else part.indices, part.indptr),
                shape=(len(block), len(rest)),
            )
        )
    if n == 0:
        raise S2SError(f"{spoken!r} has a header but no rows.")
    stacked = sparse.vstack(parts).tocsr()
    place = {c: i for i, c in enumerate(rest)}
    for column in words:
        # Numbers in some blocks, words in others: all of them stand side by side again.
        for part, frame in zip(parts, others, strict=True):
            if column not in frame:
                frame[column] = part[:, [place[column]]].toarray().ravel()
    other = pd.concat([o[wanted + [c for c in rest if c in words]] for o in others])
    numeric = [c for c in rest if c not in words]
    if ids is None:
        other.index = pd.Index([f"spot_{i + 1}" for i in range(n)])
    else:
        index = pd.Index(np.concatenate([s.to_numpy(object) for s in names]), dtype=object)
        if (index == "").any():
            raise S2SError(
                f"Row {int(np.argmax(index == '')) + 2} of {spoken!r} has no spot id; fill it in."
            )
        other.index = index
    values = stacked[:, [place[c] for c in numeric]] if words else stacked
    return Table(header, numeric, values, other, ids is not None)


def _is_numeric(dtype) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and dtype.kind not in "bc"


def _as_text(value) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return unguard(text.strip())
