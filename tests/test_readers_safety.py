"""Files that declare too much, lead elsewhere or carry more than they show: refused, in a sentence."""

import contextlib
import gzip
import os
import pickle
import shutil

import h5py
import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import preflight, read
from tests import made_cells
from tests import made_files as made


@pytest.fixture
def table(tmp_path):
    made.spots_table().to_csv(tmp_path / "t.csv")
    return tmp_path / "t.csv"


# --- text ---------------------------------------------------------------------------------------


def test_a_gzip_that_unpacks_to_far_more_than_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(preflight, "SMALL_BYTES", 2**20)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(b"spot,x,y,G\n" + b"s,0,0,0\n" * 1_000_000))
    with pytest.raises(S2SError, match="unpacks to far more"):
        read(tmp_path / "t.csv.gz")


def test_a_matrix_market_header_that_declares_too_much(tmp_path):
    folder = made.space_ranger(tmp_path / "run", matrix="mtx")
    path = folder / "outs/filtered_feature_bc_matrix/matrix.mtx.gz"
    text = gzip.decompress(path.read_bytes()).decode().split("\n")
    place = next(i for i, line in enumerate(text) if not line.startswith("%"))
    features, barcodes, entries = text[place].split()
    for line, word in (
        (f"{features} {barcodes} 9999999999", "more entries than it holds"),
        (f"{features} {barcodes} {int(entries) + 1}", "says it has"),
        (f"{features}0 {barcodes} {entries}", "give files of one run"),
    ):
        text[place] = line
        path.write_bytes(gzip.compress("\n".join(text).encode()))
        with pytest.raises(S2SError, match=word):
            read(folder)


@pytest.mark.parametrize("number", ["24892581e3099919288", "1e-99999999999", "1e99999"])
def test_exponents_that_crash_pandas(tmp_path, number):
    for column in ("x", "Gene1"):
        table = made.spots_table().astype(object)
        table.loc["AAAC0007-1", column] = number
        for path in (tmp_path / "t.csv", tmp_path / "t.parquet"):
            if path.suffix == ".csv":
                table.to_csv(path)
            else:
                table.astype(str).to_parquet(path)
            try:
                assert np.isfinite(read(path).counts.data).all()
            except S2SError as error:
                assert "infinite" in str(error) or "missing" in str(error) or number in str(error)
    folder = made.space_ranger(tmp_path / "run", matrix="mtx")
    path = folder / "outs/filtered_feature_bc_matrix/matrix.mtx.gz"
    lines = gzip.decompress(path.read_bytes()).decode().split("\n")
    lines[-2] = " ".join([*lines[-2].split()[:2], number])
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    with pytest.raises(S2SError) if number != "1e-99999999999" else contextlib.nullcontext():
        read(folder)


# --- limits ---------------------------------------------------------------------------------------


def test_limits_are_those_of_the_environment(tmp_path, table, monkeypatch):
    monkeypatch.setenv("S2S_MAX_VALUES", "700")
    with pytest.raises(S2SError, match=r"more than 700 values.*S2S_MAX_VALUES"):
        read(table)
    monkeypatch.delenv("S2S_MAX_VALUES")
    monkeypatch.setenv("S2S_MAX_SPOTS", "119")
    with pytest.raises(S2SError, match=r"120 positions, more than the 119.*S2S_MAX_SPOTS"):
        read(table)
    monkeypatch.delenv("S2S_MAX_SPOTS")
    monkeypatch.setenv("S2S_MAX_UPLOAD_MB", "0.001")
    with pytest.raises(S2SError, match="S2S_MAX_UPLOAD_MB"):
        read(table)
    with pytest.raises(S2SError, match="S2S_MAX_UPLOAD_MB"):
        read(made.zipped(made.pair(tmp_path / "p")))


def test_values_are_counted_as_declared_before_they_are_read(tmp_path, monkeypatch):
    path = made.write_h5ad(made.made_anndata(), tmp_path / "a.h5ad")
    folder = made.space_ranger(tmp_path / "run")
    made.spots_table().to_parquet(tmp_path / "t.parquet")
    monkeypatch.setenv("S2S_MAX_VALUES", "500")
    for given in (path, folder, tmp_path / "t.parquet"):
        with pytest.raises(S2SError, match="more than 500 values"):
            read(given)


@pytest.mark.parametrize("column", ["array_row", "array_col"])
def test_lattice_positions_that_span_the_world(tmp_path, column):
    adata = made.made_anndata()
    adata.obs[column] = adata.obs[column].astype(np.int64)
    adata.obs.iloc[0, adata.obs.columns.get_loc(column)] += 500_000_000
    # Coordinates tell the lattice all the same; without them nothing does.
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert any("do not fit the coordinates" in note for note in section.notes)
    assert section.n_positions == 120
    del adata.obsm["spatial"]
    with pytest.raises(S2SError, match="check array_row and array_col"):
        read(made.write_h5ad(adata, tmp_path / "a.h5ad"))


@pytest.mark.parametrize("far", [1e300, 1e11])
def test_coordinates_that_span_the_world(tmp_path, far):
    counts, names, xy = made_cells.cells_truth()
    xy[0] = far
    table = pd.DataFrame(counts, columns=names).assign(x=xy[:, 0], y=xy[:, 1])
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match=r"further away|choose a larger bin"):
        read(tmp_path / "t.csv")


# --- HDF5 ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["external", "soft"])
def test_links_in_a_10x_file(tmp_path, kind):
    folder = made.space_ranger(tmp_path / "run")
    path = folder / "outs/filtered_feature_bc_matrix.h5"
    with h5py.File(tmp_path / "secret.h5", "w") as other:
        other["x"] = np.arange(5)
    with h5py.File(path, "a") as file:
        file["matrix/extra"] = (
            h5py.ExternalLink(str(tmp_path / "secret.h5"), "/x")
            if kind == "external"
            else h5py.SoftLink("/matrix/data")
        )
    with pytest.raises(S2SError, match="refers to another place at /matrix/extra"):
        read(folder)


def test_data_kept_in_another_file(tmp_path):
    (tmp_path / "raw.bin").write_bytes(bytes(120 * 6 * 4))
    path = made.write_h5ad(made.made_anndata(), tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", (120, 6), "f4", external=[(str(tmp_path / "raw.bin"), 0, 2880)])
    with pytest.raises(S2SError, match="keeps /X in another file"):
        read(path)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["data"] = np.ones((120, 6), "f4")
    layout = h5py.VirtualLayout((120, 6), "f4")
    layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "data", (120, 6))
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_virtual_dataset("X", layout)
    with pytest.raises(S2SError, match="keeps /X in another file"):
        read(path)


def test_a_10x_file_that_declares_far_more_than_it_holds(tmp_path):
    folder = made.space_ranger(tmp_path / "run")
    with h5py.File(folder / "outs/filtered_feature_bc_matrix.h5", "a") as file:
        for key in ("data", "indices"):
            del file["matrix"][key]
            file["matrix"].create_dataset(key, (2**32,), "i4", chunks=(2**16,), compression="gzip")
    with pytest.raises(S2SError, match="holds almost none of it"):
        read(folder)


def test_a_file_that_stops_the_hdf5_library_is_refused(tmp_path, monkeypatch):
    path = made.write_h5ad(made.made_anndata(), tmp_path / "a.h5ad")
    script = tmp_path / "scan.py"
    for text in (
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
        "import time; time.sleep(60)",
    ):
        script.write_text(text)
        monkeypatch.setattr(preflight, "SCAN_SCRIPT", script)
        monkeypatch.setattr(preflight, "PATIENCE", 0.02)
        with pytest.raises(S2SError, match="stops the HDF5 library"):
            read(path)


# --- anything else ---------------------------------------------------------------------------------


def test_pickles_are_never_opened(tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "opened"),))

    for name in ("a.pkl", "a.csv", "a.h5ad"):
        (tmp_path / name).write_bytes(pickle.dumps(Evil()))
        with pytest.raises(S2SError):
            read(tmp_path / name)
    np.save(tmp_path / "a.npy", np.array([Evil()], object), allow_pickle=True)
    with pytest.raises(S2SError):
        read(tmp_path / "a.npy")
    assert not (tmp_path / "opened").exists()


def test_links_out_of_a_folder_are_not_followed(tmp_path, table):
    folder = tmp_path / "section"
    folder.mkdir()
    (folder / "t.csv").symlink_to(table)
    with pytest.raises(S2SError, match="1 links out of it were not followed"):
        read(folder)
    shutil.copy(table, folder / "real.csv")
    (folder / "t.csv").unlink()
    (folder / "t.csv").symlink_to(folder / "real.csv")
    (folder / "real.csv").rename(folder / "real.bin")
    (folder / "t.csv").unlink()
    (folder / "t.csv").symlink_to(folder / "real.bin")
    assert read(folder).n_positions == 120


def test_an_image_that_declares_too_much_is_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr("s2s_core.readers.images.MAX_PIXELS", 1000)
    section = read(made.space_ranger(tmp_path / "run"))
    assert set(section.uns["spatial"]["made_library"]["images"]) == {"lowres"}
    assert any("too large" in note for note in section.notes)


def test_two_files_of_one_name_and_none_at_all(tmp_path, table):
    (tmp_path / "b").mkdir()
    shutil.copy(table, tmp_path / "b" / "t.csv")
    with pytest.raises(S2SError, match="Two of the files"):
        read([table, tmp_path / "b" / "t.csv"])
    with pytest.raises(S2SError, match="No file was given"):
        read([])
    assert read([table]).n_positions == 120
