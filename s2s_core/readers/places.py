"""Places of spots: names of columns of coordinates and lattice positions, read safely."""

from __future__ import annotations

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError

# Pairs in order of preference, lower case. All of them are coordinates, never genes.
XY_NAMES = (
    # What is called global comes first: beside it x, y may be those of a field of view.
    ("global_x", "global_y"),
    ("x_global_px", "y_global_px"),
    ("centerx_global_px", "centery_global_px"),
    ("x", "y"),
    ("x_centroid", "y_centroid"),
    ("center_x", "center_y"),
    ("spatial_x", "spatial_y"),
    ("spatial1", "spatial2"),
    ("x_coord", "y_coord"),
    ("xcoord", "ycoord"),
    ("coord_x", "coord_y"),
    ("pos_x", "pos_y"),
    ("x_um", "y_um"),
    ("pxl_col_in_fullres", "pxl_row_in_fullres"),
    ("imagecol", "imagerow"),
    ("pixel_x", "pixel_y"),
    ("sdimx", "sdimy"),
    ("x_location", "y_location"),
    ("x_position", "y_position"),
    ("x_pos", "y_pos"),
    ("xpos", "ypos"),
    ("x_coordinate", "y_coordinate"),
    ("x_pixel", "y_pixel"),
    ("x_px", "y_px"),
    ("centroid_x", "centroid_y"),
    ("spatial_1", "spatial_2"),
    ("xcoords", "ycoords"),
    ("x_slide_mm", "y_slide_mm"),
)
INDEX_NAMES = (("array_row", "array_col"), ("row", "col"))
MAX_INDEX = 1e9
# Lattice positions that span this many places and fill less than this share of them are pixels.
PIXEL_AREA, PIXEL_SHARE = 1e5, 1e-3


def numbers(column: pd.Series) -> np.ndarray:
    """Values as floats, NaN where they are no numbers.

    pandas' own conversion crashes the process on exponents beyond its integers (2e3099919288).
    """
    if pd.api.types.is_numeric_dtype(column.dtype):
        return column.to_numpy(float, na_value=np.nan)
    return np.array([_number(value) for value in column], float)


def _number(value) -> float:
    try:
        return np.nan if "_" in str(value) else float(value)
    except (TypeError, ValueError, OverflowError):
        return np.nan


def find_pair(columns, pairs) -> tuple[str, str] | None:
    """First pair of column names that both occur, whatever their case."""
    lower = {str(c).lower(): c for c in reversed(list(columns))}
    for first, second in pairs:
        if first in lower and second in lower:
            return lower[first], lower[second]
    return None


def array_index(obs: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Lattice row and column from ``array_row``, ``array_col`` or ``row``, ``col``.

    None where there are none, or where they are no lattice positions (see :func:`no_index`).

    Raises
    ------
    S2SError
        If some of ``array_row`` or ``array_col`` are no whole numbers.
    """
    pair = find_pair(obs.columns, INDEX_NAMES)
    if pair is None or no_index(obs):
        return None
    values = [numbers(obs[c]) for c in pair]
    for name, column in zip(pair, values, strict=True):
        # (Lists hold plain numbers, without the name of their type.)
        wrong = _not_whole(column)
        if wrong.any():
            raise S2SError(
                f"The column {name!r} must hold whole numbers (lattice positions); spot "
                f"{obs.index[wrong].tolist()[0]!r} has {obs[name][wrong].tolist()[0]!r}."
            )
    return values[0].astype(int), values[1].astype(int)


def _not_whole(column: np.ndarray) -> np.ndarray:
    return ~(np.abs(column) < MAX_INDEX) | (column != np.rint(column))


def no_index(obs: pd.DataFrame) -> tuple[str, ...]:
    """Reason why columns named as lattice positions hold something else; () where they do not."""
    pair = find_pair(obs.columns, INDEX_NAMES)
    if pair is None:
        return ()
    values = [numbers(obs[c]) for c in pair]
    named, instead = " and ".join(map(str, pair)), "the coordinates were used instead"
    fractions = [np.isfinite(v) & (v != np.rint(v)) for v in values]
    if any(f.mean() > 0.5 for f in fractions):
        return (f"{named} hold fractions (of cells, means of several positions): {instead}.",)
    if any(_not_whole(v).any() for v in values):
        # A word or a gap among array_row and array_col is a mistake to be told.
        loose = str(pair[0]).lower() == "row"
        return (f"{named} hold no whole numbers: {instead}.",) if loose else ()
    # Of a single wild value, which is a mistake to be told, the inner half knows nothing.
    rows, cols = (2 * np.ptp(np.quantile(v, [0.25, 0.75])) + 1 for v in values)
    if rows * cols > PIXEL_AREA and len(obs) < PIXEL_SHARE * rows * cols:
        return (
            f"{named} span {rows:,.0f} x {cols:,.0f} places for {len(obs):,} spots: they are pixels, "
            f"no lattice positions, and {instead}.",
        )
    return ()


def xy_columns(table: pd.DataFrame) -> np.ndarray | None:
    """Coordinates (n, 2) from columns; rows and columns that are no lattice count as y, x."""
    pair = find_pair(table.columns, XY_NAMES)
    if pair is None:
        pair = find_pair(table.columns, INDEX_NAMES)
        if pair is None or not no_index(table[list(pair)]):
            return None
        pair = pair[::-1]
    for name in pair:
        text = np.isnan(numbers(table[name])) & table[name].notna().to_numpy()
        if text.any():
            raise S2SError(
                f"The coordinate column {name!r} holds {table[name][text].tolist()[0]!r} at spot "
                f"{table.index[text].tolist()[0]!r}; give numbers."
            )
    return np.column_stack([numbers(table[name]) for name in pair])


def fill_xy(xy: np.ndarray, index, seen: np.ndarray | None) -> np.ndarray:
    """Coordinates of unmeasured spots that lack them, from their place on the lattice."""
    lacking = ~np.isfinite(xy).all(1)
    if seen is None or not lacking.any() or (lacking & seen).any():
        return xy
    design = np.column_stack([index[1], index[0], np.ones(len(xy))]).astype(float)
    fit, *_ = np.linalg.lstsq(design[~lacking], xy[~lacking], rcond=None)
    return np.where(lacking[:, None], design @ fit, xy)
