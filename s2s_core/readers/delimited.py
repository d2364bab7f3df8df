"""Tables of numbers in text (CSV, TSV, gzipped) or Parquet, read in blocks into a sparse matrix."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.base import unique_names
from s2s_core.readers.gene_names import gene_of_date
from s2s_core.readers.layout import Heading, Layout, heading_of, is_text_table, layout
from s2s_core.readers.parquet import BLOCK_VALUES, is_parquet
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source
from s2s_core.readers.text import other_encoding, unguard

# pandas' faster ways crash the process on exponents beyond its integers (2e3099919288).
SAFE = "round_trip"


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
    notes : tuple of str
        What was guessed of how its numbers are written.
    decimal : str
        Mark of its decimals.
    """

    header: list[str]
    names: list[str]
    values: sparse.csr_matrix
    other: pd.DataFrame
    notes: tuple[str, ...] = ()
    decimal: str = "."


def is_table(source: Source, name: str) -> bool:
    """Whether a file is Parquet, or text whose first line has three columns or more."""
    return is_parquet(source, name) or is_text_table(source, name)


def outline(source: Source, name: str) -> tuple[list[str], list[list[str]]]:
    """(column names, first rows as text) of a table.

    Raises
    ------
    S2SError
        If it is none.
    """
    if is_parquet(source, name):
        return parquet.outline(source, name)
    found = layout(source, name)
    return found.header, found.rows


def column_names(source: Source, name: str) -> list[str]:
    """Column names of a table; none where it is no table."""
    try:
        return outline(source, name)[0]
    except S2SError:
        return []


def read_table(
    source: Source,
    name: str,
    *,
    id_column: Callable[[list[str], list[list[str]]], str | None],
    keep: Callable[[str], bool],
    heading: Callable[[list[str], list[str]], Heading] = heading_of,
) -> Table:
    """Read a whole table.

    Parameters
    ----------
    source, name
        The file.
    id_column : callable
        Names the column of row ids, from the header and the first rows; None: there is none.
    keep : callable
        Whether a column goes to ``other`` as it is.
    heading : callable
        Names the columns of a text, from the cells of its first two lines.

    Raises
    ------
    S2SError
        Irregular rows, columns of one name, no rows, more values than are read here.
    """
    display_name = source.display_name(name)
    if is_parquet(source, name):
        header, rows = parquet.outline(source, name)
        ids = id_column(header, rows)
        header = _distinct(header, display_name)
        return _collect(parquet.frames(source, name, header), header, ids, keep, display_name)
    found = layout(source, name, heading=heading)
    ids = id_column(found.header, found.rows)
    found = replace(found, header=_distinct(found.header, display_name))
    try:
        table = _collect(
            text_blocks(source, name, found, ids), found.header, ids, keep, display_name
        )
    except UnicodeDecodeError as error:
        found = replace(found, encoding=other_encoding(found.encoding, display_name, error))
        table = _collect(
            text_blocks(source, name, found, ids), found.header, ids, keep, display_name
        )
    return replace(table, notes=found.notes(display_name), decimal=found.decimal)


def first_column(header: list[str], rows: list[list[str]]) -> str | None:
    """Row ids stand in the first column."""
    return header[0]


def _distinct(header: list[str], display_name: str) -> list[str]:
    """Column names, those that a spreadsheet has made the same date of numbered.

    Raises
    ------
    S2SError
        If others come more than once.
    """
    index = pd.Index(header)
    twice = [name for name in index[index.duplicated()] if gene_of_date(name) is None]
    if twice:
        raise S2SError(
            f"The column {twice[0]!r} occurs more than once in {display_name!r}; give every column and "
            "gene a name of its own."
        )
    return list(unique_names(header)[0]) if index.has_duplicates else header


def text_blocks(
    source: Source,
    name: str,
    found: Layout,
    ids: str | None,
    columns: list[str] | None = None,
) -> Iterator[pd.DataFrame]:
    """Blocks of a text table, of all columns or some.

    Raises
    ------
    S2SError
        If a row has more columns than the header.
    """
    rows = max(64, BLOCK_VALUES // len(found.header))
    try:
        with source.open(name) as stream, warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            reader = pd.read_csv(
                stream,
                sep=found.delimiter,
                decimal=found.decimal,
                thousands=found.thousands,
                skipinitialspace=found.delimiter != "\t",
                usecols=columns,
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
            for block in reader:
                yield _without_empty(block, ids)
    except (UnicodeDecodeError, S2SError):
        raise
    except (ValueError, pd.errors.ParserWarning) as error:
        line = re.search(r"line (\d+)", str(error))
        raise S2SError(
            f"{source.display_name(name)!r} is no regular table: a row{f' (line {line[1]})' if line else ''} "
            "has more columns than the header; export it again."
        ) from error


def _without_empty(block: pd.DataFrame, ids: str | None) -> pd.DataFrame:
    """Without the rows of nothing but separators that spreadsheets leave."""
    empty = (block.iloc[:, 0].isna() if ids is None else block[ids] == "").to_numpy(bool)
    if not empty.any():
        return block
    rest = [c for c in block.columns if c != ids]
    empty[empty] = block.loc[empty, rest].isna().all(axis=1)
    return block[~empty]


def _collect(
    blocks: Iterator[pd.DataFrame],
    header: list[str],
    ids: str | None,
    keep: Callable[[str], bool],
    display_name: str,
) -> Table:
    """Put the blocks together: numbers sparse, words and wanted columns as they are."""
    wanted = [c for c in header if c != ids and keep(c)]
    rest = [c for c in header if c != ids and not keep(c)]
    parts: list[sparse.csr_matrix] = []
    others: list[pd.DataFrame] = []
    names: list[pd.Series] = []
    words: set[str] = set()
    n = 0
    for block in blocks:
        n += len(block)
        check_values(n, len(rest), display_name)
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
        raise S2SError(f"{display_name!r} has a header but no rows.")
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
                f"Row {int(np.argmax(index == '')) + 2} of {display_name!r} has no spot id; fill it in."
            )
        other.index = index
    values = stacked[:, [place[c] for c in numeric]] if words else stacked
    return Table(header, numeric, values, other)


def _is_numeric(dtype) -> bool:
    return pd.api.types.is_numeric_dtype(dtype) and dtype.kind not in "bc"


def _as_text(value) -> str:
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    return unguard(text.strip())
