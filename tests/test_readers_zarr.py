"""SpatialData and AnnData stores: Zarr 2 and 3, folders and zips, places from shapes."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import READERS, read
from s2s_core.readers.source import open_source
from s2s_core.readers.subprocess_reader import read_in_subprocess
from tests import made_files as made
from tests import made_zarr as mz

pytestmark = pytest.mark.slow


def notes(section) -> str:
    return " ".join(section.notes)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("form", ["folder", "zip", "zip without a top folder", "tables only"])
def test_a_store_is_read_in_every_form(tmp_path, version, form):
    adata = mz.made_table()
    store = mz.spatialdata(tmp_path / "section.zarr", version=version)
    path = store
    if form == "zip":
        path = made.zipped(store)
    elif form == "zip without a top folder":
        path = shutil.make_archive(str(tmp_path / "bare"), "zip", store)
    elif form == "tables only":
        path = shutil.make_archive(str(tmp_path / "part"), "zip", tmp_path, "section.zarr/tables")
    section = read(path)
    assert section.grid.kind == "hex"
    assert section.spot_ids.tolist() == adata.obs_names.tolist()
    assert section.genes.tolist() == adata.var_names.tolist()
    assert np.array_equal(section.counts.toarray(), adata.X.toarray())
    assert np.array_equal(section.xy, adata.obsm["spatial"])
    assert section.array_index[1].tolist() == adata.obs["array_col"].tolist()
    assert section.obs["region"].tolist() == ["spots"] * 120


@pytest.mark.parametrize("version", [2, 3])
def test_a_store_and_an_h5ad_of_one_anndata_make_the_same_section(tmp_path, version):
    adata = made.made_anndata()
    adata.layers["counts"] = adata.X.copy()
    adata.X = adata.X.log1p().toarray()
    adata.var["gene_name"] = pd.Categorical(["MBP", "SNAP25", "MBP", "", "GFAP", "PLP1"])
    adata.var_names = [f"ENSMUSG{i:011d}" for i in range(6)]
    adata.obs["in_tissue"] = (adata.obs["array_row"] > 1).astype(int)
    adata.obs["label"] = pd.Categorical(["a", "b"] * 60)
    adata.obs["note"] = pd.array(["x", None] * 60, dtype="string")
    adata.uns |= {"log1p": {}, "tissue": "made", "number": 3.5}
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    adata.uns["spatial"] = {"lib": {"images": {"hires": pixels}, "scalefactors": {"s": 0.5}}}
    section = read(mz.write_zarr(adata, tmp_path / "a.zarr", version))
    same = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert (section.counts != same.counts).nnz == 0
    pd.testing.assert_frame_equal(section.obs, same.obs)
    pd.testing.assert_frame_equal(section.var, same.var)
    assert np.array_equal(section.xy, same.xy)
    assert section.notes == same.notes
    image = section.uns["spatial"]["lib"]["images"]["hires"]
    assert np.array_equal(image, pixels)
    for uns in (section.uns, same.uns):
        del uns["spatial"], uns["s2s_input"]
    assert section.uns == same.uns == {"tissue": "made", "number": 3.5}


def test_counts_in_raw_of_a_store(tmp_path):
    adata = made.made_anndata()
    adata.raw = adata.copy()
    adata = adata[:, :3].copy()
    adata.X = adata.X.log1p()
    section = read(mz.write_zarr(adata, tmp_path / "a.zarr"))
    assert len(section.genes) == 6
    assert "taken from raw (6 genes)" in notes(section)


def test_a_store_read_apart_is_the_same(tmp_path):
    path = made.zipped(mz.spatialdata(tmp_path / "section.zarr"))
    section = read_in_subprocess(path)
    assert (section.counts != read(path).counts).nnz == 0
    assert section.uns["s2s_input"]["file"] == "section.zarr.zip"


def test_stores_are_known_by_content_and_by_name(tmp_path):
    store = mz.spatialdata(tmp_path / "anything")
    with open_source(store) as source:
        assert [n for n, r in READERS.items() if r.sniff(source)] == ["spatialdata"]
    assert read(store, technology="spatialdata").n_positions == 120
    with pytest.raises(S2SError, match="cannot be read as AnnData"):
        read(store, technology="h5ad")
    run = made.space_ranger(tmp_path / "run")
    shutil.copytree(store, run / "outs" / "section.zarr")
    assert read(run).uns["spatial"]


def test_an_older_store_keeps_its_table_in_the_folder_table(tmp_path):
    assert read(mz.spatialdata(tmp_path / "a.zarr", version=2, folder="table")).n_positions == 120


# --- places from shapes ---------------------------------------------------------------------------


def xy_of(table):
    return made.made_anndata("hex").obsm["spatial"][: table.n_obs]


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("shape", ["circles", "big-endian", "polygons", "mixed"])
def test_places_come_from_the_shapes_of_the_region(tmp_path, version, shape):
    table = mz.made_table(spatial=False)
    xy = xy_of(table)
    blobs = {
        "circles": [mz.point(x, y) for x, y in xy],
        "big-endian": [mz.point(x, y, ">") for x, y in xy],
        "polygons": [mz.polygon(mz.square(x, y)) for x, y in xy],
        "mixed": [
            mz.polygon(mz.square(x, y), z=4.0) if i % 2 else mz.point(x, y)
            for i, (x, y) in enumerate(xy)
        ],
    }[shape]
    other = [mz.point(0, i) for i in range(120)]
    store = mz.spatialdata(
        tmp_path / "a.zarr",
        version=version,
        tables={"table": table},
        shapes={"spots": blobs, "other": other},
    )
    section = read(store)
    assert section.grid.kind == "hex"
    order = section.spot_ids.get_indexer(table.obs_names)
    assert section.xy[order] == pytest.approx(xy, abs=1e-9)
    assert np.array_equal(section.counts.toarray()[order], table.X.toarray())
    assert "centroids of the shapes 'spots'" in notes(section)


def test_centroids_weigh_holes_and_parts_by_their_area(tmp_path):
    from s2s_core.readers.shapes import centroids

    hole = mz.polygon(mz.square(5, 5, 5), mz.square(2, 2, 1))
    parts = mz.multi_polygon(
        mz.polygon([(0, 0), (1, 0), (0, 1)]), mz.polygon([(5, 5), (5, 9), (9, 9)], order=">")
    )
    far = mz.polygon([(1e6, 1e6), (1e6 + 1, 1e6), (1e6, 1e6 + 1)])
    line = mz.polygon([(0, 0), (2, 2), (1, 1)])
    mz.write_shapes(tmp_path / "s.parquet", [hole, parts, far, line])
    with open_source(tmp_path / "s.parquet") as source:
        found = centroids(source, "s.parquet").loc[["1", "2", "3", "4"]].to_numpy()
    # As GEOS computes them.
    wanted = [(5.125, 5.125), (5.980392156862745, 7.235294117647059), (1e6 + 1 / 3, 1e6 + 1 / 3)]
    assert found[:3] == pytest.approx(np.array(wanted), abs=1e-9)
    assert np.isfinite(found[3]).all()


def test_coordinates_of_the_table_come_before_shapes(tmp_path):
    other = [mz.point(0, i) for i in range(120)]
    section = read(mz.spatialdata(tmp_path / "a.zarr", shapes={"spots": other}))
    assert np.array_equal(section.xy, mz.made_table().obsm["spatial"])


def test_spots_without_a_shape_are_left_out(tmp_path):
    table = mz.made_table(spatial=False)
    blobs = [mz.point(x, y) for x, y in xy_of(table)][:110]
    store = mz.spatialdata(tmp_path / "a.zarr", tables={"t": table}, shapes={"spots": blobs})
    section = read(store)
    assert (section.origin == "spot").sum() == 110
    assert "10 spots without a shape were left out" in notes(section)
    table.obs["spot_id"] += 1000
    store = mz.spatialdata(tmp_path / "b.zarr", tables={"t": table}, shapes={"spots": blobs})
    with pytest.raises(S2SError, match=r"No spot .* is among the shapes 'spots' \('1001' against"):
        read(store)


def test_a_region_that_is_no_shape_gets_directions(tmp_path):
    table = mz.made_table(spatial=False, region="cell_labels")
    store = mz.spatialdata(tmp_path / "a.zarr", tables={"table": table})
    with pytest.raises(S2SError, match=r"get_centroids\(sdata\['cell_labels'\]\)"):
        read(store)
    shapes = {"cell_labels": [b"\1\2\0\0\0" + bytes(16)] * 120}
    store = mz.spatialdata(tmp_path / "b.zarr", tables={"table": table}, shapes=shapes)
    with pytest.raises(S2SError, match="no GeoParquet table of circles or polygons"):
        read(store)


# --- which table ----------------------------------------------------------------------------------


def test_several_tables_are_named(tmp_path):
    tables = {"first": mz.made_table(), "second": mz.made_table("square")}
    store = mz.spatialdata(tmp_path / "a.zarr", tables=tables)
    with pytest.raises(S2SError, match=r"holds 2 tables \(tables/first, tables/second\)"):
        read(store)
    assert read(store / "tables" / "second").grid.kind == "square"
    tables["second"].uns["s2s"] = {"method": "linear"}
    section = read(mz.spatialdata(tmp_path / "results.zarr", tables=tables))
    assert section.grid.kind == "hex"
    assert "Of 2 tables tables/first was read" in notes(section)
    tables["second"].X = None
    store = mz.spatialdata(tmp_path / "b.zarr", tables=tables)
    assert read(store).grid.kind == "hex"


def test_several_regions_of_one_table_are_named(tmp_path):
    table = mz.made_table()
    table.obs["region"] = pd.Categorical(["left", "right"] * 60)
    table.uns["spatialdata_attrs"]["region"] = ["left", "right"]
    store = mz.spatialdata(tmp_path / "a.zarr", tables={"table": table})
    with pytest.raises(S2SError, match=r"annotates 2 regions \('left', 'right'\).*== 'left'"):
        read(store)


def test_a_store_without_a_table_says_so(tmp_path):
    with pytest.raises(S2SError, match="is a Zarr store without a table of counts"):
        read(mz.spatialdata(tmp_path / "a.zarr", tables={}))
    empty = mz.made_table()
    empty.X = None
    with pytest.raises(S2SError, match="no counts"):
        read(mz.spatialdata(tmp_path / "b.zarr", tables={"table": empty}))
    table = made.made_anndata()
    del table.obsm["spatial"]
    table.obs = table.obs[[]]
    with pytest.raises(S2SError, match="has no coordinates"):
        read(mz.write_zarr(table, tmp_path / "c.zarr"))


def test_reading_leaves_a_store_as_it_is(tmp_path):
    store = mz.spatialdata(tmp_path / "a.zarr")
    before = {p: p.read_bytes() for p in store.rglob("*") if p.is_file()}
    read(store)
    assert {p: p.read_bytes() for p in store.rglob("*") if p.is_file()} == before
    assert json.loads((store / "zarr.json").read_text())["zarr_format"] == 3
