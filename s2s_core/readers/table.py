"""Reader of tables: one row a spot or cell, or one row a gene with the places in another file."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import (
    ID_NAMES,
    INDEX_NAMES,
    XY_NAMES,
    Reader,
    ReadOptions,
    array_index,
    build,
    find_pair,
    measured_rows,
    numbers,
    xy_columns,
)
from s2s_core.readers.delimited import Table, column_names, is_number, is_table, read_table
from s2s_core.readers.pairs import read_pair
from s2s_core.readers.source import Source

ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".gz", ".parquet")
# Columns (lower case) that are about the spot, not a gene, although they hold numbers.
METADATA = frozenset(
    """in_tissue measured known origin total_counts total_counts_all_genes n_counts n_genes
    n_genes_all n_genes_by_counts n_cells n_beads n_points n_transcripts transcript_counts
    control_probe_counts control_codeword_counts genomic_control_counts
    unassigned_codeword_counts deprecated_codeword_counts cell_area nucleus_area area volume
    cell_volume fov z z_centroid cluster clusters leiden louvain region layer label sample
    batch slide section pct_counts_mt percent_mt ncount_spatial nfeature_spatial ncount_rna
    nfeature_rna ncount_xenium nfeature_xenium new_x new_y selected""".split()  # noqa: SIM905
)
PLACES = frozenset(name for pair in (*XY_NAMES, *INDEX_NAMES) for name in pair)


def sniff(source: Source) -> bool:
    """Whether a file is Parquet, or text (also gzipped) whose first line has columns."""
    return bool(_tables(source))


def _tables(source: Source) -> list[str]:
    # A single file is known by its content, whatever it is called.
    names = source.names if source.single else source.find(*ENDINGS)
    return [name for name in names if is_table(source, name)]


def read(source: Source, options: ReadOptions) -> Section:
    """Read a table as a Section.

    Coordinates are columns ``x``, ``y`` (or a known variant such as ``x_centroid``), lattice
    positions ``array_row``, ``array_col`` or ``row``, ``col``. Text columns and known metadata
    columns go to ``obs``; every other column is a gene. A table without coordinates may lie
    beside one that has them: then rows or columns of the first are its spots.
    """
    names = _tables(source)
    placed = [n for n in names if find_pair(column_names(source, n), (*XY_NAMES, *INDEX_NAMES))]
    bare = [n for n in names if n not in placed]
    if len(bare) == 1 and len(placed) == 1:
        return read_pair(source, bare[0], placed[0], options)
    if len(names) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(names)} tables ({', '.join(names[:3])}); give one table "
            "of spots x genes, or one of counts and one of positions."
        )
    return _read_one(source, names[0], options)


def _read_one(source: Source, name: str, options: ReadOptions) -> Section:
    spoken = source.spoken(name)

    def keep(column: str) -> bool:
        return column.lower() in METADATA | PLACES or column == options.measured

    table = read_table(source, name, id_column=id_column, keep=keep)
    meta = table.other[[c for c in table.other.columns if keep(c)]]
    seen = measured_rows(meta, options.measured) if options.measured in meta else None
    seen = np.ones(len(meta), bool) if seen is None else seen
    genes, counts, words = split_columns(table, list(meta.columns), seen)
    obs = pd.concat([meta, words], axis=1)
    xy = xy_columns(obs)
    if xy is None and array_index(obs) is None:
        raise S2SError(
            f"{spoken!r} has no coordinates: each row must be a spot, with columns x and y, or "
            "array_row and array_col; or give a second table with the position of every spot."
        )
    if not genes:
        raise S2SError(
            f"{spoken!r} has no gene columns: besides coordinates it needs one column of numbers "
            "a gene."
        )
    other = [c for c in obs.columns if c.lower() not in PLACES]
    notes = (f"Columns taken as metadata, not genes: {', '.join(other)}.",) if other else ()
    var = pd.DataFrame(index=pd.Index(genes, dtype=object))
    return build(counts, obs, var, options, xy=xy, notes=notes)


def id_column(header: list[str], values: list[str]) -> str | None:
    """The column of spot ids: by name, or the first where it holds words or has no name."""
    lower = {h.lower(): h for h in reversed(header)}
    named = next((lower[n] for n in ID_NAMES if n in lower), None)
    if named is not None:
        return named
    first = header[0]
    nameless = first == "" or first.lower().startswith("unnamed")
    wordy = first.lower() not in METADATA | PLACES and not is_number(values[0])
    return first if nameless or wordy else None


def split_columns(table: Table, meta: list[str], seen: np.ndarray):
    """(gene names, counts, metadata): columns of numbers and columns of words.

    A column of numbers with words only at unmeasured spots is a gene all the same.
    """
    words, rescued = {}, {}
    for column in table.other.columns.difference(meta, sort=False):
        values = table.other[column]
        found = numbers(values)
        wrong = seen & np.isnan(found) & values.notna().to_numpy()
        if values.dtype != bool and not wrong.any() and seen.any():
            rescued[column] = found.astype(np.float32)
        elif values.dtype != bool and wrong.sum() < 0.2 * seen.sum():
            raise S2SError(
                f"The column {column!r} holds {values[wrong].tolist()[0]!r} at spot "
                f"{values.index[wrong].tolist()[0]!r} among numbers; give a number there, or remove the "
                "column if it is no gene."
            )
        else:
            words[column] = values
    names, counts = table.names, table.values
    if rescued:
        both = sparse.hstack([counts, sparse.csr_matrix(np.column_stack(list(rescued.values())))])
        place = {name: i for i, name in enumerate([*names, *rescued])}
        names = [c for c in table.header if c in place]
        counts = both.tocsr()[:, [place[c] for c in names]]
    return names, counts, pd.DataFrame(words, index=table.other.index)


READER = Reader("table", "CSV, TSV or Parquet table (spots x genes)", sniff, read)
