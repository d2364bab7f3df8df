"""Reader of AnnData files (.h5ad), which are looked through before anything is loaded."""

from __future__ import annotations

import warnings
from functools import partial

import h5py

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.annotated import DAMAGED, has_places, is_loaded, load, section
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.placed import with_table
from s2s_core.readers.preflight import check_hdf5
from s2s_core.readers.source import Source, is_hdf5


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
    ``obs["array_row"]``, ``obs["array_col"]``. Where it has no places, a table of them may lie
    beside it. Where genes are named by Ensembl identifiers and
    a column of ``var`` holds symbols, those become the names. Tissue images stay.
    """
    files = _files(source)
    if len(files) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(files)} AnnData files ({', '.join(files[:3])}); give one."
        )
    name = source.display_name(files[0])
    try:
        with h5py.File(source.hdf5(files[0]), "r") as file, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            has_x = isinstance(file.get("X", getlink=True), h5py.HardLink)
            check_hdf5(file, name, partial(is_loaded, has_x=has_x))
            found = load(file, name, options)
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # h5py raises errors of many types; none of them speaks to the user.
        raise S2SError(DAMAGED.format(name)) from error
    if not has_places(found):
        found = with_table(source, files[0], found)
    return section(found, name, options)


READER = Reader("h5ad", "AnnData (.h5ad)", sniff, read)
