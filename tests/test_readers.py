import gzip
import hashlib
import warnings

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

import s2s_core as s2s
from s2s_core.errors import S2SError
from s2s_core.readers import READERS, read
from s2s_core.readers.source import open_source
from tests.made import made_points, made_table


def made_anndata(kind="square", **place) -> ad.AnnData:
    counts, obs, var, xy, _ = made_table(kind, **place)
    return ad.AnnData(sparse.csr_matrix(counts), obs=obs, var=var, obsm={"spatial": xy})


def write(adata: ad.AnnData, tmp_path, name="section.h5ad"):
    path = tmp_path / name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adata.write_h5ad(path)
    return path


def made_frame(kind="square") -> pd.DataFrame:
    counts, obs, var, xy, _ = made_table(kind)
    table = pd.DataFrame(counts.astype(int), index=obs.index, columns=var.index)
    table.insert(0, "x", xy[:, 0])
    table.insert(1, "y", xy[:, 1])
    return table.rename_axis("spot_id")


# --- h5ad ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("dense", [True, False])
def test_h5ad_keeps_every_spot_gene_and_place(tmp_path, kind, dense):
    adata = made_anndata(kind, row0=3, col0=4)
    adata.uns["tissue"] = "made"
    counts = adata.X.toarray()
    if dense:
        adata.X = counts
    section = read(write(adata, tmp_path))
    assert section.grid.kind == kind
    assert section.spot_ids.tolist() == adata.obs_names.tolist()
    assert section.genes.tolist() == adata.var_names.tolist()
    assert np.array_equal(section.counts.toarray(), counts)
    assert np.array_equal(section.xy, adata.obsm["spatial"])
    assert section.array_index[0].tolist() == adata.obs["array_row"].tolist()
    assert section.array_index[1].tolist() == adata.obs["array_col"].tolist()
    assert section.uns["tissue"] == "made"
    assert not section.is_log


@pytest.mark.parametrize("names", [("x", "y"), ("X", "Y"), ("x_centroid", "y_centroid"),
                                   ("pxl_col_in_fullres", "pxl_row_in_fullres")])  # fmt: skip
def test_h5ad_coordinates_from_obs(tmp_path, names):
    adata = made_anndata()
    xy = adata.obsm.pop("spatial")
    adata.obs = pd.DataFrame({names[0]: xy[:, 0], names[1]: xy[:, 1]}, index=adata.obs_names)
    assert np.array_equal(read(write(adata, tmp_path)).xy, xy)


def test_h5ad_with_other_names_of_places(tmp_path):
    adata = made_anndata("hex")
    adata.obsm["X_spatial"] = adata.obsm.pop("spatial")
    adata.obs.columns = ["row", "col"]
    section = read(write(adata, tmp_path))
    assert section.grid.kind == "hex"
    assert np.array_equal(section.xy, adata.obsm["X_spatial"])


def test_h5ad_lattice_positions_alone_are_enough(tmp_path):
    adata = made_anndata("hex")
    del adata.obsm["spatial"]
    section = read(write(adata, tmp_path))
    assert section.grid.kind == "hex"
    assert len(np.unique(section.xy, axis=0)) == 120


def test_h5ad_spots_outside_the_tissue_are_left_out(tmp_path):
    adata = made_anndata()
    adata.obs["in_tissue"] = (adata.obs["array_row"] > 1).astype(int)
    section = read(write(adata, tmp_path))
    assert section.n_positions == 96
    assert any("24 spots outside the tissue" in note for note in section.notes)
    adata.obs["in_tissue"] = 0
    with pytest.raises(S2SError, match="No spot is inside the tissue"):
        read(write(adata, tmp_path))


def test_h5ad_counts_layer_is_taken_where_x_is_normalised(tmp_path):
    adata = made_anndata()
    counts = adata.X.toarray()
    adata.layers["counts"] = adata.X.copy()
    adata.X = np.log1p(counts / 5)
    adata.uns["log1p"] = {}
    section = read(write(adata, tmp_path))
    assert np.array_equal(section.counts.toarray(), counts)
    assert not section.is_log
    assert any("layers['counts']" in note for note in section.notes)
    as_it_is = read(write(adata, tmp_path), scale="log")
    assert as_it_is.is_log
    assert as_it_is.counts.toarray() == pytest.approx(np.log1p(counts / 5))
    adata.X = counts - counts.mean(0)
    assert np.array_equal(read(write(adata, tmp_path)).counts.toarray(), counts)


def test_h5ad_counts_stay_counts_beside_a_layer(tmp_path):
    adata = made_anndata()
    adata.layers["counts"] = adata.X * 2
    assert read(write(adata, tmp_path)).counts.sum() == adata.X.sum()


def test_h5ad_log_normalised_without_counts_is_recognised(tmp_path):
    adata = made_anndata()
    adata.X = adata.X.log1p()
    assert read(write(adata, tmp_path)).is_log


def test_h5ad_bins_are_told_by_uns(tmp_path):
    adata = made_anndata()[np.arange(120) != 45].copy()
    assert (read(write(adata, tmp_path)).origin == "gap").sum() == 1
    adata.uns["bin_size_um"] = 30.0
    section = read(write(adata, tmp_path))
    assert (section.origin == "empty bin").sum() == 1
    assert section.measured.all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -4.0, 1e9])
def test_unmeasured_rows_may_hold_anything(tmp_path, bad):
    adata = made_anndata("hex")
    measured = np.arange(120) % 3 == 0
    adata.obs["seen"] = measured
    clean = read(write(adata, tmp_path), measured="seen")
    spoiled = adata.X.toarray()
    spoiled[~measured] = bad
    adata.X = spoiled
    adata.obsm["spatial"][~measured] = np.nan
    section = read(write(adata, tmp_path), measured="seen")
    assert section.measured.sum() == 40
    assert not section.hidden.any()
    assert (section.counts != clean.counts).nnz == 0
    assert section.xy == pytest.approx(clean.xy, abs=1e-6)


def test_a_bin_size_makes_points_of_a_lattice(tmp_path):
    section = read(write(made_anndata(), tmp_path), bin_size=200.0)
    assert section.grid.kind == "bins"
    assert section.grid.pitch == 200.0


def test_genes_are_chosen_without_changing_totals(tmp_path):
    path = write(made_anndata(), tmp_path)
    some = read(path, genes=["Gene2"])
    assert some.genes.tolist() == ["Gene2"]
    assert np.array_equal(some.spot_totals, read(path).spot_totals)
    assert read(path, genes="Gene2").genes.tolist() == ["Gene2"]
    with pytest.raises(S2SError, match="did you mean Gene2"):
        read(path, genes=["GENE2"])


def test_reading_leaves_the_file_as_it_is_and_notes_which_it_was(tmp_path):
    path = write(made_anndata(), tmp_path)
    before = path.read_bytes()
    section = read(path)
    assert path.read_bytes() == before
    digest = hashlib.sha256(before).hexdigest()
    assert section.uns["s2s_input"] == {"file": "section.h5ad", "sha256": digest}


# --- tables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sep", "suffix"), [(",", "csv"), ("\t", "tsv"), (";", "csv"), ("\t", "csv.gz")]
)
@pytest.mark.parametrize("kind", ["square", "hex"])
def test_table_keeps_every_spot_gene_and_place(tmp_path, kind, sep, suffix):
    table = made_frame(kind)
    path = tmp_path / f"t.{suffix}"
    table.to_csv(path, sep=sep)
    section = read(path)
    assert section.grid.kind == kind
    assert section.spot_ids.tolist() == table.index.tolist()
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy())
    assert section.xy == pytest.approx(table[["x", "y"]].to_numpy())


def test_table_with_decimal_commas(tmp_path):
    table = made_frame() + 0.25
    table.to_csv(tmp_path / "t.csv", sep=";", decimal=",")
    section = read(tmp_path / "t.csv")
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy(np.float32))


@pytest.mark.parametrize("names", [("array_row", "array_col"), ("row", "col")])
def test_table_with_lattice_positions_only(tmp_path, names):
    counts, obs, var, _, _ = made_table("hex", row0=2)
    table = pd.DataFrame(counts, index=obs.index, columns=var.index)
    table = pd.concat([obs.set_axis(names, axis=1), table], axis=1)
    table.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.grid.kind == "hex"
    assert len(section.genes) == 6
    assert section.array_index[1].tolist() == obs["array_col"].tolist()


def test_table_metadata_is_no_gene(tmp_path):
    table = made_frame()
    table["in_tissue"] = 1
    table["total_counts"] = 999
    table["cell_area"] = 3.5
    table["region"] = np.where(np.arange(120) < 60, "tumour", "stroma")
    table["my_label"] = "a"
    table["flag"] = True
    table.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert {"in_tissue", "total_counts", "cell_area", "region", "my_label", "flag"} <= set(
        section.obs
    )
    assert section.obs["region"].tolist() == table["region"].tolist()
    assert any("my_label" in note for note in section.notes)


def test_table_without_ids_numbers_its_rows(tmp_path):
    made_frame().to_csv(tmp_path / "t.csv", index=False)
    section = read(tmp_path / "t.csv")
    assert section.spot_ids[:2].tolist() == ["spot_1", "spot_2"]
    assert len(section.genes) == 6


def test_table_ids_stay_as_they_are_written(tmp_path):
    table = made_frame()
    table.index = [f"{i:04d}" for i in range(118)] + ["NA", "1e5"]
    table.rename_axis("barcode").to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.spot_ids.tolist() == table.index.tolist()


def test_table_as_r_writes_it(tmp_path):
    text = made_frame().to_csv(sep="\t").split("\n", 1)
    (tmp_path / "t.txt").write_text(text[0].removeprefix("spot_id\t") + "\n" + text[1])
    section = read(tmp_path / "t.txt")
    assert section.spot_ids[0] == "AAAC0000-1"
    assert section.counts.toarray().tolist() == made_frame().iloc[:, 2:].to_numpy().tolist()


def test_table_of_cells_is_binned(tmp_path):
    counts, obs, var, xy = made_points()
    table = pd.DataFrame(counts, columns=var.index)
    table.insert(0, "cell_id", obs.index)
    table["x_centroid"], table["y_centroid"] = xy.T
    table.to_csv(tmp_path / "cells.csv", index=False)
    section = read(tmp_path / "cells.csv")
    assert section.grid.kind == "bins"
    assert section.counts.sum() == counts.sum()


@pytest.mark.parametrize("bad", ["", "nan", "failed", "1e9", "-3"])
def test_table_unmeasured_rows_may_hold_anything(tmp_path, bad):
    table = made_frame("hex")
    measured = np.arange(120) % 3 == 0
    spoiled = table.astype(object)
    spoiled.loc[~measured, table.columns[2:]] = bad
    spoiled["measured"] = measured
    spoiled.to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv", measured="measured")
    assert section.genes.tolist() == table.columns[2:].tolist()
    assert np.array_equal(section.measured, measured)
    assert np.array_equal(
        section.counts.toarray()[measured], table.iloc[:, 2:].to_numpy()[measured]
    )
    assert section.counts[~measured].nnz == 0


def test_table_with_a_byte_order_mark_and_windows_lines(tmp_path):
    text = made_frame().to_csv().replace("\n", "\r\n")
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    section = read(tmp_path / "t.csv")
    assert section.spot_ids[0] == "AAAC0000-1"
    assert section.genes[-1] == "Gene5"


def test_table_with_old_western_letters(tmp_path):
    table = made_frame()
    table["region"] = "Rückenmark"
    (tmp_path / "t.csv").write_bytes(table.to_csv().encode("latin-1"))
    assert read(tmp_path / "t.csv").obs["region"].iloc[0] == "Rückenmark"


# --- bad input --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.h5ad", "a.csv", "a.png"])
def test_neither_h5ad_nor_table(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0nothing of use")
    with pytest.raises(S2SError, match="is not an AnnData|is neither an AnnData"):
        read(path)


def test_missing_file_folder_and_empty_file(tmp_path):
    with pytest.raises(S2SError, match="no file"):
        read(tmp_path / "lost.h5ad")
    with pytest.raises(S2SError, match="holds no section"):
        read(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(S2SError, match="neither"):
        read(tmp_path / "empty.csv")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_cut_off_h5ad(tmp_path, share):
    path = write(made_anndata(), tmp_path)
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(S2SError, match="damaged or incomplete"):
        read(path)


def test_cut_off_gzip(tmp_path):
    data = gzip.compress(made_frame().to_csv().encode())
    (tmp_path / "t.csv.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(S2SError, match=r"cut off|neither"):
        read(tmp_path / "t.csv.gz")


def test_other_hdf5_is_no_anndata(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["matrix/data"] = np.arange(5)
    with pytest.raises(S2SError, match="not an AnnData file"):
        read(tmp_path / "a.h5ad")


def test_h5ad_that_declares_far_more_than_it_holds(tmp_path):
    path = write(made_anndata(), tmp_path)
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", shape=(200_000, 50_000), dtype="f4", chunks=(1000, 1000))
    with pytest.raises(S2SError, match="declares .* MB at /X"):
        read(path)


def test_h5ad_links_out_of_the_file_are_refused(tmp_path):
    path = write(made_anndata(), tmp_path)
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones((120, 6))
    with h5py.File(path, "a") as file:
        file["layers/counts"] = h5py.ExternalLink("other.h5", "/secret")
    with pytest.raises(S2SError, match="refers to another place at /layers/counts"):
        read(path)


def test_h5ad_matrix_with_indices_out_of_bounds(tmp_path):
    path = write(made_anndata(), tmp_path)
    with h5py.File(path, "a") as file:
        file["X/indices"][0] = 10_000
    with pytest.raises(S2SError, match="damaged"):
        read(path)


def test_no_coordinates(tmp_path):
    adata = made_anndata()
    bare = ad.AnnData(adata.X, obs=adata.obs[[]], var=adata.var)
    with pytest.raises(S2SError, match="has no coordinates"):
        read(write(bare, tmp_path))
    made_frame().drop(columns=["x", "y"]).to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="has no coordinates"):
        read(tmp_path / "t.csv")


def test_h5ad_without_counts(tmp_path):
    adata = made_anndata()
    with pytest.raises(S2SError, match="no counts"):
        read(
            write(
                ad.AnnData(obs=adata.obs, var=adata.var, obsm={"spatial": adata.obsm["spatial"]}),
                tmp_path,
            )
        )


def test_duplicate_spots(tmp_path):
    adata = made_anndata()
    adata.obs_names = ["same", "same", *adata.obs_names[2:]]
    with pytest.raises(S2SError, match="'same' occurs more than once"):
        read(write(adata, tmp_path))
    table = made_frame()
    table.index = ["same", "same", *table.index[2:]]
    table.rename_axis("id").to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'same' occurs more than once"):
        read(tmp_path / "t.csv")


def test_duplicate_genes(tmp_path):
    adata = made_anndata()
    adata.var_names = ["G", "G", *adata.var_names[2:]]
    with pytest.raises(
        S2SError, match=r"gene name 'G' occurs more than once.*var_names_make_unique"
    ):
        read(write(adata, tmp_path))
    table = made_frame()
    table.columns = ["x", "y", "G", "G", *table.columns[4:]]
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'G' occurs more than once"):
        read(tmp_path / "t.csv")


@pytest.mark.parametrize(
    ("bad", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-2.0, "negative")]
)
def test_unusable_values(tmp_path, bad, word):
    adata = made_anndata()
    counts = adata.X.toarray()
    counts[5, 1] = bad
    adata.X = counts
    with pytest.raises(S2SError, match=word):
        read(write(adata, tmp_path))
    table = made_frame().astype(float)
    table.iloc[5, 3] = bad
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match=word):
        read(tmp_path / "t.csv")


def test_words_among_numbers_name_the_place(tmp_path):
    table = made_frame().astype(object)
    table.iloc[7, 3] = "many"
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'Gene1' holds 'many' at spot 'AAAC0007-1'"):
        read(tmp_path / "t.csv")


def test_bad_places(tmp_path):
    adata = made_anndata()
    adata.obs["array_row"] = adata.obs["array_row"] + 0.5
    with pytest.raises(S2SError, match="'array_row' must hold whole numbers"):
        read(write(adata, tmp_path))
    table = made_frame().astype(object)
    table.iloc[7, 0] = "left"
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'x' holds 'left' at spot 'AAAC0007-1'"):
        read(tmp_path / "t.csv")
    table.iloc[7, 0] = np.nan
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="coordinates of spot 'AAAC0007-1' are missing"):
        read(tmp_path / "t.csv")
    adata = made_anndata()
    adata.obsm["spatial"] = adata.obsm["spatial"][:, :1]
    with pytest.raises(S2SError, match="120 x 1"):
        read(write(adata, tmp_path))


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("indices", [True, False])
def test_a_section_of_one_row_is_read_but_not_imputed(tmp_path, kind, indices):
    counts, obs, var, xy, _ = made_table(kind, rows=1, cols=60)
    adata = ad.AnnData(counts, obs=obs if indices else obs[[]], var=var, obsm={"spatial": xy})
    section = read(write(adata, tmp_path))
    with pytest.raises(S2SError, match="single line"):
        s2s.impute(s2s.sample(section, "random:0.5"), method="linear")


def test_irregular_tables(tmp_path):
    path = tmp_path / "t.csv"
    lines = made_frame().to_csv().splitlines()
    path.write_text("\n".join([*lines[:5], lines[5] + ",9,9,9", *lines[6:]]))
    with pytest.raises(S2SError, match="more columns than the header"):
        read(path)
    path.write_text("\n".join(lines[1:]))
    with pytest.raises(S2SError, match="must name the columns"):
        read(path)
    path.write_text(lines[0])
    with pytest.raises(S2SError, match="no rows"):
        read(path)
    path.write_text("\n".join([*lines[:5], lines[5].split(",", 1)[1].join([",", ""]), *lines[6:]]))
    with pytest.raises(S2SError, match="Row 6 .* has no spot id"):
        read(path)
    made_frame()[["x", "y"]].to_csv(path)
    with pytest.raises(S2SError, match="no gene columns"):
        read(path)


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"measured": "seen"}, "no column 'seen'"),
        ({"kind": "triangle"}, "kind of lattice"),
        ({"absent": "perhaps"}, "absent"),
        ({"scale": "cpm"}, "scale"),
        ({"technology": "visium"}, "Unknown technology"),
        ({"bin_size": 0.0}, "positive"),
        ({"bin_size": float("nan")}, "positive"),
        ({"genes": []}, "No gene is selected"),
    ],
)
def test_wrong_options(tmp_path, options, word):
    with pytest.raises(S2SError, match=word):
        read(write(made_anndata(), tmp_path), **options)


def test_a_measured_column_must_be_yes_or_no(tmp_path):
    adata = made_anndata()
    adata.obs["seen"] = "perhaps"
    with pytest.raises(S2SError, match="'perhaps'"):
        read(write(adata, tmp_path), measured="seen")


def test_every_reader_refuses_the_others_files(tmp_path):
    h5ad = write(made_anndata(), tmp_path)
    made_frame().to_csv(tmp_path / "t.csv")
    for path, name in ((h5ad, "h5ad"), (tmp_path / "t.csv", "table")):
        with open_source(path) as source:
            assert [n for n, r in READERS.items() if r.sniff(source)] == [name]
    with pytest.raises(S2SError, match=r"cannot be read as AnnData \(.h5ad\)"):
        read(tmp_path / "t.csv", technology="h5ad")
    assert read(h5ad, technology="h5ad").n_positions == 120
    # By content, not by name.
    renamed = h5ad.rename(tmp_path / "data.csv")
    assert s2s.read(renamed).n_positions == 120


# --- real sections ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind", "spots"),
    [
        ("visium_human_dlpfc_151510", "hex", 4634),
        ("visium_human_lymph_node_sparse1000", "hex", 1000),
        ("st1_human_breast_her2_E1", "square", 587),
        ("dbit_human_50x50", "square", 2172),
        ("xenium_human_breast_bin30um", "bins", 5567),
        ("iss_mouse_hippocampus_ca1_bin80px", "bins", 2673),
        ("osmfish_mouse_cortex_cells", "bins", None),
    ],
)
def test_real_sections(data_dir, name, kind, spots):
    path = data_dir / f"{name}.h5ad"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    section, adata = read(path), ad.read_h5ad(path)
    assert section.grid.kind == kind
    assert section.counts.sum() == pytest.approx(adata.X.sum())
    if spots is not None:
        real = section.origin == "spot"
        assert real.sum() == spots
        assert section.spot_ids[real].tolist() == adata.obs_names.tolist()
        assert section.array_index[0][real].tolist() == adata.obs["array_row"].tolist()
        assert section.array_index[1][real].tolist() == adata.obs["array_col"].tolist()


@pytest.mark.parametrize(
    ("name", "cells"),
    [("xenium_breast_small.csv", 2659), ("xenium_breast_region_cells.csv.gz", 8572)],
)
def test_real_tables_of_cells(data_dir, name, cells):
    path = data_dir / "raw_formats" / "cells_csv" / name
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the data folder")
    section = read(path)
    assert len(section.genes) == 313
    assert section.obs["n_points"].sum() == cells
