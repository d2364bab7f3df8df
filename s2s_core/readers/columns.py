"""Columns of a table by what they are for: ids of spots, coordinates, words, genes."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers.base import ID_NAMES
from s2s_core.readers.delimited import Table
from s2s_core.readers.metadata import by_name
from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, numbers
from s2s_core.readers.text import is_number

PLACES = frozenset(name for pair in (*XY_NAMES, *INDEX_NAMES) for name in pair)


def is_place(column: str) -> bool:
    """Whether a column holds coordinates or places on a lattice, by its name."""
    return column.strip().lower() in PLACES


def spot_ids(header: list[str], rows: list[list[str]]) -> str | None:
    """The column of spot ids of a table of spots; None where its rows have none.

    It is known by its name, or it is the first column where that has no name or holds words that
    hardly come again.
    """
    first = header[0]
    nameless = is_nameless(first)
    lower = {h.lower(): h for h in reversed(header)}
    named = [lower[n] for n in ID_NAMES if n in lower]
    for column in named:
        # A column "cell" or "id" of a few values beside R's row names is another thing.
        if not nameless or _differ(header, rows, column):
            return column
    if nameless:
        return first
    if is_place(first) or by_name(first):
        return None
    wordy = not all(is_number(v) for v in _values(header, rows, first))
    return first if wordy and _differ(header, rows, first) else None


def place_ids(header: list[str], rows: list[list[str]]) -> str:
    """The column of spot ids of a table of positions or metadata."""
    return spot_ids(header, rows) or header[0]


def row_ids(header: list[str], rows: list[list[str]]) -> str:
    """The column that names the rows of a table of counts, which may be genes: mostly the first."""
    if is_nameless(header[0]):
        # Row numbers of pandas or R stand before the names.
        values = _values(header, rows, header[0])
        counted = all(v.strip('"').isdigit() for v in values)
        if counted and (named := spot_ids(header, rows)) is not None:
            return named
    return header[0]


def is_nameless(column: str) -> bool:
    """Whether a column has no name, or pandas' own for none."""
    return column == "" or column.lower().startswith("unnamed")


def _values(header: list[str], rows: list[list[str]], column: str) -> list[str]:
    place = header.index(column)
    return [row[place] for row in rows if len(row) > place]


def _differ(header: list[str], rows: list[list[str]], column: str) -> bool:
    values = _values(header, rows, column)
    return len(set(values)) > 0.5 * len(values)


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
