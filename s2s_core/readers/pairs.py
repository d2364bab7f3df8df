"""Counts in one table, positions in another: joined by spot id, whichever way the counts lie."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import ID_NAMES, ReadOptions, build, unique_names, xy_columns
from s2s_core.readers.delimited import first_column, read_table
from s2s_core.readers.source import Source


def read_pair(
    source: Source,
    counts: str,
    positions: str,
    options: ReadOptions,
    notes: tuple[str, ...] = (),
) -> Section:
    """Read a table of counts and a table of positions as a Section.

    Parameters
    ----------
    source : Source
    counts, positions : str
        Their names. Ids stand in the first column of the counts; spots are its rows or its
        columns, whichever the positions name.
    options : ReadOptions
    notes : tuple of str
        What the reader decided before.

    Raises
    ------
    S2SError
        If no spot is in both tables.
    """
    table = read_table(source, counts, id_column=first_column, keep=lambda _: False)
    places = read_table(source, positions, id_column=_id_column, keep=lambda _: True).other
    columns = pd.Index(table.names, dtype=object)
    by_rows, by_columns = (match_ids(i, places.index) for i in (table.other.index, columns))
    if max((by_rows >= 0).sum(), (by_columns >= 0).sum()) == 0:
        raise S2SError(
            f"{source.spoken(counts)!r} and {source.spoken(positions)!r} have no spot in common "
            f"({table.other.index[0]!r} or {columns[0] if len(columns) else ''!r} against "
            f"{places.index[0]!r}); give the positions of these spots."
        )
    values, ids, genes, match, more = table.values, table.other.index, columns, by_rows, ()
    if (by_columns >= 0).sum() > (by_rows >= 0).sum():
        values, ids, genes, match = values.T.tocsr(), columns, table.other.index, by_columns
        more = ("Rows of the table are genes and columns are spots.",)
    var = pd.DataFrame(index=genes)
    return join(values, ids, var, places, match, options, notes=(*notes, *more))


def join(
    values,
    ids: pd.Index,
    var: pd.DataFrame,
    places: pd.DataFrame,
    match: np.ndarray,
    options: ReadOptions,
    *,
    notes: tuple[str, ...] = (),
    uns: dict | None = None,
    binned: bool = False,
) -> Section:
    """Section of the spots that have a position.

    Parameters
    ----------
    values : (n, G) csr_matrix
    ids : Index
    var : DataFrame
        Its index holds gene names, which may come more than once.
    places : DataFrame
        Coordinates and whatever else is known of spots.
    match : (n,) int array
        Row of ``places`` of each spot, -1 where there is none.
    options, notes, uns, binned
        As :func:`s2s_core.readers.base.build` takes them.
    """
    found = match >= 0
    obs = places.iloc[match[found]].set_axis(ids[found])
    if not found.all():
        notes = (*notes, f"{(~found).sum()} spots without a position were left out.")
    names, more = unique_names(var.index)
    return build(
        values[np.nonzero(found)[0]],
        obs,
        var.set_axis(names),
        options,
        xy=xy_columns(obs),
        notes=(*notes, *more),
        uns=uns,
        binned=binned,
    )


def match_ids(ids: pd.Index, places: pd.Index) -> np.ndarray:
    """Row of each id among the places, -1 where there is none.

    Raises
    ------
    S2SError
        If a spot has two positions.
    """
    if not places.is_unique:
        twice = places[places.duplicated()][0]
        raise S2SError(f"The spot {twice!r} has two positions; give every spot one.")
    match = places.get_indexer(ids)
    if (match >= 0).any():
        return match
    # R turns AAAC-1 into AAAC.1 and 12 into X12 where names head columns.
    plain = pd.Index([_as_r(i) for i in places])
    return plain.get_indexer([_as_r(i) for i in ids]) if plain.is_unique else match


def _as_r(name: str) -> str:
    return re.sub(r"[^0-9A-Za-z]", ".", re.sub(r"^X(?=\d)", "", str(name)))


def _id_column(header: list[str], values: list[str]) -> str:
    lower = {h.lower(): h for h in reversed(header)}
    return next((lower[n] for n in ID_NAMES if n in lower), header[0])
