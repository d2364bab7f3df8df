"""10x Genomics' count matrices: one HDF5 file, or the Matrix Market trio; spots or cells x genes."""

from __future__ import annotations

import re
from dataclasses import replace

import h5py
import numpy as np
import pandas as pd
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers.delimited import SAFE
from s2s_core.readers.features import Matrix, genes_of, join_genomes, sum_probes
from s2s_core.readers.preflight import check_hdf5, check_values
from s2s_core.readers.source import Source, is_hdf5

H5_ENDINGS = (".h5", ".hdf5", ".h5.gz")
MTX_ENDINGS = ("matrix.mtx", "matrix.mtx.gz")
# Of a run's other HDF5 files none holds the matrix.
OTHER_H5 = ("molecule_info.h5", "clusters.h5", "analysis.h5", "feature_slice.h5")
ENTRIES = 2_000_000
WORDS = ("id", "name", "feature_type", "genome", "gene_id", "gene_name")
FILTERED = "filtered_feature_bc_matrix.h5"
# Counts of single probes: of a gene several.
PROBES = "probe_bc_matrix"
MATRIX_NAME = re.compile(
    r"(sample_)?(filtered|raw)_(feature|gene|probe)_(bc|cell)_matri(x|ces)(_h5|_mex)?",
    re.IGNORECASE,
)
# The smallest entry of a Matrix Market file, packed as tightly as gzip can.
MIN_ENTRY_BYTES = 6 / 1032


def find_matrices(source: Source) -> list[str]:
    """Files that hold a count matrix, the one to read first: filtered before raw, HDF5 first."""
    found = [
        n
        for n in source.find(*H5_ENDINGS)
        if not n.removesuffix(".gz").endswith(OTHER_H5) and _is_10x(source, n)
    ]
    if not found and source.single and _is_10x(source, source.single):
        found = [source.single]
    found += source.find(*MTX_ENDINGS)
    return sorted(found, key=lambda name: (*_rank(name), name))


def one_a_section(matrices: list[str]) -> list[str]:
    """The best matrix of every section: more than one where runs lie side by side."""
    best: dict[tuple[str, ...], str] = {}
    for name in matrices:
        best.setdefault(_run(name), name)
    first = next(iter(best), ())
    # What lies below a run is its own.
    return [name for run, name in best.items() if run == first or run[: len(first)] != first]


def _run(name: str) -> tuple[str, ...]:
    """What the matrices of one run have in common: its folder, and what stands before their names."""
    parts = name.split("/")
    if _above(name) is not None:
        del parts[-2]
    parts[-1] = re.sub(r"matrix\.mtx(\.gz)?$|\.(h5|hdf5)(\.gz)?$", "", parts[-1])
    plain = (MATRIX_NAME.sub("", part).strip("_-. ") for part in parts)
    return tuple(part for part in plain if part)


def _rank(name: str) -> tuple[bool, bool, bool, int]:
    own = "/".join(name.lower().split("/")[-2:])
    return PROBES in own, "raw_" in own, name.endswith(MTX_ENDINGS), name.count("/")


def is_raw(name: str) -> bool:
    """Whether a matrix holds every barcode, by its name; others hold those in tissue."""
    return any(_rank(name)[:2])


def _above(name: str) -> str | None:
    """Folder that holds a folder of every genome; None where the matrix is no such part."""
    folders = name.split("/")[:-1]
    old = len(folders) > 1 and folders[-2].lower().endswith("gene_bc_matrices")
    return "/".join(folders[:-1]) if old and name.endswith(MTX_ENDINGS) else None


def _is_10x(source: Source, name: str) -> bool:
    if not is_hdf5(source, name):
        return False
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            return bool(_groups(file))
    except (OSError, RuntimeError, KeyError):
        # Begins as HDF5 but is cut off: ours to explain, if its name says so.
        return name.removesuffix(".gz").endswith("matrix.h5")


def _groups(file: h5py.File) -> list[str]:
    """Groups of the matrix: ``matrix``, or in old files one a genome, called as the genome."""
    found = []
    for key in file:
        link = file.get(key, getlink=True)
        if isinstance(link, h5py.HardLink):
            item = file[key]
            if isinstance(item, h5py.Group) and {"barcodes", "indptr", "shape"} <= set(item):
                found.append(key)
    return ["matrix"] if "matrix" in found else found


def first_barcode(source: Source, name: str) -> str:
    """First barcode of a matrix; "" where it cannot be read."""
    if name.endswith(MTX_ENDINGS):
        beside = source.nearest(name, "barcodes.tsv.gz", "barcodes.tsv")
        head = source.head(beside, 200) if beside else b""
        return head.split(b"\n")[0].decode("utf-8", "replace").strip()
    try:
        with h5py.File(source.hdf5(name), "r") as file:
            barcodes = file[_groups(file)[0]]["barcodes"]
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
            folder = _above(name)
            if folder is None:
                return _matrix_market(source, name)
            parts = [n for n in source.find(*MTX_ENDINGS) if _above(n) == folder]
            return join_genomes({n.split("/")[-2]: _matrix_market(source, n) for n in parts})
        return _hdf5(source, name)
    except S2SError:
        raise
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, IndexError, OverflowError) as e:
        raise S2SError(
            f"{source.display_name(name)!r} is damaged or incomplete and cannot be read as a 10x count "
            "matrix; copy it again."
        ) from e


def _hdf5(source: Source, name: str) -> Matrix:
    display_name = source.display_name(name)
    with h5py.File(source.hdf5(name), "r") as file:
        groups = _groups(file)
        if not groups:
            raise KeyError("matrix")
        within = tuple(f"/{group}/" for group in groups)
        check_hdf5(file, display_name, lambda place: place.startswith(within))
        matrix = join_genomes({group: _of_group(file[group], display_name) for group in groups})
        about = {key: _plain(value) for key, value in file.attrs.items()}
        libraries = _texts(np.atleast_1d(file.attrs.get("library_ids", [])))
    return replace(matrix, about=about, libraries=tuple(map(_printable, libraries)))


def _of_group(matrix: h5py.Group, display_name: str) -> Matrix:
    n_features, n_barcodes = (int(v) for v in matrix["shape"][:])
    check_values(n_barcodes, n_features, display_name)
    values = sparse.csr_matrix(
        (matrix["data"][:].astype(np.float32), matrix["indices"][:], matrix["indptr"][:]),
        shape=(n_barcodes, n_features),
    )
    # Indices out of bounds would crash what follows, not raise.
    values.check_format(full_check=True)
    barcodes = pd.Index(_texts(matrix["barcodes"][:]), dtype=object)
    if "features" not in matrix:
        ids, names = _texts(matrix["genes"][:]), _texts(matrix["gene_names"][:])
        return genes_of(values, barcodes, ids, names)
    features = matrix["features"]
    words = {key: _texts(features[key][:]) for key in WORDS if key in features}
    genes = genes_of(
        values,
        barcodes,
        words["id"],
        words["name"],
        kinds=words.get("feature_type"),
        genomes=words.get("genome"),
    )
    if "gene_id" not in words:
        return genes
    kept = features["filtered_probes"][:].astype(bool) if "filtered_probes" in features else None
    if genes.values.shape[1] != len(words["id"]):
        raise S2SError(
            f"{display_name!r} counts probes of other things than genes; give {FILTERED}."
        )
    if kept is not None and not kept.any():
        raise S2SError(
            f"{display_name!r} holds no probe that Space Ranger counts; give {FILTERED}."
        )
    names = words.get("gene_name", words["gene_id"])
    return sum_probes(genes, words["gene_id"], names, kept)


def _matrix_market(source: Source, name: str) -> Matrix:
    display_name = source.display_name(name)
    barcodes = _lines(source, name, "barcodes.tsv.gz", "barcodes.tsv")
    features = _lines(source, name, "features.tsv.gz", "features.tsv", "genes.tsv.gz", "genes.tsv")
    with source.open(name) as stream:
        line, skip = stream.readline(10_000), 1
        while line.startswith(b"%"):
            line, skip = stream.readline(10_000), skip + 1
    n_features, n_barcodes, n_entries = (int(word) for word in line.split())
    if (n_features, n_barcodes) != (len(features), len(barcodes)):
        raise S2SError(
            f"{display_name!r} is a matrix of {n_features:,} features x {n_barcodes:,} barcodes, but the "
            f"files beside it name {len(features):,} and {len(barcodes):,}; give files of one run."
        )
    check_values(n_barcodes, n_features, display_name)
    if n_entries * MIN_ENTRY_BYTES > source.path(name).stat().st_size + 1024:
        raise S2SError(f"{display_name!r} declares more entries than it holds; copy it again.")
    parts, count = [], 0
    with source.open(name) as stream:
        for block in pd.read_csv(
            stream,
            sep=" ",
            header=None,
            names=["feature", "barcode", "value"],
            skiprows=skip,
            chunksize=ENTRIES,
            float_precision=SAFE,
            dtype={"feature": np.int64, "barcode": np.int64, "value": np.float32},
        ):
            count += len(block)
            place = (block["barcode"].to_numpy() - 1, block["feature"].to_numpy() - 1)
            part = sparse.coo_matrix((block["value"], place), shape=(n_barcodes, n_features))
            parts.append(part.tocsr())
    if count != n_entries:
        raise S2SError(
            f"{display_name!r} says it has {n_entries:,} entries but has {count:,}; copy it again."
        )
    values = sum(parts, sparse.csr_matrix((n_barcodes, n_features), dtype=np.float32))
    columns = [*zip(*features, strict=True)]
    return genes_of(
        values.tocsr(),
        pd.Index([row[0] for row in barcodes], dtype=object),
        list(columns[0]),
        list(columns[1] if len(columns) > 1 else columns[0]),
        kinds=list(columns[2]) if len(columns) > 2 else None,
    )


def _lines(source: Source, matrix: str, *endings: str) -> list[list[str]]:
    """Lines of the file beside a matrix, split at tabs."""
    name = source.nearest(matrix, *endings)
    if name is None:
        raise S2SError(
            f"Beside {source.display_name(matrix)!r} the file {endings[0]!r} is missing; give the whole "
            "folder of the matrix."
        )
    with source.open(name) as stream:
        text = stream.read().decode("utf-8", "replace")
    rows = [line.split("\t") for line in text.splitlines() if line]
    width = min((len(row) for row in rows), default=0)
    return [row[: min(width, 3)] for row in rows]


def _texts(values: np.ndarray) -> list[str]:
    return [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values]


def _plain(value) -> str:
    return _printable("".join(_texts(np.asarray(value).ravel()[:1])))


def _printable(text: str) -> str:
    return re.sub(r"[^\x20-\uffff]", "", text)[:200]
