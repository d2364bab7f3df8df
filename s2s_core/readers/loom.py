"""Reader of Loom files: genes x cells in HDF5, with attributes of both."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import ID_NAMES, Reader, ReadOptions, build, unique_names
from s2s_core.readers.places import INDEX_NAMES, XY_NAMES, find_pair, xy_columns
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5

GENE_NAMES = (
    "gene",
    "genes",
    "gene_name",
    "gene_names",
    "gene_symbol",
    "symbol",
    "name",
    "var_names",
    "accession",
    "gene_id",
    "gene_ids",
    "ensembl",
)
CELL_NAMES = ("cellid", "obs_names", "cell_names", *ID_NAMES)
PARTS = ("matrix", "row_attrs", "col_attrs")
# Values of one block of the dense matrix.
BLOCK = 20_000_000


def sniff(source: Source) -> bool:
    """Whether a file is HDF5 with the parts of a Loom file."""
    return _file(source) is not None


def _file(source: Source) -> str | None:
    names = source.names if source.single else source.find(".loom")
    return next((name for name in names if _is_loom(source, name)), None)


def _is_loom(source: Source, name: str) -> bool:
    if not is_hdf5(source, name):
        return False
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            hard = all(isinstance(file.get(p, getlink=True), h5py.HardLink) for p in PARTS)
            return hard and isinstance(file["matrix"], h5py.Dataset)
    except (OSError, RuntimeError, KeyError):
        return False


def read(source: Source, options: ReadOptions) -> Section:
    """Read the matrix of a Loom file; coordinates are column attributes such as ``x`` and ``y``."""
    name = _file(source)
    if name is None:
        raise S2SError(f"{source.name!r} holds no Loom file; give one.")
    display_name = source.display_name(name)
    with h5py.File(source.hdf5(name), "r") as file:
        check_hdf5(
            file,
            display_name,
            lambda place: place.startswith(("/matrix", "/row_attrs", "/col_attrs")),
        )
        n_genes, n_cells = file["matrix"].shape
        check_values(n_cells, n_genes, display_name)
        rows, columns = (
            _attributes(file[key], size)
            for key, size in (("row_attrs", n_genes), ("col_attrs", n_cells))
        )
        if find_pair(columns.columns, (*XY_NAMES, *INDEX_NAMES)) is None:
            held = ", ".join(map(str, columns.columns[:8])) or "none"
            raise S2SError(
                f"{display_name!r} is a Loom file without coordinates (attributes of its cells: {held}); add "
                "col_attrs x and y, or give an AnnData file with obsm['spatial']."
            )
        values = _transposed(file["matrix"])
    gene, cell = _named(rows, GENE_NAMES), _named(columns, CELL_NAMES)
    if gene is None:
        raise S2SError(
            f"{display_name!r} is a Loom file that names no genes; add row_attrs Gene, or give an AnnData file."
        )
    genes, notes = unique_names(rows[gene].astype(str))
    ids = pd.Index(
        [f"cell_{i}" for i in range(n_cells)] if cell is None else columns[cell].astype(str),
        dtype=object,
    )
    obs = columns.drop(columns=[cell] if cell else []).set_axis(ids)
    return build(
        values,
        obs,
        rows.drop(columns=gene).set_axis(genes),
        options,
        xy=xy_columns(obs),
        notes=(f"Genes are named by row_attrs/{gene}.", *notes),
    )


def _attributes(group: h5py.Group, size: int) -> pd.DataFrame:
    """Attributes with one value each; embeddings and the like are left."""
    found = {}
    for key, item in group.items():
        if isinstance(item, h5py.Dataset) and item.shape in ((size,), (size, 1)):
            values = item[:].ravel()
            if values.dtype.kind in "SO":
                words = [
                    v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values
                ]
                values = np.array(words, object)
            found[key] = values
    return pd.DataFrame(found, index=range(size))


def _transposed(matrix: h5py.Dataset) -> sparse.csr_matrix:
    """(cells, genes), block by block: whole it would be dense."""
    step = max(1, BLOCK // max(1, matrix.shape[1]))
    blocks = [
        sparse.csr_matrix(matrix[at : at + step].astype(np.float32))
        for at in range(0, matrix.shape[0], step)
    ]
    return sparse.vstack(blocks).T.tocsr()


def _named(table: pd.DataFrame, wanted: tuple[str, ...]) -> str | None:
    lower = {str(c).lower(): c for c in reversed(table.columns)}
    return next((lower[name] for name in wanted if name in lower), None)


READER = Reader("loom", "Loom (.loom)", sniff, read)
