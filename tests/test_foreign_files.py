"""Files that are not read say what they are and what to export of them; Loom and GEF are read."""

import bz2
import gzip
import lzma
import pickle
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_cells, made_kinds
from tests import made_files as made


def hdf5(path, *groups):
    with h5py.File(path, "w") as file:
        for group in groups:
            file.create_group(group)


def office(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, "<x/>")


def image(path, kind):
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(path, kind)


FASTQ = b"@A00:1:H\nACGTNACGT\n+\nFFFFF:FFF\n" * 20
RDS = b"X\n\0\0\0\3\0\4\2\1\0\3\5\0" + bytes(200)
# Name, how to make it, what the sentence says it is, and the way out.
FOREIGN = [
    ("x.rds", gzip.compress(RDS), "an R object", r"readRDS\(\"x.rds\"\).*write.csv"),
    ("y.rds", RDS, "an R object", "readRDS"),
    ("z.rds", bz2.compress(RDS), "an R object", "readRDS"),
    ("z.RDS", lzma.compress(RDS), "an R object", "readRDS"),
    (
        "a.RData",
        gzip.compress(b"RDX3\nX\n\0\0\0\3" + bytes(99)),
        "an R workspace",
        r"load\(\"a.RData\"\)",
    ),
    ("renamed.csv", gzip.compress(b"RDX2\nX\n\0\0\0\2" + bytes(99)), "an R workspace", "write.csv"),
    ("x.qs", b"\x0b\x0e\x0a\x0c" + bytes(99), "package qs", "qs::qread"),
    (
        "x.h5Seurat",
        lambda p: hdf5(p, "assays", "cell.names", "meta.data"),
        "h5Seurat",
        "LoadH5Seurat",
    ),
    (
        "x.h5mu",
        lambda p: hdf5(p, "mod", "obs", "var", "obsm"),
        "MuData",
        r"mudata.read\(\"x.h5mu\"\)",
    ),
    (
        "molecule_info.h5",
        lambda p: hdf5(p, "barcode_idx", "umi"),
        "molecule_info",
        "filtered_feature_bc",
    ),
    ("feature_slice.h5", lambda p: hdf5(p, "feature_slices", "masks"), "slices", "binned_outputs"),
    (
        "x.xlsx",
        lambda p: office(p, "[Content_Types].xml", "xl/workbook.xml"),
        "a spreadsheet",
        "as CSV",
    ),
    (
        "x.ods",
        lambda p: office(p, "mimetype", "content.xml", "styles.xml"),
        "a spreadsheet",
        "as CSV",
    ),
    ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99), "an old Excel sheet", "as CSV"),
    (
        "counts.mtx",
        b"%%MatrixMarket matrix coordinate integer general\n3 2 1\n1 1 5\n",
        "without names",
        "barcodes.tsv",
    ),
    ("x.tif", lambda p: image(p, "TIFF"), "a TIFF image", "no counts"),
    ("x.png", lambda p: image(p, "PNG"), "an image", "no counts"),
    ("x.jpg", lambda p: image(p, "JPEG"), "an image", "no counts"),
    ("x.bam", gzip.compress(b"BAM\x01" + bytes(99)), "aligned reads", "outs"),
    ("r1.fastq.gz", gzip.compress(FASTQ), "raw reads", "spaceranger count"),
    ("r1.txt", FASTQ, "raw reads", "spaceranger count"),
    ("cloupe.cloupe", b"\x01\x02\x03\x04" * 30, "Loupe Browser", "folder outs"),
    ("x.7z", b"7z\xbc\xaf\x27\x1c" + bytes(99), "a 7z archive", "unpack it"),
    ("x.rar", b"Rar!\x1a\x07\x01\0" + bytes(99), "a RAR archive", "unpack it"),
    ("x.csv.zst", b"\x28\xb5\x2f\xfd" + bytes(99), "packed by zstd", "zstd -d x.csv.zst"),
    ("x.pkl", pickle.dumps({"a": [1, 2, 3]}), "a pickle", "write_h5ad"),
    ("x.npy", lambda p: np.save(p, np.zeros((3, 3))), "an array of numpy", "write_h5ad"),
    (
        "x.npz",
        lambda p: np.savez(p, a=np.zeros(3), b=np.ones(3)),
        "an array of numpy",
        "write_h5ad",
    ),
    (
        "x.mat",
        b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(99),
        "a file of MATLAB",
        "writetable",
    ),
    ("x.db", b"SQLite format 3\0" + bytes(99), "SQLite", "as CSV"),
    ("x.feather", lambda p: pd.DataFrame({"a": [1]}).to_feather(p), "Feather", "to_parquet"),
    ("web_summary.html", b"<!DOCTYPE html><html><p>a, b, c, d</p>", "a report", "outs"),
]


def make(folder, name, how):
    path = folder / name
    if callable(how):
        how(path)
    else:
        path.write_bytes(how)
    return path


@pytest.mark.parametrize(("name", "how", "what", "way"), FOREIGN, ids=[f[0] for f in FOREIGN])
def test_a_foreign_file_says_what_it_is_and_what_to_export(tmp_path, name, how, what, way):
    path = make(tmp_path, name, how)
    with pytest.raises(S2SError, match=f"{what}.*{way}") as error:
        read(path)
    assert repr(name) in str(error.value)
    assert "cut off" not in str(error.value) and "damaged" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["x.rds", "x.bam", "x.h5Seurat", "x.xlsx", "cloupe.cloupe", "x.pkl"]
)
def test_a_folder_and_a_zip_of_foreign_files_name_the_first(tmp_path, name):
    folder = tmp_path / "section"
    folder.mkdir()
    make(folder, name, next(f[1] for f in FOREIGN if f[0] == name))
    (folder / "notes.md").write_text("nothing of use")
    for given in (folder, made.zipped(folder)):
        with pytest.raises(S2SError, match=f"no section that is recognised: '{name}' is a"):
            read(given)


def test_foreign_files_beside_a_section_are_passed_over(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    for name, how, *_ in FOREIGN:
        # An HDF5 file of 10x's own may lie anywhere.
        make(folder / "outs", name, how)
    assert (read(folder).origin == "spot").sum() == 110


def test_an_hdf5_file_of_no_known_layout_names_what_it_holds(tmp_path):
    hdf5(tmp_path / "x.h5", "alpha", "beta")
    with pytest.raises(
        S2SError, match="HDF5 file of no layout that is read.*alpha, beta.*write_h5ad"
    ):
        read(tmp_path / "x.h5")


@pytest.mark.parametrize("name", ["x.rds", "x.bam", "x.loom", "x.cloupe", "x.csv", "x.tif"])
def test_what_is_empty_or_cut_off_is_said_to_be(tmp_path, name):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(S2SError, match="is cut off, or no section"):
        read(tmp_path / name)
    path = made_kinds.loom(tmp_path / "whole.loom")
    (tmp_path / "short.loom").write_bytes(path.read_bytes()[:3000])
    with pytest.raises(S2SError, match="damaged|cut off"):
        read(tmp_path / "short.loom")


# --- Loom -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "coordinates", [("x", "y"), ("X", "Y"), ("x_centroid", "y_centroid"), ("imagecol", "imagerow")]
)
def test_loom_is_read(tmp_path, coordinates):
    section = read(made_kinds.loom(tmp_path / "a.loom", coordinates))
    counts, places = made.visium_truth()
    order = places.set_index("barcode").index.get_indexer(
        section.spot_ids[section.origin == "spot"]
    )
    assert sorted(order) == list(range(120)) and section.grid.kind == "hex"
    assert np.array_equal(section.counts.toarray()[section.origin == "spot"], counts[order])
    assert section.genes.tolist() == [f"Gene{i}" for i in range(6)]
    xy = places[["pxl_col_in_fullres", "pxl_row_in_fullres"]].to_numpy()[order]
    assert np.array_equal(section.xy[section.origin == "spot"], xy)
    assert "Cluster" in section.obs and "embedding" not in section.obs


def test_loom_without_coordinates_or_genes(tmp_path):
    with pytest.raises(
        S2SError, match="Loom file without coordinates .attributes of its cells: CellID"
    ):
        read(made_kinds.loom(tmp_path / "a.loom", None))
    path = made_kinds.loom(tmp_path / "b.loom")
    with h5py.File(path, "a") as file:
        file["row_attrs/number"] = np.arange(6)
        del file["row_attrs/Gene"]
    with pytest.raises(S2SError, match="names no genes; add row_attrs Gene"):
        read(path)


def test_loom_that_leads_elsewhere_or_declares_too_much(tmp_path, monkeypatch):
    path = made_kinds.loom(tmp_path / "a.loom")
    with h5py.File(path, "a") as file:
        file["row_attrs/extra"] = h5py.ExternalLink("/etc/passwd", "/x")
    with pytest.raises(S2SError, match="refers to another place"):
        read(path)
    path = made_kinds.loom(tmp_path / "b.loom")
    monkeypatch.setenv("S2S_MAX_VALUES", "500")
    with pytest.raises(S2SError, match="more than 500 values"):
        read(path)


# --- GEF --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_the_smallest_bins_of_a_gef_are_counted_as_molecules(tmp_path, old):
    section = read(made_kinds.gef(tmp_path / "a.gef", old=old), bin_size=20)
    gene, x, y, count = made_kinds.molecules()
    row, col = (y - y.min()) // 20, (x - x.min()) // 20
    truth = np.zeros((row.max() + 1, col.max() + 1, 4))
    np.add.at(truth, (row, col, gene), count)
    found = np.zeros_like(truth)
    found[section.array_index[0], section.array_index[1]] = section.counts.toarray()[
        :, section.genes.get_indexer([f"Gene{i}" for i in range(4)])
    ]
    assert np.array_equal(found, truth)
    assert any("bin1, were counted" in note for note in section.notes)


def test_a_gef_says_the_same_as_the_gem_of_the_same_molecules(tmp_path):
    gene, x, y, count = made_kinds.molecules()
    table = pd.DataFrame({"geneID": [f"Gene{g}" for g in gene], "x": x, "y": y, "MIDCount": count})
    table.to_csv(tmp_path / "a.gem", sep="\t", index=False)
    gem, gef = read(tmp_path / "a.gem"), read(made_kinds.gef(tmp_path / "a.gef"))
    assert gem.spot_ids.tolist() == gef.spot_ids.tolist()
    assert np.array_equal(
        gem.counts.toarray(), gef.counts[:, gef.genes.get_indexer(gem.genes)].toarray()
    )


def test_cells_of_a_gef(tmp_path):
    section = read(made_kinds.cellbin(tmp_path / "a.cellbin.gef"), bin_size=1000)
    counts, _, xy = made_cells.cells_truth()
    assert section.obs["n_points"].max() == len(xy)
    assert np.array_equal(section.counts.toarray().sum(0), counts.sum(0))


def test_gefs_that_do_not_fit_themselves(tmp_path):
    path = made_kinds.gef(tmp_path / "a.gef")
    with h5py.File(path, "a") as file:
        genes = file["geneExp/bin1/gene"][:]
        genes["count"][0] += 1
        file["geneExp/bin1/gene"][:] = genes
    with pytest.raises(S2SError, match="genes do not fit its places"):
        read(path)
    path = made_kinds.cellbin(tmp_path / "b.gef")
    with h5py.File(path, "a") as file:
        entries = file["cellBin/cellExp"][:]
        entries["geneID"][0] = 10**6
        file["cellBin/cellExp"][:] = entries
    with pytest.raises(S2SError, match="cells do not fit its counts"):
        read(path)
