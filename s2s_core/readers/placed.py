"""Spots without places, and a table of them in the same upload."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from s2s_core.errors import S2SError
from s2s_core.readers.annotated import Annotated, has_places
from s2s_core.readers.columns import place_ids
from s2s_core.readers.delimited import is_table, read_table
from s2s_core.readers.matching import match_spots
from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, find_pair
from s2s_core.readers.source import Source

ENDINGS = (".csv", ".tsv", ".txt", ".tab", ".csv.gz", ".tsv.gz", ".txt.gz", ".parquet")


def with_table(source: Source, beside: str, found: Annotated) -> Annotated:
    """Spots with the places that a table of the same upload gives them, joined by id.

    Parameters
    ----------
    source : Source
    beside : str
        The file that the spots were read from.
    found : Annotated

    Raises
    ------
    S2SError
        If several tables have places, or one is of other spots.
    """
    tables = []
    for name in source.find(*ENDINGS):
        if name != beside and is_table(source, name):
            table = read_table(source, name, id_column=place_ids, keep=lambda _: True).other
            if find_pair(table.columns, (*XY_NAMES, *INDEX_NAMES)) is not None:
                tables.append((name, table))
    if not tables:
        return found
    if len(tables) > 1:
        names = ", ".join(repr(source.display_name(name)) for name, _ in tables[:3])
        raise S2SError(
            f"Beside {source.display_name(beside)!r} {len(tables)} tables hold places ({names}); give one."
        )
    name, table = tables[0]
    matched = match_spots(
        found.obs.index,
        table.index,
        repr(source.display_name(beside)),
        repr(source.display_name(name)),
    )
    match = matched.rows
    has = match >= 0
    rows = np.nonzero(has)[0]
    placed = table.iloc[match[has]].set_axis(found.obs.index[has])
    kept = found.obs[has]
    obs = kept.join(placed[[c for c in placed.columns if c not in kept.columns]])
    notes = (
        *found.notes,
        *matched.notes,
        f"Coordinates were taken from {source.display_name(name)!r}, joined by spot id.",
    )
    if not has.all():
        notes += (f"{(~has).sum()} spots without a position were left out.",)
    found = replace(found, counts=found.counts[rows], obs=obs, notes=notes)
    if not has_places(found):
        raise S2SError(
            f"{source.display_name(name)!r} has no coordinates: it needs columns x and y, or array_row and "
            "array_col."
        )
    return found
