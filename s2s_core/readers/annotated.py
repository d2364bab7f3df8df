"""A Section from an AnnData, whichever store its groups lie in: HDF5 or Zarr."""

from __future__ import annotations

from dataclasses import dataclass

import h5py
import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem
from scipy import sparse

from s2s_core.data.assemble import detect_scale
from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images
from s2s_core.readers.base import ReadOptions, array_index, build, unique_names, xy_columns
from s2s_core.readers.images import SPATIAL
from s2s_core.readers.preflight import check_values

Group = h5py.Group | zarr.Group
DAMAGED = (
    "{!r} is damaged or incomplete and cannot be read as an AnnData file; copy or export it again."
)
SPATIAL_KEYS = ("spatial", "X_spatial", "spatial_coords")
COUNT_LAYERS = ("counts", "raw_counts", "raw", "count")
SYMBOL_COLUMNS = (
    "gene_symbols", "gene_symbol", "symbol", "symbols", "gene_name", "gene_names", "feature_name",
    "gene_short_name", "name",
)  # fmt: skip
# The attributes of a SpatialData table.
SPATIALDATA = "spatialdata_attrs"
# uns is carried to the output; pictures and graphs are not.
UNS_MAX_VALUES = 10_000


@dataclass(frozen=True)
class Annotated:
    """What of an AnnData makes a Section.

    Attributes
    ----------
    counts : (n, G) csr_matrix
    obs, var : DataFrame
    uns : dict
        Scalars, words, small arrays and tissue images.
    xy : (n, 2) array or None
        ``obsm["spatial"]``.
    notes : tuple of str
    """

    counts: sparse.csr_matrix
    obs: pd.DataFrame
    var: pd.DataFrame
    uns: dict
    xy: np.ndarray | None
    notes: tuple[str, ...]


def is_loaded(place: str) -> bool:
    """Whether :func:`load` takes what stands at a place such as ``/layers/counts/data``."""
    top, *inner = place[1:].split("/")
    first = inner[0] if inner else ""
    if top in ("layers", "obsm"):
        return first in (*COUNT_LAYERS, *SPATIAL_KEYS)
    if top == "raw":
        return first in ("X", "var")
    if top == "uns":
        return len(inner) == 1 or first in (SPATIAL, SPATIALDATA)
    return top in ("X", "obs", "var")


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
        obs, var = _frame(file, "obs", name), _frame(file, "var", name)
        check_values(len(obs), len(var), name)
        uns = _simple_uns(file)
        counts, var, notes = _counts(file, var, options, uns, name)
        xy = _spatial(file, len(obs))
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # h5py, zarr and anndata raise errors of many types; none of them speaks to the user.
        raise S2SError(DAMAGED.format(name)) from error
    if counts.shape != (len(obs), len(var)):
        raise S2SError(
            f"In {name!r} the counts are {counts.shape[0]} x {counts.shape[1]} but obs and var "
            f"name {len(obs)} spots and {len(var)} genes; export the file again."
        )
    _check_genes(var, name)
    var, more = _symbols(var)
    return Annotated(counts, obs, var, uns, xy, (*notes, *more))


def has_places(found: Annotated) -> bool:
    """Whether it is known where the spots lie."""
    columns = found.obs
    return any(w is not None for w in (found.xy, xy_columns(columns), array_index(columns)))


def section(found: Annotated, name: str, options: ReadOptions) -> Section:
    """Section of an AnnData: coordinates of ``obsm``, or of columns of ``obs``.

    Lattice positions come from ``obs["array_row"]``, ``obs["array_col"]``.

    Raises
    ------
    S2SError
    """
    xy = xy_columns(found.obs) if found.xy is None else found.xy
    if not has_places(found):
        raise S2SError(
            f"{name!r} has no coordinates: give obsm['spatial'], or obs columns x and y, or "
            "array_row and array_col."
        )
    notes = found.notes
    binned = any(str(key).startswith("bin_size") for key in found.uns)
    if binned:
        notes += (
            "The file says its pixels are bins of points: empty ones in the tissue are zeros.",
        )
    return build(
        found.counts, found.obs, found.var, options, xy=xy, notes=notes, binned=binned,
        uns=found.uns,
    )  # fmt: skip


def _frame(file: Group, key: str, name: str) -> pd.DataFrame:
    frame = read_elem(file[key])
    if not isinstance(frame, pd.DataFrame):
        raise S2SError(f"{name!r} has no table {key}; save it again with AnnData.")
    frame.index = frame.index.astype(str)
    return frame


def _counts(file: Group, var: pd.DataFrame, options: ReadOptions, uns: dict, name: str):
    """(counts, var, notes): X, or a layer or raw where X is not what was counted."""
    x = _matrix(file["X"]) if "X" in file else None
    if x is not None and (options.scale == "log" or not _is_processed(x, uns)):
        return x, var, []
    why = "there is no X" if x is None else "X is normalised already"
    layer = next((key for key in COUNT_LAYERS if key in file.get("layers", {})), None)
    if layer is not None:
        uns.pop("log1p", None)
        note = f"The counts were taken from layers[{layer!r}], because {why}."
        return _matrix(file["layers"][layer]), var, [note]
    if "raw" in file and "X" in file["raw"]:
        raw = _matrix(file["raw/X"])
        # raw often holds log-normalised values of all genes: then it is no better than X.
        if x is None or not _is_processed(raw, {}):
            uns.pop("log1p", None)
            return raw, _frame(file["raw"], "var", name), [
                f"The counts were taken from raw ({raw.shape[1]:,} genes), because {why}."
            ]  # fmt: skip
    if x is None:
        raise S2SError(
            f"{name!r} has no counts: X is empty and there is no layers['counts'] and no raw."
        )
    return x, var, []


def _is_processed(matrix: sparse.csr_matrix, uns: dict) -> bool:
    """Whether values are log-normalised, or scaled (some are negative)."""
    usable = matrix.data[np.isfinite(matrix.data)]
    return (
        bool((usable < 0).any()) or detect_scale(sparse.csr_matrix(usable[None, :]), "auto", uns)[0]
    )


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


def _matrix(item) -> sparse.csr_matrix:
    matrix = read_elem(item)
    if sparse.issparse(matrix):
        # Indices out of bounds would crash the conversion, not raise.
        matrix.check_format(full_check=True)
    return sparse.csr_matrix(matrix)


def _spatial(file: Group, n: int) -> np.ndarray | None:
    for key in SPATIAL_KEYS:
        if "obsm" in file and key in file["obsm"]:
            xy = np.asarray(read_elem(file["obsm"][key]), float)
            if xy.ndim == 2 and xy.shape[0] == n and xy.shape[1] >= 2:
                return xy[:, :2]
            raise S2SError(
                f"obsm[{key!r}] must hold x and y for each of the {n} spots; its shape is "
                f"{' x '.join(map(str, xy.shape))}."
            )
    return None


def _check_genes(var: pd.DataFrame, name: str) -> None:
    if not var.index.is_unique:
        twice = var.index[var.index.duplicated()]
        raise S2SError(
            f"In {name!r} the gene name {twice[0]!r} occurs more than once ({len(set(twice))} such "
            "names); call var_names_make_unique() or use gene identifiers, and save it again."
        )


def _simple_uns(file: Group) -> dict:
    """Scalars, words and small arrays of ``uns``, and tissue images; graphs stay behind."""
    kept = {}
    for key in file.get("uns", ()):
        item = file["uns"][key]
        if isinstance(item, Group):
            # scanpy marks log-normalised values by a small dictionary of this name.
            if key == "log1p":
                kept[key] = {}
            elif key == SPATIAL:
                kept |= images.kept(read_elem(item))
        elif item.size is not None and item.size <= UNS_MAX_VALUES:
            value = read_elem(item)
            if isinstance(value, (str, bool, int, float, np.generic, np.ndarray)):
                kept[key] = value
    return kept
