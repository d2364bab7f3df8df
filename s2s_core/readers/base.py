"""What every reader shares: its options, its registry entry, and the names columns go by."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.assemble import assemble
from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import several
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source

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
ID_NAMES = (
    "spot_id", "spot", "barcode", "barcodes", "cell_id", "cell", "bead", "bead_id", "id", "index",
    "entityid", "cellid", "spotid", "cell_barcode", "spot_barcode", "bead_barcode", "cell_ids",
)  # fmt: skip
MAX_INDEX = 1e9
# Lattice positions that span this many places and fill less than this share of them are pixels.
PIXEL_AREA, PIXEL_SHARE = 1e5, 1e-3
# Probes and codewords that measure no gene, as the makers of instruments name them.
CONTROL = re.compile(
    r"(blank[-_]?\d+|negcontrol|negprb|negative[-_ ]?\d*$|negative(control|probe)|systemcontrol"
    r"|unassigned|deprecated|antisense_|falsecode|intergenic_?region|bgd?probe)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ReadOptions:
    """What the user may say about a file; the defaults find everything out.

    Attributes
    ----------
    measured : str or None
        Column that is False where a spot was not measured.
    kind : {"auto", "square", "hex", "points"}
    absent : {"auto", "gaps", "zeros", "background"}
    bin_size : float or None
    scale : {"auto", "counts", "log"}
    where : str or None
        ``COLUMN=VALUE``: which of several sections; ``all`` lays them together.
    totals : str
        What spots are scaled by: ``auto``, ``sum``, ``none`` or a column.
    """

    measured: str | None = None
    kind: str = "auto"
    absent: str = "auto"
    bin_size: float | None = None
    scale: str = "auto"
    where: str | None = None
    totals: str = "auto"


def points(options: ReadOptions) -> ReadOptions:
    """Options for cells and beads, which lie on no lattice whatever their places look like."""
    return replace(options, kind="points") if options.kind == "auto" else options


@dataclass(frozen=True)
class Reader:
    """One technology or file format of the registry."""

    name: str
    label: str
    sniff: Callable[[Source], bool]
    read: Callable[[Source, ReadOptions], Section]


def build(
    counts,
    obs: pd.DataFrame,
    var: pd.DataFrame,
    options: ReadOptions,
    *,
    xy: np.ndarray | None,
    notes: tuple[str, ...] = (),
    binned: bool = False,
    uns: dict | None = None,
    more_xy: dict[str, np.ndarray] | None = None,
    libraries: tuple[str, ...] = (),
) -> Section:
    """Assemble a Section from what a reader found; the last steps are the same for all.

    Spots with ``in_tissue`` 0, spots of other sections and control probes are left out.

    Parameters
    ----------
    counts, obs, var, xy, binned, uns
        As :func:`s2s_core.data.assemble.assemble` takes them.
    options : ReadOptions
    notes : tuple of str
        What the reader decided.
    more_xy : dict of (n, >=2) array, optional
        Other coordinates of the input, by name.
    libraries : tuple of str
        Names under which the input keeps tissue images.

    Raises
    ------
    S2SError
    """
    check_values(len(obs), len(var), "The section")
    counts, var, more = _without_controls(sparse.csr_matrix(counts), var)
    notes = (*notes, *more)
    more_xy = dict(more_xy or {})
    for choose in (_in_tissue, partial(several.choose, where=options.where)):
        rows, said = choose(obs)
        notes = (*notes, *said)
        if not rows.all():
            counts, obs = counts[rows], obs[rows]
            xy = None if xy is None else xy[rows]
            more_xy = {name: places[rows] for name, places in more_xy.items()}
    seen = measured_rows(obs, options.measured)
    index = array_index(obs)
    if index is None:
        notes = (*notes, *_no_index(obs))
    # Sections that were laid out on a lattice are told by it where there are no coordinates.
    places = xy if xy is not None or index is None else np.column_stack(index).astype(float)
    places, more = several.check(
        obs, places, where=options.where, libraries=libraries, more_xy=more_xy
    )
    xy = None if xy is None else places
    if index is not None and xy is not None:
        xy = _fill_xy(xy, index, seen)
    # A chosen bin size asks for bins, even where the file has a lattice.
    as_points = options.kind == "points" or options.bin_size is not None
    section = assemble(
        counts,
        obs=obs,
        var=var,
        xy=xy,
        array_index=None if as_points and xy is not None else index,
        kind="points" if as_points else options.kind,
        absent=options.absent,
        binned=binned,
        bin_size=options.bin_size,
        scale=options.scale,
        totals=options.totals,
        measured=seen,
        uns=_of_library(uns, options.where),
    )
    return replace(section, notes=(*notes, *more, *section.notes))


def _of_library(uns: dict | None, where: str | None) -> dict | None:
    """``uns`` with the tissue image of the chosen section alone, where one is called so."""
    images = (uns or {}).get("spatial")
    chosen = where.partition("=")[2].strip() if where else ""
    if not isinstance(images, dict) or chosen not in images:
        return uns
    return {**uns, "spatial": {chosen: images[chosen]}}


def _without_controls(counts, var: pd.DataFrame):
    """(counts, var, notes) without probes that measure no gene."""
    control = np.array([CONTROL.match(str(name)) is not None for name in var.index], bool)
    if not control.any() or control.all():
        return counts, var, ()
    some = ", ".join(map(str, var.index[control][:3]))
    note = f"{control.sum()} control probes (such as {some}) were left out: they measure no gene."
    return counts[:, ~control], var[~control], (note,)


def unique_names(names) -> tuple[pd.Index, tuple[str, ...]]:
    """Names with ``-1``, ``-2`` ... behind those that come again, and a sentence if there are any."""
    taken, found, again = set(map(str, names)), [], []
    seen: dict[str, int] = {}
    for name in map(str, names):
        new = name
        if name in seen:
            again.append(name)
            while new in taken:
                seen[name] += 1
                new = f"{name}-{seen[name]}"
            taken.add(new)
        else:
            seen[name] = 0
        found.append(new)
    index = pd.Index(found, dtype=object)
    if not again:
        return index, ()
    count = len(set(again))
    what = "1 gene name occurs" if count == 1 else f"{count} gene names occur"
    return index, (f"{what} more than once (such as {again[0]}); later ones were numbered -1, -2.",)


def measured_rows(obs: pd.DataFrame, column: str | None) -> np.ndarray | None:
    """Which rows were measured, from a yes/no column; None where no column is named."""
    if column is None:
        return None
    if column not in obs.columns:
        raise S2SError(
            f"There is no column {column!r} to say which spots are measured; the file has "
            f"{', '.join(map(str, obs.columns[:8])) or 'no such columns'}."
        )
    return as_bool(obs[column], column)


def _in_tissue(obs: pd.DataFrame) -> tuple[np.ndarray, tuple[str, ...]]:
    """(n,) bool rows inside the tissue, and a sentence where some are not."""
    if "in_tissue" not in obs.columns:
        return np.ones(len(obs), bool), ()
    inside = as_bool(obs["in_tissue"], "in_tissue")
    if not inside.any():
        raise S2SError("No spot is inside the tissue: in_tissue is 0 everywhere; correct it.")
    left = int((~inside).sum())
    note = f"{left} spots outside the tissue (in_tissue 0) were left out."
    return inside, (note,) if left else ()


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

    None where there are none, or where they are no lattice positions (see :func:`_no_index`).

    Raises
    ------
    S2SError
        If some of ``array_row`` or ``array_col`` are no whole numbers.
    """
    pair = find_pair(obs.columns, INDEX_NAMES)
    if pair is None or _no_index(obs):
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


def _no_index(obs: pd.DataFrame) -> tuple[str, ...]:
    """Why columns that are called as lattice positions hold something else; () where they do not."""
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
        if pair is None or not _no_index(table[list(pair)]):
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


def _fill_xy(xy: np.ndarray, index, seen: np.ndarray | None) -> np.ndarray:
    """Coordinates of unmeasured spots that lack them, from their place on the lattice."""
    lacking = ~np.isfinite(xy).all(1)
    if seen is None or not lacking.any() or (lacking & seen).any():
        return xy
    design = np.column_stack([index[1], index[0], np.ones(len(xy))]).astype(float)
    fit, *_ = np.linalg.lstsq(design[~lacking], xy[~lacking], rcond=None)
    return np.where(lacking[:, None], design @ fit, xy)
