"""Masks as tables: what the laboratory gets, and how such a table is read back."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError


def read_mask_table(source) -> pd.DataFrame:
    """Read a CSV of spot ids from a path or an open file.

    Raises
    ------
    S2SError
        If it is no CSV.
    """
    try:
        return pd.read_csv(source, dtype=str)
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError):
        raise S2SError("The mask file is no CSV; give one with a column spot_id.") from None


def mask_from_table(table: pd.DataFrame, section: Section) -> np.ndarray:
    """Mask (n,) from a table of spot ids: column ``spot_id`` or the first, optional ``measured``.

    Raises
    ------
    S2SError
        If ids are not of the section.
    """
    if table.shape[1] == 0 or len(table) == 0:
        raise S2SError("The mask table is empty; it needs a column of spot ids.")
    ids = table["spot_id"] if "spot_id" in table else table.iloc[:, 0]
    if "measured" in table:
        ids = ids[as_bool(table["measured"], "measured")]
    index = section.spot_ids.get_indexer(ids)
    # Ids that a spreadsheet would run are written with a leading apostrophe.
    plain = ids.astype(str).str.removeprefix("'")
    index = np.where(index < 0, section.spot_ids.get_indexer(plain), index)
    if (index < 0).any():
        first = ids.to_numpy()[index < 0][0]
        raise S2SError(
            f"{int((index < 0).sum())} ids of the mask are no spots of this section (for example "
            f"{first!r}); export the mask from the same section."
        )
    mask = np.zeros(section.n_positions, bool)
    mask[index] = True
    return mask


def mask_table(section: Section) -> pd.DataFrame:
    """Table of the mask for the laboratory: id, array position, x, y, measured."""
    array_row, array_col = section.array_index
    return pd.DataFrame(
        {
            "spot_id": section.spot_ids,
            "array_row": array_row,
            "array_col": array_col,
            "x": section.xy[:, 0],
            "y": section.xy[:, 1],
            "measured": section.measured,
        }
    )


def as_bool(column: pd.Series, name: str) -> np.ndarray:
    """Read a yes/no column; missing values are no.

    Raises
    ------
    S2SError
        If it holds anything but yes and no.
    """
    words = {
        "true": True,
        "1": True,
        "1.0": True,
        "yes": True,
        "false": False,
        "0": False,
        "0.0": False,
        "no": False,
        "nan": False,
        "": False,
        "none": False,
        "<na>": False,
    }
    text = column.astype(str).str.strip().str.lower()
    unknown = ~text.isin(words)
    if unknown.any():
        raise S2SError(
            f"The column {name!r} must hold True or False; found {column[unknown].tolist()[0]!r}."
        )
    return text.map(words).to_numpy(bool)
