"""Reader of tables: one row per spot or cell, or per gene with the places in another file."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, build, measured_rows, unique_names
from s2s_core.readers.columns import is_nameless, is_place, split_columns, spot_ids
from s2s_core.readers.countless import FEW, of_cells, sentence
from s2s_core.readers.delimited import is_table, outline, read_table
from s2s_core.readers.gene_names import date_notes
from s2s_core.readers.metadata import GENE_MARK, by_name, note, sort_columns
from s2s_core.readers.molecule_tables import any_molecules
from s2s_core.readers.molecules import Columns, read_molecules
from s2s_core.readers.pairs import read_pair, with_metadata
from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, array_index, find_pair, xy_columns
from s2s_core.readers.source import Source
from s2s_core.readers.text import is_number

ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".gz", ".parquet")
POSITIONS = re.compile(r"position|coord|spatial|loc|centroid", re.IGNORECASE)


@dataclass(frozen=True)
class _Kind:
    """Content of a table, by its columns and first rows."""

    header: list[str]
    placed: bool
    genes: list[str]
    about: list[str]
    unknown: tuple[str, ...]
    molecules: Columns | None


def sniff(source: Source) -> bool:
    """Whether a file is Parquet, or text (also gzipped) whose first line has columns."""
    return bool(_tables(source))


def _tables(source: Source) -> list[str]:
    # A single file is known by its content, whatever it is called.
    names = source.names if source.single else source.find(*ENDINGS)
    return [name for name in names if is_table(source, name)]


def _kind(source: Source, name: str, measured: str | None) -> _Kind:
    header, rows = outline(source, name)
    ids = spot_ids(header, rows)
    genes: list[str] = []
    about: list[str] = []
    unknown: tuple[str, ...] = ()
    for i, column in enumerate(header):
        if column == ids or is_place(column):
            continue
        shown = [row[i] for row in rows if len(row) > i and row[i] != ""]
        if (
            column == measured
            or by_name(column)
            or not any(is_number(v.replace(",", ".")) for v in shown)
        ):
            about.append(column)
        else:
            genes.append(column)
    placed = find_pair(header, (*XY_NAMES, *INDEX_NAMES)) is not None
    marked = any(c.lower().startswith(GENE_MARK) for c in genes)
    if len(genes) <= FEW and not marked and of_cells(header):
        genes, unknown = [], tuple(genes)
    return _Kind(header, placed, genes, about, unknown, any_molecules(header, rows))


def read(source: Source, options: ReadOptions) -> Section:
    """Read a table as a Section.

    Coordinates are columns ``x``, ``y`` (or a known variant such as ``x_centroid``), lattice
    positions ``array_row``, ``array_col`` or ``row``, ``col``. Columns of words and of metadata
    go to ``obs``; every other column is a gene. A table without coordinates may lie beside one
    that has them: then rows or columns of the first are its spots. Tables of metadata beside are
    joined. A table of molecules is counted by gene.
    """
    names = _tables(source)
    kinds = {name: _kind(source, name, options.measured) for name in names}
    molecules = {n: found for n in names if (found := kinds[n].molecules) is not None}
    rest = [n for n in names if n not in molecules]
    placed = [n for n in rest if kinds[n].placed]
    bare = [n for n in rest if not kinds[n].placed]
    counts = _counts(kinds, [n for n in bare if kinds[n].genes], placed)
    if len(counts) == 1 and placed:
        spots = _positions(placed)
        if len(spots) == 1:
            others = tuple(n for n in rest if n not in (*counts, *spots))
            return read_pair(source, counts[0], spots[0], options, metadata=others)
    full = [n for n in placed if kinds[n].genes]
    if len(full) == 1 and not counts:
        return _read_one(source, full[0], options, [n for n in rest if n != full[0]])
    if len(molecules) == 1 and not counts and not full:
        name, columns = next(iter(molecules.items()))
        said = (
            f"Rows of {source.display_name(name)!r} were taken for molecules of the gene in column "
            f"{columns.gene!r}, at {columns.x!r} and {columns.y!r}; for cells or spots give a table "
            "with a column a gene.",
        )
        return read_molecules(source, name, columns, options, "units of the file", notes=said)
    if len(rest) == 1 and counts:
        return _read_one(source, rest[0], options, [])
    if not counts and not full and not molecules:
        first = _positions(placed)[0] if placed else names[0]
        kind = kinds[first]
        raise S2SError(sentence(source.display_name(first), kind.header, kind.about, kind.unknown))
    raise S2SError(
        f"{source.name!r} holds {len(names)} tables ({', '.join(names[:3])}); give one table "
        "of spots x genes, or one of counts and one of positions."
    )


def _counts(kinds: dict[str, _Kind], bare: list[str], placed: list[str]) -> list[str]:
    """Of tables without coordinates those of counts.

    Metadata have columns of words or of known names, and fewer of the others than a table beside
    them.
    """
    most = max((len(kinds[n].genes) for n in [*bare, *placed]), default=0)

    def is_metadata(name: str) -> bool:
        about = [c for c in kinds[name].about if not is_nameless(c)]
        return bool(about) and len(kinds[name].genes) < most

    return [n for n in bare if not is_metadata(n)]


def _positions(placed: list[str]) -> list[str]:
    """Of tables with coordinates the one that is called so."""
    called = [n for n in placed if POSITIONS.search(n.rsplit("/", 1)[-1])]
    return called if len(called) == 1 else placed


def _read_one(source: Source, name: str, options: ReadOptions, metadata: list[str]) -> Section:
    display_name = source.display_name(name)

    def keep(column: str) -> bool:
        return is_place(column) or column == options.measured

    table = read_table(source, name, id_column=spot_ids, keep=keep)
    meta = table.other[[c for c in table.other.columns if keep(c)]]
    seen = measured_rows(meta, options.measured) if options.measured in meta else None
    genes, counts, words = split_columns(
        table, list(meta.columns), np.ones(len(meta), bool) if seen is None else seen
    )
    obs, notes = pd.concat([meta, words], axis=1), table.notes
    for other in metadata:
        obs, more = with_metadata(source, obs, name, other)
        notes = (*notes, *more)
    if seen is None and options.measured is not None:
        seen = measured_rows(obs, options.measured)
    found = sort_columns(genes, counts, np.ones(len(obs), bool) if seen is None else seen)
    about = found.metadata.set_axis(obs.index).drop(columns=[""], errors="ignore")
    obs = pd.concat([obs, about[[c for c in about.columns if c not in obs.columns]]], axis=1)
    xy = xy_columns(obs)
    if xy is None and array_index(obs) is None:
        raise S2SError(
            f"{display_name!r} has no coordinates: each row must be a spot, with columns x and y, or "
            "array_row and array_col; or give a second table with the position of every spot."
        )
    if not found.genes:
        raise S2SError(sentence(display_name, table.header, list(found.reasons)))
    reasons = dict.fromkeys((c for c in meta.columns if not is_place(c)), "as you say")
    reasons |= dict.fromkeys(words.columns, "words") | found.reasons
    names, again = unique_names(found.genes)
    notes = (*note(reasons), *notes, *found.notes, *date_notes(found.genes), *again)
    return build(found.counts, obs, pd.DataFrame(index=names), options, xy=xy, notes=notes)


READER = Reader("table", "CSV, TSV or Parquet table (spots x genes)", sniff, read)
