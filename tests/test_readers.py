"""Bad input and wrong options: one sentence each."""

import gzip

import anndata as ad
import h5py
import numpy as np
import pytest

import s2s_core as s2s
from s2s_core.errors import S2SError
from s2s_core.readers import READERS, read
from s2s_core.readers.source import open_source
from tests.made import made_table
from tests.made_files import made_anndata, spots_table, write_h5ad


@pytest.mark.parametrize("name", ["a.h5ad", "a.csv", "a.png"])
def test_neither_h5ad_nor_table(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"\x89PNG\r\n\x1a\n\0\0\0\0nothing of use")
    with pytest.raises(S2SError, match="is an image, which is not read here"):
        read(path)
    path.write_bytes(b"\0\1\2\3nothing of use")
    with pytest.raises(S2SError, match="is not an AnnData|give an AnnData file|is an image"):
        read(path)


def test_missing_file_folder_and_empty_file(tmp_path):
    with pytest.raises(S2SError, match="no file"):
        read(tmp_path / "lost.h5ad")
    with pytest.raises(S2SError, match="holds no section"):
        read(tmp_path)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(S2SError, match="no section that is recognised"):
        read(tmp_path / "empty.csv")


@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_cut_off_h5ad(tmp_path, share):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    path.write_bytes(path.read_bytes()[: int(share * path.stat().st_size)])
    with pytest.raises(S2SError, match="damaged or incomplete"):
        read(path)


def test_cut_off_gzip(tmp_path):
    data = gzip.compress(spots_table().to_csv().encode())
    (tmp_path / "t.csv.gz").write_bytes(data[: len(data) // 2])
    with pytest.raises(S2SError, match="cut off"):
        read(tmp_path / "t.csv.gz")


def test_other_hdf5_is_no_anndata(tmp_path):
    with h5py.File(tmp_path / "a.h5ad", "w") as file:
        file["matrix/data"] = np.arange(5)
    with pytest.raises(S2SError, match="not an AnnData file"):
        read(tmp_path / "a.h5ad")


def test_h5ad_that_declares_far_more_than_it_holds(tmp_path):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    with h5py.File(path, "a") as file:
        del file["X"]
        file.create_dataset("X", shape=(200_000, 50_000), dtype="f4", chunks=(1000, 1000))
    with pytest.raises(S2SError, match="declares .* MB at /X"):
        read(path)


def test_h5ad_links_out_of_the_file_are_refused(tmp_path):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    with h5py.File(tmp_path / "other.h5", "w") as other:
        other["secret"] = np.ones((120, 6))
    with h5py.File(path, "a") as file:
        file["layers/counts"] = h5py.ExternalLink("other.h5", "/secret")
    with pytest.raises(S2SError, match="refers to another place at /layers/counts"):
        read(path)


def test_h5ad_matrix_with_indices_out_of_bounds(tmp_path):
    path = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    with h5py.File(path, "a") as file:
        file["X/indices"][0] = 10_000
    with pytest.raises(S2SError, match="damaged"):
        read(path)


def test_no_coordinates(tmp_path):
    adata = made_anndata()
    bare = ad.AnnData(adata.X, obs=adata.obs[[]], var=adata.var)
    with pytest.raises(S2SError, match="has no coordinates"):
        read(write_h5ad(bare, tmp_path / "section.h5ad"))
    spots_table().drop(columns=["x", "y"]).to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="has no coordinates"):
        read(tmp_path / "t.csv")


def test_h5ad_without_counts(tmp_path):
    adata = made_anndata()
    with pytest.raises(S2SError, match="no counts"):
        read(
            write_h5ad(
                ad.AnnData(obs=adata.obs, var=adata.var, obsm={"spatial": adata.obsm["spatial"]}),
                tmp_path / "section.h5ad",
            )
        )


def test_duplicate_spots(tmp_path):
    adata = made_anndata()
    adata.obs_names = ["same", "same", *adata.obs_names[2:]]
    with pytest.raises(S2SError, match="'same' occurs more than once"):
        read(write_h5ad(adata, tmp_path / "section.h5ad"))
    table = spots_table()
    table.index = ["same", "same", *table.index[2:]]
    table.rename_axis("id").to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'same' occurs more than once"):
        read(tmp_path / "t.csv")


def test_duplicate_genes(tmp_path):
    adata = made_anndata()
    adata.var_names = ["G", "G", *adata.var_names[2:]]
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    assert section.genes[:2].tolist() == ["G", "G-1"]
    assert any("later ones were numbered" in note for note in section.notes)
    table = spots_table()
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
        read(write_h5ad(adata, tmp_path / "section.h5ad"))
    table = spots_table().astype(float)
    table.iloc[5, 3] = bad
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match=word):
        read(tmp_path / "t.csv")


def test_words_among_numbers_name_the_place(tmp_path):
    table = spots_table().astype(object)
    table.iloc[7, 3] = "many"
    table.to_csv(tmp_path / "t.csv")
    with pytest.raises(S2SError, match="'Gene1' holds 'many' at spot 'AAAC0007-1'"):
        read(tmp_path / "t.csv")


def test_a_lattice_position_beyond_all_bounds_is_shown_as_a_plain_number(tmp_path):
    adata = made_anndata()
    adata.obs["array_col"] = [10**10, *adata.obs["array_col"][1:]]
    with pytest.raises(S2SError, match=r"spot 'AAAC0000-1' has 10000000000\."):
        read(write_h5ad(adata, tmp_path / "section.h5ad"))


def test_bad_places(tmp_path):
    adata = made_anndata()
    adata.obs["array_row"] = adata.obs["array_row"].astype(float)
    adata.obs.iloc[0, adata.obs.columns.get_loc("array_row")] += 0.5
    with pytest.raises(S2SError, match="'array_row' must hold whole numbers.* has 0.5\\."):
        read(write_h5ad(adata, tmp_path / "section.h5ad"))
    table = spots_table().astype(object)
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
        read(write_h5ad(adata, tmp_path / "section.h5ad"))


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("indices", [True, False])
def test_a_section_of_one_row_is_read_but_not_imputed(tmp_path, kind, indices):
    counts, obs, var, xy, _ = made_table(kind, rows=1, cols=60)
    adata = ad.AnnData(counts, obs=obs if indices else obs[[]], var=var, obsm={"spatial": xy})
    section = read(write_h5ad(adata, tmp_path / "section.h5ad"))
    with pytest.raises(S2SError, match="single line"):
        s2s.impute(s2s.sample(section, "random:0.5"), method="linear")


def test_irregular_tables(tmp_path):
    path = tmp_path / "t.csv"
    lines = spots_table().to_csv().splitlines()
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
    spots_table()[["x", "y"]].to_csv(path)
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
        read(write_h5ad(made_anndata(), tmp_path / "section.h5ad"), **options)


def test_a_measured_column_must_be_yes_or_no(tmp_path):
    adata = made_anndata()
    adata.obs["seen"] = "perhaps"
    with pytest.raises(S2SError, match="'perhaps'"):
        read(write_h5ad(adata, tmp_path / "section.h5ad"), measured="seen")


def test_every_reader_refuses_the_others_files(tmp_path):
    h5ad = write_h5ad(made_anndata(), tmp_path / "section.h5ad")
    spots_table().to_csv(tmp_path / "t.csv")
    for path, name in ((h5ad, "h5ad"), (tmp_path / "t.csv", "table")):
        with open_source(path) as source:
            assert [n for n, r in READERS.items() if r.sniff(source)] == [name]
    with pytest.raises(S2SError, match=r"cannot be read as AnnData \(.h5ad\)"):
        read(tmp_path / "t.csv", technology="h5ad")
    assert read(h5ad, technology="h5ad").n_positions == 120
    # By content, not by name.
    renamed = h5ad.rename(tmp_path / "data.csv")
    assert s2s.read(renamed).n_positions == 120
