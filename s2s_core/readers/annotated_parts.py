"""Tables, matrices and places of an AnnData, as every version of anndata and R's writers keep them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol, TypeGuard

import h5py
import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers.places import numbers, xy_columns

# A dense matrix is made sparse in pieces of as many values.
BLOCK_VALUES = 2**25
# obsm entries that are coordinates, whatever else is there.
SPATIAL_KEYS = ("spatial", "X_spatial", "spatial_coords")
# Parts of a name, in small letters, that let an obsm entry of 2 or 3 columns pass for places.
PLACE_WORDS = ("spatial", "coord", "xy", "global", "centroid", "location", "position")
EMBEDDINGS = ("pca", "umap", "tsne", "embed", "latent", "harmony", "lsi", "nmf")


class Group(Protocol):
    """A group of an HDF5 file or a Zarr store (:func:`is_group`), as far as both are the same."""

    @property
    def attrs(self) -> Mapping[str, Any]:
        """Attributes of the group."""

    def get(self, key: str, default: Any = ..., /) -> Any:
        """What stands at a place, or the default."""

    def __getitem__(self, key: str, /) -> Any: ...
    def __contains__(self, key: str, /) -> bool: ...
    def __iter__(self) -> Iterator[str]: ...


def is_group(item: object) -> TypeGuard[Group]:
    """Whether something in a file is a group, in HDF5 or Zarr."""
    return isinstance(item, (h5py.Group, zarr.Group))


def is_place(key: str) -> bool:
    """Whether an entry of obsm is named like places in the tissue."""
    low = key.lower()
    return any(w in low for w in PLACE_WORDS) and not any(w in low for w in EMBEDDINGS)


def frame(item, key: str, name: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """(table, notes) of ``obs`` or ``var``: a group of columns, or one dataset before anndata 0.7.

    A column that cannot be read is left out, with a note.

    Raises
    ------
    S2SError
        If there is no table.
    """
    notes: tuple[str, ...] = ()
    if not is_group(item):
        table = _old_frame(item, key, name)
    else:
        try:
            table = read_elem(item)
        except Exception:  # noqa: BLE001
            # anndata raises errors of many types; one column of a kind that it does not know must
            # not cost the file.
            table, notes = _columns(item, key)
    if not isinstance(table, pd.DataFrame):
        raise S2SError(f"{name!r} has no table {key}; save it again with AnnData.")
    table.index = pd.Index(table.index.astype(str), dtype=object, name=table.index.name)
    return table, notes


def _columns(group: Group, key: str) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Table of a group, column by column; what names the rows must be readable."""
    named = group.attrs.get("_index", "_index")
    index = pd.Index(_words(np.asarray(read_elem(group[named]))), dtype=object)
    order = [c for c in map(str, group.attrs.get("column-order", ())) if c in group]
    columns, lost = {}, []
    for column in order or [c for c in group if c not in (named, "__categories")]:
        try:
            values = read_elem(group[column])
            columns[column] = pd.Series(values, dtype=getattr(values, "dtype", None)).to_numpy()
            if len(columns[column]) != len(index):
                raise ValueError("length")
        except Exception:  # noqa: BLE001
            columns.pop(column, None)
            lost.append(column)
    some = ", ".join(map(repr, lost[:3]))
    notes = (f"{len(lost)} columns of {key} ({some}) cannot be read and were left out.",)
    return pd.DataFrame(columns, index=index), notes if lost else ()


def _old_frame(item, key: str, name: str) -> pd.DataFrame:
    """Table of one dataset of records: its first field names the rows."""
    fields = item.dtype.names
    if not fields:
        raise S2SError(f"{name!r} has no table {key}; save it again with AnnData.")
    records = item[()]
    columns = {field: _words(records[field]) for field in fields}
    ids = next((f for f in ("index", "_index") if f in fields), fields[0])
    index = pd.Index(columns.pop(ids), dtype=object)
    return pd.DataFrame({c: v for c, v in columns.items() if v.ndim == 1}, index=index)


def _words(values: np.ndarray) -> np.ndarray:
    """Values with text in place of bytes."""
    if values.dtype.kind not in "SO":
        return values
    flat = [v.decode("utf-8", "replace") if isinstance(v, bytes) else v for v in values.ravel()]
    return np.array(flat, object).reshape(values.shape)


def with_old_categories(table: pd.DataFrame, uns: dict) -> pd.DataFrame:
    """Table with words for codes, where ``uns`` keeps the words as anndata before 0.7 did."""
    for column in table.columns:
        words = uns.get(f"{column}_categories")
        codes = table[column]
        if words is None or not pd.api.types.is_integer_dtype(codes.dtype):
            continue
        words = _words(np.atleast_1d(np.asarray(words)))
        if len(codes) and codes.min() >= -1 and codes.max() < len(words):
            table = table.assign(**{column: pd.Categorical.from_codes(codes, pd.unique(words))})
    return table


def matrix(item, rows: int, columns: int) -> sparse.csr_matrix:
    """Matrix as float32 (which holds counts of any type, float16 too), dense or sparse.

    Raises
    ------
    ValueError
        If its shape is another, or it is damaged.
    """
    shape = (rows, columns)
    if not is_group(item):
        return _dense(item, shape)
    attributes = item.attrs
    said = attributes.get("shape", attributes.get("h5sparse_shape"))
    if said is None or tuple(int(v) for v in said) != shape:
        raise ValueError(f"shape {said}")
    kind = attributes.get("h5sparse_format", attributes.get("encoding-type", "csr"))
    kind = sparse.csc_matrix if str(kind).startswith("csc") else sparse.csr_matrix
    data = item["data"][:]
    if data.dtype.kind not in "biuf":
        raise ValueError(f"values of type {data.dtype}")
    found = kind((data.astype(np.float32), item["indices"][:], item["indptr"][:]), shape=shape)
    # Indices out of bounds would crash the conversion, not raise.
    found.check_format(full_check=True)
    return sparse.csr_matrix(found)


def shape_of(item) -> tuple[int, ...] | None:
    """Shape that a matrix declares."""
    if not is_group(item):
        return item.shape
    said = item.attrs.get("shape", item.attrs.get("h5sparse_shape"))
    return None if said is None else tuple(int(v) for v in said)


def _dense(item, shape: tuple[int, int]) -> sparse.csr_matrix:
    if item.dtype.kind not in "biuf":
        raise ValueError(f"values of type {item.dtype}")
    if item.shape != shape:
        # Old files keep a matrix of one spot or one gene as a list.
        if len(item.shape) != 1 or 1 not in shape or item.shape[0] != max(shape):
            raise ValueError(f"shape {item.shape}")
        return sparse.csr_matrix(np.asarray(item[:], np.float32).reshape(shape))
    step = max(1, BLOCK_VALUES // max(1, shape[1]))
    parts = [
        sparse.csr_matrix(np.asarray(item[start : start + step], np.float32))
        for start in range(0, shape[0], step)
    ]
    return sparse.vstack(parts).tocsr() if parts else sparse.csr_matrix(shape, dtype=np.float32)


def places(file: Group, n: int) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """((n, 2) or (n, 3) arrays of obsm that look like places, notes); arrays, tables, records.

    Raises
    ------
    S2SError
        If an entry of a name that means coordinates is none.
    """
    found, notes = {}, []
    held = file.get("obsm", {})
    records = None if is_group(held) or isinstance(held, dict) else held[()]
    for key in held if records is None else records.dtype.names or ():
        if not is_place(key):
            continue
        try:
            value = read_elem(held[key]) if records is None else records[key]
            xy, more = _place(value, key)
        except Exception as error:
            # Only an entry whose name leaves no doubt is missed.
            if key not in SPATIAL_KEYS:
                continue
            if not isinstance(error, S2SError):
                raise
            raise
        if xy.ndim == 2 and xy.shape[0] == n and xy.shape[1] in (2, 3):
            found[key] = xy
            notes += more
        elif key in SPATIAL_KEYS and xy.ndim == 2 and xy.shape[0] == n and xy.shape[1] > 3:
            found[key] = xy[:, :2]
        elif key in SPATIAL_KEYS:
            raise S2SError(
                f"obsm[{key!r}] must hold x and y for each of the {n} spots; its shape is "
                f"{' x '.join(map(str, xy.shape))}."
            )
    return found, tuple(notes)


def _place(value, key: str) -> tuple[np.ndarray, list[str]]:
    """(array, notes) of an entry; of a table, the columns named like coordinates or the first two."""
    if isinstance(value, np.ndarray) and value.dtype.names:
        value = pd.DataFrame({field: value[field] for field in value.dtype.names})
        value = value.drop(columns=["index", "_index"], errors="ignore")
    if not isinstance(value, pd.DataFrame):
        value = value.toarray() if sparse.issparse(value) else value
        return np.asarray(value, float), []
    xy = xy_columns(value)
    if xy is not None:
        return xy, []
    columns = [c for c in value.columns if pd.api.types.is_numeric_dtype(value[c].dtype)][:2]
    note = f"Columns {columns} of the table obsm[{key!r}] were taken as x and y."
    return np.column_stack([numbers(value[c]) for c in columns]), [note]
