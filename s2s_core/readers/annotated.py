"""A Section from an AnnData, whichever store its groups lie in: HDF5 or Zarr."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import annotated_counts, images
from s2s_core.readers.annotated_counts import RAW, is_layer
from s2s_core.readers.annotated_parts import (
    SPATIAL_KEYS,
    Group,
    frame,
    is_group,
    is_place,
    places,
    with_old_categories,
)
from s2s_core.readers.base import ReadOptions, build, measured_rows, unique_names
from s2s_core.readers.images import SPATIAL
from s2s_core.readers.places import array_index, xy_columns
from s2s_core.readers.preflight import check_values

DAMAGED = (
    "{!r} is damaged or incomplete and cannot be read as an AnnData file; copy or export it again."
)
SYMBOL_COLUMNS = (
    "gene_symbols",
    "gene_symbol",
    "symbol",
    "symbols",
    "gene_name",
    "gene_names",
    "feature_name",
    "gene_short_name",
    "name",
)
# The attributes of a SpatialData table.
SPATIALDATA = "spatialdata_attrs"
# uns is carried to the output; pictures and graphs are not.
UNS_MAX_VALUES = 10_000


@dataclass(frozen=True)
class Annotated:
    """Parts of an AnnData that make a Section.

    Attributes
    ----------
    counts : (n, G) csr_matrix
    obs, var : DataFrame
    uns : dict
        Scalars, words, small arrays and tissue images.
    xy : (n, 2) array or None
        ``obsm["spatial"]``.
    notes : tuple of str
    more_places : dict of (n, 2) array
        Other entries of ``obsm`` that are named like places.
    libraries : tuple of str
        Names of ``uns["spatial"]``: the slides that the spots lie on.
    """

    counts: sparse.csr_matrix
    obs: pd.DataFrame
    var: pd.DataFrame
    uns: dict
    xy: np.ndarray | None
    notes: tuple[str, ...]
    more_places: dict[str, np.ndarray] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()


def is_loaded(place: str, *, has_x: bool = False) -> bool:
    """Whether :func:`load` takes what stands at a place such as ``/layers/counts/data``.

    Where there is an X, no layer stands in for it.
    """
    top, *inner = place[1:].split("/")
    first = inner[0] if inner else ""
    if top == "layers":
        return is_layer(first, has_x=has_x)
    if top == "obsm":
        # (Before anndata 0.7 all of it was one dataset.)
        return not inner or is_place(first)
    if top == "raw":
        return first in ("X", "var")
    if top == "uns":
        return len(inner) == 1 or first in (SPATIAL, SPATIALDATA)
    return top in ("X", "obs", "var", *RAW, "raw.var")


def load(file: Group, name: str, options: ReadOptions) -> Annotated:
    """Load the counts of an AnnData and what belongs to them; sizes were looked at before.

    Counts come from ``X``, or from ``layers["counts"]`` or ``raw`` where ``X`` is normalised
    already.

    Parameters
    ----------
    file : h5py.Group or zarr.Group
    name : str
        As the user knows the file.
    options : ReadOptions

    Raises
    ------
    S2SError
    """
    try:
        (obs, more), (var, notes) = (frame(file[key], key, name) for key in ("obs", "var"))
        check_values(len(obs), len(var), name)
        uns = _simple_uns(file)
        obs, var = with_old_categories(obs, uns), with_old_categories(var, uns)
        seen = measured_rows(obs, options.measured)
        seen = np.ones(len(obs), bool) if seen is None else seen
        counts = annotated_counts.choose(
            file, obs, var, seen, options.scale, log="log1p" in uns, name=name
        )
        if counts.is_log is False:
            uns.pop("log1p", None)
        found, where = places(file, len(obs))
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # h5py, zarr and anndata raise errors of many types; none of them speaks to the user.
        raise S2SError(DAMAGED.format(name)) from error
    obs, found, third = _third(obs, found)
    var, symbols = _named(counts.var)
    key = next((key for key in SPATIAL_KEYS if key in found), None)
    xy = None if key is None else found.pop(key)
    notes = (*more, *notes, *counts.notes, *where, *third, *symbols)
    return Annotated(counts.values, obs, var, uns, xy, notes, found, _libraries(file))


def _libraries(file: Group) -> tuple[str, ...]:
    spatial = file["uns"][SPATIAL] if SPATIAL in file.get("uns", ()) else None
    return tuple(map(str, spatial)) if is_group(spatial) else ()


def _third(obs: pd.DataFrame, found: dict):
    """(obs, places of two columns, notes): a third coordinate that varies becomes ``obs["z"]``."""
    notes: tuple[str, ...] = ()
    for key, xyz in found.items():
        if key in SPATIAL_KEYS and xyz.shape[1] == 3 and "z" not in obs and np.ptp(xyz[:, 2]) > 0:
            obs = obs.assign(z=xyz[:, 2])
            notes = (f"obsm[{key!r}] has three columns: the third stays in obs['z'].",)
    return obs, {key: xy[:, :2] for key, xy in found.items()}, notes


def has_places(found: Annotated) -> bool:
    """Whether it is known where the spots lie."""
    columns = found.obs
    places = (found.xy, xy_columns(columns), array_index(columns))
    return bool(found.more_places) or any(w is not None for w in places)


def section(found: Annotated, name: str, options: ReadOptions) -> Section:
    """Section of an AnnData: coordinates of ``obsm``, or of columns of ``obs``.

    Lattice positions come from ``obs["array_row"]``, ``obs["array_col"]``.

    Raises
    ------
    S2SError
    """
    if not has_places(found):
        raise S2SError(
            f"{name!r} has no coordinates: give obsm['spatial'], or obs columns x and y, or "
            "array_row and array_col; or give a table of them (spot, x, y) together with the file."
        )
    notes, more = found.notes, dict(found.more_places)
    xy = xy_columns(found.obs) if found.xy is None else found.xy
    if xy is None and more:
        key = next(iter(more))
        xy = more.pop(key)
        notes += (f"Coordinates were taken from obsm[{key!r}]: there is no obsm['spatial'].",)
    binned = any(str(key).startswith("bin_size") for key in found.uns)
    if binned:
        notes += (
            "The file says its pixels are bins of points: empty ones in the tissue are zeros.",
        )
    return build(
        found.counts,
        found.obs,
        found.var,
        options,
        xy=xy,
        notes=notes,
        binned=binned,
        uns=found.uns,
        more_xy=more,
        libraries=found.libraries,
    )


def _named(var: pd.DataFrame) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """(var, notes) with gene names that occur once each, symbols where there are any."""
    var, renamed = _symbols(var)
    if renamed or var.index.is_unique:
        return var, tuple(renamed)
    names, notes = unique_names(var.index)
    return var.set_axis(names), notes


def _symbols(var: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """(var, notes) with gene symbols as names, where names are Ensembl identifiers."""
    if not var.index.str.match(r"ENS[A-Z]*G\d{6,}").mean() > 0.9:
        return var, []
    lower = {str(c).lower(): c for c in reversed(list(var.columns))}
    column = next((lower[c] for c in SYMBOL_COLUMNS if c in lower), None)
    if column is None:
        return var, []
    words = var[column].astype(object)
    blank = words.isna() | words.astype(str).str.strip().isin(["", "nan", "None"])
    names, more = unique_names(words.astype(str).str.strip().where(~blank, var.index))
    note = f"Genes are named by var[{column!r}]; their Ensembl identifiers stay in var['gene_ids']."
    return var.assign(gene_ids=var.index.to_numpy(object)).set_axis(names), [note, *more]


def _simple_uns(file: Group) -> dict:
    """Scalars, words and small arrays of ``uns``, and tissue images; graphs stay behind."""
    kept: dict = {}
    for key in file.get("uns", ()):
        item = file["uns"][key]
        # scanpy marks log-normalised values by a small dictionary of this name.
        if key == "log1p":
            kept[key] = {}
            continue
        try:
            if is_group(item):
                kept |= images.kept(read_elem(item)) if key == SPATIAL else {}
            elif item.size is not None and item.size <= UNS_MAX_VALUES:
                value = read_elem(item)
                kept |= {key: value} if _is_simple(value) else {}
        except Exception:  # noqa: BLE001
            # Of any type; no part of uns is worth the file.
            continue
    return kept


def _is_simple(value) -> bool:
    """Whether a value of ``uns`` can be written again whatever wrote it."""
    if isinstance(value, np.ndarray) and value.dtype == object:
        return all(isinstance(v, str) for v in value.ravel())
    if isinstance(value, (np.ndarray, np.generic)):
        return value.dtype.kind in "biufUS"
    return isinstance(value, (str, bool, int, float))
