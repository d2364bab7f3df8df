"""Tables of a dense map: wide CSV and Parquet, and the long form.

Formulas
--------
A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@``. Gene names and spot ids
that do, and are no plain numbers, are written to CSV with a leading ``'``; the table reader takes
it off again. (Spreadsheets also turn names such as MARCH1 into dates: import the column as text.)
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from s2s_core.data.section import Section
from s2s_core.data.store import atomic

if TYPE_CHECKING:
    from s2s_core.data.result import Result

FIXED_COLUMNS = ("spot_id", "array_row", "array_col", "x", "y", "measured")
LONG_LAYERS = ("median", "lower", "upper")
CHUNK_ROWS = 1024
LONG_CHUNK_ROWS = 1 << 17
# Parquet describes every column of every group: few groups keep wide tables small.
GROUP_ROWS = 4096


def write_csv(result: Result, path: str | Path, values: np.ndarray | None = None) -> None:
    """Dense map as a table: id, array position, x, y, measured, then one column a gene.

    Values are log-normalised. Each is written with as many digits as it takes to read back the
    same float32.
    """
    with atomic(path) as part:
        _write_table(result, values, partial(pa_csv.CSVWriter, part), guard, CHUNK_ROWS)


def write_parquet(result: Result, path: str | Path, values: np.ndarray | None = None) -> None:
    """Write the table of :func:`write_csv` as Parquet: smaller, and read in an instant.

    Names stand as they are: no program runs them as formulas.
    """
    with atomic(path) as part:
        writer = partial(pq.ParquetWriter, part, compression="zstd", use_dictionary=False)
        _write_table(result, values, writer, str, GROUP_ROWS)


def _write_table(
    result: Result, values: np.ndarray | None, open_writer, name_of, step: int
) -> None:
    """Table in pieces of ``step`` rows."""
    section = result.section
    dense = result.imputed if values is None else values
    order = section.written_order
    columns = _fixed_columns(section, name_of)
    # A fly's gene may be called y: it must not pass for a coordinate.
    genes = [f"{g} (gene)" if g in FIXED_COLUMNS else name_of(g) for g in section.genes]
    schema = pa.schema(
        [(name, values.type) for name, values in columns] + [(g, pa.float32()) for g in genes]
    )
    with open_writer(schema=schema) as writer:
        for start in range(0, section.n_positions, step):
            rows = order[start : start + step]
            # Columns of a chunk must be contiguous; the whole map is never copied.
            values = np.asfortranarray(dense[rows], dtype=np.float32)
            arrays = [v.take(pa.array(rows)) for _, v in columns]
            arrays += [pa.array(values[:, g]) for g in range(values.shape[1])]
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def write_long_csv(result: Result, path: str | Path) -> None:
    """Dense map as a long table: one row a position and gene.

    Columns: id, array position, x, y, measured, gene, value (what ``imputed.csv`` holds), and
    the median and the interval's ends, empty where the run has none. Log-normalised.
    """
    section = result.section
    columns = _fixed_columns(section, guard)
    genes = pa.array([guard(g) for g in section.genes], pa.string())
    maps = {"value": result.imputed} | {k: result.layers.get(k) for k in LONG_LAYERS}
    schema = pa.schema(
        [(name, values.type) for name, values in columns]
        + [("gene", pa.string())]
        + [(name, pa.float32()) for name in maps]
    )
    step = max(1, LONG_CHUNK_ROWS // len(genes))
    with atomic(path) as part, pa_csv.CSVWriter(part, schema) as writer:
        for start in range(0, section.n_positions, step):
            rows = section.written_order[start : start + step]
            spot = pa.array(np.repeat(rows, len(genes)))
            arrays = [values.take(spot) for _, values in columns]
            arrays.append(genes.take(pa.array(np.tile(np.arange(len(genes)), len(rows)))))
            for values in maps.values():
                if values is None:
                    arrays.append(pa.nulls(len(spot), pa.float32()))
                else:
                    part_of = np.ascontiguousarray(values[rows], np.float32)
                    arrays.append(pa.array(part_of.ravel()))
            writer.write_batch(pa.record_batch(arrays, schema=schema))


def _fixed_columns(section: Section, name_of) -> list[tuple[str, pa.Array]]:
    """The columns that say which position a row is."""
    array_row, array_col = section.array_index
    values = (
        pa.array([name_of(i) for i in section.spot_ids], pa.string()),
        pa.array(array_row, pa.int64()),
        pa.array(array_col, pa.int64()),
        pa.array(section.xy[:, 0], pa.float64()),
        pa.array(section.xy[:, 1], pa.float64()),
        pa.array(section.measured, pa.bool_()),
    )
    return list(zip(FIXED_COLUMNS, values, strict=True))


def guard(name: str) -> str:
    """Name as it is safe in a spreadsheet."""
    name = str(name)
    if name[:1] in ("=", "+", "-", "@", "\t", "\r") and not re.fullmatch(r"[+-]?[\d.]+", name):
        return "'" + name
    return name
