"""Tars are read as zips are, several archives together; hostile ones are refused in a sentence."""

import gzip
import io
import shutil
import tarfile
import zipfile

import numpy as np
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import archives, preflight, read
from s2s_core.readers.source import open_source
from tests import made_files as made
from tests.made_kinds import tarred

pytestmark = pytest.mark.slow


@pytest.fixture
def run(tmp_path):
    return made.space_ranger(tmp_path / "run", matrix="mtx")


@pytest.fixture
def table(tmp_path):
    made.spots_table().to_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


def assert_same(section, folder) -> None:
    whole = read(folder)
    assert section.spot_ids.tolist() == whole.spot_ids.tolist()
    assert (section.counts != whole.counts).nnz == 0
    assert np.array_equal(section.xy, whole.xy)


@pytest.mark.parametrize(
    ("mode", "ending"),
    [("", ".tar"), ("gz", ".tar.gz"), ("gz", ".tgz"), ("bz2", ".tar.bz2"), ("xz", ".tar.xz")],
)
def test_a_tar_is_read_as_the_folder_is(tmp_path, run, mode, ending):
    path = tarred(tmp_path / f"section{ending}", run, mode)
    section = read(path)
    assert_same(section, run)
    again = read(path).uns["s2s_input"]
    assert again["file"] == path.name and again["sha256"] == section.uns["s2s_input"]["sha256"]


def test_a_tar_is_known_by_its_content(tmp_path, table):
    path = tarred(tmp_path / "section.dat", {"t.csv": table.read_bytes()})
    assert read(path).n_positions == 120


def as_geo_ships(run, into, sample: str = "GSM1_A1") -> list:
    """The folder of the matrix and the folder spatial, each packed by itself."""
    outs = run / "outs"
    into.mkdir(exist_ok=True)
    return [
        tarred(into / f"{sample}_{name}.tar.gz", outs / name)
        for name in ("filtered_feature_bc_matrix", "spatial")
    ]


def test_archives_of_one_upload_are_read_together(tmp_path, run):
    given = as_geo_ships(run, tmp_path / "geo")
    section = read(given)
    assert_same(section, run)
    assert section.uns["spatial"]
    # In a folder as well, and one packed by zip.
    assert_same(read(tmp_path / "geo"), run)
    given[1].unlink()
    shutil.make_archive(str(tmp_path / "geo/GSM1_A1_spatial"), "zip", run / "outs", "spatial")
    assert_same(read(tmp_path / "geo"), run)


def test_a_matrix_beside_a_packed_folder(tmp_path):
    run = made.space_ranger(tmp_path / "run")
    spatial = tarred(tmp_path / "GSM1_spatial.tar.gz", run / "outs/spatial")
    section = read([run / "outs/filtered_feature_bc_matrix.h5", spatial])
    assert_same(section, run)
    # The images come from the archive, too.
    assert set(next(iter(section.uns["spatial"].values()))["images"]) == {"hires", "lowres"}


def test_a_packed_matrix_beside_a_table_of_positions(tmp_path, run):
    matrix = as_geo_ships(run, tmp_path / "geo")[0]
    assert_same(read([run / "outs/spatial/tissue_positions.csv", matrix]), run)


def test_archives_of_two_sections_are_told_apart(tmp_path, run):
    given = [*as_geo_ships(run, tmp_path / "geo"), *as_geo_ships(run, tmp_path / "geo", "GSM2_B1")]
    with pytest.raises(S2SError, match=r"holds 2 sections \(GSM1_A1.*GSM2_B1"):
        read(given)


@pytest.mark.parametrize("outer", ["tar", "zip"])
def test_archives_in_an_archive(tmp_path, run, outer):
    given = as_geo_ships(run, tmp_path / "geo")
    if outer == "tar":
        path = tarred(tmp_path / "GSE1_RAW.tar", {p.name: p.read_bytes() for p in given}, "")
    else:
        path = made.zipped(tmp_path / "geo")
    assert_same(read(path), run)


def test_archives_deep_in_archives_end_in_a_sentence(tmp_path, table):
    data, name = table.read_bytes(), "t.csv"
    for level in range(5):
        path = tarred(tmp_path / f"level{level}.tar.gz", {name: data})
        data, name = path.read_bytes(), path.name
    with pytest.raises(S2SError, match="is an archive, .*unpack it and give the folder"):
        read(path)


def test_a_table_beside_a_packed_copy_of_something_is_read_alone(tmp_path, table):
    tarred(tmp_path / "old.tar.gz", {"u.csv": table.read_bytes()})
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 nothing")
    assert read(tmp_path).n_positions == 120


# --- safety ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../t.csv", "/etc/t.csv", "a/../../t.csv", "..\\t.csv", "C:/t.csv"]
)
def test_paths_that_lead_out_of_a_tar(tmp_path, table, name):
    with pytest.raises(S2SError, match="leads out of it"):
        read(tarred(tmp_path / "a.tar.gz", {name: table.read_bytes()}))


@pytest.mark.parametrize(
    ("kind", "word"),
    [
        (tarfile.SYMTYPE, "holds a link"),
        (tarfile.LNKTYPE, "holds a link"),
        (tarfile.CHRTYPE, "no plain file"),
        (tarfile.FIFOTYPE, "no plain file"),
        (tarfile.GNUTYPE_SPARSE, "no plain file"),
    ],
)
def test_links_devices_and_holes_in_a_tar(tmp_path, kind, word):
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        info = tarfile.TarInfo("t.csv")
        info.type, info.linkname = kind, "/etc/passwd"
        archive.addfile(info)
    with pytest.raises(S2SError, match=word):
        read(path)


def test_a_tar_that_unpacks_to_far_more_than_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "SMALL_BYTES", 2**20)
    for mode in ("gz", "bz2", "xz"):
        path = tarred(
            tmp_path / f"a.tar.{mode}", {"t.csv": b"x,y,G\n" + b"0,0,0\n" * 2_000_000}, mode
        )
        assert path.stat().st_size < 20_000
        with pytest.raises(S2SError, match="unpacks to far more"):
            read(path)


def test_all_that_was_unpacked_counts(tmp_path, monkeypatch):
    random = np.random.default_rng(0)
    files = {f"{i}.csv": random.bytes(400_000) for i in range(8)}
    path = tarred(tmp_path / "a.tar", files, "")
    with open_source(path) as source:
        monkeypatch.setenv("S2S_MAX_UPLOAD_MB", "0.5")
        for name in list(files)[:4]:
            source.path(name)
        with pytest.raises(S2SError, match="unpacks to far more|MB that"):
            [source.path(name) for name in files]


def test_a_tar_of_very_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "MAX_FILES", 10)
    with pytest.raises(S2SError, match="more than 10 files"):
        read(tarred(tmp_path / "a.tar.gz", {f"{i}.csv": b"" for i in range(11)}))
    with pytest.raises(S2SError, match="more than 10 files"):
        read([tarred(tmp_path / f"{k}.tar.gz", {f"{i}.csv": b"" for i in range(9)}) for k in "bc"])


def test_names_in_a_tar_are_no_paths_on_this_machine(tmp_path, table, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = tarred(tmp_path / "a.tar.gz", {"deep/er/t.csv": table.read_bytes()})
    before = sorted(tmp_path.rglob("*"))
    with open_source(path) as source:
        unpacked = source.path("deep/er/t.csv")
        assert (tmp_path / "temporary") in unpacked.parents and unpacked.name != "t.csv"
    assert sorted(tmp_path.rglob("*")) == before


def test_what_macos_adds_to_tars_is_no_section(tmp_path, table):
    files = {
        "run/t.csv": table.read_bytes(),
        "run/._t.csv": b"a,b,c\n1,2,3\n",
        "__MACOSX/u.csv": b"a,b,c",
    }
    assert read(tarred(tmp_path / "a.tar.gz", files)).n_positions == 120


def test_an_empty_tar_is_said_to_be_empty(tmp_path):
    for mode in ("", "gz"):
        path = tarred(tmp_path / f"a.tar{'.' + mode if mode else ''}", {}, mode)
        with pytest.raises(S2SError, match="is an empty tar"):
            read(path)


@pytest.mark.parametrize("mode", ["", "gz", "bz2", "xz"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.97])
def test_tars_that_are_cut_off(tmp_path, run, mode, share):
    path = tarred(tmp_path / f"a.tar{'.' + mode if mode else ''}", run, mode)
    data = path.read_bytes().rstrip(b"\0")
    path.write_bytes(data[: int(share * len(data))])
    with pytest.raises(S2SError, match="cut off|is missing|no positions|no counts|damaged"):
        read(path)


def test_a_tar_that_ends_between_two_files(tmp_path, table):
    path = tarred(tmp_path / "a.tar", {"t.csv": table.read_bytes(), "u.csv": b"a,b,c\n"}, "")
    data = path.read_bytes()
    path.write_bytes(data[: 512 + -(-table.stat().st_size // 512) * 512])
    with pytest.raises(S2SError, match="cut off"):
        read(path)


def test_a_gzipped_table_is_no_tar(tmp_path, table):
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(table.read_bytes()))
    assert not archives.is_archive(path, path.name)
    assert read(path).n_positions == 120


def test_a_zip_inside_a_tar_is_looked_at_as_well(tmp_path, table):
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("../t.csv", table.read_bytes())
    with pytest.raises(S2SError, match="leads out of it"):
        read(tarred(tmp_path / "a.tar", {"b.zip": inner.getvalue()}, ""))


def test_of_two_packed_folders_that_of_the_same_sample_is_taken(tmp_path):
    run = made.space_ranger(tmp_path / "run")
    outs = run / "outs"
    path = tmp_path / "GSM2_filtered_feature_bc_matrix.h5"
    shutil.copy(outs / "filtered_feature_bc_matrix.h5", path)
    right = tarred(tmp_path / "GSM2_spatial.tar.gz", outs / "spatial")
    places = outs / "spatial/tissue_positions.csv"
    places.write_text(places.read_text().replace("AAAC", "TTTG"))
    others = [tarred(tmp_path / f"GSM{i}_spatial.tar.gz", outs / "spatial") for i in (1, 3)]
    assert (read([path, others[0], right, others[1]]).origin == "spot").sum() == 110


@pytest.mark.parametrize("packed", ["counts.csv", "positions.csv"])
def test_one_of_two_tables_may_be_packed(tmp_path, packed):
    table = made.spots_table()
    places = ["x", "y"]
    table[places].to_csv(tmp_path / "positions.csv", index_label="spot_id")
    table.drop(columns=places).filter(like="Gene").to_csv(
        tmp_path / "counts.csv", index_label="spot_id"
    )
    given = {name: tmp_path / name for name in ("counts.csv", "positions.csv")}
    whole = read(list(given.values()))
    with zipfile.ZipFile(tmp_path / "packed.zip", "w") as archive:
        archive.write(given.pop(packed), packed)
    section = read([*given.values(), tmp_path / "packed.zip"])
    assert section.spot_ids.tolist() == whole.spot_ids.tolist()
    assert (section.counts != whole.counts).nnz == 0
