"""Small files of more kinds, made from the formats' public documentation: no real data."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import h5py
import numpy as np

from tests import made_cells
from tests import made_files as made


def loom(path: Path, coordinates: tuple[str, str] | None = ("x", "y")) -> Path:
    """Loom: genes x cells, attributes of both."""
    counts, places = made.visium_truth()
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("matrix", data=counts.T.astype("f4"), chunks=True)
        file.create_group("layers")
        rows, columns = file.create_group("row_attrs"), file.create_group("col_attrs")
        rows["Gene"] = np.array([f"Gene{i}" for i in range(counts.shape[1])], "S")
        columns["CellID"] = np.array(places["barcode"].tolist(), "S")
        columns["Cluster"] = np.arange(len(places)) % 3
        columns["embedding"] = np.zeros((len(places), 2))
        if coordinates is not None:
            for key, column in zip(
                coordinates, ("pxl_col_in_fullres", "pxl_row_in_fullres"), strict=True
            ):
                columns[key] = places[column].to_numpy(float)
    return path


def molecules(n_genes: int = 4, side: int = 100, each: int = 300):
    """(gene, x, y, count) of molecules, the genes in order."""
    random = np.random.default_rng(0)
    gene = np.repeat(np.arange(n_genes), each)
    x, y = random.integers(0, side, (2, len(gene)))
    return gene, x, y, random.integers(1, 4, len(gene))


def gef(path: Path, *, old: bool = False) -> Path:
    """Stereo-seq's square-bin GEF; old ones name genes in one column."""
    gene, x, y, count = molecules()
    path.parent.mkdir(parents=True, exist_ok=True)
    held = np.bincount(gene)
    kinds = [("gene", "S32")] if old else [("geneID", "S64"), ("geneName", "S64")]
    genes = np.zeros(len(held), [*kinds, ("offset", "u4"), ("count", "u4")])
    genes[kinds[-1][0]] = [f"Gene{i}".encode() for i in range(len(held))]
    genes["offset"], genes["count"] = np.cumsum(held) - held, held
    places = np.zeros(len(gene), [("x", "i4"), ("y", "i4"), ("count", "u2")])
    places["x"], places["y"], places["count"] = x, y, count
    with h5py.File(path, "w") as file:
        file["geneExp/bin1/gene"] = genes
        file["geneExp/bin1/expression"] = places
        file["geneExp/bin50/gene"] = genes[:1]
        file["geneExp/bin50/expression"] = places[:1]
    return path


def cellbin(path: Path) -> Path:
    """Stereo-seq's GEF of cells."""
    counts, _, xy = made_cells.cells_truth()
    row, code = np.nonzero(counts)
    cell = np.zeros(
        len(xy), [("id", "u4"), ("x", "i4"), ("y", "i4"), ("offset", "u4"), ("geneCount", "u2")]
    )
    held = np.bincount(row, minlength=len(xy))
    cell["id"], cell["geneCount"], cell["offset"] = (
        np.arange(len(xy)) + 1,
        held,
        np.cumsum(held) - held,
    )
    cell["x"], cell["y"] = np.rint(xy[:, 0]), np.rint(xy[:, 1])
    entries = np.zeros(len(row), [("geneID", "u4"), ("count", "u2")])
    entries["geneID"], entries["count"] = code, counts[row, code]
    genes = np.zeros(counts.shape[1], [("geneName", "S64")])
    genes["geneName"] = [f"Gene{i}".encode() for i in range(counts.shape[1])]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["cellBin/cell"], file["cellBin/cellExp"], file["cellBin/gene"] = cell, entries, genes
    return path


def segmented(folder: Path, *, outlines: str = "cell_segmentations.geojson") -> Path:
    """Space Ranger 4's segmented_outputs; cells are squares of 6 pixels about their places."""
    counts, _, xy = made_cells.cells_truth()
    inside = folder / "segmented_outputs"
    barcodes = [f"cellid_{i + 1:09d}-1" for i in range(len(xy))]
    names = [f"Gene{i}" for i in range(counts.shape[1])]
    for kind in ("filtered", "raw"):
        made.write_10x_h5(inside / f"{kind}_feature_cell_matrix.h5", counts, barcodes, names)
    corners = np.array([[-3, -3], [3, -3], [3, 3], [-3, 3], [-3, -3]], float)
    features = [
        {
            "type": "Feature",
            "properties": {"cell_id": i + 1},
            "geometry": {"type": "Polygon", "coordinates": [(place + corners).tolist()]},
        }
        for i, place in enumerate(xy)
    ]
    # The file lists cells in an order of its own.
    (inside / outlines).write_text(
        json.dumps({"type": "FeatureCollection", "features": features[::-1]})
    )
    return folder


def tarred(path: Path, files: dict[str, bytes] | Path, mode: str = "gz") -> Path:
    """A tar of a folder, or of named contents."""
    if isinstance(files, Path):
        files = {
            p.relative_to(files.parent).as_posix(): p.read_bytes()
            for p in sorted(files.rglob("*"))
            if p.is_file()
        }
    with tarfile.open(path, f"w:{mode}" if mode else "w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path
