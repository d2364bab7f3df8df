"""10x Genomics' count matrices: one HDF5 file, or the Matrix Market trio; spots or cells x genes."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers.delimited import SAFE
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5
from s2s_core.readers.tenx_features import is_probes, side_by_side, sum_probes

GENES = "Gene Expression"
H5_ENDINGS = (".h5", ".hdf5")
MTX_ENDINGS = ("matrix.mtx", "matrix.mtx.gz")
# Of a run's other HDF5 files none holds the matrix.
OTHER_H5 = ("molecule_info.h5", "clusters.h5", "analysis.h5", "feature_slice.h5")
ENTRIES = 2_000_000
# The smallest entry of a Matrix Market file, packed as tightly as gzip can.
MIN_ENTRY_BYTES = 6 / 1032


@dataclass(frozen=True)
class Matrix:
    """Counts of genes; other features were left out.

    Attributes
    ----------
    values : (n, G) csr_matrix, float32
    barcodes : Index
    var : DataFrame
        Index: gene names, which may come more than once; ``gene_ids`` their identifiers.
    notes : tuple of str
    about : dict of str
        What the file says of itself: ``library_ids``, ``chemistry_description``, ...
    libraries : tuple of str
        Names of the libraries; of several where runs were aggregated.
    """

    values: sparse.csr_matrix
    barcodes: pd.Index
    var: pd.DataFrame
    notes: tuple[str, ...]
    about: dict
    libraries: tuple[str, ...] = ()


def find_matrices(source: Source) -> list[str]:
    """Files that hold a count matrix, the one to read first: filtered before raw, HDF5 first."""
    found = [n for n in source.find(*H5_ENDINGS) if not n.endswith(OTHER_H5) and _is_10x(source, n)]
    if not found and source.single and _is_10x(source, source.single):
        found = [source.single]
    found += source.find(*MTX_ENDINGS)
    return sorted(found, key=lambda name: (*_rank(name), name))


def several(matrices: list[str]) -> list[str]:
    """Those of the matrices that are as good as the first: more than one is several sections."""
    return [name for name in matrices if _rank(name) == _rank(matrices[0])]


def _rank(name: str) -> tuple[bool, bool, bool, int]:
    own = "/".join(name.lower().split("/")[-2:])
    return "raw_" in own, "probe" in own, name.endswith(MTX_ENDINGS), name.count("/")


def _is_10x(source: Source, name: str) -> bool:
    if not is_hdf5(source, name):
        return False
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            return _group(file) is not None
    except (OSError, RuntimeError, KeyError):
        # Begins as HDF5 but is cut off: ours to explain, if its name says so.
        return name.endswith("matrix.h5")


def _group(file: h5py.File) -> str | None:
    """Group of the matrix: ``matrix``, or in old files the name of the (first) genome."""
    return next(iter(_groups(file)), None)


def _groups(file: h5py.File) -> list[str]:
    """Groups of matrices: ``matrix``, or in old files one a genome."""
    found = []
    for key in ("matrix", *file):
        link = file.get(key, getlink=True)
        if key in file and isinstance(link, h5py.HardLink):
            item = file[key]
            if isinstance(item, h5py.Group) and {"barcodes", "indptr", "shape"} <= set(item):
                if key == "matrix":
                    return [key]
                found.append(key)
    return found


def first_barcode(source: Source, name: str) -> str:
    """First barcode of a matrix; "" where it cannot be told."""
    if name.endswith(MTX_ENDINGS):
        beside = source.nearest(name, "barcodes.tsv.gz", "barcodes.tsv")
        head = source.head(beside, 200) if beside else b""
        return head.split(b"\n")[0].decode("utf-8", "replace").strip()
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            barcodes = file[_group(file)]["barcodes"]
            return "" if barcodes.is_virtual or barcodes.external else _texts(barcodes[:1])[0]
    except (OSError, RuntimeError, KeyError, IndexError, TypeError, AttributeError):
        return ""


def read_matrix(source: Source, name: str) -> Matrix:
    """Read a count matrix.

    Raises
    ------
    S2SError
        Where it is damaged, unsafe, or larger than what is read here.
    """
    try:
        if name.lower().endswith((".mtx", ".mtx.gz")):
            return _matrix_market(source, name)
        return _hdf5(source, name)
    except S2SError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, IndexError, OverflowError) as e:
        raise S2SError(
            f"{source.spoken(name)!r} is damaged or incomplete and cannot be read as a 10x count "
            "matrix; copy it again."
        ) from e


def _hdf5(source: Source, name: str) -> Matrix:
    spoken = source.spoken(name)
    with h5py.File(source.hdf5(name), "r") as file:
        groups = _groups(file)
        if not groups:
            raise KeyError("matrix")
        check_hdf5(file, spoken, lambda place: place[1:].split("/")[0] in groups)
        about = {key: _plain(value) for key, value in file.attrs.items()}
        libraries = tuple(_texts(np.atleast_1d(np.asarray(file.attrs.get("library_ids", ())))))
        if len(groups) > 1:
            parts = {key: _old_group(file[key], spoken) for key in groups}
            values, barcodes, ids, names, genomes, notes = side_by_side(parts)
            barcodes = pd.Index(barcodes, dtype=object)
            found = _genes_only(values, barcodes, ids, names, None, about)
            return replace(found, var=found.var.assign(genome=genomes), notes=notes)
        matrix = file[groups[0]]
        if "features" not in matrix:
            values, barcodes, ids, names = _old_group(matrix, spoken)
            kinds, notes, genomes = None, (), ()
        else:
            values, barcodes = _values(matrix, spoken)
            features = {
                key: _texts(item[:]) if item.dtype.kind in "SO" else item[:].tolist()
                for key, item in matrix["features"].items()
                if isinstance(item, h5py.Dataset) and item.shape == values.shape[1:]
            }
            ids, names = features["id"], features["name"]
            kinds, notes = features.get("feature_type"), ()
            genomes = features.get("genome", ())
            if is_probes(features):
                values, ids, names, kinds, notes = sum_probes(values, features, spoken)
                genomes = ()
    found = _genes_only(values, pd.Index(barcodes, dtype=object), ids, names, kinds, about)
    if len(set(genomes)) > 1:
        genome = dict(zip(ids, genomes, strict=True))
        found = replace(found, var=found.var.assign(genome=found.var["gene_ids"].map(genome)))
    return replace(found, notes=(*notes, *found.notes), libraries=libraries)


def _values(matrix: h5py.Group, spoken: str) -> tuple[sparse.csr_matrix, list[str]]:
    n_features, n_barcodes = (int(v) for v in matrix["shape"][:])
    check_values(n_barcodes, n_features, spoken)
    values = sparse.csr_matrix(
        (matrix["data"][:].astype(np.float32), matrix["indices"][:], matrix["indptr"][:]),
        shape=(n_barcodes, n_features),
    )
    # Indices out of bounds would crash what follows, not raise.
    values.check_format(full_check=True)
    return values, _texts(matrix["barcodes"][:])


def _old_group(matrix: h5py.Group, spoken: str) -> tuple:
    values, barcodes = _values(matrix, spoken)
    return values, barcodes, _texts(matrix["genes"][:]), _texts(matrix["gene_names"][:])


def _matrix_market(source: Source, name: str) -> Matrix:
    spoken = source.spoken(name)
    barcodes = _lines(source, name, "barcodes.tsv.gz", "barcodes.tsv")
    features = _lines(source, name, "features.tsv.gz", "features.tsv", "genes.tsv.gz", "genes.tsv")
    with source.open(name) as stream:
        line, skip = stream.readline(10_000), 1
        while line.startswith(b"%"):
            line, skip = stream.readline(10_000), skip + 1
    n_features, n_barcodes, n_entries = (int(word) for word in line.split())
    if (n_features, n_barcodes) != (len(features), len(barcodes)):
        raise S2SError(
            f"{spoken!r} is a matrix of {n_features:,} features x {n_barcodes:,} barcodes, but the "
            f"files beside it name {len(features):,} and {len(barcodes):,}; give files of one run."
        )
    check_values(n_barcodes, n_features, spoken)
    if n_entries * MIN_ENTRY_BYTES > source.path(name).stat().st_size + 1024:
        raise S2SError(f"{spoken!r} declares more entries than it holds; copy it again.")
    parts, count = [], 0
    with source.open(name) as stream:
        for block in pd.read_csv(
            stream, sep=" ", header=None, names=["feature", "barcode", "value"], skiprows=skip,
            chunksize=ENTRIES, float_precision=SAFE, dtype={"feature": np.int64, "barcode": np.int64, "value": np.float32},
        ):  # fmt: skip
            count += len(block)
            place = (block["barcode"].to_numpy() - 1, block["feature"].to_numpy() - 1)
            part = sparse.coo_matrix((block["value"], place), shape=(n_barcodes, n_features))
            parts.append(part.tocsr())
    if count != n_entries:
        raise S2SError(
            f"{spoken!r} says it has {n_entries:,} entries but has {count:,}; copy it again."
        )
    values = sum(parts, sparse.csr_matrix((n_barcodes, n_features), dtype=np.float32))
    columns = [*zip(*features, strict=True)]
    return _genes_only(
        values.tocsr(),
        pd.Index([row[0] for row in barcodes], dtype=object),
        list(columns[0]),
        list(columns[1] if len(columns) > 1 else columns[0]),
        list(columns[2]) if len(columns) > 2 else None,
        {},
    )


def _lines(source: Source, matrix: str, *endings: str) -> list[list[str]]:
    """Lines of the file beside a matrix, split at tabs."""
    name = source.nearest(matrix, *endings)
    if name is None:
        raise S2SError(
            f"Beside {source.spoken(matrix)!r} the file {endings[0]!r} is missing; give the whole "
            "folder of the matrix."
        )
    with source.open(name) as stream:
        text = stream.read().decode("utf-8", "replace")
    rows = [line.split("\t") for line in text.splitlines() if line]
    width = min((len(row) for row in rows), default=0)
    return [row[: min(width, 3)] for row in rows]


def _genes_only(values, barcodes: pd.Index, ids, names, kinds, about: dict) -> Matrix:
    if (len(barcodes), len(names), len(ids)) != (*values.shape, values.shape[1]):
        raise ValueError("names do not fit the matrix")
    notes: tuple[str, ...] = ()
    var = pd.DataFrame({"gene_ids": ids}, index=pd.Index(names, dtype=object))
    kinds = np.asarray([GENES] * len(var) if kinds is None else kinds, object)
    genes = kinds == GENES
    if not genes.all() and genes.any():
        other = ", ".join(dict.fromkeys(kinds[~genes]))
        notes = (f"{(~genes).sum():,} features that are no genes ({other}) were left out.",)
        values, var = values[:, np.nonzero(genes)[0]], var[genes]
    return Matrix(values, barcodes, var, notes, about)


def _texts(values: np.ndarray) -> list[str]:
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _plain(value) -> str:
    value = np.asarray(value).ravel()[:1]
    return re.sub(r"[^\x20-\uffff]", "", "".join(_texts(value)))[:200]
