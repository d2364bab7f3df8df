"""Reader of CSV and TSV tables: one row a spot or cell, genes and coordinates in columns."""

from __future__ import annotations

import csv
import gzip
import io
import re
import warnings
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers.base import (
    ID_NAMES,
    INDEX_NAMES,
    XY_NAMES,
    Reader,
    ReadOptions,
    array_index,
    build,
    measured_rows,
    xy_columns,
)
from s2s_core.section import Section

MAX_BYTES = 4 * 2**30
SNIFF_BYTES = 2**16
# Columns (lower case) that are about the spot, not a gene, although they hold numbers.
METADATA = frozenset(
    """in_tissue measured known origin total_counts total_counts_all_genes n_counts n_genes
    n_genes_all n_genes_by_counts n_cells n_beads n_points n_transcripts transcript_counts
    control_probe_counts control_codeword_counts genomic_control_counts
    unassigned_codeword_counts deprecated_codeword_counts cell_area nucleus_area area volume
    cell_volume fov z z_centroid cluster clusters leiden louvain region layer label sample
    batch slide section pct_counts_mt percent_mt ncount_spatial nfeature_spatial ncount_rna
    nfeature_rna ncount_xenium nfeature_xenium""".split()  # noqa: SIM905
)
PLACES = frozenset(name for pair in (*XY_NAMES, *INDEX_NAMES) for name in pair)


def sniff(path: Path) -> bool:
    """Whether a file is text (or gzipped text) whose first line has columns."""
    if not path.is_file():
        return False
    try:
        with _open(path) as file:
            head = file.read(SNIFF_BYTES)
    except (OSError, EOFError, zlib.error):
        return False
    if b"\0" in head or not head.strip():
        return False
    return _delimiter(head.decode("latin-1").splitlines()[0]) is not None


def read(path: Path, options: ReadOptions) -> Section:
    """Read a table as a Section.

    Coordinates are columns ``x``, ``y`` (or a known variant such as ``x_centroid``), lattice
    positions ``array_row``, ``array_col`` or ``row``, ``col``. Text columns and known metadata
    columns go to ``obs``; every other column is a gene.
    """
    name = path.name
    table = _table(_content(path), name)
    meta = [c for c in table.columns if c.lower() in METADATA | PLACES or c == options.measured]
    obs = table[meta]
    seen = measured_rows(obs, options.measured) if options.measured in obs else None
    seen = np.ones(len(table), bool) if seen is None else seen
    genes, words = _split_columns(table.drop(columns=meta), seen)
    obs = pd.concat([obs, words], axis=1)
    xy = xy_columns(obs)
    if xy is None and array_index(obs) is None:
        raise S2SError(
            f"{name!r} has no coordinates: each row must be a spot, with columns x and y, or "
            "array_row and array_col."
        )
    if genes.shape[1] == 0:
        raise S2SError(
            f"{name!r} has no gene columns: besides coordinates it needs one column of numbers "
            "a gene."
        )
    other = [c for c in obs.columns if c.lower() not in PLACES]
    notes = (f"Columns taken as metadata, not genes: {', '.join(other)}.",) if other else ()
    values = genes.to_numpy(np.float32)
    var = pd.DataFrame(index=pd.Index(genes.columns, dtype=object))
    return build(values, obs, var, options, xy=xy, notes=notes)


def _open(path: Path):
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if packed else path.open("rb")


def _content(path: Path) -> bytes:
    try:
        with _open(path) as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise S2SError(f"{path.name!r} is cut off or damaged; copy it again.") from error
    if len(data) > MAX_BYTES:
        raise S2SError(
            f"{path.name!r} unpacks to more than {MAX_BYTES / 2**30:.0f} GB; keep fewer genes or "
            "save it as .h5ad."
        )
    return data


def _encoding(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        # The old western encoding reads any byte.
        return "latin-1"
    return "utf-8-sig"


def _delimiter(line: str) -> str | None:
    counts = {d: line.count(d) for d in ("\t", ";", ",")}
    best = max(counts, key=counts.get)
    return best if counts[best] >= 2 else None


def _table(data: bytes, name: str) -> pd.DataFrame:
    """The file as it is: index of spot ids, exact column names."""
    encoding = _encoding(data)
    stream = io.BytesIO(data)
    first, second = (stream.readline().decode(encoding) for _ in range(2))
    delimiter = _delimiter(first)
    if delimiter is None:
        raise S2SError(f"{name!r} has fewer than three columns; give a table of spots x genes.")
    header = next(csv.reader([first], delimiter=delimiter))
    values = next(csv.reader([second], delimiter=delimiter), [])
    if not values:
        raise S2SError(f"{name!r} has a header but no rows.")
    if sum(map(_is_number, header)) > len(header) / 2:
        raise S2SError(
            f"The first line of {name!r} holds numbers; it must name the columns (x, y and genes)."
        )
    if len(values) == len(header) + 1:
        # R's write.table leaves the row names' column without a name.
        header = ["", *header]
    header = [_unguard(h.strip()) for h in header]
    if len(set(header)) < len(header):
        twice = next(h for i, h in enumerate(header) if h in header[:i])
        raise S2SError(
            f"The column {twice!r} occurs more than once in {name!r}; give every column and gene "
            "a name of its own."
        )
    id_column = _id_column(header, values)
    comma = delimiter != "," and re.search(r"\d,\d", second) and not re.search(r"\d\.\d", second)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            table = pd.read_csv(
                io.BytesIO(data),
                sep=delimiter,
                decimal="," if comma else ".",
                encoding=encoding,
                header=None,
                names=header,
                skiprows=1,
                index_col=False,
                converters={} if id_column is None else {id_column: str.strip},
                low_memory=False,
            )
    except (ValueError, pd.errors.ParserWarning) as error:
        line = re.search(r"line (\d+)", str(error))
        raise S2SError(
            f"{name!r} is no regular table: a row{f' (line {line[1]})' if line else ''} has more "
            "columns than the header; export it again."
        ) from error
    if id_column is None:
        table.index = pd.Index([f"spot_{i + 1}" for i in range(len(table))])
        return table
    ids = table.pop(id_column)
    if (ids == "").any():
        raise S2SError(
            f"Row {int(np.argmax(ids == '')) + 2} of {name!r} has no spot id; fill it in."
        )
    table.index = pd.Index(ids.map(_unguard), name=None)
    return table


def _id_column(header: list[str], values: list[str]) -> str | None:
    """The column of spot ids: by name, or the first where it holds words or has no name."""
    lower = {h.lower(): h for h in reversed(header)}
    named = next((lower[n] for n in ID_NAMES if n in lower), None)
    if named is not None:
        return named
    first = header[0]
    nameless = first == "" or first.lower().startswith("unnamed")
    wordy = first.lower() not in METADATA | PLACES and not _is_number(values[0])
    return first if nameless or wordy else None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unguard(name: str) -> str:
    """Undo the quote that keeps spreadsheets from running a name as a formula."""
    return name[1:] if re.match(r"'[=+\-@]", name) else name


def _split_columns(table: pd.DataFrame, seen: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(genes, metadata): columns of numbers and columns of words."""
    numeric = [pd.api.types.is_numeric_dtype(t) and t.kind != "b" for t in table.dtypes]
    genes = table.loc[:, numeric]
    words, rescued = {}, {}
    for column in table.columns[~np.array(numeric, bool)]:
        values = table[column]
        numbers = pd.to_numeric(values, errors="coerce")
        wrong = seen & numbers.isna().to_numpy() & values.notna().to_numpy()
        if values.dtype != bool and not wrong.any() and seen.any():
            rescued[column] = numbers
        elif values.dtype != bool and wrong.sum() < 0.2 * seen.sum():
            raise S2SError(
                f"The column {column!r} holds {values[wrong].iloc[0]!r} at spot "
                f"{table.index[wrong][0]!r} among numbers; give a number there, or remove the "
                "column if it is no gene."
            )
        else:
            words[column] = values
    if rescued:
        genes = pd.concat([genes, pd.DataFrame(rescued)], axis=1)
        genes = genes[[c for c in table.columns if c in set(genes.columns)]]
    return genes, pd.DataFrame(words, index=table.index)


READER = Reader("table", "CSV or TSV table (spots x genes)", sniff, read)
