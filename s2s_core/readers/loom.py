"""Reader of Loom files: genes x cells, with what is known of either in attributes."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.annotated import Annotated, has_places, section
from s2s_core.readers.annotated_parts import SPATIAL_KEYS, is_place, matrix
from s2s_core.readers.base import Reader, ReadOptions, unique_names
from s2s_core.readers.placed import with_table
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5

PARTS = {"matrix", "row_attrs", "col_attrs"}
GENES = ("Gene", "gene", "var_names", "gene_name", "GeneName", "gene_symbols", "Symbol", "Accession")
SPOTS = ("CellID", "obs_names", "cell_id", "cell_names", "Barcode", "barcode", "barcodes")


def sniff(source: Source) -> bool:
    """Whether a file is HDF5 with the parts of a Loom."""
    return bool(_files(source))


def _files(source: Source) -> list[str]:
    names = source.names if source.single else source.find(".loom")
    return [name for name in names if _is_loom(source, name)]


def _is_loom(source: Source, name: str) -> bool:
    if not is_hdf5(source, name):
        return False
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            return set(file) >= PARTS
    except (OSError, RuntimeError, KeyError):
        return False


def read(source: Source, options: ReadOptions) -> Section:
    """Read a Loom file; places are column attributes ``x`` and ``y``, or a table beside it.

    Raises
    ------
    S2SError
    """
    files = _files(source)
    if len(files) > 1:
        raise S2SError(f"{source.name!r} holds {len(files)} Loom files ({', '.join(files[:3])}); give one.")
    name = source.spoken(files[0])
    try:
        with h5py.File(source.hdf5(files[0]), "r") as file:
            check_hdf5(file, name, lambda place: place[1:].split("/")[0] in PARTS)
            found = _load(file, name)
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # h5py raises errors of many types; none of them speaks to the user.
        raise S2SError(f"{name!r} is damaged or no Loom file; copy or export it again.") from error
    if not has_places(found):
        found = with_table(source, files[0], found)
    if not has_places(found):
        raise S2SError(
            f"{name!r} has no coordinates: it needs column attributes x and y, or give a table of "
            "them (spot, x, y) together with it."
        )
    return section(found, name, options)


def _load(file: h5py.File, name: str) -> Annotated:
    genes, spots = file["matrix"].shape
    check_values(spots, genes, name)
    var, _ = _attributes(file["row_attrs"], genes, GENES)
    obs, places = _attributes(file["col_attrs"], spots, SPOTS)
    names, notes = unique_names(var.index)
    counts = matrix(file["matrix"], genes, spots).T.tocsr()
    notes = ("Rows of the file are genes and columns are spots, as Loom has them.", *notes)
    key = next((key for key in SPATIAL_KEYS if key in places), None)
    xy = None if key is None else places.pop(key)
    return Annotated(counts, obs, var.set_axis(names), {}, xy, notes, places)


def _attributes(group: h5py.Group, n: int, wanted: tuple[str, ...]):
    """(table, places): attributes of genes or cells, its index the first of the wanted."""
    columns, places = {}, {}
    for key, item in group.items():
        if not isinstance(item, h5py.Dataset) or not item.shape or item.shape[0] != n:
            continue
        values = item[:]
        if values.ndim == 2 and values.shape[1] in (2, 3) and is_place(key):
            places[key] = values[:, :2].astype(float)
        elif values.ndim == 1 and values.dtype.kind in "SO":
            columns[key] = [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]
        elif values.ndim == 1 and values.dtype.kind in "biuf":
            columns[key] = values
    key = next((key for key in wanted if key in columns), None)
    ids = columns.pop(key) if key else [f"{i + 1}" for i in range(n)]
    return pd.DataFrame(columns, index=pd.Index(np.asarray(ids, object).astype(str), dtype=object)), places


READER = Reader("loom", "Loom (.loom)", sniff, read)
