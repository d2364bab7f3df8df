"""Small files as instruments and their software write them, made from the formats' public
documentation: no real data. Each writer returns the path that a user would hand in.
"""

from __future__ import annotations

import gzip
import json
import shutil
import warnings
import zipfile
from pathlib import Path

import anndata as ad
import h5py
import numpy as np
import pandas as pd
from PIL import Image
from scipy import io as scipy_io
from scipy import sparse

from tests.made import lattice_positions, made_counts, made_table

CONTROLS = ("NegControlProbe_00042", "BLANK_0007", "UnassignedCodeword_0012")
SCALES = {
    "tissue_hires_scalef": 0.2,
    "tissue_lowres_scalef": 0.05,
    "fiducial_diameter_fullres": 144.0,
    "spot_diameter_fullres": 89.0,
}
POSITIONS = (
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
)


def write_10x_h5(path: Path, counts, barcodes, names, kinds=None, library="made_library") -> Path:
    """Space Ranger's and Xenium's own HDF5 form: compressed columns of features x barcodes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    matrix = sparse.csr_matrix(counts)
    kinds = ["Gene Expression"] * len(names) if kinds is None else kinds
    with h5py.File(path, "w") as file:
        file.attrs["filetype"] = "matrix"
        file.attrs["chemistry_description"] = "Spatial 3' v1"
        file.attrs["library_ids"] = np.array([library.encode()])
        group = file.create_group("matrix")
        group["barcodes"] = np.array(list(barcodes), "S")
        for key, dtype in (("data", "i4"), ("indices", "i8"), ("indptr", "i8")):
            values = getattr(matrix, key).astype(dtype)
            group.create_dataset(key, data=values, compression="gzip", chunks=True)
        group["shape"] = np.array(matrix.shape[::-1], "i4")
        features = group.create_group("features")
        features["id"] = np.array([f"ENSG{i:011d}" for i in range(len(names))], "S")
        features["name"] = np.array([n.encode() for n in names])
        features["feature_type"] = np.array(kinds, "S")
        features["genome"] = np.array(["GRCh38"] * len(names), "S")
    return path


def write_mtx(folder: Path, counts, barcodes, names, kinds=None) -> Path:
    """Matrix Market folder: features x barcodes, gzipped, as Space Ranger 1 and later writes it."""
    folder.mkdir(parents=True, exist_ok=True)
    kinds = ["Gene Expression"] * len(names) if kinds is None else kinds
    with gzip.open(folder / "matrix.mtx.gz", "wb") as file:
        scipy_io.mmwrite(file, sparse.coo_matrix(np.asarray(counts, int).T), field="integer")
    rows = [f"ENSG{i:011d}\t{n}\t{k}" for i, (n, k) in enumerate(zip(names, kinds, strict=True))]
    with gzip.open(folder / "features.tsv.gz", "wt", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    with gzip.open(folder / "barcodes.tsv.gz", "wt") as file:
        file.write("\n".join(barcodes) + "\n")
    return folder


def visium_truth(rows: int = 10, cols: int = 12):
    """(counts, positions): every spot of a hexagonal lattice; the first column is off the tissue."""
    counts, obs, _, xy, (row, col) = made_table("hex", rows, cols)
    places = pd.DataFrame(
        {
            "barcode": [f"{i.split('-')[0]}ACGT-1" for i in obs.index],
            "in_tissue": (col // 2 > 0).astype(int),
            "array_row": row,
            "array_col": col,
            "pxl_row_in_fullres": np.rint(xy[:, 1]).astype(int),
            "pxl_col_in_fullres": np.rint(xy[:, 0]).astype(int),
        }
    )
    return counts, places


def space_ranger(
    folder: Path, *, positions: str = "header", matrix: str = "h5", names=None, raw: bool = False
) -> Path:
    """A run of Space Ranger; ``positions`` is header (2 and later), list (1) or parquet."""
    counts, places = visium_truth()
    names = [f"Gene{g}" for g in range(counts.shape[1])] if names is None else names
    outs = folder / "outs"
    inside = np.ones(len(places), bool) if raw else places["in_tissue"].to_numpy() == 1
    stem = f"{'raw' if raw else 'filtered'}_feature_bc_matrix"
    # The matrix comes in the order of its barcodes, not of the slide.
    order = np.argsort(places["barcode"][inside].to_numpy())[::-1]
    part, barcodes = counts[inside][order], places["barcode"][inside].to_numpy()[order]
    if matrix == "h5":
        write_10x_h5(outs / f"{stem}.h5", part, barcodes, names)
    else:
        write_mtx(outs / stem, part, barcodes, names)
    write_spatial(outs / "spatial", places, positions)
    return folder


def write_spatial(folder: Path, places: pd.DataFrame, positions: str, scales=None) -> None:
    """Space Ranger's folder ``spatial``."""
    folder.mkdir(parents=True, exist_ok=True)
    if positions == "list":
        places.to_csv(folder / "tissue_positions_list.csv", header=False, index=False)
    elif positions == "parquet":
        places.to_parquet(folder / "tissue_positions.parquet", index=False)
    elif positions == "header":
        places.to_csv(folder / "tissue_positions.csv", index=False)
    (folder / "scalefactors_json.json").write_text(json.dumps(SCALES if scales is None else scales))
    for name, side in (("hires", 60), ("lowres", 15)):
        shade = np.add.outer(np.arange(side), np.arange(side)).astype(np.uint8)
        Image.fromarray(np.stack([shade, shade // 2, shade // 3], 2)).save(
            folder / f"tissue_{name}_image.png"
        )


def visium_hd(folder: Path, sizes=(8, 16), side: int = 24) -> Path:
    """Visium HD's binned_outputs; bins of 16 um are the sums of bins of 8 um."""
    row, col = lattice_positions("square", side, side)
    fine = made_counts(row, col)
    for size in sizes:
        factor = size // 8
        square = (row // factor) * side + col // factor
        keys, member = np.unique(square, return_inverse=True)
        counts = np.zeros((len(keys), fine.shape[1]), np.float32)
        np.add.at(counts, member, fine)
        r, c = np.divmod(keys, side)
        barcodes = [f"s_{size:03d}um_{i:05d}_{j:05d}-1" for i, j in zip(r, c, strict=True)]
        places = pd.DataFrame(
            dict(
                zip(
                    POSITIONS,
                    (
                        barcodes,
                        (c > 0).astype(int),
                        r,
                        c,
                        r * size * 3.7 + 50.0,
                        c * size * 3.7 + 20.0,
                    ),
                    strict=True,
                )
            )
        )
        home = folder / "binned_outputs" / f"square_{size:03d}um"
        inside = c > 0
        names = [f"Gene{g}" for g in range(counts.shape[1])]
        write_10x_h5(
            home / "filtered_feature_bc_matrix.h5",
            counts[inside],
            np.array(barcodes)[inside],
            names,
        )
        scales = SCALES | {"bin_size_um": float(size), "microns_per_pixel": 1 / 3.7}
        write_spatial(home / "spatial", places, "parquet", scales)
    return folder


def made_anndata(kind: str = "square", **place) -> ad.AnnData:
    """A lattice as AnnData."""
    counts, obs, var, xy, _ = made_table(kind, **place)
    return ad.AnnData(sparse.csr_matrix(counts), obs=obs, var=var, obsm={"spatial": xy})


def write_h5ad(adata: ad.AnnData, path: Path) -> Path:
    """Write without the library's remarks."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(path)
    return path


def loom(path: Path, *, genes=None, **columns) -> Path:
    """A Loom file of a hexagonal lattice; ``columns`` are attributes of cells, x and y if none."""
    adata = made_anndata("hex")
    x, y = adata.obsm["spatial"].T
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["matrix"] = adata.X.toarray().T.astype("f4")
        file["row_attrs/Gene"] = np.array(adata.var_names.tolist() if genes is None else genes, "S")
        file["col_attrs/CellID"] = np.array(adata.obs_names.tolist(), "S")
        for key, values in (columns or {"x": x, "y": y}).items():
            file[f"col_attrs/{key}"] = values
    return path


def spots_table(kind: str = "square") -> pd.DataFrame:
    """Table of spots x genes with coordinates."""
    counts, obs, var, xy, _ = made_table(kind)
    table = pd.DataFrame(counts.astype(int), index=obs.index, columns=var.index)
    table.insert(0, "x", xy[:, 0])
    table.insert(1, "y", xy[:, 1])
    return table.rename_axis("spot_id")


def pair(folder: Path, *, across: bool = True) -> Path:
    """Counts in one table (``across``: genes x spots), positions in another."""
    table = spots_table("hex")
    folder.mkdir(parents=True, exist_ok=True)
    counts = table.iloc[:, 2:]
    (counts.T if across else counts).to_csv(folder / "counts.csv")
    table[["x", "y"]].sample(frac=1, random_state=0).to_csv(folder / "positions.csv")
    return folder


def zipped(folder: Path) -> Path:
    """The folder as a zip beside it."""
    return Path(shutil.make_archive(str(folder), "zip", folder.parent, folder.name))


def flat(folder: Path, into: Path) -> Path:
    """All files of a folder laid into one, without their subfolders."""
    into.mkdir(parents=True)
    for path in folder.rglob("*"):
        if path.is_file():
            shutil.copy(path, into / path.name)
    return into


def zip_of(path, *members):
    """A zip of (name or ZipInfo, data)."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, data in members:
            archive.writestr(member, data)
    return path
