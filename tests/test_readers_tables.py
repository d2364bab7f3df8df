"""Tables: spots x genes, genes x spots, two files, Parquet, Spatial Transcriptomics v1."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from tests import made_cells
from tests import made_files as made
from tests.made import made_points, made_table
from tests.made_files import spots_table


def notes(section) -> str:
    return " ".join(section.notes)


@pytest.mark.parametrize(
    ("sep", "suffix"), [(",", "csv"), ("\t", "tsv"), (";", "csv"), ("\t", "csv.gz")]
)
@pytest.mark.parametrize("kind", ["square", "hex"])
def test_table_keeps_every_spot_gene_and_place(tmp_path, kind, sep, suffix):
    table = spots_table(kind)
    path = tmp_path / f"t.{suffix}"
    table.to_csv(path, sep=sep)
    section = read(path)
    assert section.grid.kind == kind
    assert section.spot_ids.tolist() == table.index.tolist()
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy())
    assert section.xy == pytest.approx(table[["x", "y"]].to_numpy())


def test_table_with_decimal_commas(tmp_path):
    table = spots_table() + 0.25
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
    table = spots_table()
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
    spots_table().to_csv(tmp_path / "t.csv", index=False)
    section = read(tmp_path / "t.csv")
    assert section.spot_ids[:2].tolist() == ["spot_1", "spot_2"]
    assert len(section.genes) == 6


def test_table_ids_stay_as_they_are_written(tmp_path):
    table = spots_table()
    table.index = [f"{i:04d}" for i in range(118)] + ["NA", "1e5"]
    table.rename_axis("barcode").to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.spot_ids.tolist() == table.index.tolist()


def test_table_as_r_writes_it(tmp_path):
    text = spots_table().to_csv(sep="\t").split("\n", 1)
    (tmp_path / "t.txt").write_text(text[0].removeprefix("spot_id\t") + "\n" + text[1])
    section = read(tmp_path / "t.txt")
    assert section.spot_ids[0] == "AAAC0000-1"
    assert section.counts.toarray().tolist() == spots_table().iloc[:, 2:].to_numpy().tolist()


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
    table = spots_table("hex")
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
    text = spots_table().to_csv().replace("\n", "\r\n")
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    section = read(tmp_path / "t.csv")
    assert section.spot_ids[0] == "AAAC0000-1"
    assert section.genes[-1] == "Gene5"


def test_table_with_old_western_letters(tmp_path):
    table = spots_table()
    table["region"] = "Rückenmark"
    (tmp_path / "t.csv").write_bytes(table.to_csv().encode("latin-1"))
    assert read(tmp_path / "t.csv").obs["region"].iloc[0] == "Rückenmark"


# --- two tables, Parquet


@pytest.mark.parametrize("across", [True, False])
def test_counts_and_positions_in_two_tables(tmp_path, across):
    folder = made.pair(tmp_path / "p", across=across)
    table = made.spots_table("hex")
    for given in (folder, made.zipped(folder), sorted(folder.iterdir())):
        section = read(given)
        assert section.grid.kind == "hex"
        assert section.spot_ids.tolist() == table.index.tolist()
        assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:].to_numpy())
        assert section.xy == pytest.approx(table[["x", "y"]].to_numpy())


def test_two_tables_of_different_spots(tmp_path):
    folder = made.pair(tmp_path / "p")
    text = (folder / "positions.csv").read_text()
    (folder / "positions.csv").write_text(text.replace("AAAC", "CCCA"))
    with pytest.raises(S2SError, match="have no spot in common"):
        read(folder)


def test_names_as_r_changes_them_still_match(tmp_path):
    folder = made.pair(tmp_path / "p")
    text = (folder / "counts.csv").read_text().replace("-1", ".1")
    (folder / "counts.csv").write_text(text)
    assert read(folder).n_positions == 120


@pytest.mark.parametrize("index", [True, False])
def test_parquet_tables(tmp_path, index):
    table = made.spots_table("hex")
    table["region"] = "cortex"
    (table if index else table.reset_index()).to_parquet(tmp_path / "t.parquet")
    section = read(tmp_path / "t.parquet")
    assert section.spot_ids.tolist() == table.index.tolist()
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert np.array_equal(section.counts.toarray(), table.iloc[:, 2:-1].to_numpy())
    assert set(section.obs["region"]) == {"cortex"}


# --- Spatial Transcriptomics v1


@pytest.mark.parametrize("decimals", [False, True])
@pytest.mark.parametrize("across", [False, True])
def test_st_v1_in_either_orientation(tmp_path, decimals, across):
    section = read(made_cells.st_v1(tmp_path / "st", decimals=decimals, across=across))
    counts, _, var, _, (row, col) = made_table("square", 10, 12, row0=4, col0=7)
    assert section.grid.kind == "square"
    assert section.genes.tolist() == var.index.tolist()
    order = np.lexsort(section.array_index[::-1])
    assert section.array_index[0][order].tolist() == row.tolist()
    assert section.array_index[1][order].tolist() == col.tolist()
    assert np.array_equal(section.counts.toarray()[order], counts)
    if decimals:
        assert section.xy[order][0] == pytest.approx([7.04, 3.985])


@pytest.mark.parametrize("decimals", [False, True])
def test_st_v1_with_a_selection_file(tmp_path, decimals):
    section = read(made_cells.st_v1(tmp_path / "st", decimals=decimals, selection=True))
    assert section.n_positions == 110
    assert section.array_index[1].min() == 8
    assert section.xy[:, 0].min() == pytest.approx(8 * 290.5)
    assert "110 of 120 spots of the table are selected" in notes(section)


def test_st_v1_says_when_a_selection_file_leaves_nothing_out(tmp_path):
    folder = made_cells.st_v1(tmp_path / "st", selection=True)
    assert "selected" not in notes(read(folder / "counts.tsv"))
    chosen = pd.read_csv(folder / "selection.tsv", sep="\t").assign(selected=1)
    chosen.to_csv(folder / "selection.tsv", sep="\t", index=False)
    section = read(folder)
    assert "all 120 spots of the table are selected" in notes(section)
    assert section.n_positions == 120
