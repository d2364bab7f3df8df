"""Reader of AnnData files (.h5ad), which are looked through before anything is loaded."""

from __future__ import annotations

import warnings

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from s2s_core.assemble import detect_scale
from s2s_core.errors import S2SError
from s2s_core.readers import images
from s2s_core.readers.base import (
    Reader,
    ReadOptions,
    array_index,
    build,
    unique_names,
    xy_columns,
)
from s2s_core.readers.images import SPATIAL
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5
from s2s_core.section import Section

SPATIAL_KEYS = ("spatial", "X_spatial", "spatial_coords")
COUNT_LAYERS = ("counts", "raw_counts", "raw", "count")
SYMBOL_COLUMNS = (
    "gene_symbols", "gene_symbol", "symbol", "symbols", "gene_name", "gene_names", "feature_name",
    "gene_short_name", "name",
)  # fmt: skip
# uns is carried to the output; pictures and graphs are not.
UNS_MAX_VALUES = 10_000


def sniff(source: Source) -> bool:
    """Whether a file is HDF5 with the groups of an AnnData."""
    return bool(_files(source))


def _files(source: Source) -> list[str]:
    names = source.names if source.single else source.find(".h5ad")
    return [name for name in names if _is_anndata(source, name)]


def _is_anndata(source: Source, name: str) -> bool:
    if not is_hdf5(source, name):
        return False
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            return "obs" in file and "var" in file
    except (OSError, RuntimeError, KeyError):
        # Begins as HDF5 but is cut off: ours to explain.
        return True


def read(source: Source, options: ReadOptions) -> Section:
    """Read an AnnData file as a Section.

    Counts come from ``X``, or from ``layers["counts"]`` or ``raw`` where ``X`` is normalised
    already; coordinates from ``obsm["spatial"]`` or obs columns; lattice positions from
    ``obs["array_row"]``, ``obs["array_col"]``. Where genes are named by Ensembl identifiers and
    a column of ``var`` holds symbols, those become the names. Tissue images stay.
    """
    files = _files(source)
    if len(files) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(files)} AnnData files ({', '.join(files[:3])}); give one."
        )
    name = source.spoken(files[0])
    try:
        with h5py.File(source.hdf5(files[0]), "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            check_hdf5(file, name, _is_loaded)
            obs, var = _frame(file, "obs", name), _frame(file, "var", name)
            check_values(len(obs), len(var), name)
            uns = _simple_uns(file)
            counts, var, notes = _counts(file, var, options, uns, name)
            xy = _spatial(file, len(obs))
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # h5py and anndata raise errors of many types; none of them speaks to the user.
        raise S2SError(
            f"{name!r} is damaged or incomplete and cannot be read as an AnnData file; "
            "copy or export it again."
        ) from error
    if counts.shape != (len(obs), len(var)):
        raise S2SError(
            f"In {name!r} the counts are {counts.shape[0]} x {counts.shape[1]} but obs and var "
            f"name {len(obs)} spots and {len(var)} genes; export the file again."
        )
    _check_genes(var, name)
    var, more = _symbols(var)
    notes += more
    if xy is None:
        xy = xy_columns(obs)
    if xy is None and array_index(obs) is None:
        raise S2SError(
            f"{name!r} has no coordinates: give obsm['spatial'], or obs columns x and y, or "
            "array_row and array_col."
        )
    binned = any(str(key).startswith("bin_size") for key in uns)
    if binned:
        notes.append(
            "The file says its pixels are bins of points: empty ones in the tissue are zeros."
        )
    return build(counts, obs, var, options, xy=xy, notes=tuple(notes), binned=binned, uns=uns)


def _is_loaded(place: str) -> bool:
    top, *inner = place[1:].split("/")
    if top in ("layers", "obsm"):
        return inner[0] in (*COUNT_LAYERS, *SPATIAL_KEYS)
    if top == "raw":
        return inner[0] in ("X", "var")
    if top == "uns":
        return len(inner) == 1 or inner[0] == SPATIAL
    return top in ("X", "obs", "var")


def _frame(file: h5py.Group, key: str, name: str) -> pd.DataFrame:
    frame = read_elem(file[key])
    if not isinstance(frame, pd.DataFrame):
        raise S2SError(f"{name!r} has no table {key}; save it with AnnData's write_h5ad().")
    frame.index = frame.index.astype(str)
    return frame


def _counts(file: h5py.File, var: pd.DataFrame, options: ReadOptions, uns: dict, name: str):
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


def _spatial(file: h5py.File, n: int) -> np.ndarray | None:
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


def _simple_uns(file: h5py.File) -> dict:
    """Scalars, words and small arrays of ``uns``, and tissue images; graphs stay behind."""
    kept = {}
    for key, item in file["uns"].items() if "uns" in file else ():
        if isinstance(item, h5py.Group):
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


READER = Reader("h5ad", "AnnData (.h5ad)", sniff, read)
