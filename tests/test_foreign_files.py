"""Archives, Loom files, and files that hold no section as they are."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile

import h5py
import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import preflight, read
from tests import made_files as made


def notes(section) -> str:
    return " ".join(section.notes)


# --- files that are said what they are

FOREIGN = {
    "rds": ("x.rds", gzip.compress(b"X\n\0\0\0\3rest"), "an R object.*GetAssayData"),
    "rdata": ("x.RData", bz2.compress(b"RDX3\nX\n"), "an R object.*write.csv"),
    "rds_renamed": ("x.csv", gzip.compress(b"RDX3\nX\n\0"), "an R object"),
    "qs": ("x.qs", b"\x0b\x0e\x0a\x0c\0\0", "an R object"),
    "xls": ("x.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0", "an Excel workbook.*CSV"),
    "tif": ("x.tif", b"II*\0\0\0", "a picture.*counts and positions"),
    "bam": ("x.bam", gzip.compress(b"BAM\1\0\0"), "BAM.*folder outs"),
    "fastq": ("x.fastq.gz", gzip.compress(b"@a\nACGT\n+\nIIII\n"), "FASTQ"),
    "fastq_renamed": ("x.txt", b"@a\nACGT\n+\nIIII\n", "FASTQ"),
    "cloupe": ("x.cloupe", b"\x93\0\1", "Loupe Browser.*filtered_feature_bc_matrix"),
    "mtx": ("x.mtx", b"%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 1\n",
            "Matrix Market.*barcodes.tsv.gz"),
    "7z": ("x.7z", b"7z\xbc\xaf\x27\x1c\0", "7z.*unpack it first"),
    "rar": ("x.rar", b"Rar!\x1a\7\0", "RAR.*unpack it first"),
    "pickle": ("x.pkl", b"\x80\4\x95", "pickle.*write_h5ad"),
    "npy": ("x.npy", b"\x93NUMPY\1\0", "numpy array"),
    "zst": ("x.csv.zst", b"\x28\xb5\x2f\xfd\0", "xz, bzip2 or zstd.*gzip"),
    "packed": ("x", bz2.compress(b"a,b,c\n"), "xz, bzip2 or zstd"),
    "xz": ("x.csv.xz", lzma.compress(b"a,b,c\n1,2,3\n"), "xz, bzip2 or zstd.*gzip"),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
def test_a_foreign_file_is_said_what_it_is(tmp_path, kind):
    name, data, sentence = FOREIGN[kind]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(S2SError, match=rf"^'{name}' is .*{sentence}") as caught:
        read(tmp_path / name)
    assert "cut off" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "parts", "sentence"),
    [
        ("a.h5Seurat", ("assays/Spatial/counts", "cell.names"), "h5Seurat.*LoadH5Seurat"),
        ("a.gef", ("geneExp/bin1/gene",), "GEF.*saw convert gef2gem --gef a.gef"),
        ("a.cgef", ("cellBin/cell",), "GEF of cells.*gef2h5ad"),
        ("molecule_info.h5", ("barcode_idx", "umi"), "molecule information.*filtered_feature"),
        ("a.h5mu", ("mod/rna/X", "obs/_index", "var/_index"), r"MuData.*mod\['rna'\]"),
    ],
)
def test_foreign_hdf5(tmp_path, name, parts, sentence):
    with h5py.File(tmp_path / name, "w") as file:
        for part in parts:
            file[part] = np.arange(3)
    with pytest.raises(S2SError, match=rf"^'{name}' is .*{sentence}"):
        read(tmp_path / name)


def test_office_files_are_zips_of_their_own(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.xlsx", "w") as file:
        file.writestr("[Content_Types].xml", "<a/>")
        file.writestr("xl/workbook.xml", "<a/>")
    with pytest.raises(S2SError, match=r"^'x\.xlsx' is an Excel workbook"):
        read(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.ods", "w") as file:
        file.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        file.writestr("content.xml", "<a/>")
    with pytest.raises(S2SError, match=r"^'x\.ods' is an OpenDocument file"):
        read(tmp_path / "x.ods")


def test_of_several_files_the_foreign_one_is_named(tmp_path):
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "x.rds").write_bytes(gzip.compress(b"X\n\0\0\0\3"))
    with pytest.raises(S2SError, match=r"^'x\.rds' is an R object"):
        read(tmp_path)
    (tmp_path / "x.rds").unlink()
    (tmp_path / "other.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(S2SError, match="holds no section that is recognised"):
        read(tmp_path)


def test_an_archive_in_a_zip(tmp_path):
    inner = made.zipped(made.space_ranger(tmp_path / "run"))
    with zipfile.ZipFile(tmp_path / "outer.zip", "w") as file:
        file.write(inner, "run.zip")
    with pytest.raises(S2SError, match="an archive in another.*unpack it first"):
        read(tmp_path / "outer.zip")


# --- tars


def tar_of(path, *members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for member, data in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


@pytest.mark.parametrize(
    ("name", "mode"), [("a.tar", "w"), ("a.tar.gz", "w:gz"), ("a.tgz", "w:gz"), ("a.tar.xz", "w:xz"), ("a", "w:bz2")]
)
def test_a_tar_is_read_as_its_folder_is(tmp_path, name, mode):
    folder = made.space_ranger(tmp_path / "run")
    with tarfile.open(tmp_path / name, mode) as archive:
        archive.add(folder, "run")
    section, same = read(tmp_path / name), read(folder)
    assert (section.counts != same.counts).nnz == 0
    assert section.obs.equals(same.obs)
    assert section.uns["s2s_input"]["file"] == name
    assert read(tmp_path / name).uns["s2s_input"] == section.uns["s2s_input"]


@pytest.mark.parametrize("shape", ["files", "folder", "outer", "zips"])
def test_archives_side_by_side_as_repositories_ship_them(tmp_path, shape):
    outs = made.space_ranger(tmp_path / "run", matrix="mtx", positions="list") / "outs"
    ship = tmp_path / "ship"
    ship.mkdir()
    files = []
    for part in ("filtered_feature_bc_matrix", "spatial"):
        if shape == "zips":
            files.append(ship / f"GSM1_{part}.zip")
            with zipfile.ZipFile(files[-1], "w") as file:
                for path in (outs / part).iterdir():
                    file.write(path, f"{part}/{path.name}")
        else:
            files.append(ship / f"GSM1_{part}.tar.gz")
            with tarfile.open(files[-1], "w:gz") as archive:
                archive.add(outs / part, part)
    if shape == "outer":
        with tarfile.open(tmp_path / "GSE1_RAW.tar", "w") as archive:
            for file in files:
                archive.add(file, file.name)
    section = read({"folder": ship, "outer": tmp_path / "GSE1_RAW.tar"}.get(shape, files))
    same = read(tmp_path / "run")
    assert (section.counts != same.counts).nnz == 0
    assert section.spot_ids.equals(same.spot_ids)
    assert "The tissue image is kept" in notes(section)


@pytest.mark.parametrize("name", ["../t.csv", "/etc/t.csv", "a/../../t.csv", "C:/t.csv"])
def test_paths_that_lead_out_of_a_tar(tmp_path, name):
    with pytest.raises(S2SError, match="leads out of it"):
        read(tar_of(tmp_path / "a.tar.gz", (name, b"x,y,G\n")))


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [(tarfile.SYMTYPE, "a link"), (tarfile.LNKTYPE, "a link"), (tarfile.FIFOTYPE, "no file"), (tarfile.CHRTYPE, "no file")],
)
def test_links_and_devices_in_a_tar(tmp_path, kind, sentence):
    member = tarfile.TarInfo("t.csv")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(S2SError, match=f"holds .*{sentence}"):
        read(tar_of(tmp_path / "a.tar", (member, b""), mode="w"))


def test_a_tar_that_unpacks_to_far_more_than_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "SMALL_BYTES", 2**20)
    path = tar_of(tmp_path / "a.tar.gz", ("t.csv", b"x,y,G\n" + b"0,0,0\n" * 1_000_000))
    with pytest.raises(S2SError, match="unpacks to far more"):
        read(path)


def test_a_tar_of_very_many_files_cut_off_or_empty(tmp_path, monkeypatch):
    path = tar_of(tmp_path / "a.tar.gz", *[(f"{i}.csv", b"a" * 999) for i in range(11)])
    (tmp_path / "b.tar").write_bytes(gzip.decompress(path.read_bytes())[:5000])
    with pytest.raises(S2SError, match="cut off or damaged"):
        read(tmp_path / "b.tar")
    with pytest.raises(S2SError, match="an empty tar"):
        read(tar_of(tmp_path / "c.tar", (".DS_Store", b"a"), mode="w"))
    monkeypatch.setattr(preflight, "MAX_FILES", 10)
    with pytest.raises(S2SError, match="more than 10 files"):
        read(path)


def test_nothing_of_a_tar_stays(tmp_path, monkeypatch):
    folder = made.space_ranger(tmp_path / "run")
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as archive:
        archive.add(folder, "run")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    before = sorted(tmp_path.rglob("*"))
    read(tmp_path / "a.tar.gz")
    assert sorted(tmp_path.rglob("*")) == before


# --- Loom


@pytest.mark.parametrize("how", ["xy", "X_spatial", "beside"])
def test_loom(tmp_path, how):
    adata = made.made_anndata("hex")
    xy, genes = adata.obsm["spatial"], ["G", "G", *adata.var_names[2:]]
    columns = {"xy": {"x": xy[:, 0], "y": xy[:, 1]}, "X_spatial": {"X_spatial": xy}}.get(how, {})
    made.loom(tmp_path / "a.loom", genes=genes, region=np.array(["é".encode()] * 120), **columns)
    paths = [tmp_path / "a.loom"]
    if how == "beside":
        pd.DataFrame(xy, adata.obs_names, ["x", "y"]).to_csv(tmp_path / "places.csv")
        paths.append(tmp_path / "places.csv")
    section = read(paths)
    spots = section.origin == "spot"
    assert section.spot_ids[spots].tolist() == adata.obs_names.tolist()
    assert section.genes.tolist() == ["G", "G-1", *adata.var_names[2:]]
    assert np.array_equal(section.counts[spots].toarray(), adata.X.toarray())
    assert np.array_equal(section.xy[spots], xy)
    assert section.obs["region"].iloc[0] == "é"


def test_loom_without_places_or_damaged(tmp_path):
    made.loom(tmp_path / "a.loom", region=np.zeros(120))
    with pytest.raises(S2SError, match=r"'a\.loom' has no coordinates.*a table of them"):
        read(tmp_path / "a.loom")
    with h5py.File(tmp_path / "a.loom", "a") as file:
        del file["matrix"]
        file["matrix"] = np.array([b"a"])
    with pytest.raises(S2SError, match=r"'a\.loom' is damaged or no Loom file"):
        read(tmp_path / "a.loom")
