"""Zarr stores that declare too much, hide more than they show or are not whole: refused, in a sentence."""

import gzip
import json
import pickle
import shutil
import struct
import zlib

import numcodecs
import numpy as np
import pytest
import zarr

from s2s_core.errors import S2SError
from s2s_core.readers import preflight, read, zarr_array, zarr_store
from tests import made_zarr as mz
from tests.made_zarr import TABLE, declare, metadata, repack

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    return {v: mz.spatialdata(folder / f"{v}.zarr", version=v) for v in (2, 3)}


@pytest.fixture(params=[2, 3])
def store(request, intact, tmp_path):
    return shutil.copytree(intact[request.param], tmp_path / "a.zarr")


@pytest.fixture
def store2(intact, tmp_path):
    return shutil.copytree(intact[2], tmp_path / "a.zarr")


@pytest.fixture
def store3(intact, tmp_path):
    return shutil.copytree(intact[3], tmp_path / "a.zarr")


# --- what is declared -----------------------------------------------------------------------------


def test_arrays_that_declare_far_more_than_they_hold(store):
    declare(store, "X/data", shape=[2**33], chunks=[2**24])
    with pytest.raises(S2SError, match="declares .* MB at /X/data but holds almost none"):
        read(store)


def test_chunks_far_larger_than_their_array(store):
    declare(store, "obsm/spatial", chunks=[2**30, 2])
    with pytest.raises(S2SError, match="declares .* MB at /obsm/spatial but holds almost none"):
        read(store)


def test_very_many_chunks(store):
    declare(store, "obs/spot_id", shape=[1_000_000], chunks=[1])
    with pytest.raises(S2SError, match="declares 1,000,000 chunks at /obs/spot_id"):
        read(store)


def test_more_bytes_than_are_loaded_at_once(store, monkeypatch):
    monkeypatch.setattr(preflight, "MAX_BYTES", 4000)
    with pytest.raises(S2SError, match="GB that are read"):
        read(store)


def test_more_values_than_are_taken_here(store, monkeypatch):
    monkeypatch.setenv("S2S_MAX_VALUES", "500")
    with pytest.raises(S2SError, match="more than 500 values"):
        read(store)


@pytest.mark.parametrize("shape", [[-5], [2**63], ["a"], [1.5], [True], None, [1] * 9, {}])
def test_shapes_that_are_none(store, shape):
    declare(store, "X/data", shape=shape)
    with pytest.raises(S2SError, match=r"X/data in a way that is not read|damaged"):
        read(store)


@pytest.mark.parametrize("text", ["", "[]", "7", "{", "[" * 100_000, '{"zarr_format": 9}'])
def test_metadata_that_are_none(store, text):
    metadata(store, "X/data").write_text(text)
    with pytest.raises(S2SError, match="damaged|incomplete"):
        read(store)


def test_metadata_of_very_many_bytes(store, monkeypatch):
    monkeypatch.setattr(zarr_store, "MAX_JSON", 100)
    with pytest.raises(S2SError, match="damaged at"):
        read(store)


def test_consolidated_metadata_are_not_believed(store3):
    path = store3 / TABLE / "zarr.json"
    found = json.loads(path.read_text())
    whole = json.loads(metadata(store3, "X/data").read_text())
    false = {"X/data": whole | {"shape": [2**40]}, "obs": whole}
    found["consolidated_metadata"] = {"kind": "inline", "must_understand": False, "metadata": false}
    path.write_text(json.dumps(found))
    assert np.array_equal(read(store3).counts.toarray(), mz.made_table().X.toarray())


# --- codecs ---------------------------------------------------------------------------------------


class Evil:
    """Makes a folder where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).mkdir, (self.path,))


@pytest.mark.parametrize("codec", ["pickle", "json2", "msgpack2"])
def test_python_objects_are_never_opened(tmp_path, store2, codec):
    declare(store2, "obs/_index", filters=[{"id": codec}], compressor=None)
    (store2 / TABLE / "obs/_index/0").write_bytes(pickle.dumps(Evil(tmp_path / "opened")))
    with pytest.raises(S2SError, match="keeps obs/_index in a way that is not read"):
        read(store2)
    assert not (tmp_path / "opened").exists()


def test_what_is_not_needed_is_not_opened_either(tmp_path, store2):
    group = zarr.open_group(store2 / TABLE, mode="a", zarr_format=2, use_consolidated=False)
    for place in ("uns/strange", "obsp/strange", "varm/strange"):
        group.create_array(place, data=np.arange(3))
        declare(store2, place, dtype="|O", filters=[{"id": "pickle"}], compressor=None)
        (store2 / TABLE / place / "0").write_bytes(pickle.dumps(Evil(tmp_path / "opened")))
    assert "strange" not in read(store2).uns
    assert not (tmp_path / "opened").exists()


def test_packers_that_are_not_known(store):
    path = metadata(store, "X/data")
    if path.name == "zarr.json":
        codecs = [{"name": "bytes", "configuration": {"endian": "little"}}]
        for more in ([{"name": "sharding_indexed"}], [{"name": "zstd"}] * 2, [{"name": "made_up"}]):
            declare(store, "X/data", codecs=codecs + more)
            with pytest.raises(S2SError, match="keeps X/data in a way that is not read"):
                read(store)
    else:
        declare(store, "X/data", compressor={"id": "made_up"})
        with pytest.raises(S2SError, match=r"not read here \(made_up\).*write_zarr"):
            read(store)


@pytest.mark.parametrize("packer", ["blosc", "zstd", "gzip", "zlib", "lz4"])
def test_every_packer_is_read(store2, packer):
    counts = mz.made_table().X
    repack(store2, "X/data", counts.data, packer)
    repack(store2, "obs/_index", np.array([f"spot {i}" for i in range(120)], object), packer)
    section = read(store2)
    assert np.array_equal(section.counts.toarray(), counts.toarray())
    assert section.spot_ids[7] == "spot 7"


@pytest.mark.filterwarnings("ignore:Numcodecs codecs are not")
@pytest.mark.parametrize("packer", ["blosc", "gzip", "zstd", "numcodecs.zlib", "numcodecs.lz4"])
def test_every_packer_of_zarr_3_is_read(store3, packer):
    table = mz.made_table()
    dense, words = table.X.toarray(), np.array([f"spot {i}" for i in range(120)])
    codec = zarr.registry.get_codec_class(packer)()
    group = zarr.open_group(store3 / TABLE, mode="a", use_consolidated=False)
    for place, values in (("X", dense), ("obs/_index", words)):
        kind = group["var/_index" if place != "X" else "obsm/spatial"].attrs.asdict()
        array = group.create_array(
            place,
            shape=values.shape,
            chunks=[50] + [4] * (values.ndim - 1),
            compressors=codec,
            dtype="string" if place != "X" else "f4",
            overwrite=True,
            filters=[zarr.codecs.TransposeCodec(order=(1, 0))] if place == "X" else None,
        )
        array[...] = values
        array.attrs.update(kind)
    section = read(store3)
    assert np.array_equal(section.counts.toarray(), dense)
    assert section.spot_ids[7] == "spot 7"


BOMB = bytes(2**24)
PACKED = {
    "blosc": lambda: numcodecs.Blosc().encode(BOMB),
    "zstd": lambda: numcodecs.Zstd().encode(BOMB),
    "gzip": lambda: gzip.compress(BOMB),
    "zlib": lambda: zlib.compress(BOMB),
    "lz4": lambda: numcodecs.LZ4().encode(BOMB),
}


@pytest.mark.parametrize("packer", PACKED)
@pytest.mark.parametrize("place", ["X/data", "obs/_index"])
def test_chunks_that_unpack_to_more_than_is_declared(store2, packer, place, monkeypatch):
    monkeypatch.setattr(zarr_array, "max_unpacked", lambda _: 2**20)
    words = np.array([f"spot {i}" for i in range(120)], object)
    chunk = repack(store2, place, mz.made_table().X.data if place == "X/data" else words, packer)
    bomb = PACKED[packer]()
    chunk.write_bytes(bomb)
    decoded, unpacked = zarr_array._decoded, []
    monkeypatch.setattr(
        zarr_array, "_decoded", lambda how, data: unpacked.append(data) or decoded(how, data)
    )
    with pytest.raises(S2SError, match=f"holds more at {place}/0 than it declares"):
        read(store2)
    assert bomb not in unpacked


def test_chunks_of_more_words_than_there_are_spots(store2):
    words = np.array([f"spot {i}" for i in range(120)], object)
    chunk = repack(store2, "obs/_index", words, "zstd")
    data = numcodecs.VLenUTF8().encode(words)
    chunk.write_bytes(numcodecs.Zstd().encode(struct.pack("<I", 2**31) + bytes(data[4:])))
    with pytest.raises(S2SError, match="holds more at obs/_index/0 than it declares"):
        read(store2)


def test_a_blosc_chunk_that_was_cut_off(store2):
    chunk = repack(store2, "X/data", mz.made_table().X.data, "blosc")
    chunk.write_bytes(chunk.read_bytes()[:-9])
    with pytest.raises(S2SError, match="damaged at X/data/0"):
        read(store2)


# --- stores that are not whole --------------------------------------------------------------------


def chunks_of(store, place):
    folder = store / TABLE / place
    return [p for p in folder.rglob("*") if p.is_file() and not p.name.startswith((".z", "zarr"))]


@pytest.mark.parametrize("place", ["X/data", "X/indices", "X/indptr", "obsm/spatial"])
def test_a_store_that_was_copied_in_part(store, place):
    for chunk in chunks_of(store, place):
        chunk.unlink()
    with pytest.raises(S2SError, match=f"is incomplete: of /{place} 0 of 1 chunks"):
        read(store)


def test_a_chunk_that_is_not_there_is_zero_in_a_dense_table(tmp_path):
    table = mz.made_table("square")
    table.X = np.where(np.arange(120)[:, None] < 60, 0, table.X.toarray())
    store = mz.spatialdata(tmp_path / "a.zarr", tables={"table": table})
    group = zarr.open_group(store / TABLE, mode="a", use_consolidated=False)
    attributes = dict(group["X"].attrs)
    dense = group.create_array("X", shape=(120, 6), chunks=(30, 6), dtype="f4", overwrite=True)
    dense[...] = table.X
    dense.attrs.update(attributes)
    assert len(chunks_of(store, "X")) == 2
    assert np.array_equal(read(store).counts.toarray(), table.X)


def test_links_are_refused(store, tmp_path):
    chunk = chunks_of(store, "X/data")[0]
    chunk.rename(tmp_path / "secret")
    chunk.symlink_to(tmp_path / "secret")
    with pytest.raises(S2SError, match="holds 1 links, which are not followed"):
        read(store)
    chunk.unlink()
    (tmp_path / "secret").rename(chunk)
    folder = store / TABLE / "X"
    folder.rename(store / TABLE / "elsewhere")
    folder.symlink_to(store / TABLE / "elsewhere")
    with pytest.raises(S2SError, match="holds 1 links, which are not followed"):
        read(store)


def test_pictures_of_a_store_may_be_very_many_files(store, monkeypatch):
    monkeypatch.setattr(preflight, "MAX_FILES", sum(1 for _ in store.rglob("*")))
    for i in range(100):
        (store / "images" / "photograph" / f"{i}").write_bytes(b"")
    assert read(store).n_positions == 120
