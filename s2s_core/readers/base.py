"""What every reader shares: its options, its registry entry, and the names columns go by."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.assemble import assemble
from s2s_core.errors import S2SError
from s2s_core.masks import as_bool
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source
from s2s_core.section import Section

# Pairs in order of preference, lower case. All of them are coordinates, never genes.
XY_NAMES = (
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
)
INDEX_NAMES = (("array_row", "array_col"), ("row", "col"))
ID_NAMES = (
    "spot_id", "spot", "barcode", "barcodes", "cell_id", "cell", "bead", "bead_id", "id", "index",
)  # fmt: skip
MAX_INDEX = 1e9
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
    """

    measured: str | None = None
    kind: str = "auto"
    absent: str = "auto"
    bin_size: float | None = None
    scale: str = "auto"


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
) -> Section:
    """Assemble a Section from what a reader found; the last steps are the same for all.

    Spots with ``in_tissue`` 0 and control probes are left out.
    """
    check_values(len(obs), len(var), "The section")
    counts, var, more = _without_controls(sparse.csr_matrix(counts), var)
    notes = (*notes, *more)
    inside = _in_tissue(obs)
    if not inside.all():
        counts, obs, xy = counts[inside], obs[inside], None if xy is None else xy[inside]
        left = int((~inside).sum())
        notes = (*notes, f"{left} spots outside the tissue (in_tissue 0) were left out.")
    # A chosen bin size asks for bins, even where the file has a lattice.
    as_points = options.kind == "points" or options.bin_size is not None
    index = None if as_points and xy is not None else array_index(obs)
    seen = measured_rows(obs, options.measured)
    if index is not None and xy is not None:
        xy = _fill_xy(xy, index, seen)
    section = assemble(
        counts,
        obs=obs,
        var=var,
        xy=xy,
        array_index=index,
        kind="points" if as_points else options.kind,
        absent=options.absent,
        binned=binned,
        bin_size=options.bin_size,
        scale=options.scale,
        measured=seen,
        uns=uns,
    )
    return replace(section, notes=(*notes, *section.notes))


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


def _in_tissue(obs: pd.DataFrame) -> np.ndarray:
    if "in_tissue" not in obs.columns:
        return np.ones(len(obs), bool)
    inside = as_bool(obs["in_tissue"], "in_tissue")
    if not inside.any():
        raise S2SError("No spot is inside the tissue: in_tissue is 0 everywhere; correct it.")
    return inside


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

    Raises
    ------
    S2SError
        If ``array_row`` or ``array_col`` are no whole numbers. ``row``, ``col`` that are none
        are taken for coordinates instead.
    """
    pair = find_pair(obs.columns, INDEX_NAMES)
    if pair is None:
        return None
    values = [numbers(obs[c]) for c in pair]
    for name, column in zip(pair, values, strict=True):
        # (Lists hold plain numbers, without the name of their type.)
        wrong = ~(np.abs(column) < MAX_INDEX) | (column != np.rint(column))
        if wrong.any():
            if str(name).lower() in ("row", "col"):
                return None
            raise S2SError(
                f"The column {name!r} must hold whole numbers (lattice positions); spot "
                f"{obs.index[wrong].tolist()[0]!r} has {obs[name][wrong].tolist()[0]!r}."
            )
    return values[0].astype(int), values[1].astype(int)


def xy_columns(table: pd.DataFrame) -> np.ndarray | None:
    """Coordinates (n, 2) from columns; fractional ``row``, ``col`` count as y, x."""
    pair = find_pair(table.columns, XY_NAMES)
    if pair is None:
        pair = find_pair(table.columns, INDEX_NAMES[1:])
        if pair is None or array_index(table[list(pair)]) is not None:
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
