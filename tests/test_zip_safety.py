"""Zips that lead elsewhere, hold too much or nothing."""

import stat
import zipfile

import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import preflight, read
from s2s_core.readers.source import open_source
from tests import made_files as made
from tests.made_files import zip_of


@pytest.fixture
def table(tmp_path):
    made.spots_table().to_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


# --- zips ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../t.csv", "/etc/t.csv", "a/../../t.csv", "..\\t.csv", "C:/t.csv"]
)
def test_paths_that_lead_out_of_a_zip(tmp_path, table, name):
    path = zip_of(tmp_path / "a.zip", (name, table.read_bytes()))
    with pytest.raises(S2SError, match="leads out of it"):
        read(path)


def test_nothing_is_written_outside_the_temporary_folder(tmp_path, table, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    path = zip_of(tmp_path / "a.zip", ("deep/er/t.csv", table.read_bytes()))
    before = sorted(p for p in tmp_path.rglob("*"))
    with open_source(path) as source:
        unpacked = source.path("deep/er/t.csv")
        assert (tmp_path / "temporary") in unpacked.parents
        assert unpacked.name != "t.csv"
    assert sorted(p for p in tmp_path.rglob("*")) == before


def test_links_in_a_zip(tmp_path):
    link = zipfile.ZipInfo("t.csv")
    link.create_system = 3
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with pytest.raises(S2SError, match="holds a link"):
        read(zip_of(tmp_path / "a.zip", (link, "/etc/passwd")))


def test_a_zip_with_a_password(tmp_path, table):
    path = zip_of(tmp_path / "a.zip", ("t.csv", table.read_bytes()))
    data = bytearray(path.read_bytes())
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(magic) + place] |= 1
    path.write_bytes(data)
    with pytest.raises(S2SError, match="password"):
        read(path)


def test_a_zip_of_very_many_files(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "MAX_FILES", 10)
    members = [(f"{i}.csv", b"") for i in range(11)]
    with pytest.raises(S2SError, match="more than 10 files"):
        read(zip_of(tmp_path / "a.zip", *members))


def test_a_zip_that_unpacks_to_far_more_than_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "SMALL_BYTES", 2**20)
    path = zip_of(tmp_path / "a.zip", ("t.csv", b"x,y,G\n" + b"0,0,0\n" * 1_000_000))
    assert path.stat().st_size < 20_000
    with pytest.raises(S2SError, match="unpacks to far more"):
        read(path)


def test_what_macos_adds_to_zips_is_no_section(tmp_path, table):
    path = zip_of(
        tmp_path / "a.zip",
        ("run/t.csv", table.read_bytes()),
        ("__MACOSX/run/._t.csv", b"a,b,c\n1,2,3\n"),
        ("run/.DS_Store", b"\0\0"),
    )
    assert read(path).n_positions == 120


def test_an_empty_zip_is_said_to_be_empty(tmp_path):
    for members in ((), (("run/.DS_Store", b"\0"),)):
        with pytest.raises(S2SError, match="'a.zip' is an empty zip"):
            read(zip_of(tmp_path / "a.zip", *members))
