"""Designs with a budget, on every lattice: exact, seeded, spread as they promise, exported."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial import cKDTree

from s2s_core.data.assemble import assemble
from s2s_core.data.design_text import HEXAGONAL_PARTS, decimation
from s2s_core.data.mask_table import mask_from_table, mask_table, read_mask_table
from s2s_core.errors import S2SError
from s2s_core.geostat.variograms import KERNELS, distances
from s2s_core.sampling.active import Covariance, reduce_variance
from s2s_core.sampling.apply import at_budget, sample
from s2s_core.sampling.pilot import Pilot
from s2s_core.sampling.registry import BUDGETED, DESIGNS
from tests.made import made_points, made_section

EXACT = [name for name in BUDGETED if DESIGNS[name].kind == "budget"]


@pytest.fixture(scope="module", params=["square", "hex", "bins"])
def whole(request):
    """A section on each kind of grid, with its pilot."""
    if request.param == "bins":
        counts, obs, var, xy = made_points(700)
        section = assemble(counts, obs=obs, var=var, xy=xy).everything_known()
    else:
        section = made_section(request.param, 18, 14, row0=3, col0=1)
    return section, Pilot(section)


def points_of(section, mask):
    return section.grid.lattice_xy(section.row[mask], section.col[mask])


@pytest.mark.parametrize("share", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("name", BUDGETED)
def test_every_design_measures_exactly_its_budget_and_survives_a_csv(whole, name, share, tmp_path):
    section, pilot = whole
    sampled = at_budget(section, name, share, seed=2, pilot=pilot)
    if sampled is None:
        assert DESIGNS[name].kind == "periodic"
        return
    assert sampled.measured.sum() == round(share * section.measured.sum())
    mask_table(sampled).to_csv(tmp_path / "mask.csv", index=False)
    again = mask_from_table(read_mask_table(tmp_path / "mask.csv"), section)
    assert np.array_equal(again, sampled.measured)
    # The text form alone draws the same mask again.
    assert np.array_equal(sample(section, sampled.design, 2).measured, sampled.measured)


@pytest.mark.parametrize("name", BUDGETED)
def test_designs_are_seeded(whole, name):
    section, pilot = whole
    share = 0.5 if name == "checkerboard" else 0.25
    one, same, *others = (at_budget(section, name, share, s, pilot=pilot) for s in (1, 1, 2, 3, 4))
    if one is None:
        assert name == "hexlattice"
        assert section.grid.kind != "hex"
        return
    assert np.array_equal(one.measured, same.measured)
    assert any(not np.array_equal(one.measured, other.measured) for other in others)


@pytest.mark.parametrize("name", EXACT)
def test_must_and_avoid_hold_for_every_budget_design(whole, name):
    section, pilot = whole
    rng = np.random.default_rng(0)
    lots = rng.permutation(section.n_positions)
    must, avoid = np.zeros((2, section.n_positions), bool)
    must[lots[:9]], avoid[lots[9:40]] = True, True
    sampled = sample(section, f"{name}:0.3", 1, must=must, avoid=avoid, pilot=pilot)
    assert sampled.measured[must].all()
    assert not sampled.measured[avoid].any()
    assert sampled.measured.sum() == round(0.3 * section.measured.sum())
    assert "must=array" in sampled.design


def test_periodic_designs_take_must_avoid_and_a_budget(whole):
    section, _ = whole
    section.obs["tumour"] = np.arange(section.n_positions) % 17 == 0
    section.obs["fold"] = np.arange(section.n_positions) % 17 == 1
    sampled = sample(section, "lattice:3/must=tumour/avoid=fold")
    plain = sample(section, "lattice:3").measured
    wanted = (plain & ~section.obs["fold"].to_numpy()) | section.obs["tumour"].to_numpy()
    assert np.array_equal(sampled.measured, wanted)
    brought = sample(section, "lattice:3/budget=40spots/must=tumour")
    assert brought.measured.sum() == 40
    assert brought.measured[section.obs["tumour"]].all()
    assert decimation("lattice:3/budget=0.1") is None


@pytest.mark.parametrize(("index", "spacing"), [(3, 3**0.5), (4, 2.0), (7, 7**0.5), (9, 3.0)])
def test_hexagonal_parts_are_hexagonal_lattices(index, spacing):
    section = made_section("hex", 30, 26, row0=3, col0=2, parity=1)
    phases = [sample(section, f"hexlattice:{index}@{p}").measured for p in range(index)]
    assert (np.sum(phases, 0) == 1).all()
    for mask in phases:
        points = points_of(section, mask)
        near = cKDTree(points).query(points, k=7)[0][:, 1:]
        inside = (np.abs(points - points.mean(0)) < 0.25 * np.ptp(points, axis=0)).all(1)
        # Six neighbours at equal distance.
        assert np.allclose(near[inside], spacing)


def test_hexagonal_parts_need_a_hexagonal_lattice_and_a_possible_number():
    with pytest.raises(S2SError, match="hexagonal lattice; choose lattice:2"):
        sample(made_section("square"), "hexlattice:4")
    with pytest.raises(S2SError, match="choose one of 3, 4, 7"):
        sample(made_section("hex"), "hexlattice:5")
    assert {3, 4, 7, 9, 12, 13} <= set(HEXAGONAL_PARTS)


def test_lattices_have_any_stride_phase_and_anisotropy():
    section = made_section("square", 12, 15)
    sampled = sample(section, "lattice:2x5@1,3")
    assert sampled.measured.sum() == 6 * 3
    assert set(sampled.row[sampled.measured] % 2) == {1}
    assert set(sampled.col[sampled.measured] % 5) == {3}
    assert decimation("lattice:2x5") is None
    assert decimation("lattice:3x3@1,2").stride == 3
    assert sample(section, "lattice:1x3").measured.sum() == 12 * 5
    with pytest.raises(S2SError, match="measures every spot"):
        sample(section, "lattice:1x1")
    with pytest.raises(S2SError, match="column phase"):
        sample(section, "lattice:2x3@0,3")


def test_stripes_have_a_width():
    section = made_section("square", 12, 15)
    wide = sample(section, "stripes:4x3@1")
    assert set(wide.row[wide.measured] % 4) == {1, 2, 3}
    assert set(sample(section, "columns:5x2").col[sample(section, "columns:5x2").measured] % 5) == {
        0,
        1,
    }
    with pytest.raises(S2SError, match="stripe width"):
        sample(section, "stripes:4x4")


def test_poisson_is_evener_than_stratified_and_that_than_random(whole):
    section, _ = whole
    every = points_of(section, np.ones(section.n_positions, bool))
    for share in ("0.1", "0.25", "0.5"):
        gaps = {}
        for name in ("poisson", "stratified", "random"):
            draws = [sample(section, f"{name}:{share}", seed).measured for seed in range(5)]
            gaps[name] = np.mean([(cKDTree(every[m]).query(every)[0] ** 2).mean() for m in draws])
        assert gaps["poisson"] < gaps["stratified"] * 1.02
        assert gaps["stratified"] < gaps["random"]


def test_stratified_has_one_spot_in_each_quarter_of_the_budget():
    section = made_section("square", 16, 16)
    sampled = sample(section, "stratified:4spots", 3).measured
    quarters = (section.row >= 8) * 2 + (section.col >= 8)
    assert sorted(quarters[sampled]) == [0, 1, 2, 3]


def test_a_painted_density_is_followed():
    section = made_section("square", 24, 24)
    density = np.where(section.col < 12, 4.0, 1.0)
    sampled = sample(section, "density:0.2", 1, density=density).measured
    left = sampled[section.col < 12].sum() / sampled.sum()
    assert 0.7 < left < 0.9
    assert sampled.sum() == round(0.2 * 576)
    section.obs["wanted"] = np.where(section.row < 12, 1.0, 0.0)
    only = sample(section, "density:0.2/density=wanted").measured
    assert not only[section.row >= 12].any()
    image = np.zeros(section.grid.shape)
    image[:, :8] = 1.0
    assert set(section.col[sample(section, "density:0.1", density=image).measured]) <= set(range(8))


def test_a_region_is_dense_and_its_surroundings_sparse():
    section = made_section("hex", 20, 18)
    region = (section.row < 6) & (section.col < 6)
    sampled = sample(section, "region:0.25", 1, region=region)
    assert sampled.measured[region].all()
    assert sampled.measured.sum() == 90
    assert sampled.measured[~region].sum() == 90 - 36
    assert not any("follows the values" in note for note in sampled.notes)


def test_leverage_prefers_unusual_profiles():
    base = made_section("square", 20, 20)
    odd = (base.row < 4) & (base.col < 4)
    rate = np.full((400, 12), 20.0)
    rate[np.ix_(odd, [0, 1])] = 200.0
    section = assemble(
        np.random.default_rng(0).poisson(rate),
        obs=base.obs,
        xy=base.xy,
        var=pd.DataFrame(index=[f"g{i}" for i in range(12)]),
        array_index=base.array_index,
    )
    drawn = np.mean([sample(section, "leverage:0.2", s).measured for s in range(30)], 0)
    assert drawn[odd].mean() > 1.5 * drawn[~odd].mean()


def test_designs_that_follow_values_say_so_and_random_ones_do_not(whole):
    section, pilot = whole
    for name in EXACT:
        notes = sample(section, f"{name}:0.25", pilot=pilot).notes
        assert any("follows the values" in n for n in notes) == DESIGNS[name].informed


def test_each_active_choice_is_the_one_that_lowers_the_variance_most():
    rng = np.random.default_rng(1)
    points, weights = rng.uniform(0, 9, (40, 2)), rng.uniform(0.5, 2, 40)
    covariance, given = Covariance(range=2.0, nugget=0.5), np.array([3, 17])
    allowed = np.ones(40, bool)
    allowed[5] = False
    picked = reduce_variance(points, covariance, allowed, 6, given=given, weights=weights, rng=rng)
    prior = KERNELS["matern32"](distances(points, points), 2.0).astype(float)

    def left(measured):
        cross = prior[:, measured]
        gram = prior[np.ix_(measured, measured)] + 0.5 * np.eye(len(measured))
        return weights @ (1 - (cross * np.linalg.solve(gram, cross.T).T).sum(1))

    have = list(given)
    for x in picked:
        others = {j: left([*have, j]) for j in range(40) if j not in have and allowed[j]}
        # Lots decide between gains that differ by less than a thousandth.
        assert left(have) - others[x] >= (1 - 2e-3) * (left(have) - min(others.values()))
        have.append(x)
    assert len(set(have)) == 8


def test_active_needs_no_values_once_a_range_is_given():
    section = made_section("square", 14, 14)
    blind = section.with_measured(np.ones(196, bool))
    blind.counts.data[:] = 1.0
    drawn = sample(section, "active:0.2@3", 1).measured
    assert np.array_equal(drawn, sample(blind, "active:0.2@3", 1).measured)
    points = points_of(section, drawn)
    assert cKDTree(points).query(points, k=2)[0][:, 1].min() > 1.4
