"""AnnData files of every age and hand: old layouts, R's writers, odd types and compressions."""

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.errors import S2SError
from s2s_core.readers import preflight, read
from tests.annotated_files import notes, put, same
from tests.made_files import made_anndata, write_h5ad

pytestmark = pytest.mark.slow


# --- values


@pytest.mark.parametrize("dtype", ["f2", "f8", "i1", "u2", "i8", "u8"])
@pytest.mark.parametrize("how", ["dense", "csr", "csc"])
def test_counts_of_any_type_and_layout(tmp_path, dtype, how):
    adata = made_anndata()
    counts = np.minimum(adata.X.toarray(), 100)
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    matrix = {"dense": np.asarray, "csr": sparse.csr_matrix, "csc": sparse.csc_matrix}[how](counts)
    with h5py.File(path, "a") as file:
        del file["X"]
        if how == "dense":
            put(file, "X", counts.astype(dtype))
        else:
            group = file.create_group("X")
            group.attrs.update({"h5sparse_format": how, "h5sparse_shape": np.array(counts.shape)})
            put(group, "data", matrix.data.astype(dtype))
            put(group, "indices", matrix.indices)
            put(group, "indptr", matrix.indptr)
    assert same(read(path), adata, counts)


def test_presence_alone_is_counted_as_one(tmp_path):
    adata = made_anndata()
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        put(file, "X", adata.X.toarray() > 0)
    assert same(read(path), adata, (adata.X.toarray() > 0).astype(float))


def test_whole_numbers_are_counts_whatever_uns_says(tmp_path):
    adata = made_anndata()
    adata.uns["log1p"] = {"base": None}
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    section = read(path)
    assert same(section, adata)
    assert not section.is_log
    assert "they are whole numbers: they were taken as counts" in notes(section)
    assert read(path, scale="log").is_log
    adata.X = adata.X.log1p()
    assert read(write_h5ad(adata, tmp_path / "b.h5ad")).is_log


def test_a_layer_called_counts_that_holds_none_is_passed_over(tmp_path):
    adata = made_anndata()
    counts = adata.X.toarray()
    adata.layers["counts"] = adata.X.log1p()
    adata.layers["Raw_Counts"] = adata.X.copy()
    adata.X = adata.X.log1p() * 0.9
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert same(section, adata, counts)
    assert "layers['Raw_Counts']" in notes(section)


def test_scaled_values_give_way_to_raw_on_the_log_scale(tmp_path):
    adata = made_anndata()
    logged = np.log1p(adata.X.toarray() / 3).astype(np.float32)
    adata.X = logged
    adata.raw = adata.copy()
    adata.X = logged - logged.mean(0)
    adata.uns["log1p"] = {}
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert section.is_log
    assert np.allclose(section.counts.toarray(), logged)
    assert "because X is scaled" in notes(section)


def test_layers_alone_as_r_writes_them(tmp_path):
    adata = made_anndata()
    counts = adata.X.copy()
    adata.layers["data"] = adata.X.log1p()
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        del file["X"]
    section = read(path)
    assert section.is_log
    assert "layers['data']" in notes(section)
    adata.layers["counts"] = counts
    path = write_h5ad(adata, tmp_path / "b.h5ad")
    with h5py.File(path, "a") as file:
        del file["X"]
    assert same(read(path), adata, counts.toarray())


def test_a_layer_that_is_not_read_does_not_count(tmp_path, monkeypatch):
    adata = made_anndata()
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        file["layers/logcounts"] = np.ones(200_000)
    monkeypatch.setattr(preflight, "MAX_BYTES", 1_000_000)
    assert same(read(path), adata)
    with h5py.File(path, "a") as file:
        del file["X"]
    with pytest.raises(S2SError, match="GB that are read"):
        read(path)


# --- old files


def records(frame: pd.DataFrame, **codes) -> np.ndarray:
    """A table as anndata before 0.7 kept it."""
    out = np.empty(len(frame), [("index", "S30"), *((c, frame[c].dtype.str) for c in frame)])
    out["index"] = [i.encode() for i in frame.index]
    for column in frame:
        out[column] = frame[column]
    return out


def test_files_of_anndata_before_0_7(tmp_path):
    adata = made_anndata()
    counts = sparse.csr_matrix(adata.X.astype(np.float32))
    obs = adata.obs[["array_row", "array_col"]].assign(region=np.arange(120) % 2)
    with h5py.File(tmp_path / "old.h5ad", "w") as file:
        for key in ("X", "raw.X"):
            group = file.create_group(key)
            group.attrs.update({"h5sparse_format": b"csr", "h5sparse_shape": counts.shape})
            scale = counts if key == "raw.X" else counts.log1p()
            for part in ("data", "indices", "indptr"):
                group[part] = getattr(scale, part)
        file["obs"] = records(obs)
        file["var"] = file["raw.var"] = records(pd.DataFrame(index=adata.var_names))
        obsm = np.empty(120, [("X_pca", "f4", 5), ("X_spatial", "f8", 2)])
        obsm["X_spatial"] = adata.obsm["spatial"]
        file["obsm"] = obsm
        file["uns/region_categories"] = np.array([b"stroma", b"tumour"])
    section = read(tmp_path / "old.h5ad")
    assert same(section, adata, counts.toarray())
    assert section.obs["region"][:2].tolist() == ["stroma", "tumour"]
    assert "taken from raw" in notes(section)


def test_one_column_that_cannot_be_read_costs_only_itself(tmp_path):
    adata = made_anndata()
    adata.obs["region"] = "tumour"
    adata.obs["odd"] = 1.0
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        file["obs/odd"].attrs.update({"encoding-type": "of-tomorrow", "encoding-version": "9.0.0"})
        file["uns"].create_dataset("later", data=1.0)
        file["uns/later"].attrs.update({"encoding-type": "of-tomorrow", "encoding-version": "9"})
    section = read(path)
    assert same(section, adata)
    assert "1 columns of obs ('odd') cannot be read and were left out" in notes(section)
    assert set(section.obs["region"].dropna()) == {"tumour"}


# --- places


@pytest.mark.parametrize(
    "columns", [["imagerow", "imagecol"], ["pxl_row_in_fullres", "pxl_col_in_fullres"]]
)
def test_places_in_a_labelled_table(tmp_path, columns):
    adata = made_anndata()
    xy = adata.obsm["spatial"]
    adata.obsm["spatial"] = pd.DataFrame(xy[:, ::-1], index=adata.obs_names, columns=columns)
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.xy, xy)


def test_places_in_a_table_of_other_names(tmp_path):
    adata = made_anndata()
    xy = adata.obsm["spatial"]
    adata.obsm["spatial"] = pd.DataFrame(xy, index=adata.obs_names, columns=["first", "second"])
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.xy, xy)
    assert "['first', 'second'] of the table obsm['spatial'] were taken as x and y" in notes(
        section
    )


@pytest.mark.parametrize("key", ["coordinates", "X_xy", "cell_centroids", "Location"])
def test_places_under_other_names(tmp_path, key):
    adata = made_anndata()
    xy = adata.obsm.pop("spatial")
    adata.obs = adata.obs[[]]
    adata.obsm["X_spatial_pca"] = xy * 0
    adata.obsm[key] = xy
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.xy, xy)
    assert f"Coordinates were taken from obsm[{key!r}]" in notes(section)


def test_a_third_coordinate_is_kept(tmp_path):
    adata = made_anndata()
    xy = adata.obsm["spatial"]
    adata.obsm["spatial"] = np.column_stack([xy, np.arange(120.0)])
    section = read(write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.xy, xy)
    assert section.obs["z"].tolist() == list(range(120))


def test_h5ad_without_places_and_a_table_of_them(tmp_path):
    adata = made_anndata("hex")
    xy = adata.obsm.pop("spatial")
    adata.obs = pd.DataFrame({"region": ["a", "b"] * 60}, index=adata.obs_names)
    table = pd.DataFrame({"imagerow": xy[:, 1], "imagecol": xy[:, 0]}, index=adata.obs_names)
    table.iloc[::-1].iloc[5:].to_csv(tmp_path / "coordinates.csv")
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    section = read([path, tmp_path / "coordinates.csv"])
    spots = section.origin == "spot"
    assert section.spot_ids[spots].tolist() == adata.obs_names[:115].tolist()
    assert np.array_equal(section.xy[spots], xy[:115])
    assert section.obs["region"][spots].tolist() == ["a", "b"] * 57 + ["a"]
    assert "Coordinates were taken from 'coordinates.csv'" in notes(section)
    assert "5 spots without a position were left out" in notes(section)
    table.set_axis([f"other{i}" for i in range(120)]).to_csv(tmp_path / "coordinates.csv")
    with pytest.raises(S2SError, match=r"'coordinates\.csv'.* against 'other0'"):
        read([path, tmp_path / "coordinates.csv"])
