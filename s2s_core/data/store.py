"""A Section in one file, exactly: what job folders keep and what a worker reads back."""

from __future__ import annotations

import json
import os
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
from anndata.io import read_elem
from scipy import sparse

from s2s_core.data.format_number import FORMAT_KEY, format_number
from s2s_core.data.grid import Grid
from s2s_core.data.section import Section
from s2s_core.errors import S2SError

KEY = "s2s_section"
# Form of what stands under KEY (see `format_number`).
SECTION_FORMAT = 1
# For a file that somebody else has open.
TRIES, TRY_AGAIN_SECONDS = 20, 0.02
T = TypeVar("T")
ARRAYS = ("row", "col", "measured", "known", "totals", "file_row")


@contextmanager
def atomic(path: str | Path) -> Iterator[Path]:
    """Path to write to; it takes the place of ``path`` only when all was written.

    A reader of ``path`` sees the old file or the new one, never half of one.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        # mkstemp makes private files; results follow the user's own umask.
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        while_busy(lambda: part.replace(path))
    finally:
        part.unlink(missing_ok=True)


def while_busy(act: Callable[[], T]) -> T:
    """Result of what touches a file that others read or replace: Windows lets one do so at a time.

    Raises
    ------
    PermissionError
        If the file is still not free after :data:`TRIES`.
    """
    for _ in range(TRIES - 1):
        try:
            return act()
        except PermissionError:
            time.sleep(TRY_AGAIN_SECONDS)
    return act()


def save_section(section: Section, path: str | Path) -> None:
    """Write every field of a section to one .h5ad file.

    The file opens as an ordinary AnnData (:meth:`Section.to_anndata`); what AnnData has no
    place for stands in ``uns["s2s_section"]``.
    """
    adata = section.to_anndata()
    adata.obs, adata.var = writable(adata.obs), writable(adata.var)
    grid = section.grid
    words = {
        FORMAT_KEY: SECTION_FORMAT,
        "kind": grid.kind,
        "row0": int(grid.row0),
        "col0": int(grid.col0),
        "parity": int(grid.parity),
        "is_log": bool(section.is_log),
        "design": section.design,
        "notes": list(section.notes),
    }
    exact = {
        "json": json.dumps(words),
        "obs": _pack(section.obs),
        "var": _pack(section.var),
        "origin": _pack(pd.DataFrame({"origin": section.origin})),
        "tissue": grid.tissue,
        "affine": grid.affine,
    }
    for name in ARRAYS:
        value = getattr(section, name)
        if value is not None:
            exact[name] = np.asarray(value)
    adata.uns[KEY] = exact
    with atomic(path) as part, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(part)


def load_section(path: str | Path) -> Section:
    """Read :func:`save_section` back, identical.

    Raises
    ------
    S2SError
        If the file was not written by it, or by a newer version of the program.
    """
    path = Path(path)
    if not path.is_file() or not h5py.is_hdf5(path):
        raise S2SError(f"{str(path)!r} is no saved section; read the data again.")
    with h5py.File(path, "r") as file:
        if KEY not in file.get("uns", {}):
            raise S2SError(f"{str(path)!r} is no saved section; read it with s2s_core.read().")
        # The number first: nothing else of a newer file need be what it is here.
        words = json.loads(read_elem(file[f"uns/{KEY}/json"]))
        format_number(words, SECTION_FORMAT, f"The saved section {str(path)!r}")
        counts = sparse.csr_matrix(read_elem(file["X"]))
        xy = read_elem(file["obsm/spatial"])
        uns = read_elem(file["uns"])
    exact = uns.pop(KEY)
    grid = Grid(
        kind=words["kind"],
        tissue=exact["tissue"],
        row0=words["row0"],
        col0=words["col0"],
        parity=words["parity"],
        affine=exact["affine"],
    )
    return Section(
        counts=counts,
        obs=_unpack(exact["obs"]),
        var=_unpack(exact["var"]),
        xy=xy,
        grid=grid,
        origin=_unpack(exact["origin"])["origin"].to_numpy(object),
        is_log=words["is_log"],
        design=words["design"],
        notes=tuple(words["notes"]),
        uns=uns,
        **{name: exact.get(name) for name in ARRAYS},
    )


def writable(frame: pd.DataFrame) -> pd.DataFrame:
    """Copy of a table that .h5ad files of every version can hold.

    Words become categories; what is neither a number, a yes/no nor a word becomes words.
    """
    columns = {}
    for i, name in enumerate(map(str, frame.columns)):
        # "_index" is what the format itself calls the index; "/" would make groups.
        name = "index_" if name == "_index" else name.replace("/", "_") or "column"
        while name in columns:
            name += "_"
        columns[name] = _writable(frame.iloc[:, i])
    index = pd.Index(frame.index.astype(str).to_numpy(object), dtype=object, name=frame.index.name)
    if index.name in (*frame.columns, *columns, "_index"):
        # A table must not name its rows as it names one of its columns.
        index.name = None
    return pd.DataFrame({name: values.set_axis(index) for name, values in columns.items()}, index)


def _writable(values: pd.Series) -> pd.Series:
    dtype = values.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        names = dtype.categories
        if names.dtype.kind in "biuf" and not pd.api.types.is_extension_array_dtype(names.dtype):
            return values
        return values.cat.rename_categories(_unique_words(names))
    if isinstance(dtype, np.dtype) and dtype.kind in "biuf":
        return values.astype(np.float32) if dtype == np.float16 else values
    if pd.api.types.is_bool_dtype(dtype) or (
        dtype.kind == "O" and pd.api.types.infer_dtype(values, skipna=True) == "boolean"
    ):
        return values.astype("boolean")
    if pd.api.types.is_integer_dtype(dtype) and not isinstance(dtype, pd.SparseDtype):
        return values.astype(f"{'UI'[dtype.kind == 'i']}nt64")
    if pd.api.types.is_integer_dtype(dtype) or pd.api.types.is_float_dtype(dtype):
        return pd.Series(values.to_numpy(float, na_value=np.nan), values.index)
    words = pd.Series([_word(value) for value in values.array], values.index, dtype=object)
    return words.where(values.notna().to_numpy(), np.nan).astype("category")


def _word(value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _unique_words(names: pd.Index) -> pd.Index:
    """Names of categories as words; 1 and "1" stay two categories."""
    words: list[str] = []
    for word in map(_word, names):
        while word in words:
            word += "_"
        words.append(word)
    return pd.Index(words, dtype=object)


def _pack(frame: pd.DataFrame) -> np.ndarray:
    """Bytes of a table in Arrow's format, which keeps every column's type."""
    try:
        table = pa.Table.from_pandas(frame)
    except (pa.ArrowException, TypeError, ValueError):
        table = pa.Table.from_pandas(writable(frame))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return np.frombuffer(sink.getvalue(), np.uint8)


def _unpack(data: np.ndarray) -> pd.DataFrame:
    frame = pa.ipc.open_file(pa.py_buffer(np.ascontiguousarray(data))).read_all().to_pandas()
    for column in frame.select_dtypes(object).columns:
        # Arrow knows one kind of missing; pandas tables of sections use NaN.
        frame[column] = frame[column].where(frame[column].notna(), np.nan)
    return frame
