"""Reader of Stereo-seq GEF files: the molecules of a GEM in HDF5, or the cells found on them."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, build, points, unique_names
from s2s_core.readers.molecules import Columns, read_molecules
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5

BINS, CELLS = "geneExp", "cellBin"
UNIT = "nanoballs (0.5 um each)"
LOADED = tuple(f"/{CELLS}/{key}" for key in ("cell", "cellExp", "gene"))
COLUMNS = Columns(gene="gene", x="x", y="y", count="count")


def sniff(source: Source) -> bool:
    """Whether a file is HDF5 with the parts of a GEF."""
    return bool(_files(source))


def _files(source: Source) -> dict[str, str]:
    """The part to read of each file, by its name."""
    names = source.names if source.single else source.find(".gef")
    found = {name: _part(source, name) for name in names}
    return {name: part for name, part in found.items() if part}


def _part(source: Source, name: str) -> str | None:
    if not is_hdf5(source, name):
        return None
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            held = (
                key
                for key in (CELLS, BINS)
                if isinstance(file.get(key, getlink=True), h5py.HardLink)
            )
            return next((key for key in held if isinstance(file[key], h5py.Group)), None)
    except (OSError, RuntimeError, KeyError):
        return None


def read(source: Source, options: ReadOptions) -> Section:
    """Read the smallest bins of a GEF as molecules, or the cells of a ``.cellbin.gef``."""
    files = _files(source)
    if len(files) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(files)} GEF files ({', '.join(list(files)[:3])}); give one."
        )
    name, part = next(iter(files.items()))
    display_name = source.display_name(name)
    with h5py.File(source.hdf5(name), "r") as file:
        if part == CELLS:
            check_hdf5(file, display_name, lambda place: place in LOADED)
            return _cells(file[CELLS], display_name, options)
        sizes = sorted(int(k[3:]) for k in file[BINS] if k[:3] == "bin" and k[3:].isdigit())
        if not sizes:
            raise S2SError(f"{display_name!r} holds no bins; export it again, or give the .gem.gz.")
        place = f"/{BINS}/bin{sizes[0]}/"
        check_hdf5(
            file, display_name, lambda found: found in (f"{place}gene", f"{place}expression")
        )
        table = _molecules(file[place[:-1]], display_name)
    note = f"The smallest bins of the file, bin{sizes[0]}, were counted."
    return _counted(table, source.name, options, UNIT, note)


def _molecules(group: h5py.Group, display_name: str) -> pa.Table:
    genes, rows = group["gene"][:], group["expression"][:]
    held = genes["count"].astype(np.int64)
    if (genes["offset"].astype(np.int64) != np.cumsum(held) - held).any() or held.sum() != len(
        rows
    ):
        raise S2SError(
            f"{display_name!r} is damaged: its genes do not fit its places; copy it again."
        )
    return pa.table(
        {
            "gene": pa.DictionaryArray.from_arrays(
                np.repeat(np.arange(len(genes), dtype=np.int32), held), _names(genes)
            ),
            "x": rows["x"].astype(float),
            "y": rows["y"].astype(float),
            "count": rows["count"].astype(float),
        }
    )


def _counted(table: pa.Table, name: str, options: ReadOptions, unit: str, note: str) -> Section:
    # The reader of molecules takes files, in blocks.
    with tempfile.TemporaryDirectory(prefix="s2s-") as folder:
        path = Path(folder) / "molecules.parquet"
        pq.write_table(table, path)
        section = read_molecules(Source(name, {name: path}), name, COLUMNS, options, unit)
    return replace(section, notes=(*section.notes, note))


def _cells(group: h5py.Group, display_name: str, options: ReadOptions) -> Section:
    cell, entries, genes = (group[key][:] for key in ("cell", "cellExp", "gene"))
    check_values(len(cell), len(genes), display_name)
    held = cell["geneCount"].astype(np.int64)
    code = entries["geneID"].astype(np.int64)
    if held.sum() != len(entries) or (len(code) and code.max() >= len(genes)):
        raise S2SError(
            f"{display_name!r} is damaged: its cells do not fit its counts; copy it again."
        )
    values = sparse.csr_matrix(
        (entries["count"].astype(np.float32), code, np.concatenate([[0], np.cumsum(held)])),
        shape=(len(cell), len(genes)),
    )
    ids = cell["id"] if "id" in cell.dtype.names else np.arange(len(cell))
    xy = np.column_stack([cell["x"], cell["y"]]).astype(float)
    obs = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1]}, index=pd.Index(map(str, ids), dtype=object))
    names, notes = unique_names(_names(genes))
    return build(values, obs, pd.DataFrame(index=names), points(options), xy=xy, notes=notes)


def _names(genes: np.ndarray) -> list[str]:
    """Symbols, or identifiers where a gene has none."""
    parts = [
        [v.decode("utf-8", "replace").strip() for v in genes[key]]
        for key in ("geneName", "geneID", "gene")
        if key in (genes.dtype.names or ())
    ]
    return [
        next((name for name in found if name), f"gene_{i}")
        for i, found in enumerate(zip(*parts, strict=True))
    ]


READER = Reader("gef", "Stereo-seq (GEF)", sniff, read)
