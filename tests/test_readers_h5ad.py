"""AnnData files as scanpy, squidpy and spatialdata-io write them."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_files as made
from tests.made_files import made_anndata, write_h5ad

pytestmark = pytest.mark.slow


def notes(section) -> str:
    return " ".join(section.notes)


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("dense", [True, False])
def test_h5ad_keeps_every_spot_gene_and_place(tmp_path, kind, dense):
    adata = made_anndata(kind, row0=3, col0=4)
    adata.uns["tissue"] = "made"
    counts = adata.X.toarray()
    if dense:
        adata.X = counts
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.grid.kind == kind
    assert section.spot_ids.tolist() == adata.obs_names.tolist()
    assert section.genes.tolist() == adata.var_names.tolist()
    assert np.array_equal(section.counts.toarray(), counts)
    assert np.array_equal(section.xy, adata.obsm["spatial"])
    assert section.array_index[0].tolist() == adata.obs["array_row"].tolist()
    assert section.array_index[1].tolist() == adata.obs["array_col"].tolist()
    assert section.uns["tissue"] == "made"
    assert not section.is_log


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y"),
        ("X", "Y"),
        ("x_centroid", "y_centroid"),
        ("pxl_col_in_fullres", "pxl_row_in_fullres"),
    ],
)
def test_h5ad_coordinates_from_obs(tmp_path, names):
    adata = made_anndata()
    xy = adata.obsm.pop("spatial")
    adata.obs = pd.DataFrame({names[0]: xy[:, 0], names[1]: xy[:, 1]}, index=adata.obs_names)
    assert np.array_equal(read(write_h5ad(adata, tmp_path / "section.h5ad")).xy, xy)


def test_h5ad_with_other_names_of_places(tmp_path):
    adata = made_anndata("hex")
    adata.obsm["X_spatial"] = adata.obsm.pop("spatial")
    adata.obs.columns = ["row", "col"]
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.grid.kind == "hex"
    assert np.array_equal(section.xy, adata.obsm["X_spatial"])


def test_h5ad_lattice_positions_alone_are_enough(tmp_path):
    adata = made_anndata("hex")
    del adata.obsm["spatial"]
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.grid.kind == "hex"
    assert len(np.unique(section.xy, axis=0)) == 120


def test_h5ad_spots_outside_the_tissue_are_left_out(tmp_path):
    adata = made_anndata()
    adata.obs["in_tissue"] = (adata.obs["array_row"] > 1).astype(int)
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.n_positions == 96
    assert any("24 spots outside the tissue" in note for note in section.notes)
    adata.obs["in_tissue"] = 0
    with pytest.raises(S2SError, match="No spot is inside the tissue"):
        read(write_h5ad(adata, tmp_path / "section.h5ad"))


def test_h5ad_counts_layer_is_taken_where_x_is_normalised(tmp_path):
    adata = made_anndata()
    counts = adata.X.toarray()
    adata.layers["counts"] = adata.X.copy()
    adata.X = np.log1p(counts / 5)
    adata.uns["log1p"] = {}
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert np.array_equal(section.counts.toarray(), counts)
    assert not section.is_log
    assert any("layers['counts']" in note for note in section.notes)
    as_it_is = read(write_h5ad(adata, tmp_path / "section.h5ad"), scale="log")
    assert as_it_is.is_log
    assert as_it_is.counts.toarray() == pytest.approx(np.log1p(counts / 5))
    adata.X = counts - counts.mean(0)
    assert np.array_equal(
        read(write_h5ad(adata, tmp_path / "section.h5ad")).counts.toarray(), counts
    )


def test_h5ad_counts_stay_counts_beside_a_layer(tmp_path):
    adata = made_anndata()
    adata.layers["counts"] = adata.X * 2
    assert read(write_h5ad(adata, tmp_path / "section.h5ad")).counts.sum() == adata.X.sum()


def test_h5ad_log_normalised_without_counts_is_recognised(tmp_path):
    adata = made_anndata()
    adata.X = adata.X.log1p()
    assert read(write_h5ad(adata, tmp_path / "section.h5ad")).is_log


def test_h5ad_bins_are_told_by_uns(tmp_path):
    adata = made_anndata()[np.arange(120) != 45].copy()
    assert (read(write_h5ad(adata, tmp_path / "section.h5ad")).origin == "gap").sum() == 1
    adata.uns["bin_size_um"] = 30.0
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.grid.kind == "bins"
    assert section.n_positions == 119
    section = read(tmp_path / "section.h5ad", absent="zeros")
    assert (section.origin == "empty bin").sum() == 1
    assert section.measured.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -4.0, 1e9])
def test_unmeasured_rows_may_hold_anything(tmp_path, bad):
    adata = made_anndata("hex")
    measured = np.arange(120) % 3 == 0
    adata.obs["seen"] = measured
    clean = read(write_h5ad(adata, tmp_path / "section.h5ad"), measured="seen")
    spoiled = adata.X.toarray()
    spoiled[~measured] = bad
    adata.X = spoiled
    adata.obsm["spatial"][~measured] = np.nan
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"), measured="seen")
    assert section.measured.sum() == 40
    assert not section.hidden.any()
    assert (section.counts != clean.counts).nnz == 0
    assert section.xy == pytest.approx(clean.xy, abs=1e-6)


def test_a_bin_size_makes_points_of_a_lattice(tmp_path):
    section = read(write_h5ad(made_anndata(), tmp_path / "section.h5ad"), bin_size=200.0)
    assert section.grid.kind == "bins"
    assert section.grid.pitch == 200.0


def test_genes_are_chosen_without_changing_totals(tmp_path):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    some = read(path, genes=["Gene2"])
    assert some.genes.tolist() == ["Gene2"]
    assert np.array_equal(some.spot_totals, read(path).spot_totals)
    assert read(path, genes="Gene2").genes.tolist() == ["Gene2"]
    with pytest.raises(S2SError, match="did you mean Gene2"):
        read(path, genes=["GENE2"])


def test_reading_leaves_the_file_as_it_is_and_notes_which_it_was(tmp_path):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    before = path.read_bytes()
    section = read(path)
    assert path.read_bytes() == before
    digest = hashlib.sha256(before).hexdigest()
    options = {
        "technology": "auto",
        "kind": "auto",
        "absent": "auto",
        "scale": "auto",
        "totals": "auto",
    }
    origin = {"file": "section.h5ad", "sha256": digest, "options": options}
    assert section.uns["s2s_input"] == origin


# --- counts in raw, symbols, categories


def test_h5ad_counts_in_raw(tmp_path):
    adata = made.made_anndata()
    raw = adata.copy()
    adata.raw = raw
    adata = adata[:, :3].copy()
    adata.X = adata.X.log1p()
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert np.array_equal(section.counts.toarray(), raw.X.toarray())
    assert len(section.genes) == 6
    assert "taken from raw (6 genes)" in notes(section)
    # Where raw is on a log scale too it is no better than X.
    adata.raw = None
    raw.X = raw.X.log1p()
    adata.raw = raw
    section = read(made.write_h5ad(adata, tmp_path / "b.h5ad"))
    assert section.is_log
    assert len(section.genes) == 3


def test_h5ad_symbols_take_the_place_of_ensembl_identifiers(tmp_path):
    adata = made.made_anndata()
    adata.var["feature_name"] = pd.Categorical(["MBP", "SNAP25", "MBP", "", "GFAP", "PLP1"])
    adata.var_names = [f"ENSMUSG{i:011d}" for i in range(6)]
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    assert section.genes.tolist() == [
        "MBP",
        "SNAP25",
        "MBP-1",
        "ENSMUSG00000000003",
        "GFAP",
        "PLP1",
    ]
    assert section.var["gene_ids"].tolist() == adata.var_names.tolist()
    assert "Genes are named by var['feature_name']" in notes(section)


def test_h5ad_with_columns_of_categories(tmp_path):
    adata = made.made_anndata()
    adata.obs["region"] = pd.Categorical(np.where(np.arange(120) < 50, "tumour", "stroma"))
    adata.obs["in_tissue"] = pd.Categorical(["1"] * 119 + ["0"])
    section = read(made.write_h5ad(adata, tmp_path / "a.h5ad"))
    spots = section.origin == "spot"
    assert spots.sum() == 119
    assert section.obs["region"][spots].tolist() == adata.obs["region"][:119].tolist()
