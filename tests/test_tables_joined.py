"""Tables that belong together: ids as tools change them, further tables, pairs of other tools."""

import csv

import numpy as np
import pandas as pd
import pytest

from s2s_core.errors import S2SError
from s2s_core.readers import read
from s2s_core.readers.matching import best_match, match_ids, match_spots
from tests import made_cells
from tests import made_files as made
from tests.made import made_table
from tests.made_files import spots_table

TABLE = spots_table("hex")
COUNTS, PLACES = TABLE.iloc[:, 2:], TABLE[["x", "y"]]


def barcodes(n: int = 120) -> list[str]:
    """Barcodes of sixteen letters."""
    letters = np.array(list("ACGT"))
    digits = np.arange(n)[:, None] // 4 ** np.arange(8) % 4
    return [f"{''.join(row)}GATTACAA-1" for row in letters[digits]]


def notes(section) -> str:
    return " ".join(section.notes)


def pair(folder, counts=COUNTS, places=PLACES, *, across=False):
    (counts.T if across else counts).to_csv(folder / "counts.csv")
    places.sample(frac=1, random_state=0).to_csv(folder / "positions.csv")
    return folder


def check(section, ids=None) -> None:
    ids = TABLE.index if ids is None else ids
    assert section.spot_ids.tolist() == list(ids)
    assert np.array_equal(section.counts.toarray(), COUNTS.to_numpy())
    assert section.xy == pytest.approx(PLACES.to_numpy())
    assert section.grid.kind == "hex"


FORMS = {
    "AAAC-1_1": lambda i: f"{i}_1",
    "AAAC-1-0": lambda i: f"{i}-0",
    "AAAC": lambda i: i.removesuffix("-1"),
    "A1_AAAC-1": lambda i: f"A1_{i}",
    "A1_AAAC": lambda i: f"A1_{i.removesuffix('-1')}",
    "S1#AAAC-1-1-0": lambda i: f"S1#{i}-1-0",
    "aaac-1": str.lower,
    "AAAC.1_1": lambda i: f"{i.replace('-', '.')}_1",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("side", ["counts", "positions"])
@pytest.mark.parametrize("across", [False, True])
def test_ids_with_other_ends_are_matched_and_both_forms_shown(tmp_path, form, side, across):
    change = FORMS[form]
    table = TABLE.set_axis(barcodes())
    counts, places = table.iloc[:, 2:], table[["x", "y"]]
    if side == "counts":
        counts = counts.rename(index=change)
    else:
        places = places.rename(index=change)
    section = read(pair(tmp_path, counts, places, across=across))
    check(section, counts.index)
    forms = (counts.index[0], places.index[0])
    assert f"{forms[0]!r} in one table is {forms[1]!r} in the other" in notes(section)
    assert "give tables with the same ids" in notes(section)


def test_ids_that_r_has_changed_get_their_true_form(tmp_path):
    changed = COUNTS.rename(index=lambda i: i.replace("-", "."))
    section = read(pair(tmp_path, changed, across=True))
    check(section)
    assert "Ids were changed by R ('AAAC0000.1' in one table is" in notes(section)
    numbered = [str(i) for i in range(40, 160)]
    pair(tmp_path, COUNTS.set_axis([f"X{i}" for i in numbered]), PLACES.set_axis(numbered))
    check(read(tmp_path), numbered)
    # Where R wrote the positions, the counts have it already.
    section = read(pair(tmp_path, COUNTS, PLACES.rename(index=lambda i: i.replace("-", "."))))
    check(section)


def test_numbers_of_cells_that_were_read_as_numbers(tmp_path):
    counts = COUNTS.set_axis([f"{i:04d}" for i in range(120)])
    places = PLACES.set_axis([f"{i}.0" for i in range(120)])
    check(read(pair(tmp_path, counts, places)), counts.index)


def test_barcodes_of_several_samples_are_not_mixed(tmp_path):
    table = TABLE.set_axis(barcodes())
    both = pd.concat([table.rename(index=lambda i, s=s: f"{i}_{s}") for s in (1, 2)])
    pair(tmp_path, table.iloc[:, 2:], both[["x", "y"]])
    with pytest.raises(S2SError, match=r"-1' against .*-1_\d'.* several samples.* of one sample"):
        read(tmp_path)
    pair(tmp_path, both.iloc[:, 2:], table[["x", "y"]])
    with pytest.raises(S2SError, match="several samples"):
        read(tmp_path)


def test_below_half_is_refused_and_above_is_said(tmp_path):
    kept = np.arange(120) % 5 < 2
    some = COUNTS.set_axis(np.where(kept, TABLE.index, "Q" + TABLE.index))
    with pytest.raises(
        S2SError,
        match=r"Only 48 of 120 spots of 'counts.csv' are among the 120 of 'positions.csv' "
        r"\('QAAAC0002-1' against 'AAAC",
    ):
        read(pair(tmp_path, some))
    most = COUNTS.set_axis(np.where(~kept, TABLE.index, "Q" + TABLE.index))
    section = read(pair(tmp_path, most))
    assert (section.origin == "spot").sum() == 72
    assert "48 spots without a position were left out" in notes(section)
    # A chosen part of the spots is one.
    section = read(pair(tmp_path, COUNTS, PLACES.head(36)))
    assert section.spot_ids.tolist() == TABLE.index[:36].tolist()
    assert "84 spots without a position were left out" in notes(section)


TRUE = [16063884000 * 10**8 + 7 + 100_003 * i for i in range(120)]
ROUNDED = {
    "to 15 digits": lambda i: str(int(float(f"{i:.14e}")) // 10**4 * 10**4),
    "to a float": lambda i: str(int(float(i))),
    "in powers of ten": lambda i: f"{i:.13E}",
}


@pytest.mark.parametrize("how", ROUNDED)
@pytest.mark.parametrize("side", ["counts", "positions"])
def test_long_ids_that_a_spreadsheet_rounded(tmp_path, how, side):
    true, rounded = [str(i) for i in TRUE], [ROUNDED[how](i) for i in TRUE]
    rounded = rounded if len(set(rounded)) == 120 else [*dict.fromkeys(rounded)] + true[:60]
    rounded = rounded[:120]
    ids = (rounded, true) if side == "counts" else (true, rounded)
    counts = COUNTS.set_axis(pd.Index(ids[0], name="cell"))
    places = PLACES.set_axis(["center_x", "center_y"], axis=1)
    pair(tmp_path, counts, places.set_axis(pd.Index(ids[1], name="EntityID")))
    name = "counts.csv" if side == "counts" else "positions.csv"
    with pytest.raises(S2SError, match=rf"ids in '{name}' were rounded by a spreadsheet.*as text"):
        read(tmp_path)


def test_rounded_ids_that_fell_together(tmp_path):
    places = PLACES.set_axis([f"{i:.5E}" for i in TRUE])
    pair(tmp_path, COUNTS.set_axis([str(i) for i in TRUE]), places)
    with pytest.raises(S2SError, match=r"has two positions; ids were rounded by a spreadsheet"):
        read(tmp_path)


def test_readers_match_without_refusing_and_with():
    ids, places = pd.Index(["a", "b", "c"]), pd.Index(["c", "x", "y"])
    assert match_ids(ids, places).tolist() == [-1, -1, 0]
    with pytest.raises(
        S2SError, match="Only 1 of 3 spots of the counts are among the 3 of the pos"
    ):
        match_spots(ids, places)
    found = match_spots(ids, pd.Index(["b", "a", "z"]))
    assert found.rows.tolist() == [1, 0, -1]
    assert found.notes == ()
    # Two spots never get one place.
    ids, places = pd.Index(["AB", "ab", "CD"]), pd.Index(["Ab", "Cd", "x"])
    assert best_match(ids, places).found == 0
    # Without a note only R's way of writing is looked through.
    assert match_ids(pd.Index(["A.1", "B.1"]), pd.Index(["B-1", "A-1"])).tolist() == [1, 0]
    assert match_ids(pd.Index(["A-1_1"]), pd.Index(["A-1"])).tolist() == [-1]


@pytest.mark.parametrize("maker", ["vizgen", "xenium", "cosmx"])
def test_cells_of_other_runs_are_refused(tmp_path, maker):
    folder = getattr(made_cells, maker)(tmp_path / "run")
    name = next(p for p in folder.iterdir() if "cells" in p.name or "metadata" in p.name)
    if name.suffix == ".parquet":
        table = pd.read_parquet(name)
        table["cell_id"] = np.where(np.arange(len(table)) % 9, "q", "") + table["cell_id"]
        table.to_parquet(name, index=False)
    else:
        table = pd.read_csv(name, dtype=str, index_col=0)
        table.index = np.where(np.arange(len(table)) % 9, "7", "") + table.index.astype(str)
        table.to_csv(name)
    with pytest.raises(S2SError, match=r"Only 1?\d\d of 900 spots of .* are among the 900 of"):
        read(folder)


# --- further tables


def test_a_third_table_is_joined_to_the_spots(tmp_path):
    pair(tmp_path, across=True)
    about = pd.DataFrame({"nCount_RNA": np.arange(120), "type": ["a", "b"] * 60}, TABLE.index)
    about.iloc[::-1].drop(index=TABLE.index[3]).to_csv(tmp_path / "metadata.csv")
    section = read(tmp_path)
    check(section)
    assert section.obs["type"].tolist()[:3] == ["a", "b", "a"]
    assert section.obs["nCount_RNA"].tolist()[4:] == list(range(4, 120))
    assert pd.isna(section.obs["type"].iloc[3])
    assert "Columns of 'metadata.csv' were joined to the spots: nCount_RNA, type" in notes(section)
    # Its columns may be meant by an option.
    about.assign(seen=[1, 0] * 60).to_csv(tmp_path / "metadata.csv")
    assert read(tmp_path, measured="seen").measured.sum() == 60
    about.set_axis(np.where(np.arange(120) < 30, TABLE.index, "q")).to_csv(
        tmp_path / "metadata.csv"
    )
    with pytest.raises(S2SError, match="has two positions"):
        read(tmp_path)
    about.rename(index=lambda i: f"other{i}x").to_csv(tmp_path / "metadata.csv")
    assert "'metadata.csv' was not used: it names none of the spots" in notes(read(tmp_path))


def test_metadata_beside_a_table_of_spots_and_genes(tmp_path):
    TABLE.to_csv(tmp_path / "t.csv")
    about = pd.DataFrame(
        {"leiden": np.arange(120) % 7, "type": "a", "seen": [1, 0] * 60}, TABLE.index
    )
    about.to_csv(tmp_path / "metadata.tsv", sep="\t")
    section = read(tmp_path, measured="seen")
    assert section.genes.tolist() == list(COUNTS)
    # Nor do columns of numbers that nothing is known of make counts of it.
    about.assign(odd=3).to_csv(tmp_path / "metadata.tsv", sep="\t")
    assert read(tmp_path).obs["odd"].tolist() == [3] * 120
    assert section.obs["leiden"].tolist() == about["leiden"].tolist()
    assert section.measured.sum() == 60


def test_two_tables_of_counts_are_still_refused(tmp_path):
    pair(tmp_path)
    COUNTS.to_csv(tmp_path / "more.csv")
    with pytest.raises(S2SError, match="holds 3 tables"):
        read(tmp_path)


def test_a_spot_that_comes_twice_in_the_counts(tmp_path):
    ids = ["AAAC0001-1", *TABLE.index[1:]]
    pair(tmp_path, COUNTS.assign(leiden=1).set_axis(ids))
    with pytest.raises(S2SError, match="spot id 'AAAC0001-1' occurs more than once"):
        read(tmp_path)


# --- pairs as other tools write them


def test_seurat_5_coordinates_beside_genes_by_spots(tmp_path):
    changed = COUNTS.rename(index=lambda i: i.replace("-", ".")).T
    changed.to_csv(tmp_path / "counts.csv", quoting=csv.QUOTE_NONNUMERIC)
    places = PLACES.rename_axis(None).assign(cell=TABLE.index)
    places.to_csv(tmp_path / "coordinates.csv", quoting=csv.QUOTE_NONNUMERIC)
    check(read(tmp_path))


def test_giotto_expression_and_places(tmp_path):
    COUNTS.T.rename_axis(None).to_csv(
        tmp_path / "expression.tsv", sep="\t", quoting=csv.QUOTE_NONNUMERIC
    )
    places = PLACES.set_axis(["sdimx", "sdimy"], axis=1).rename_axis("cell_ID").reset_index()
    places[["sdimx", "sdimy", "cell_ID"]].to_csv(tmp_path / "locs.tsv", sep="\t", index=False)
    check(read(tmp_path))


@pytest.mark.parametrize("packed", [False, True])
def test_curio_seeker_beads(tmp_path, packed):
    counts, _, _ = made_cells.cells_truth()
    folder = made_cells.curio(tmp_path / "c", packed=packed)
    section = read(folder)
    assert section.grid.kind == "bins"
    assert section.genes.tolist() == [f"Gene{g}" for g in range(6)]
    assert section.counts.sum(0).A1.tolist() == counts[:, :6].sum(0).tolist()
    assert section.obs["n_points"].sum() == len(counts)
    assert (read(made.zipped(folder)).counts != section.counts).nnz == 0
    places = next(p for p in folder.iterdir() if "Location" in p.name)
    places.unlink()
    with pytest.raises(S2SError, match="add the file ..._MatchedBeadLocation.csv"):
        read(folder)


def test_positions_of_space_ranger_1_beside_a_table_of_counts(tmp_path):
    table = TABLE.set_axis(barcodes())
    table.iloc[:, 2:].to_csv(tmp_path / "counts.csv")
    places = pd.DataFrame({"in": 1, "row": 0, "col": 0, "y": table["y"], "x": table["x"]})
    places["row"], places["col"] = made_table("hex")[4]
    places.to_csv(tmp_path / "tissue_positions_list.csv", header=False)
    check(read(tmp_path), table.index)


@pytest.mark.parametrize("name", ["", "gene"])
def test_spots_that_are_called_by_numbers(tmp_path, name):
    table = TABLE.set_axis([str(i) for i in range(40, 160)])
    table.iloc[:, 2:].T.rename_axis(name).to_csv(tmp_path / "counts.csv")
    table[["x", "y"]].to_csv(tmp_path / "positions.csv")
    check(read(tmp_path), table.index)
