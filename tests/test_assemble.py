import numpy as np
import pytest
from scipy import sparse

from s2s_core.data.assemble import assemble
from s2s_core.data.value_scale import detect_scale
from s2s_core.errors import S2SError
from tests.made import assembled as build
from tests.made import made_points, made_table


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_spots_keep_id_counts_and_place(kind):
    table = made_table(kind, row0=3, col0=5)
    order = np.random.default_rng(0).permutation(len(table[1]))
    shuffled = (
        table[0][order],
        table[1].iloc[order],
        table[2],
        table[3][order],
        tuple(a[order] for a in table[4]),
    )
    section = build(shuffled)
    assert section.grid.kind == kind
    written = section.written_order
    assert section.spot_ids[written].tolist() == shuffled[1].index.tolist()
    assert np.array_equal(section.counts[written].toarray(), shuffled[0])
    assert [a[written].tolist() for a in section.array_index] == [a.tolist() for a in shuffled[4]]
    assert np.array_equal(section.xy[written], shuffled[3])


@pytest.mark.parametrize("kind", ["square", "hex", "points"])
@pytest.mark.parametrize("given", ["indices", "coordinates"])
def test_any_order_of_rows_gives_the_same_section(kind, given):
    counts, obs, var, xy, index = made_table("square" if kind == "points" else kind)
    if kind == "points":
        counts, obs, var, xy = made_points()
        index = None
    indices = index if given == "indices" else None
    order = np.random.default_rng(3).permutation(len(obs))
    one = assemble(counts, obs=obs, var=var, xy=xy, array_index=indices)
    two = assemble(
        counts[order],
        obs=obs.iloc[order],
        var=var,
        xy=xy[order],
        array_index=None if indices is None else tuple(a[order] for a in indices),
    )
    assert one.grid.kind == two.grid.kind
    assert one.spot_ids.equals(two.spot_ids)
    for name in ("xy", "row", "col", "measured"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert (one.counts != two.counts).nnz == 0
    assert np.array_equal(one.grid.affine, two.grid.affine)
    assert one.notes == two.notes


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize(
    ("absent", "origin", "measured"),
    [("auto", "gap", False), ("gaps", "gap", False), ("zeros", "empty bin", True)],
)
def test_missing_spots_inside_the_tissue(kind, absent, origin, measured):
    keep = np.ones(120, bool)
    keep[[45, 66]] = False
    section = build(made_table(kind), keep, absent=absent)
    new = section.origin == origin
    assert new.sum() == 2
    assert (section.measured[new] == measured).all()
    assert (section.known[new] == measured).all()
    assert section.counts[new].nnz == 0
    assert section.spot_ids.is_unique
    expected = {tuple(a[i] for a in made_table(kind)[4]) for i in (45, 66)}
    assert {(r, c) for r, c in np.column_stack(section.array_index)[new]} == expected


def test_missing_spots_as_background_are_no_positions():
    keep = np.ones(120, bool)
    keep[45] = False
    assert build(made_table(), keep, absent="background").n_positions == 119


def test_bins_without_anything_are_background_unless_asked():
    table = made_table()
    absent, empty = np.ones(120, bool), table[0].copy()
    absent[45] = False
    empty[45] = 0
    full = (empty, *table[1:])
    for one in (
        build(table, absent, binned=True, totals="sum"),
        build(full, binned=True, totals="sum"),
    ):
        assert one.grid.kind == "bins"
        assert one.n_positions == 119
        assert one.measured.all()
        assert "1% of the pixels inside the tissue are empty: they are background" in one.notes[-1]
    zeros = build(table, absent, binned=True, totals="sum", absent="zeros")
    assert zeros.measured.all()
    assert (zeros.origin == "empty bin").sum() == 1
    assert build(full, binned=True, totals="sum", absent="zeros").measured.all()
    for one in (table, full):
        gaps = build(one, absent, binned=True, totals="sum", absent="gaps")
        assert (gaps.origin == "gap").sum() == 1
        assert gaps.measured.sum() == 119


def test_absent_bins_are_never_zeros_where_the_section_says_what_was_measured():
    keep = np.ones(120, bool)
    keep[45] = False
    measured = np.arange(119) % 3 > 0
    section = build(made_table(), keep, binned=True, measured=measured)
    assert section.n_positions == 119
    asked = build(made_table(), keep, binned=True, measured=measured, absent="zeros")
    gap = asked.origin == "gap"
    assert gap.sum() == 1
    assert not asked.known[gap].any()
    assert any("absent ones are unknown" in note for note in asked.notes)


def test_an_empty_bin_of_an_unscaled_panel_is_a_true_zero():
    table = made_table()
    table[0][45] = 0
    section = build(table, binned=True)
    assert section.n_positions == 120
    assert section.measured.all()


def test_spots_without_counts_are_measured_zeros_and_told():
    table = made_table()
    table[0][[3, 7]] = 0
    section = build(table, totals="sum")
    assert section.measured.all()
    assert (
        "2 measured spots hold no count of these genes: they are measured zeros." in section.notes
    )


@pytest.mark.parametrize("bad", [np.nan, 1e9, -5.0, np.inf])
def test_unmeasured_rows_are_ignored_whatever_they_hold(bad):
    table = made_table()
    measured = np.random.default_rng(0).random(120) < 0.5
    clean = build(table, measured=measured)
    table[0][~measured] = bad
    section = build(table, measured=measured)
    assert np.array_equal(section.measured, measured)
    assert not section.hidden.any()
    assert (section.counts != clean.counts).nnz == 0
    assert section.counts[~measured].nnz == 0


@pytest.mark.parametrize(
    ("bad", "word"), [(np.nan, "NaN"), (np.inf, "infinite"), (-1.0, "negative")]
)
def test_unusable_values_at_measured_spots_are_refused(bad, word):
    table = made_table()
    table[0][7, 2] = bad
    with pytest.raises(S2SError, match=word):
        build(table)


def test_duplicate_ids_genes_and_positions_are_refused():
    table = made_table()
    counts, obs, var, xy, index = table
    twice = obs.set_axis(["same", "same", *obs.index[2:]])
    with pytest.raises(S2SError, match="spot id 'same' occurs more than once"):
        build((counts, twice, var, xy, index))
    with pytest.raises(S2SError, match="gene name 'G' occurs"):
        build((counts, obs, var.set_axis(["G", "G", *var.index[2:]]), xy, index))
    index[1][1] = index[1][0]
    with pytest.raises(S2SError, match="share one lattice position"):
        build((counts, obs, var, xy, index))


def test_missing_coordinates_are_refused():
    counts, obs, var, xy, index = made_table()
    with pytest.raises(S2SError, match="No coordinates"):
        assemble(counts, obs=obs, var=var, xy=None)
    xy[3] = np.nan
    with pytest.raises(S2SError, match="coordinates of spot 'AAAC0003-1'"):
        build((counts, obs, var, xy, index))


def test_wrong_options_and_empty_tables_are_refused():
    with pytest.raises(S2SError, match="absent"):
        build(made_table(), absent="maybe")
    with pytest.raises(S2SError, match="scale"):
        build(made_table(), scale="percent")
    with pytest.raises(S2SError, match="empty"):
        build(made_table(), np.zeros(120, bool))


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_lattice_is_found_without_indices(kind):
    counts, obs, var, xy, _ = made_table(kind)
    section = assemble(counts, obs=obs, var=var, xy=xy)
    assert section.grid.kind == kind
    assert section.grid.tissue.sum() == 120
    assert section.grid.to_xy(section.row, section.col) == pytest.approx(xy, abs=1e-6)


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_a_declared_lattice_that_is_not_there_is_refused(kind):
    counts, obs, var, xy = made_points()
    with pytest.raises(S2SError, match=f"no {kind} lattice"):
        assemble(counts, obs=obs, var=var, xy=xy, kind=kind)


def test_points_are_counted_in_bins():
    counts, obs, var, xy = made_points()
    section = assemble(counts, obs=obs, var=var, xy=xy, bin_size=25.0)
    assert section.counts.sum() == counts.sum()
    pixel = np.floor((xy - xy.min(0)) / 25.0).astype(int)
    for i in np.nonzero(section.origin == "spot")[0][::7]:
        inside = (pixel[:, 1] == section.row[i]) & (pixel[:, 0] == section.col[i])
        assert np.array_equal(section.counts[i].toarray()[0], counts[inside].sum(0))
        assert section.obs["n_points"].iloc[i] == inside.sum()
    assert section.measured.all()


def test_a_bin_with_an_unmeasured_point_is_not_measured():
    counts, obs, var, xy = made_points()
    measured = np.ones(len(xy), bool)
    measured[0] = False
    counts[0] = np.nan
    section = assemble(counts, obs=obs, var=var, xy=xy, bin_size=25.0, measured=measured)
    col, row = np.floor((xy[0] - xy.min(0)) / 25.0).astype(int)
    here = (section.row == row) & (section.col == col)
    assert not section.measured[here].any()
    assert section.measured[~here].all()


def test_log_values_are_averaged_in_bins_not_added():
    counts, obs, var, xy = made_points()
    values = np.log1p(counts / 7)
    section = assemble(values, obs=obs, var=var, xy=xy, bin_size=25.0)
    assert section.is_log
    assert section.counts.max() <= values.max() + 1e-5


@pytest.mark.parametrize(
    ("values", "scale", "uns", "is_log"),
    [
        ([0.0, 3.0, 900.0], "auto", {}, False),
        ([0.1, 1.5, 4.2], "auto", {}, True),
        ([0.5, 300.0], "auto", {}, False),
        ([1.0, 2.0], "auto", {"log1p": {}}, True),
        ([0.1, 1.5], "counts", {}, False),
        ([1.0, 2.0], "log", {}, True),
    ],
)
def test_scale_is_recognised_or_declared(values, scale, uns, is_log):
    found = detect_scale(sparse.csr_matrix([values]), scale, uns)
    assert found.is_log is is_log
    assert found.note.endswith(".")
