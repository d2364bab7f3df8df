"""Rules of readers, one statement each: sections, places, molecules, and which file is taken."""

from types import SimpleNamespace

import h5py
import numpy as np
import pandas as pd
import pytest

from s2s_core import read
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.readers import archives, base, several
from s2s_core.readers.molecules import Columns, propose_size, read_molecules
from s2s_core.readers.places import (
    XY_NAMES,
    array_index,
    fill_xy,
    find_pair,
    no_index,
    numbers,
    xy_columns,
)
from s2s_core.readers.source import Source
from s2s_core.readers.space_ranger import library_of
from tests import made_files as made
from tests import made_kinds
from tests.made import made_table


def words(section) -> str:
    return " ".join(section.notes)


# --- several sections


def spots(labels, xy=None, column="slice"):
    """(obs, xy) of a lattice of 120 places for every label, on top of each other."""
    _, obs, _, one, _ = made_table()
    parts = [obs[[]].set_axis(obs.index + f"x{k}") for k in range(len(labels))]
    table = pd.concat(parts).assign(**{column: np.repeat(np.array(labels, object), 120)})
    return table, np.vstack([one] * len(labels)) if xy is None else xy


def test_a_few_sections_on_top_of_each_other_beside_others_are_refused():
    obs, xy = spots(list("ABCDEF"))
    # A to D lie apart from each other, F lies on E.
    xy = xy + np.repeat([0, 1, 2, 3, 4, 4], 120)[:, None] * [5000.0, 0.0]
    with pytest.raises(SeveralSections):
        several.check(obs, xy)
    apart = xy + np.repeat([0, 0, 0, 0, 0, 1], 120)[:, None] * [5000.0, 0.0]
    assert "6 sections side by side" in several.check(obs, apart)[1][0]


@pytest.mark.parametrize(("share", "refused"), [(0.4, True), (0.1, False)])
def test_spots_that_share_their_places_are_refused_where_they_are_many(share, refused):
    obs, xy = spots(["A"])
    many = int(share * len(xy) / 2)
    xy[:many] = xy[-many:]
    if refused:
        with pytest.raises(S2SError, match="share their place"):
            several.check(obs[[]], xy)
    else:
        several.check(obs[[]], xy)


def test_labels_are_told_apart_listed_by_number_and_found_as_numbers():
    obs, xy = spots(["10", "01", "1", "2"])
    with pytest.raises(SeveralSections) as error:
        several.check(obs, xy)
    assert list(error.value.values) == ["01", "1", "2", "10"]
    for value in ("1", "1.0"):
        rows, _ = several.choose(obs, f"SLICE={value}")
        assert np.flatnonzero(rows).tolist() == list(range(240, 360))


def test_other_coordinates_are_taken_only_where_sections_lie_apart_in_them():
    obs, xy = spots(["A", "B"])
    apart = xy + np.repeat([0, 1], 120)[:, None] * [5000.0, 0.0]
    with pytest.raises(SeveralSections):
        several.check(obs, xy, more_xy={"again": xy + 7})
    taken, notes = several.check(obs, xy, more_xy={"again": xy + 7, "apart": apart})
    assert np.array_equal(taken, apart)
    assert "obsm['apart']" in notes[0]


def built(labels, where=None, **more):
    obs, xy = spots(labels)
    counts = np.vstack([made_table()[0]] * len(labels))
    obs = obs.assign(**more.pop("columns", {}))
    var = pd.DataFrame(index=[f"Gene{i}" for i in range(6)])
    return base.build(counts, obs, var, base.ReadOptions(where=where), xy=xy, **more)


def test_other_coordinates_lose_the_rows_outside_the_tissue_too():
    _, xy = spots(["A", "B"])
    apart = xy + np.repeat([0, 1], 120)[:, None] * [1200.0, 0.0]
    tissue = (np.arange(240) % 120 >= 12).astype(int)
    section = built(["A", "B"], columns={"in_tissue": tissue}, more_xy={"apart": apart})
    spot = section.origin == "spot"
    assert spot.sum() == 216
    assert sorted(map(tuple, section.xy[spot])) == sorted(map(tuple, apart[tissue == 1]))


def test_a_chosen_section_keeps_its_own_image_alone():
    images = {"A": {"metadata": {}}, "B": {"metadata": {}}}
    section = built(["A", "B"], where="slice=B", uns={"spatial": images, "other": 1})
    assert set(section.uns["spatial"]) == {"B"}
    assert section.uns["other"] == 1


# --- places


def test_global_coordinates_come_before_those_of_a_field_of_view():
    assert find_pair(["x", "y", "Global_X", "global_y"], XY_NAMES) == ("Global_X", "global_y")
    assert find_pair(["y", "x"], XY_NAMES) == ("x", "y")


def test_pixels_called_row_and_col_are_y_and_x():
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"row": random.integers(0, 9000, 200), "col": random.integers(0, 7000, 200)}
    )
    assert "they are pixels" in no_index(table)[0]
    assert array_index(table) is None
    assert np.array_equal(xy_columns(table), table[["col", "row"]])


def test_a_mistake_among_lattice_positions_is_told_but_words_in_row_and_col_are_not():
    whole = pd.DataFrame({"array_row": np.repeat(range(5), 4), "array_col": list(range(4)) * 5})
    assert array_index(whole)[0].tolist() == whole["array_row"].tolist()
    for wrong in (1.5, "three", np.nan):
        table = whole.astype(object)
        table.loc[7, "array_row"] = wrong
        with pytest.raises(S2SError, match="must hold whole numbers"):
            array_index(table)
        loose = table.rename(columns={"array_row": "row", "array_col": "col"})
        if wrong != 1.5:
            assert array_index(loose) is None
            assert "no whole numbers" in no_index(loose)[0]
    assert "hold fractions" in no_index(whole + 0.3)[0]


def test_numbers_are_plain_ones():
    found = numbers(pd.Series(["1_0", "1e3", "x", None, "7"], dtype=object))
    assert np.array_equal(found, [np.nan, 1000, np.nan, np.nan, 7], equal_nan=True)


def test_only_unmeasured_spots_are_placed_by_their_lattice():
    _, _, _, xy, index = made_table()
    lacking = xy.copy()
    lacking[5] = np.nan
    seen = np.arange(len(xy)) != 5
    assert np.allclose(fill_xy(lacking, index, seen), xy)
    assert np.isnan(fill_xy(lacking, index, np.ones(len(xy), bool))[5]).all()


# --- molecules


def test_background_is_no_tissue_when_pixels_are_proposed():
    random = np.random.default_rng(0)
    tissue = random.uniform(0, 100, (60_000, 2))
    stray = random.uniform(0, 800, (1500, 2))
    alone = propose_size(tissue, np.ones(len(tissue)))
    both = np.vstack([tissue, stray])
    assert propose_size(both, np.ones(len(both))) == pytest.approx(alone, rel=0.25)


def test_pixels_hold_twenty_molecules_where_there_are_few():
    xy = np.random.default_rng(0).uniform(0, 100, (2000, 2))
    size = propose_size(xy, np.ones(2000))
    assert 2000 * size**2 / 100**2 == pytest.approx(20, rel=0.3)


@pytest.mark.parametrize("count", [-1, "x"])
def test_counts_below_nothing_are_refused(tmp_path, count):
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "geneID": [f"G{i % 4}" for i in range(400)],
            "x": random.integers(0, 90, 400),
            "y": random.integers(0, 90, 400),
            "MIDCount": 1,
        },
        dtype=object,
    )
    table.loc[77, "MIDCount"] = count
    table.to_csv(tmp_path / "a.gem", sep="\t", index=False)
    with pytest.raises(S2SError, match="no numbers|damaged"):
        read(tmp_path / "a.gem")


def test_molecules_of_poor_quality_are_left_out_and_counted(tmp_path):
    random = np.random.default_rng(0)
    table = pd.DataFrame(
        {"gene": [f"G{i % 4}" for i in range(400)], "qv": [10.0, *[20.0] * 9] * 40}
    )
    table[["x", "y"]] = random.uniform(0, 90, (400, 2))
    table.to_parquet(tmp_path / "t.parquet")
    source = Source("t.parquet", {"t.parquet": tmp_path / "t.parquet"})
    columns = Columns("gene", "x", "y", None, "qv", 20.0)
    section = read_molecules(source, "t.parquet", columns, base.ReadOptions(), "um")
    assert "40 molecules of a quality below 20 were left out" in words(section)
    assert section.counts.sum() == 360


def test_archives_lead_nowhere_else():
    for place in ("C:/t.csv", "C:\\t.csv", "/t.csv", "a/../../t.csv"):
        with pytest.raises(S2SError, match="leads out of it"):
            archives._is_mine(place, "a.zip", "zip")
    assert archives._is_mine("a/t.csv", "a.zip", "zip")
    assert not archives._is_mine("__MACOSX/t.csv", "a.zip", "zip")
    assert not archives._is_mine("a/._t.csv", "a.zip", "zip")


@pytest.mark.parametrize("said", ["my/run", ""])
def test_a_library_is_called_as_its_run_says_or_else_by_its_file(said):
    matrix = SimpleNamespace(about={"library_ids": said} if said else {})
    source = SimpleNamespace(name="folder.zip")
    name = library_of(source, "outs/GSM1_filtered_feature_bc_matrix.h5", matrix)
    assert name == ("my_run" if said else "GSM1")
    assert library_of(source, "outs/filtered_feature_bc_matrix.h5", matrix) == (
        "my_run" if said else "folder"
    )


def test_the_filtered_matrix_is_read_where_a_raw_one_lies_beside_it(tmp_path):
    made.space_ranger(tmp_path / "run")
    counts, places = made.visium_truth()
    raw = tmp_path / "run/outs/raw_feature_bc_matrix.h5"
    made.write_10x_h5(raw, counts + 1, places["barcode"], [f"Gene{g}" for g in range(6)])
    section = read(tmp_path / "run")
    order = pd.Index(places["barcode"]).get_indexer(section.spot_ids)
    assert np.array_equal(section.counts.toarray(), counts[order])


# --- bins


def test_the_smallest_bins_of_a_gef_are_the_smallest_by_number(tmp_path):
    path = made_kinds.gef(tmp_path / "a.gef")
    with h5py.File(path, "a") as file:
        file.move("geneExp/bin50", "geneExp/bin100")
        file.move("geneExp/bin1", "geneExp/bin20")
    assert "bin20, were counted" in words(read(path, bin_size=20))
