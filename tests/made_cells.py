"""Small files as instruments of single cells, molecules and beads write them: no real data."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import io as scipy_io
from scipy import sparse

from tests.made import made_counts, made_table
from tests.made_files import CONTROLS, write_10x_h5, write_mtx


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
