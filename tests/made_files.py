"""Small files as instruments and their software write them, made from the formats' public
documentation: no real data. Each writer returns the path that a user would hand in.
"""

from __future__ import annotations

import gzip
import json
import shutil
import warnings
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


def cells_truth(n: int = 900, genes: int = 6, seed: int = 1):
    """(counts, names, xy): scattered cells; the last three columns are control probes."""
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 300, (n, 2))
    counts = made_counts(xy[:, 1] / 20, xy[:, 0] / 20, genes)
    names = [f"Gene{g}" for g in range(genes)] + list(CONTROLS)
    return np.hstack([counts, rng.poisson(0.2, (n, 3))]).astype(int), names, xy


def xenium(folder: Path, *, cells: str = "parquet", matrix: str = "h5", transcripts=False) -> Path:
    """A Xenium output folder: cells (parquet, csv.gz or none), matrix (h5 or mtx)."""
    counts, names, xy = cells_truth()
    folder.mkdir(parents=True, exist_ok=True)
    ids = [f"aaaa{i:04d}-1" for i in range(len(xy))]
    kinds = ["Gene Expression"] * 6 + [
        "Negative Control Probe",
        "Negative Control Codeword",
        "Unassigned Codeword",
    ]
    if matrix == "h5":
        write_10x_h5(folder / "cell_feature_matrix.h5", counts, ids, names, kinds)
    elif matrix == "mtx":
        write_mtx(folder / "cell_feature_matrix", counts, ids, names, kinds)
    table = pd.DataFrame(
        {
            "cell_id": ids,
            "x_centroid": xy[:, 0],
            "y_centroid": xy[:, 1],
            "transcript_counts": counts[:, :6].sum(1),
            "cell_area": 80.5,
        }
    )
    # Cells come in an order of their own.
    table = table.sample(frac=1, random_state=0)
    if cells == "parquet":
        table.to_parquet(folder / "cells.parquet", index=False)
    elif cells == "csv.gz":
        table.to_csv(folder / "cells.csv.gz", index=False)
    if transcripts:
        molecules().to_parquet(folder / "transcripts.parquet", index=False)
    return folder


def molecules() -> pd.DataFrame:
    """Xenium's table of transcripts; every tenth is of poor quality."""
    counts, names, xy = cells_truth()
    cell, gene = np.nonzero(counts)
    cell, gene = (np.repeat(a, counts[counts > 0]) for a in (cell, gene))
    jitter = np.random.default_rng(3).normal(0, 1, (len(cell), 2))
    place = np.abs(xy[cell] + jitter)
    return pd.DataFrame(
        {
            "transcript_id": np.arange(len(cell)),
            "cell_id": [f"aaaa{i:04d}-1" for i in cell],
            "overlaps_nucleus": 1,
            "feature_name": np.array(names, object)[gene],
            "x_location": place[:, 0].astype(np.float32),
            "y_location": place[:, 1].astype(np.float32),
            "z_location": 10.0,
            "qv": np.where(np.arange(len(cell)) % 10 == 0, 12.0, 40.0),
        }
    )


def vizgen(folder: Path) -> Path:
    """MERSCOPE's cell_by_gene and cell_metadata; ids have more digits than an integer holds."""
    counts, names, xy = cells_truth()
    folder.mkdir(parents=True, exist_ok=True)
    names = [*names[:6], "Blank-1", "Blank-22", "Blank-50"]
    ids = [f"1108834247649119244002216399163{i:07d}" for i in range(len(xy))]
    pd.DataFrame(counts, index=pd.Index(ids, name="cell"), columns=names).to_csv(
        folder / "cell_by_gene.csv"
    )
    meta = pd.DataFrame(
        {
            "fov": 1,
            "volume": 500.5,
            "center_x": xy[:, 0],
            "center_y": xy[:, 1],
            "min_x": xy[:, 0] - 4,
            "max_x": xy[:, 0] + 4,
        },
        index=ids,
    ).sample(frac=1, random_state=0)
    meta.to_csv(folder / "cell_metadata.csv")
    return folder


def cosmx(folder: Path) -> Path:
    """CosMx's flat files: cell numbers start anew in every view, 0 is outside the cells."""
    counts, names, xy = cells_truth()
    folder.mkdir(parents=True, exist_ok=True)
    names = [*names[:6], "NegPrb1", "NegPrb22", "SystemControl8"]
    fov, cell = (xy[:, 0] // 150).astype(int) + 1, np.zeros(len(xy), int)
    for view in np.unique(fov):
        cell[fov == view] = np.arange(1, (fov == view).sum() + 1)
    table = pd.DataFrame(counts, columns=names)
    table.insert(0, "fov", fov)
    table.insert(1, "cell_ID", cell)
    outside = pd.DataFrame([[1, 0] + [99] * 9, [2, 0] + [99] * 9], columns=table.columns)
    pd.concat([outside, table]).to_csv(folder / "Run1_exprMat_file.csv", index=False)
    pd.DataFrame(
        {
            "fov": fov,
            "cell_ID": cell,
            "Area": 3000,
            "CenterX_local_px": 5,
            "CenterY_local_px": 5,
            "CenterX_global_px": xy[:, 0] * 8,
            "CenterY_global_px": xy[:, 1] * 8,
        }
    ).to_csv(folder / "Run1_metadata_file.csv", index=False)
    return folder


def gem(path: Path, column: str = "MIDCount") -> Path:
    """A Stereo-seq GEM with its lines of comment; gzipped where the name says so."""
    counts, names, xy = cells_truth()
    cell, gene = np.nonzero(counts[:, :6])
    place = np.floor(xy[cell] * 2).astype(int) + 5000
    table = pd.DataFrame(
        {
            "geneID": np.array(names, object)[gene],
            "x": place[:, 0],
            "y": place[:, 1],
            column: counts[cell, gene],
            "ExonCount": 1,
        }
    )
    text = "#FileFormat=GEMv0.1\n#BinSize=1\n#Stereo-seqChip=SS200000001\n"
    text += table.to_csv(sep="\t", index=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def slide_seq(folder: Path) -> Path:
    """Slide-seq's MappedDGEForR (genes x beads) and BeadLocationsForR."""
    counts, _, xy = cells_truth()
    folder.mkdir(parents=True, exist_ok=True)
    beads = [f"ACGT{i:010d}" for i in range(len(xy))]
    genes = pd.Index([f"Gene{g}" for g in range(6)], name="GENE")
    pd.DataFrame(counts[:, :6].T, index=genes, columns=beads).to_csv(folder / "MappedDGEForR.csv")
    places = pd.DataFrame({"barcodes": beads, "xcoord": xy[:, 0], "ycoord": xy[:, 1]})
    places.sample(frac=1, random_state=0).to_csv(folder / "BeadLocationsForR.csv", index=False)
    return folder


def curio(folder: Path, *, packed: bool = False) -> Path:
    """Curio Seeker's folder: genes x beads in Matrix Market, the beads' places beside."""
    counts, _, xy = cells_truth()
    folder.mkdir(parents=True, exist_ok=True)
    beads = [f"ACGT{i:010d}" for i in range(len(xy))]
    matrix = folder / "S1_MoleculesPerMatchedBead.mtx"
    scipy_io.mmwrite(matrix, sparse.coo_matrix(counts[:, :6].T.astype(int)), field="integer")
    (folder / "S1_barcodes.tsv").write_text("\n".join(beads) + "\n")
    (folder / "S1_genes.tsv").write_text("".join(f"Gene{g}\n" for g in range(6)))
    places = pd.DataFrame({"barcode": beads, "x": xy[:, 0], "y": xy[:, 1]})
    places = places.sample(frac=1, random_state=0)
    places.to_csv(folder / "S1_MatchedBeadLocation.csv", index=False)
    if packed:
        for path in sorted(folder.iterdir()):
            path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
            path.unlink()
    return folder


def st_v1(
    folder: Path, *, decimals: bool = False, across: bool = False, selection: bool = False
) -> Path:
    """A Spatial Transcriptomics v1 count table; ``across`` puts genes in rows."""
    counts, _, var, _, (row, col) = made_table("square", 10, 12, row0=4, col0=7)
    folder.mkdir(parents=True, exist_ok=True)
    if decimals:
        ids = [f"X{c + 0.04:.2f}x{r - 0.015:.3f}" for r, c in zip(row, col, strict=True)]
    else:
        ids = [f"{c}x{r}" for r, c in zip(row, col, strict=True)]
    table = pd.DataFrame(counts.astype(int), index=ids, columns=var.index)
    table = table.sample(frac=1, random_state=0)
    (table.T if across else table).to_csv(folder / "counts.tsv", sep="\t")
    if selection:
        pd.DataFrame(
            {
                "x": col,
                "y": row,
                "new_x": col + 0.04,
                "new_y": row - 0.015,
                "pixel_x": col * 290.5,
                "pixel_y": row * 290.5,
                "selected": (col > 7).astype(int),
            }
        ).to_csv(folder / "selection.tsv", sep="\t", index=False)
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
