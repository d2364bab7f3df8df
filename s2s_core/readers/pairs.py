"""Counts in one table, positions in another: joined by spot id, whichever way the counts lie."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import ReadOptions, build, measured_rows, unique_names
from s2s_core.readers.columns import place_ids, row_ids, split_columns
from s2s_core.readers.delimited import read_table
from s2s_core.readers.gene_names import date_notes
from s2s_core.readers.matching import best_match, refuse_few
from s2s_core.readers.metadata import note, sort_columns
from s2s_core.readers.places import xy_columns
from s2s_core.readers.source import Source


def read_pair(
    source: Source,
    counts: str,
    positions: str,
    options: ReadOptions,
    notes: tuple[str, ...] = (),
    metadata: tuple[str, ...] = (),
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
    metadata : tuple of str
        Further tables of the same spots, whose columns go to ``obs``.

    Raises
    ------
    S2SError
        If fewer than half of the spots have a position.
    """
    table = read_table(source, counts, id_column=row_ids, keep=lambda _: False)
    spots = read_table(source, positions, id_column=place_ids, keep=lambda _: True)
    places, notes = spots.other, (*notes, *table.notes, *spots.notes)
    for name in metadata:
        places, more = with_metadata(source, places, positions, name)
        notes = (*notes, *more)
    columns = pd.Index(table.names, dtype=object)
    by_rows, by_columns = (best_match(i, places.index) for i in (table.other.index, columns))
    across = by_columns.found > by_rows.found or (
        # Nothing fits: the side that looks more like ids is shown.
        by_columns.found == by_rows.found == 0 and len(columns) > 2 * table.values.shape[0]
    )
    match = by_columns if across else by_rows
    ids = columns if across else table.other.index
    refuse_few(
        match,
        ids,
        places.index,
        repr(source.display_name(counts)),
        repr(source.display_name(positions)),
    )
    notes = (*notes, *match.notes)
    if across:
        values, genes = table.values.T.tocsr(), [str(i) for i in table.other.index]
        words = pd.DataFrame(index=ids)
        notes = (*notes, "Rows of the table are genes and columns are spots.")
        if len(table.other.columns):
            left = ", ".join(map(str, table.other.columns))
            notes = (*notes, f"Columns of words beside the spots were left out: {left}.")
    seen = match.rows >= 0
    if not across:
        marked = measured_rows(places, options.measured) if options.measured in places else None
        if marked is not None:
            seen &= marked[match.rows]
        genes, values, words = split_columns(table, [], seen)
    found = sort_columns(genes, values, seen)
    reasons = dict.fromkeys(map(str, words.columns), "words") | found.reasons
    about = pd.concat([words, found.metadata.set_axis(ids)], axis=1)
    places = _beside(places, about, match.rows)
    if not found.genes:
        raise S2SError(
            f"{source.display_name(counts)!r} has no gene columns: it holds metadata of spots "
            f"({', '.join(list(reasons)[:5])}); add the table of counts."
        )
    notes = (*notes, *note(reasons), *found.notes)
    var = pd.DataFrame(index=pd.Index(found.genes, dtype=object))
    return join(found.counts, match.ids, var, places, match.rows, options, notes=notes)


def with_metadata(
    source: Source, spots: pd.DataFrame, beside: str, name: str
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """(spots with the columns of a table of metadata, notes).

    Parameters
    ----------
    source : Source
    spots : DataFrame
        Its index holds ids.
    beside, name : str
        The file that the spots come from, and that of the metadata.

    Raises
    ------
    S2SError
        If most spots are not in it.
    """
    table = read_table(source, name, id_column=place_ids, keep=lambda _: True).other
    display_name = repr(source.display_name(name))
    match = best_match(spots.index, table.index)
    if not match.found:
        return spots, (f"{display_name} was not used: it names none of the spots.",)
    refuse_few(match, spots.index, table.index, repr(source.display_name(beside)), display_name)
    new = [c for c in table.columns if c not in spots.columns and c != ""]
    # (Row -1, where a spot is not in it, gives empty cells.)
    added = table[new].set_axis(range(len(table))).reindex(match.rows).set_axis(spots.index)
    said = f"Columns of {display_name} were joined to the spots: {', '.join(map(str, new))}."
    return pd.concat([spots, added], axis=1), (*match.notes, said)


def _beside(places: pd.DataFrame, about: pd.DataFrame, rows: np.ndarray) -> pd.DataFrame:
    """Places with what the counts' own table says of their spots."""
    about = about[[c for c in about.columns if c not in places.columns]]
    has = rows >= 0
    about = about[has].set_axis(places.index[rows[has]])
    # (Spots that come twice are refused where the section is put together.)
    return pd.concat([places, about[~about.index.duplicated()]], axis=1)


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
    silent: int = 0,
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
    options, notes, uns, binned, silent
        As :func:`s2s_core.readers.base.build` takes them.
    """
    found = match >= 0
    obs = places.iloc[match[found]].set_axis(ids[found])
    if not found.all():
        notes = (*notes, f"{(~found).sum()} spots without a position were left out.")
    more = date_notes(var.index)
    names, again = unique_names(var.index)
    return build(
        values[np.nonzero(found)[0]],
        obs,
        var.set_axis(names),
        options,
        xy=xy_columns(obs),
        notes=(*notes, *more, *again),
        uns=uns,
        binned=binned,
        silent=silent,
    )
