"""Reader of Spatial Transcriptomics v1: count tables whose spots are called after their place.

Names are ``10x12`` or, adjusted to the picture, ``9.92x12.015``, also with R's leading ``X``:
x first, then y. A selection file (``x y new_x new_y pixel_x pixel_y selected``) may lie beside.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, build, unique_names
from s2s_core.readers.delimited import column_names, first_column, is_table, outline, read_table
from s2s_core.readers.places import numbers
from s2s_core.readers.source import Source

SPOT = re.compile(r"X?(\d{1,4}(?:\.\d+)?)x(\d{1,4}(?:\.\d+)?)")
ENDINGS = (".tsv", ".csv", ".txt", ".gz", ".parquet")


def sniff(source: Source) -> bool:
    """Whether a table names its rows or columns by places."""
    return bool(_counts(source))


def _counts(source: Source) -> list[str]:
    names = source.names if source.single else source.find(*ENDINGS)
    return [name for name in names if is_table(source, name) and _is_counts(source, name)]


def _is_counts(source: Source, name: str) -> bool:
    try:
        header, rows = outline(source, name)
    except S2SError:
        return False
    columns = [SPOT.fullmatch(c) is not None for c in header[1:]]
    return SPOT.fullmatch(rows[0][0]) is not None or (bool(columns) and all(columns))


def read(source: Source, options: ReadOptions) -> Section:
    """Read a count table, in either orientation, as a Section.

    Spots that a selection file leaves out, or marks as not selected, are left out; coordinates
    are its pixels, where it has them.
    """
    counts = _counts(source)
    if len(counts) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(counts)} count tables ({', '.join(counts[:3])}); give one."
        )
    table = read_table(source, counts[0], id_column=first_column, keep=lambda _: False)
    values, ids, genes, notes = table.values, table.other.index, pd.Index(table.names), []
    if SPOT.fullmatch(str(ids[0])) is None:
        values, ids, genes = values.T.tocsr(), genes, ids
        notes.append("Rows of the table are genes and columns are spots.")
    xy = _named_places(ids, source.display_name(counts[0]))
    selection = _selection(source, counts[0])
    keep, places = np.ones(len(ids), bool), xy
    if selection is not None:
        keep, places = _selected(xy, selection)
        if not keep.any():
            raise S2SError(
                "The selection file names no spot of the count table; give the file of this section."
            )
        count = f"{keep.sum():,} of {len(keep):,} spots of the table"
        if keep.all():
            count = f"all {len(keep):,} spots of the table"
        notes.append(f"Selection file: {count} are selected.")
    index = np.rint(xy[keep]).astype(int)
    obs = pd.DataFrame({"array_row": index[:, 1], "array_col": index[:, 0]}, index=ids[keep])
    if obs.duplicated().any():
        notes.append("Rounded coordinates coincide, so the lattice is looked for in the decimals.")
        obs = obs[[]]
    elif not np.array_equal(xy, np.rint(xy)):
        notes.append("Lattice positions are the coordinates rounded to whole numbers.")
    names, more = unique_names(genes)
    var = pd.DataFrame(index=names)
    return build(
        values[np.nonzero(keep)[0]], obs, var, options, xy=places[keep], notes=(*notes, *more)
    )


def _named_places(ids: pd.Index, display_name: str) -> np.ndarray:
    """(n, 2) x and y that the names of spots hold."""
    found = [m for i in ids if (m := SPOT.fullmatch(str(i))) is not None]
    if len(found) < len(ids):
        wrong = next(i for i in ids if SPOT.fullmatch(str(i)) is None)
        raise S2SError(
            f"In {display_name!r} spots are called after their place, such as 10x12, but one is called "
            f"{wrong!r}; correct or remove it."
        )
    return np.array([[float(m[1]), float(m[2])] for m in found])


def _selection(source: Source, counts: str) -> pd.DataFrame | None:
    for name in source.find(*ENDINGS):
        columns = {c.lower() for c in column_names(source, name)}
        if name != counts and {"x", "y"} <= columns and columns & {"selected", "new_x", "pixel_x"}:
            table = read_table(source, name, id_column=lambda *_: None, keep=lambda _: True).other
            return pd.DataFrame({str(c).lower(): numbers(table[c]) for c in table.columns})
    return None


def _selected(xy: np.ndarray, selection: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(keep, coordinates) of spots, by their place in the array or their adjusted place."""
    if "selected" in selection:
        selection = selection[selection["selected"] == 1]
    match = np.full(len(xy), -1)
    for names in (["x", "y"], ["new_x", "new_y"]):
        if set(names) <= set(selection.columns) and (match < 0).all():
            key = pd.MultiIndex.from_frame(selection[names].round(3))
            if key.is_unique:
                match = key.get_indexer(pd.MultiIndex.from_arrays(list(xy.round(3).T)))
    places = xy.copy()
    keep = match >= 0
    for names in (["pixel_x", "pixel_y"], ["new_x", "new_y"]):
        if set(names) <= set(selection.columns):
            places[keep] = selection[names].to_numpy(float)[match[keep]]
            break
    return keep, places


READER = Reader("st_v1", "Spatial Transcriptomics v1 (spots named XxY)", sniff, read)
