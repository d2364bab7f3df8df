"""Rules of AnnData, Space Ranger, GEF, Loom and beads, one statement each."""

import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core import read
from s2s_core.errors import S2SError
from s2s_core.readers import foreign, libraries, loom
from s2s_core.readers.annotated_parts import is_place, with_old_categories
from s2s_core.readers.features import Matrix, join_genomes
from s2s_core.readers.source import Source
from tests import made_cells, made_kinds
from tests import made_files as made
from tests.made_files import made_anndata, write_h5ad


def notes(section) -> str:
    return " ".join(section.notes)


def reading(adata, tmp_path, **more):
    return read(write_h5ad(adata, tmp_path / "a.h5ad"), **more)


# --- values


def test_counts_of_raw_are_counts_whatever_uns_says_of_x(tmp_path):
    adata = made_anndata()
    adata.raw = adata.copy()
    adata.X = adata.X.log1p()
    adata.uns["log1p"] = {"base": None}
    section = reading(adata, tmp_path)
    assert not section.is_log and "log1p" not in section.uns
    assert np.array_equal(section.counts.toarray(), adata.raw.X.toarray())


def test_whole_numbers_are_on_the_log_scale_where_the_user_says_so(tmp_path):
    adata = made_anndata()
    adata.uns["log1p"] = {"base": None}
    section = reading(adata, tmp_path, scale="log")
    assert section.is_log
    assert "they were taken as counts" not in notes(section)


def test_scaled_values_of_raw_are_no_better_than_those_of_x(tmp_path):
    adata = made_anndata()
    adata.X = adata.X.toarray() - 5.5
    adata.raw = adata.copy()
    adata = adata[:, :3].copy()
    with pytest.raises(S2SError, match="negative"):
        reading(adata, tmp_path)
    # On the log scale those of raw are.
    whole = made_anndata()
    whole.X = whole.X.log1p()
    whole.raw = whole.copy()
    whole.X = whole.X.toarray() - 0.5
    assert "because X is scaled" in notes(reading(whole, tmp_path))


def test_unmeasured_rows_do_not_decide_what_a_matrix_holds(tmp_path):
    adata = made_anndata()
    adata.obs["seen"] = np.arange(120) >= 10
    adata.uns["log1p"] = {"base": None}
    values = adata.X.toarray()
    values[:10] = 0.25
    adata.X = values
    section = reading(adata, tmp_path, measured="seen")
    assert not section.is_log
    assert "whole numbers" in notes(section)


# --- places


def test_of_more_columns_than_two_the_first_two_are_places(tmp_path):
    adata = made_anndata()
    xy = adata.obsm["spatial"]
    level = np.full((120, 1), 4.0)
    adata.obsm["spatial"] = np.hstack([xy, level])
    section = reading(adata, tmp_path)
    assert np.array_equal(section.xy, xy)
    # A level that is the same everywhere says nothing.
    assert "z" not in section.obs
    adata.obsm["spatial"] = np.hstack([xy, level, 2 * level])
    assert np.array_equal(reading(adata, tmp_path).xy, xy)


def test_a_column_z_of_the_file_is_kept(tmp_path):
    adata = made_anndata()
    adata.obs["z"] = "mine"
    adata.obsm["spatial"] = np.column_stack([adata.obsm["spatial"], np.arange(120.0)])
    assert set(reading(adata, tmp_path).obs["z"]) == {"mine"}


def test_obsm_comes_before_columns_of_obs(tmp_path):
    adata = made_anndata()
    adata.obs = adata.obs.assign(x=adata.obsm["spatial"][:, 1] + 7, y=3.0)
    assert np.array_equal(reading(adata, tmp_path).xy, adata.obsm["spatial"])


def test_an_embedding_is_no_place():
    assert is_place("X_spatial") and is_place("global")
    assert not is_place("spatial_pca") and not is_place("X_umap_coords")


def test_a_table_of_places_gives_each_spot_its_own(tmp_path):
    adata = made_anndata("hex")
    xy = adata.obsm.pop("spatial")
    adata.obs = adata.obs[[]]
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    table = pd.DataFrame({"x": xy[:, 0], "y": xy[:, 1]}, index=adata.obs_names)
    table.iloc[7:].sample(frac=1, random_state=0).to_csv(tmp_path / "one.csv")
    section = read([path, tmp_path / "one.csv"], absent="background")
    order = adata.obs_names.get_indexer(section.spot_ids)
    assert sorted(order) == list(range(7, 120))
    assert np.array_equal(section.counts.toarray(), adata.X.toarray()[order])
    assert np.array_equal(section.xy, xy[order])
    assert "7 spots without a position were left out" in notes(section)
    table.to_csv(tmp_path / "two.csv")
    with pytest.raises(S2SError, match="2 tables hold places"):
        read([path, tmp_path / "one.csv", tmp_path / "two.csv"])


# --- names


def test_one_name_like_an_identifier_renames_no_gene(tmp_path):
    adata = made_anndata()
    adata.var["gene_symbol"] = [f"S{i}" for i in range(6)]
    adata.var_names = ["ENSG00000000001", *adata.var_names[1:]]
    assert reading(adata, tmp_path).genes.tolist() == adata.var_names.tolist()


def test_genes_without_a_symbol_keep_their_identifier(tmp_path):
    adata = made_anndata()
    adata.var["gene_symbol"] = ["A", "nan", "None", " ", "B", "C"]
    adata.var_names = ids = [f"ENSG{i:011d}" for i in range(6)]
    assert reading(adata, tmp_path).genes.tolist() == ["A", *ids[1:4], "B", "C"]


def test_old_codes_become_words_only_where_every_code_has_one():
    table = pd.DataFrame({"kind": [0, 1, -1]})
    words = {"kind_categories": np.array(["a", "b"], object)}
    assert with_old_categories(table, words)["kind"].tolist()[:2] == ["a", "b"]
    table = pd.DataFrame({"kind": [0, 2, 1]})
    assert with_old_categories(table, words)["kind"].tolist() == [0, 2, 1]


# --- Space Ranger


def test_blanks_about_barcodes_are_no_part_of_them(tmp_path):
    made.space_ranger(tmp_path / "run")
    path = tmp_path / "run/outs/spatial/tissue_positions.csv"
    table = pd.read_csv(path)
    table.assign(barcode=table["barcode"] + " ").to_csv(path, index=False)
    section = read(tmp_path / "run")
    assert section.n_known == int(table["in_tissue"].sum())
    assert not section.spot_ids.str.endswith(" ").any()
    assert "written differently" not in notes(section)


def aggregated(tmp_path, text: str, **columns):
    (tmp_path / "aggregation.csv").write_text(text)
    (tmp_path / "m.h5").write_bytes(b"x")
    places = pd.DataFrame({"in_tissue": 1, **columns}, index=["ACGTACGT-1", "ACGTACGT-2"])
    matrix = Matrix(None, places.index, None, (), {})
    files = {name: tmp_path / name for name in ("m.h5", "aggregation.csv")}
    return libraries.with_library(Source("run", files), "m.h5", matrix, places)


@pytest.mark.parametrize(
    "text",
    [
        "library_id,molecule_h5\nLiver,/a.h5\nLung,/b.h5\n",
        "molecule_h5;sample_id\na,1.h5;Liver\nb,2.h5;Lung\n",
    ],
)
def test_libraries_are_named_in_their_order_whatever_separates_the_columns(tmp_path, text):
    places, said = aggregated(tmp_path, text)
    assert places["library_id"].tolist() == ["Liver", "Lung"]
    assert "(-1: Liver, -2: Lung)" in said[0]


def test_a_column_that_names_sections_gets_no_rival(tmp_path):
    places, said = aggregated(tmp_path, "library_id\nLiver\nLung\n", sample_id=["a", "b"])
    assert "library_id" not in places and said == ()


def test_barcodes_of_one_genome_alone_are_told():
    def part(n, gene):
        names = pd.DataFrame({"gene_ids": [gene]}, index=[gene])
        return Matrix(
            sparse.csr_matrix(np.ones((n, 1))), pd.Index([f"B{i}" for i in range(n)]), names, (), {}
        )

    joined = join_genomes({"human": part(5, "A"), "mouse": part(3, "b")})
    assert joined.values.toarray().tolist() == [[1, 1]] * 3 + [[1, 0]] * 2
    assert any("Up to 2 barcodes" in note for note in joined.notes)


# --- other files


def test_hdf5_is_told_by_all_of_its_names(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["assays/x"] = 1
    assert foreign._of_hdf5(Source("a.h5", {"a.h5": tmp_path / "a.h5"}), "a.h5") is None
    with h5py.File(tmp_path / "a.h5", "a") as file:
        file["cell.names"] = 1
    assert "Seurat" in foreign._of_hdf5(Source("a.h5", {"a.h5": tmp_path / "a.h5"}), "a.h5").what


def test_an_empty_file_is_not_told_by_its_name(tmp_path):
    path = tmp_path / "a.rds"
    for data, told in ((b"", False), (b"x", True)):
        path.write_bytes(data)
        found = foreign._by_name(Source("a.rds", {"a.rds": path}), "a.rds")
        assert (found is not None) is told


def test_genes_of_a_gef_must_begin_where_the_one_before_ends(tmp_path):
    path = made_kinds.gef(tmp_path / "a.gef")
    with h5py.File(path, "a") as file:
        genes = file["geneExp/bin1/gene"][:]
        genes["offset"][1] += 1
        file["geneExp/bin1/gene"][:] = genes
    with pytest.raises(S2SError, match="genes do not fit its places"):
        read(path)


def test_genes_of_a_gef_are_called_by_their_names(tmp_path):
    path = made_kinds.gef(tmp_path / "a.gef")
    with h5py.File(path, "a") as file:
        genes = file["geneExp/bin1/gene"][:]
        genes["geneID"] = [f"ENSG{i}".encode() for i in range(len(genes))]
        genes["geneName"][2] = b" "
        file["geneExp/bin1/gene"][:] = genes
    assert sorted(read(path, bin_size=20).genes) == ["ENSG2", "Gene0", "Gene1", "Gene3"]


def test_cells_of_a_gef_hold_no_gene_beyond_the_last(tmp_path):
    path = made_kinds.cellbin(tmp_path / "a.gef")
    with h5py.File(path, "a") as file:
        entries = file["cellBin/cellExp"][:]
        entries["geneID"][0] = len(file["cellBin/gene"])
        file["cellBin/cellExp"][:] = entries
    with pytest.raises(S2SError, match="cells do not fit its counts"):
        read(path)


def test_loom_attributes_of_one_column_are_read(tmp_path):
    path = made_kinds.loom(tmp_path / "a.loom")
    with h5py.File(path, "a") as file:
        file["col_attrs/depth"] = np.arange(120.0)[:, None]
    assert sorted(read(path).obs["depth"].dropna()) == list(range(120))


def test_a_loom_read_in_blocks_lacks_no_gene(tmp_path, monkeypatch):
    path = made_kinds.loom(tmp_path / "a.loom")
    whole = read(path)
    monkeypatch.setattr(loom, "BLOCK", 4 * 120)
    assert (read(path).counts != whole.counts).nnz == 0
    assert whole.counts.sum() == made.visium_truth()[0].sum()


def beads(folder, xy):
    made_cells.curio(folder)
    path = folder / "S1_MatchedBeadLocation.csv"
    table = pd.read_csv(path).sort_values("barcode")
    table.assign(x=xy[:, 0], y=xy[:, 1]).to_csv(path, index=False)
    return folder


def test_beads_are_counted_in_bins_even_where_they_stand_in_rows(tmp_path):
    xy = np.indices((30, 30)).reshape(2, -1).T * 10.0
    section = read(beads(tmp_path / "one", xy))
    assert section.grid.kind == "bins" and len(section.row) < 900


def test_beads_of_two_sections_are_refused(tmp_path):
    for name in ("one", "two"):
        made_cells.curio(tmp_path / "both" / name)
    with pytest.raises(S2SError, match="several sections"):
        read(tmp_path / "both", technology="curio")
