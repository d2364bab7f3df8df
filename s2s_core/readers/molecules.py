"""Tables of single molecules (gene, x, y): read in blocks, counted in square pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
from scipy import sparse

from s2s_core.data import grid as gridlib
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.base import CONTROL, ReadOptions, build
from s2s_core.readers.delimited import column_names, is_table, text_blocks
from s2s_core.readers.gene_names import date_notes
from s2s_core.readers.layout import layout
from s2s_core.readers.parquet import is_parquet
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source
from s2s_core.readers.text import SPACES

# Molecules that a pixel of the proposed size holds: about PIXELS pixels, within these bounds.
PIXELS = 2500
FEWEST, MOST = 20, 1000
# Squares along the longer side: the density is measured on at most COARSE of them, places are
# counted on FINE.
COARSE, FINE = 64, 512


@dataclass(frozen=True)
class Columns:
    """Columns of a table of molecules; None where it has no such column.

    Attributes
    ----------
    gene, x, y : str
    count : str or None
        How many molecules a row stands for.
    quality : str or None
        Rows below ``min_quality`` are left out.
    """

    gene: str
    x: str
    y: str
    count: str | None = None
    quality: str | None = None
    min_quality: float = 0.0

    @property
    def names(self) -> list[str]:
        """Names of the columns that are read."""
        return [c for c in (self.gene, self.x, self.y, self.count, self.quality) if c]


@dataclass(frozen=True)
class Molecules:
    """Molecules of a table, those of poor quality left out.

    Attributes
    ----------
    genes : (G,) object array
        Names of the genes.
    gene : (m,) int array
        Place of each molecule's gene in ``genes``.
    xy : (m, 2) array
    count : (m,) float32 array
        How many molecules a row stands for.
    poor : int
        Rows that were left out for their quality.
    """

    genes: np.ndarray
    gene: np.ndarray
    xy: np.ndarray
    count: np.ndarray
    poor: int


def read_molecules(
    source: Source,
    name: str,
    columns: Columns,
    options: ReadOptions,
    unit: str,
    notes: tuple[str, ...] = (),
) -> Section:
    """Read a table of molecules as a Section of bins.

    Parameters
    ----------
    source, name
        The file: CSV, TSV (gzipped too) or Parquet.
    columns : Columns
    options : ReadOptions
        ``bin_size`` is the edge of a pixel; proposed when not given.
    unit : str
        What coordinates are counted in, for the sentence.
    notes : tuple of str
        What the reader decided before.

    Raises
    ------
    S2SError
    """
    display_name = source.display_name(name)
    found = _gather(source, name, columns)
    genes, gene, xy, count = found.genes, found.gene, found.xy, found.count
    told = [*notes]
    if not is_parquet(source, name):
        told += layout(source, name).notes(display_name)
    if found.poor:
        told.append(
            f"{found.poor:,} molecules of a quality below {columns.min_quality:g} were left out."
        )
    control = np.array([CONTROL.match(g) is not None for g in genes], bool)
    if control.any():
        keep = ~control[gene]
        gene, xy, count = gene[keep], xy[keep], count[keep]
        told.append(f"{control.sum()} control probes (such as {genes[control][0]}) were left out.")
    if len(gene) < 2:
        raise S2SError(f"{display_name!r} holds no molecules of genes; check the file.")
    if not np.isfinite(xy).all() or not np.isfinite(count).all() or (count < 0).any():
        raise S2SError(
            f"{display_name!r} holds positions or counts that are no numbers; copy it again."
        )
    size = options.bin_size or propose_size(xy, count)
    grid, row, col = gridlib.bin_points(xy, size)
    pixels, member = np.unique(row * grid.shape[1] + col, return_inverse=True)
    present, code = np.unique(gene, return_inverse=True)
    check_values(len(pixels), len(present), display_name)
    counts = sparse.coo_matrix(
        (count.astype(np.float32), (member, code)), shape=(len(pixels), len(present))
    ).tocsr()
    row, col = np.divmod(pixels, grid.shape[1])
    obs = pd.DataFrame({"array_row": row, "array_col": col})
    obs.index = pd.Index([f"bin_{r}_{c}" for r, c in zip(row, col, strict=True)], dtype=object)
    how = "chosen" if options.bin_size else "proposed"
    told.append(
        f"{count.sum():,.0f} molecules were counted in {len(pixels):,} pixels of {size:g} x "
        f"{size:g} {unit} ({how} size; {count.sum() / len(pixels):.0f} molecules a pixel)."
    )
    told += date_notes(genes[present])
    kind = "auto" if options.kind == "points" else options.kind
    return build(
        counts,
        obs,
        pd.DataFrame(index=pd.Index(genes[present], dtype=object)),
        replace(options, bin_size=None, kind=kind),
        xy=grid.to_xy(row, col),
        notes=tuple(told),
        binned=True,
        uns={"bin_size": float(size)},
    )


def propose_size(xy: np.ndarray, count: np.ndarray) -> float:
    """Edge of a pixel that gives about 2,500 pixels of 20 to 1,000 molecules each.

    The area of tissue is that of the squares which hold 95 % of the molecules, so that empty
    background does not count. Rounded to two digits.
    """
    span = np.ptp(xy, axis=0)
    if span.max() <= 0:
        raise S2SError("All points lie at the same position; check the coordinate columns.")
    places = _per_square(xy, count, span.max() / FINE)
    # About ten places a square: fewer, and chance would leave squares of the tissue empty.
    edge = span.max() / np.clip(np.sqrt(len(places) / 10), 4, COARSE)
    held = np.sort(_per_square(xy, count, edge))[::-1]
    tissue = np.searchsorted(np.cumsum(held), 0.95 * held.sum()) + 1
    density = 0.95 * held.sum() / (tissue * edge**2)
    wanted = np.clip(held.sum() / PIXELS, FEWEST, MOST)
    size = float(np.sqrt(wanted / density))
    return float(np.round(size, 1 - int(np.floor(np.log10(size)))))


def _per_square(xy: np.ndarray, count: np.ndarray, edge: float) -> np.ndarray:
    """Molecules in every square of an edge that holds any."""
    square = np.floor((xy - xy.min(0)) / edge).astype(int) @ [FINE + 1, 1]
    held = np.bincount(square, weights=count)
    return held[held > 0]


def _gather(source: Source, name: str, columns: Columns) -> Molecules:
    """All molecules of a table."""
    codes: dict[str, int] = {}
    parts: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    poor = 0
    blocks = _parquet_blocks if is_parquet(source, name) else _text_blocks
    try:
        for batch in blocks(source, name, columns):
            x, y = (_floats(batch.column(c)) for c in (columns.x, columns.y))
            words = batch.column(columns.gene)
            if not pa.types.is_dictionary(words.type):
                words = words.dictionary_encode()
            if words.null_count:
                raise S2SError(
                    f"{source.display_name(name)!r} has rows without a gene; copy it again."
                )
            names = [_text(v) for v in words.dictionary.to_pylist()]
            code = np.array([codes.setdefault(n, len(codes)) for n in names], np.int32)
            gene = code[words.indices.to_numpy(zero_copy_only=False)]
            count = np.ones(len(gene), np.float32)
            if columns.count:
                count = _floats(batch.column(columns.count)).astype(np.float32)
            good = np.ones(len(gene), bool)
            if columns.quality:
                good = _floats(batch.column(columns.quality)) >= columns.min_quality
            poor += int((~good).sum())
            parts.append((gene[good], np.column_stack([x, y])[good], count[good]))
    except (pa.ArrowException, OSError, ValueError, IndexError, KeyError) as error:
        if isinstance(error, S2SError):
            raise
        raise S2SError(
            f"{source.display_name(name)!r} is damaged or no table of molecules; copy it again."
        ) from error
    if not parts:
        raise S2SError(f"{source.display_name(name)!r} has a header but no rows.")
    gene, xy, count = (np.concatenate(p) for p in zip(*parts, strict=True))
    return Molecules(np.array(list(codes), object), gene=gene, xy=xy, count=count, poor=poor)


def _parquet_blocks(source: Source, name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    yield from parquet.batches(source, name, columns.names)


def _text_blocks(source: Source, name: str, columns: Columns) -> Iterator[pa.RecordBatch]:
    found = layout(source, name)
    numbers = [c for c in columns.names if c != columns.gene]
    types = {columns.gene: pa.dictionary(pa.int32(), pa.string())} | dict.fromkeys(
        numbers, pa.float64()
    )
    if found.delimiter == SPACES or found.thousands:
        # Arrow knows neither; it is faster where it can be used.
        schema = pa.schema(
            [(c, pa.string() if c == columns.gene else pa.float64()) for c in columns.names]
        )
        for block in text_blocks(source, name, found, columns.gene, columns.names):
            yield pa.RecordBatch.from_pandas(block, schema=schema, preserve_index=False)
        return
    with source.open(name) as stream:
        yield from pa_csv.open_csv(
            stream,
            read_options=pa_csv.ReadOptions(
                skip_rows=found.skip,
                column_names=found.header,
                block_size=2**24,
                encoding=found.encoding.removesuffix("-sig").replace("utf-8", "utf8"),
            ),
            parse_options=pa_csv.ParseOptions(delimiter=found.delimiter),
            convert_options=pa_csv.ConvertOptions(
                include_columns=columns.names,
                column_types=types,
                strings_can_be_null=False,
                decimal_point=found.decimal,
            ),
        )


def named(columns: list[str], *wanted: str) -> str | None:
    """The first of the wanted names that a table has, as it is or else in any case."""
    lower = {c.lower(): c for c in reversed(columns)} | {c: c for c in columns}
    return next(
        (lower.get(w) or lower[w.lower()] for w in wanted if w in lower or w.lower() in lower), None
    )


def columns_named(header: list[str], *, gene: str, x: str, y: str) -> Columns | None:
    """Columns of a maker's table of molecules; None where it lacks one of them."""
    found = [column for name in (gene, x, y) if (column := named(header, name)) is not None]
    return Columns(gene=found[0], x=found[1], y=found[2]) if len(found) == 3 else None


def find_table(
    source: Source, endings: tuple[str, ...], columns_of: Callable[[list[str]], Columns | None]
) -> tuple[str, Columns] | None:
    """First file whose columns are those of molecules."""
    for name in source.names if source.single else source.find(*endings):
        columns = columns_of(column_names(source, name)) if is_table(source, name) else None
        if columns is not None:
            return name, columns
    return None


def _floats(column) -> np.ndarray:
    return column.to_numpy(zero_copy_only=False).astype(float)


def _text(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
