"""Common parts of all readers: options, registry entry, names of columns, last steps."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.assemble import assemble, silent_note
from s2s_core.data.mask_table import as_bool
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import several
from s2s_core.readers.places import array_index, fill_xy, no_index
from s2s_core.readers.preflight import check_values
from s2s_core.readers.source import Source

ID_NAMES = (
    "spot_id",
    "spot",
    "barcode",
    "barcodes",
    "cell_id",
    "cell",
    "bead",
    "bead_id",
    "id",
    "index",
    "entityid",
    "cellid",
    "spotid",
    "cell_barcode",
    "spot_barcode",
    "bead_barcode",
    "cell_ids",
)
# Probes and codewords that measure no gene, as the makers of instruments name them.
CONTROL = re.compile(
    r"(blank[-_]?\d+|negcontrol|negprb|negative[-_ ]?\d*$|negative(control|probe)|systemcontrol"
    r"|unassigned|deprecated|antisense_|falsecode|intergenic_?region|bgd?probe)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ReadOptions:
    """Options of reading; the defaults find everything out.

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
    silent: int = 0,
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
    silent : int
        Spots without any count of which ``notes`` tell already.

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
        notes = (*notes, *no_index(obs))
    # Sections that were laid out on a lattice are told by it where there are no coordinates.
    places = xy if xy is not None or index is None else np.column_stack(index).astype(float)
    places, more = several.check(
        obs, places, where=options.where, libraries=libraries, more_xy=more_xy
    )
    xy = None if xy is None else places
    if index is not None and xy is not None:
        xy = fill_xy(xy, index, seen)
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
    own = tuple(n for n in section.notes if not silent or n != silent_note(silent))
    return replace(section, notes=(*notes, *more, *own))


def _of_library(uns: dict | None, where: str | None) -> dict | None:
    """``uns`` with the tissue image of the chosen section alone, where one is called so."""
    if uns is None:
        return None
    images = uns.get("spatial")
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
    """Measured rows (n,) from a yes/no column; None where no column is named."""
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
