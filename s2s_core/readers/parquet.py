"""Parquet tables in blocks; pandas' own index comes first, as it does in a CSV."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from s2s_core.errors import S2SError
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import PARQUET_MAGIC, Source

# Values of one block: memory follows it, not the table.
BLOCK_VALUES = 8_000_000
# Rows that show what the columns hold, as many as have about so many values together.
ROWS, SHOWN = 1000, 200_000


def is_parquet(source: Source, name: str) -> bool:
    """Whether a file is Parquet."""
    return source.head(name, 4) == PARQUET_MAGIC


def batches(
    source: Source, name: str, columns: list[str] | None = None, rows: int | None = None
) -> Iterator[pa.RecordBatch]:
    """Record batches of a file, after its declared size was looked at.

    Raises
    ------
    S2SError
        If it is damaged, or declares more values than are read here.
    """
    file = _open(source, name)
    wide = len(columns or file.schema_arrow.names)
    check_values(file.metadata.num_rows, wide, source.display_name(name))
    rows = rows or max(64, BLOCK_VALUES // max(wide, 1))
    try:
        yield from file.iter_batches(rows, columns=columns)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise S2SError(
            f"{source.display_name(name)!r} is cut off or damaged; copy it again."
        ) from error


def outline(source: Source, name: str) -> tuple[list[str], list[list[str]]]:
    """(column names, first rows) as a CSV would have them.

    Raises
    ------
    S2SError
    """
    order = _order(source, name)
    first = next(batches(source, name, order, min(ROWS, max(2, SHOWN // len(order)))), None)
    if first is None or first.num_rows == 0:
        raise S2SError(f"{source.display_name(name)!r} has a header but no rows.")
    header = ["" if c.startswith("__index_level_") else c for c in order]
    columns = [[_text(v) for v in first.column(c).to_pylist()] for c in order]
    return header, [list(row) for row in zip(*columns, strict=True)]


def frames(source: Source, name: str, header: list[str]) -> Iterator[pd.DataFrame]:
    """Blocks of the table, with the column names of :func:`outline`."""
    for batch in batches(source, name, _order(source, name)):
        frame = batch.to_pandas(ignore_metadata=True)
        if len(frame.columns) != len(header):
            raise S2SError(f"{source.display_name(name)!r} has nested columns; save plain columns.")
        yield frame.set_axis(header, axis=1)


def schema(source: Source, name: str) -> pa.Schema:
    """Columns and metadata of a file.

    Raises
    ------
    S2SError
    """
    return _open(source, name).schema_arrow


def _order(source: Source, name: str) -> list[str]:
    columns = schema(source, name)
    index = [
        c for c in (columns.pandas_metadata or {}).get("index_columns", []) if isinstance(c, str)
    ]
    names = [str(c) for c in columns.names]
    order = [*(c for c in index if c in names), *(c for c in names if c not in index)]
    if not order:
        raise S2SError(f"{source.display_name(name)!r} has no columns.")
    return order


def _open(source: Source, name: str) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(source.path(name))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise S2SError(
            f"{source.display_name(name)!r} is cut off or damaged; copy it again."
        ) from error


def _text(value) -> str:
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
