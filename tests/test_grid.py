import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import cKDTree

from s2s_core.data import grid as gridlib
from s2s_core.errors import S2SError
from tests.made import lattice_positions, made_points, made_section, made_table

PLACES = [
    ("square", 0, 0, 0),
    ("square", 4, 7, 0),
    ("square", -3, -2, 0),
    ("hex", 0, 0, 0),
    ("hex", 0, 0, 1),
    ("hex", 5, 3, 0),
    ("hex", 5, 3, 1),
    ("hex", -3, -4, 1),
]


@pytest.mark.parametrize(("kind", "row0", "col0", "parity"), PLACES)
def test_every_position_goes_to_a_pixel_and_back(kind, row0, col0, parity):
    row, col = lattice_positions(kind, 7, 9, row0=row0, col0=col0, parity=parity)
    keep = np.random.default_rng(0).random(len(row)) < 0.5
    row, col = row[keep], col[keep]
    grid = gridlib.from_array_index(kind, row, col)
    pixel_row, pixel_col = grid.pixel(row, col)
    assert len({*zip(pixel_row, pixel_col, strict=True)}) == len(row)
    assert grid.tissue[pixel_row, pixel_col].all()
    assert grid.tissue.sum() == len(row)
    back = grid.array_index(pixel_row, pixel_col)
    assert np.array_equal(back[0], row)
    assert np.array_equal(back[1], col)


@given(
    kind=st.sampled_from(["square", "hex"]),
    parity=st.integers(0, 1),
    spots=st.sets(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=30),
)
@settings(max_examples=60, deadline=None)
def test_round_trip_of_any_set_of_spots(kind, parity, spots):
    row, half = np.array(sorted(spots)).T
    col = 2 * half + (row + parity) % 2 if kind == "hex" else half
    grid = gridlib.from_array_index(kind, row, col)
    pixel = grid.pixel(row, col)
    assert min(p.min() for p in pixel) == 0
    assert (pixel[0].max() + 1, pixel[1].max() + 1) == grid.shape
    assert [a.tolist() for a in grid.array_index(*pixel)] == [row.tolist(), col.tolist()]


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_a_full_lattice_leaves_no_empty_pixel(kind):
    section = made_section(kind, 8, 9, row0=3, col0=1)
    assert section.grid.shape == (8, 9)
    assert section.grid.tissue.all()


@pytest.mark.parametrize(("kind", "count"), [("square", 4), ("hex", 6)])
def test_neighbouring_spots_are_one_apart(kind, count):
    section = made_section(kind, 7, 7, row0=2, col0=5)
    uv = section.grid.lattice_xy(section.row, section.col)
    inner = np.nonzero((section.row == 3) & (section.col == 3))[0][0]
    distance = np.sort(np.linalg.norm(uv - uv[inner], axis=1))
    assert distance[1 : count + 1] == pytest.approx(1.0)
    assert distance[count + 1] > 1.3


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_coordinates_come_back_also_when_rotated(kind):
    _, _, _, xy, (row, col) = made_table(kind, row0=4, col0=2)
    turn = np.array([[np.cos(0.3), np.sin(0.3)], [-np.sin(0.3), np.cos(0.3)]])
    grid = gridlib.from_array_index(kind, row, col, xy=xy @ turn)
    assert grid.to_xy(*grid.pixel(row, col)) == pytest.approx(xy @ turn, abs=1e-6)
    assert grid.pitch == pytest.approx(100.0)


def test_mixed_parity_is_no_hexagonal_lattice():
    with pytest.raises(S2SError, match="parity"):
        gridlib.from_array_index("hex", [0, 0, 1], [0, 1, 1])


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize(("kind", "parity"), [("square", 0), ("hex", 0), ("hex", 1)])
def test_densified_lattice_holds_every_old_position(kind, parity, stride):
    section = made_section(kind, 8, 7, row0=3, col0=2, parity=parity)
    grid = section.grid
    fine = grid.densified(stride)
    row, col = fine.pixel(*grid.densified_index(section.row, section.col, stride))
    assert fine.tissue[row, col].all()
    assert fine.to_xy(row, col) == pytest.approx(grid.to_xy(section.row, section.col))
    assert fine.pitch == pytest.approx(grid.pitch / stride)
    # About S^2 positions a spot, and none far from the tissue.
    assert stride**2 * 0.7 < fine.tissue.sum() / section.n_positions < stride**2 * 1.5
    every = fine.to_xy(*fine.tissue_pixels())
    distance, _ = cKDTree(section.xy).query(every)
    assert distance.max() < grid.pitch


def test_densify_factor_below_two_is_refused(square):
    with pytest.raises(S2SError, match="2 or more"):
        square.grid.densified(1)


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_tissue_closes_a_missing_spot_but_not_a_hole(kind):
    row, col = lattice_positions(kind, 20, 20)
    grid = gridlib.from_array_index(kind, row, col)
    hole = np.zeros(grid.shape, bool)
    hole[5:14, 5:14] = True
    tissue = ~hole
    tissue[17, 10] = False
    closed = gridlib.close_tissue(grid.with_tissue(tissue))
    assert closed[17, 10]
    assert not closed[9, 9]
    assert (closed | ~tissue).all()


def test_points_are_binned_into_the_pixel_they_lie_in():
    xy = np.array([[10.0, 20.0], [19.9, 20.0], [20.1, 41.0], [39.0, 20.5]])
    grid, row, col = gridlib.bin_points(xy, 10.0)
    assert row.tolist() == [0, 0, 2, 0]
    assert col.tolist() == [0, 0, 1, 2]
    assert (np.abs(grid.to_xy(row, col) - xy) <= 5.0 + 1e-9).all()


def test_proposed_bins_hold_about_three_points():
    xy = made_points(4000)[3]
    grid, row, col = gridlib.bin_points(xy, gridlib.propose_bin_size(xy))
    assert 2 < len(xy) / len(np.unique(row * 1000 + col)) < 5


@pytest.mark.parametrize("size", [0.0, -1.0])
def test_bin_size_must_be_positive(size):
    with pytest.raises(S2SError, match="positive"):
        gridlib.bin_points(np.zeros((3, 2)), size)


def test_absurdly_small_bins_are_refused():
    with pytest.raises(S2SError, match="larger bin"):
        gridlib.bin_points(np.array([[0.0, 0.0], [1e5, 1e5]]), 1.0)


def test_points_at_one_place_have_no_bin_size():
    with pytest.raises(S2SError, match="same position"):
        gridlib.propose_bin_size(np.ones((5, 2)))


def test_lattices_that_span_the_world_are_refused():
    with pytest.raises(S2SError, match="span 3001 x 3001 places"):
        gridlib.from_array_index("square", [0, 3000, 5], [0, 7, 3000])
    far = gridlib.from_array_index("square", [0, 0, 1999, 1999], [0, 1999, 0, 1999])
    with pytest.raises(S2SError, match="lattice steps apart"):
        gridlib.close_tissue(far)


@pytest.mark.parametrize("size", [1e-300, 1e-3])
def test_bins_too_small_for_the_section_are_refused(size):
    with pytest.raises(S2SError, match="choose a larger bin"):
        gridlib.bin_points(np.array([[0.0, 0.0], [1e6, 1e6]]), size)
