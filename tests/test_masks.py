import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from s2s_core.data.design_text import BATCH, Decimation, decimation
from s2s_core.data.mask_table import as_bool, mask_table
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from s2s_core.sampling.registry import DESIGNS
from tests.made import made_section

# name -> spec and how many of a full 12 x 10 grid it measures
COUNTS = {
    "lattice": [
        ("lattice:2", 30),
        ("lattice:3", 16),
        ("lattice:4", 9),
        ("lattice:3@1,2", 12),
        ("lattice", 30),
    ],
    "checkerboard": [("checkerboard", 60), ("checkerboard:1", 60)],
    "random": [("random:0.25", 30), ("random:10%", 12), ("random:0.3333", 40)],
    "stripes": [("stripes:2", 60), ("stripes:3", 40), ("stripes:5@4", 20)],
    "columns": [("columns:2", 60), ("columns:5@4", 24)],
    "poisson": [("poisson:0.25", 30), ("poisson:0.5", 60), ("poisson:0.1", 12)],
}
# Tested in test_designs.py, or in cases of their own below.
ELSEWHERE = {"hexlattice", "stratified", "density", "region", "leverage", "active", "obs", "csv"}
SPECS = [case for cases in COUNTS.values() for case in cases]


@pytest.fixture(params=["square", "hex"])
def full(request):
    return made_section(request.param, 12, 10, row0=3, col0=1)


def test_every_design_of_the_registry_is_tested_here():
    assert set(DESIGNS) == set(COUNTS) | ELSEWHERE


@pytest.mark.parametrize(("spec", "count"), SPECS)
def test_exact_count_on_both_lattices(full, spec, count):
    sparse = sample(full, spec, seed=1)
    assert sparse.measured.sum() == count
    assert sparse.design == spec
    assert sparse.hidden.sum() == 120 - count
    assert sparse.spot_ids.equals(full.spot_ids)


@pytest.mark.parametrize("spec", ["random:0.3", "poisson:0.3"])
def test_random_designs_are_seeded(full, spec):
    one, same, other = (sample(full, spec, seed).measured for seed in (5, 5, 6))
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize("phase", [(0, 0), (0, 1), (1, 0), (2, 2)])
def test_lattice_measures_its_phase(full, phase):
    sparse = sample(full, f"lattice:3@{phase[0]},{phase[1]}")
    assert set(
        zip(sparse.row[sparse.measured] % 3, sparse.col[sparse.measured] % 3, strict=True)
    ) == {phase}
    assert decimation(sparse.design) == Decimation(3, phase)


def test_phases_share_all_spots_out(full):
    masks = [sample(full, f"lattice:2@{r},{c}").measured for r in (0, 1) for c in (0, 1)]
    assert (np.sum(masks, 0) == 1).all()
    assert (
        sample(full, "checkerboard:0").measured != sample(full, "checkerboard:1").measured
    ).all()


def test_only_lattices_are_decimations():
    assert decimation("random:0.25") is None
    assert decimation("densify:2") is None
    assert decimation("") is None
    assert decimation("lattice:2" + BATCH) is None


def test_poisson_disc_is_spread_more_evenly_than_random():
    full = made_section("hex", 24, 24)
    nearest = {}
    for name in ("random", "poisson"):
        at = sample(full, f"{name}:0.25", seed=2).measured
        points = full.grid.lattice_xy(full.row[at], full.col[at])
        nearest[name] = cKDTree(points).query(points, k=2)[0][:, 1]
    assert nearest["poisson"].min() > nearest["random"].min()
    assert np.quantile(nearest["poisson"], 0.1) > np.quantile(nearest["random"], 0.1)


def test_designs_measure_real_spots_only():
    from tests.test_assemble import build, made_table

    keep = np.ones(120, bool)
    keep[[27, 45, 66, 67]] = False
    section = build(made_table(), keep)
    for spec in ("lattice:2", "random:0.5", "poisson:0.5", "stripes:2"):
        assert not (sample(section, spec).measured & ~section.known).any()
    assert sample(section, "random:0.5").measured.sum() == 58
    assert sample(section, "poisson:0.5").measured.sum() == 58


def test_a_second_mask_takes_from_the_first(full):
    twice = sample(sample(full, "checkerboard"), "random:0.5")
    assert twice.measured.sum() == 30
    assert not (twice.measured & ~sample(full, "checkerboard").measured).any()
    rows = sample(sample(full, "stripes:2"), "stripes:3")
    assert set(rows.row[rows.measured]) == {0, 6}
    with pytest.raises(S2SError, match="measures no spot"):
        sample(sample(full, "stripes:2"), "stripes:2@1")


def test_densify_is_a_design_too(full):
    fine = sample(full, "densify:2")
    assert fine.measured.sum() == 120
    assert fine.n_positions > 400


def test_obs_column(full):
    wanted = np.arange(120) % 3 == 0
    full.obs["kept"] = np.where(wanted, "yes", "no")
    assert np.array_equal(sample(full, "obs:kept").measured, wanted)
    with pytest.raises(S2SError, match="no obs column 'lost'"):
        sample(full, "obs:lost")


def test_csv_of_ids_round_trips(full, tmp_path):
    sparse = sample(full, "poisson:0.2", seed=3)
    mask_table(sparse).to_csv(tmp_path / "mask.csv", index=False)
    again = sample(full, f"csv:{tmp_path / 'mask.csv'}")
    assert np.array_equal(again.measured, sparse.measured)
    pd.DataFrame({"id": sparse.spot_ids[sparse.measured]}).to_csv(tmp_path / "ids.csv", index=False)
    assert np.array_equal(sample(full, f"csv:{tmp_path / 'ids.csv'}").measured, sparse.measured)


def test_mask_table_says_where_each_spot_is(full):
    table = mask_table(sample(full, "lattice:2"))
    assert table.columns.tolist() == ["spot_id", "array_row", "array_col", "x", "y", "measured"]
    assert np.array_equal(table[["x", "y"]].to_numpy(), full.xy)
    assert table["array_row"].min() == 3


def test_csv_with_foreign_ids_or_none_is_refused(full, tmp_path):
    with pytest.raises(S2SError, match="does not exist"):
        sample(full, "csv:nowhere.csv")
    path = tmp_path / "mask.csv"
    path.write_text("spot_id\nnobody\n")
    with pytest.raises(S2SError, match="'nobody'"):
        sample(full, f"csv:{path}")
    path.write_text("spot_id\n")
    with pytest.raises(S2SError, match="empty"):
        sample(full, f"csv:{path}")


def test_a_mask_of_nothing_or_everything_is_refused(full):
    full.obs["none"], full.obs["all"] = False, True
    with pytest.raises(S2SError, match="measures no spot"):
        sample(full, "obs:none")
    with pytest.raises(S2SError, match="measures every spot"):
        sample(full, "obs:all")
    with pytest.raises(S2SError, match="measures no spot"):
        sample(full, "random:0.001")
    with pytest.raises(S2SError, match="measures every spot"):
        sample(full, "random:0.999")


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ("spiral", "Unknown sampling design"),
        ("lattice:1", "between 2 and 64"),
        ("lattice:two", "whole number"),
        ("lattice:2@2,0", "row phase"),
        ("checkerboard:2", "between 0 and 1"),
        ("random:0", "above 0 and below 1"),
        ("random:1", "above 0 and below 1"),
        ("random:some", "must be a number"),
        ("poisson:nan", "above 0 and below 1"),
        ("stripes:2@5", "stripe phase"),
        ("densify:1", "between 2 and 8"),
    ],
)
def test_wrong_designs_are_refused(full, spec, word):
    with pytest.raises(S2SError, match=word):
        sample(full, spec)


def test_yes_and_no_are_read_in_many_spellings():
    column = pd.Series(["True", "false", "1", "0", " yes ", "No", None, np.nan, 1.0, 0.0])
    assert as_bool(column, "m").tolist() == [1, 0, 1, 0, 1, 0, 0, 0, 1, 0]
    with pytest.raises(S2SError, match="'perhaps'"):
        as_bool(pd.Series(["perhaps"]), "m")
