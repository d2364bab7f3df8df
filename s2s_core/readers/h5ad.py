"""Reader of AnnData files (.h5ad), which are looked through before anything is loaded."""

from __future__ import annotations

import warnings
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from anndata.io import read_elem
from scipy import sparse

from s2s_core.assemble import detect_scale
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, array_index, build, xy_columns
from s2s_core.section import Section

# A few kilobytes can declare gigabytes: what would be loaded is added up first.
MAX_BYTES = 8 * 2**30
MAX_RATIO = 2000
SMALL_BYTES = 2**28
MAX_OBJECTS = 100_000
SPATIAL_KEYS = ("spatial", "X_spatial", "spatial_coords")
# uns is carried to the output; pictures and graphs are not.
UNS_MAX_VALUES = 10_000


def sniff(path: Path) -> bool:
    """Whether a file is HDF5 with the groups of an AnnData."""
    if not path.is_file() or not h5py.is_hdf5(path):
        return False
    try:
        with h5py.File(path, "r") as file:
            return "obs" in file and "var" in file
    except OSError:
        # Begins as HDF5 but is cut off: ours to explain.
        return True


def read(path: Path, options: ReadOptions) -> Section:
    """Read an AnnData file as a Section.

    Counts come from ``X``, or from ``layers["counts"]`` where ``X`` is normalised already;
    coordinates from ``obsm["spatial"]`` or obs columns; lattice positions from
    ``obs["array_row"]``, ``obs["array_col"]``. Spots with ``in_tissue`` 0 are left out.
    """
    name = path.name
    try:
        with h5py.File(path, "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _check_safe(file, name)
            obs, var = _frame(file, "obs", name), _frame(file, "var", name)
            uns = _simple_uns(file)
            counts, notes = _counts(file, options, uns, name)
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


def _check_safe(file: h5py.File, name: str) -> None:
    """Refuse links out of the file and declared sizes that no section has."""
    seen: set = set()
    stack: list[tuple[str, h5py.Group]] = [("", file)]
    total = 0
    while stack:
        place, group = stack.pop()
        for key in group:
            link = group.get(key, getlink=True)
            inner = f"{place}/{key}"
            if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)):
                raise S2SError(
                    f"{name!r} refers to another place at {inner}; save one complete file "
                    "without links."
                )
            item = group[key]
            info = h5py.h5o.get_info(item.id)
            if info.addr in seen:
                continue
            seen.add(info.addr)
            if len(seen) > MAX_OBJECTS:
                raise S2SError(
                    f"{name!r} has more than {MAX_OBJECTS} parts; no section has as many."
                )
            if isinstance(item, h5py.Group):
                stack.append((inner, item))
            elif isinstance(item, h5py.Dataset):
                if item.is_virtual or item.external:
                    raise S2SError(
                        f"{name!r} keeps {inner} in another file; save one complete file."
                    )
                if _is_loaded(inner):
                    total += _declared(item, name, inner)
    if total > MAX_BYTES:
        raise S2SError(
            f"{name!r} declares {total / 2**30:.1f} GB of data, more than the "
            f"{MAX_BYTES / 2**30:.0f} GB that are read; keep fewer genes or spots."
        )


def _is_loaded(place: str) -> bool:
    top, *inner = place[1:].split("/")
    if top in ("layers", "obsm"):
        return inner[0] in ("counts", *SPATIAL_KEYS)
    return top in ("X", "obs", "var") or (top == "uns" and len(inner) == 1)


def _declared(item: h5py.Dataset, name: str, place: str) -> int:
    if item.shape is None:
        return 0
    size = int(np.prod(item.shape, dtype=object)) * item.dtype.itemsize
    if size > SMALL_BYTES and size > MAX_RATIO * max(item.id.get_storage_size(), 1):
        raise S2SError(
            f"{name!r} declares {size / 2**20:.0f} MB at {place} but holds almost none of it; "
            "export the file again."
        )
    return size


def _frame(file: h5py.File, key: str, name: str) -> pd.DataFrame:
    frame = read_elem(file[key])
    if not isinstance(frame, pd.DataFrame):
        raise S2SError(f"{name!r} has no table {key}; save it with AnnData's write_h5ad().")
    frame.index = frame.index.astype(str)
    return frame


def _counts(file: h5py.File, options: ReadOptions, uns: dict, name: str):
    """(counts, notes): X, or layers["counts"] where X is not what was counted."""
    layer = "layers" in file and "counts" in file["layers"]
    if "X" not in file:
        if not layer:
            raise S2SError(f"{name!r} has no counts: X is empty and there is no layers['counts'].")
        return _matrix(file["layers/counts"]), ["Counts were taken from layers['counts']."]
    x = _matrix(file["X"])
    if layer and options.scale != "log":
        usable = x.data[np.isfinite(x.data)]
        flat = sparse.csr_matrix(usable[None, :])
        # Scaled data (negative values) hides its counts in the layer too.
        if (usable < 0).any() or detect_scale(flat, "auto", uns)[0]:
            uns.pop("log1p", None)
            note = "X is normalised already, so the counts were taken from layers['counts']."
            return _matrix(file["layers/counts"]), [note]
    return x, []


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
    """Scalars, words and small arrays of ``uns``; pictures and graphs stay behind."""
    kept = {}
    for key, item in file["uns"].items() if "uns" in file else ():
        if isinstance(item, h5py.Group):
            # scanpy marks log-normalised values by a small dictionary of this name.
            if key == "log1p":
                kept[key] = {}
        elif item.size is not None and item.size <= UNS_MAX_VALUES:
            value = read_elem(item)
            if isinstance(value, (str, bool, int, float, np.generic, np.ndarray)):
                kept[key] = value
    return kept


READER = Reader("h5ad", "AnnData (.h5ad)", sniff, read)
