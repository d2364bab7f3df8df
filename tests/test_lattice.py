"""Lattices behind coordinates: every orientation, sparse ones, jitter; and what is none."""

import numpy as np
import pytest

from s2s_core.data.array_positions import checked_index
from s2s_core.data.grid import lattice_uv
from s2s_core.data.lattice import find_lattice
from tests.made import lattice_positions, made_points, made_table

pytestmark = pytest.mark.slow


def turned(xy, degrees: float, *, mirrored: bool = False, scale: float = 137.0) -> np.ndarray:
    a = np.radians(degrees)
    turn = scale * np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
    return xy @ (turn * ([1, -1] if mirrored else [1, 1])) + [4000.0, -900.0]


def full(kind: str, rows: int = 24, cols: int = 20):
    row, col = lattice_positions(kind, rows, cols)
    return lattice_uv(kind, row, col)


def same_places(kind: str, found, uv: np.ndarray) -> bool:
    """Whether distances between all spots are those of the lattice they came from."""
    again = lattice_uv(kind, found.row, found.col)
    pairs = np.random.default_rng(0).integers(len(uv), size=(2, 500))
    distances = [np.linalg.norm(p[pairs[0]] - p[pairs[1]], axis=1) for p in (uv, again)]
    return np.allclose(*distances, atol=1e-6)


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("degrees", [0, 0.146, 30, 45, 90, 137.5, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_any_orientation_and_scale(kind, degrees, mirrored):
    uv = full(kind)
    found = find_lattice(turned(uv, degrees, mirrored=mirrored))
    assert found.kind == kind
    assert same_places(kind, found, uv)
    swapped = find_lattice(turned(uv, degrees, mirrored=mirrored, scale=0.01)[:, ::-1])
    assert swapped.kind == kind
    assert same_places(kind, swapped, uv)


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("share", [0.5, 0.33, 0.15])
@pytest.mark.parametrize("jitter", [0.0, 0.03])
def test_scattered_parts_with_jitter(kind, share, jitter):
    rng = np.random.default_rng(1)
    uv = full(kind, 40, 40)
    uv = uv[rng.random(len(uv)) < share]
    found = find_lattice(turned(uv + rng.normal(0, jitter, uv.shape), 12))
    assert found.kind == kind
    assert same_places(kind, found, uv)


def test_positions_rounded_to_pixels_far_from_the_first():
    uv = full("hex", 78, 64)
    xy = np.rint(turned(uv, 0.146, scale=17.3))
    found = find_lattice(xy)
    assert found.kind == "hex"
    assert same_places("hex", found, uv)
    assert "turned by 0.1" in found.note


def test_the_note_says_kind_pitch_and_turn():
    note = find_lattice(turned(full("square"), 7)).note
    assert "480 spots form a square lattice of pitch 137, turned by 7.00 degrees" in note
    assert "kind points" in note
    assert "along the axes" in find_lattice(turned(full("hex"), 0)).note


def test_unequal_steps_are_a_square_lattice_all_the_same():
    uv = full("square")
    assert same_places("square", find_lattice(uv * [50, 80]), uv)


def test_few_spots_in_two_lines_of_designs():
    """Every second row in full and a tenth of the others: the step is the lattice's own."""
    rng = np.random.default_rng(2)
    row, col = lattice_positions("square", 30, 30)
    some = (row % 2 == 0) | (rng.random(900) < 0.1)
    uv = lattice_uv("square", row[some], col[some])
    assert same_places("square", find_lattice(turned(uv, 5)), uv)


@pytest.mark.parametrize("n", [4, 12, 60, 900])
def test_scattered_points_are_no_lattice(n):
    rng = np.random.default_rng(n)
    for _ in range(5):
        assert find_lattice(rng.uniform(0, 300, (n, 2))) is None
        assert find_lattice(np.rint(rng.uniform(0, 3000, (n, 2)))) is None


def test_cells_are_no_lattice():
    assert find_lattice(made_points()[3]) is None


def test_crowded_cells_that_keep_their_distance_are_no_lattice():
    uv = full("hex", 30, 30)
    pushed = uv + np.random.default_rng(4).uniform(-0.3, 0.3, uv.shape)
    assert find_lattice(turned(pushed, 0)) is None


def test_array_positions_as_coordinates_are_hexagonal_unless_told_otherwise():
    row, col = lattice_positions("hex", 20, 20)
    xy = np.column_stack([col, row]).astype(float)
    found = find_lattice(xy)
    assert found.kind == "hex"
    assert np.array_equal(found.row, row)
    assert np.array_equal(found.col, col)
    assert "array positions" in found.note
    assert find_lattice(xy, "square").kind == "square"


@pytest.mark.parametrize(("kind", "other"), [("square", "hex"), ("hex", "square")])
def test_a_wanted_kind_that_is_not_there_is_not_found(kind, other):
    xy = turned(full(kind), 20)
    assert find_lattice(xy, kind).kind == kind
    assert find_lattice(xy, other) is None


def test_rows_in_another_order_have_the_same_places():
    xy = turned(full("hex"), 30)
    order = np.random.default_rng(5).permutation(len(xy))
    one, two = find_lattice(xy), find_lattice(xy[order])
    assert np.array_equal(one.row[order], two.row)
    assert np.array_equal(one.col[order], two.col)


def test_exchanged_array_positions_are_seen_by_their_steps():
    _, _, _, xy, (row, col) = made_table("hex")
    found = checked_index(col, row, xy)
    assert found.kind == "hex"
    assert np.array_equal(found.row, row)
    assert np.array_equal(found.col, col)
    assert "exchanged" in found.note
    # Mirrored and turned as well.
    assert checked_index(col, row, turned(xy, 90, mirrored=True)).kind == "hex"
    same = checked_index(row, col, turned(xy, 90, mirrored=True))
    assert (same.kind, same.note) == ("hex", "")
    assert np.array_equal(same.row, row)


def test_checkerboard_of_a_square_lattice_is_told_from_a_hexagonal_one():
    _, _, _, xy, (row, col) = made_table("square")
    some = (row + col) % 2 == 0
    assert checked_index(row[some], col[some], xy[some]).kind == "square"
    _, _, _, xy, (row, col) = made_table("hex")
    assert checked_index(row, col, xy).kind == "hex"
    assert checked_index(row, col, None).kind == "hex"
    assert checked_index(row, col, xy, "square").kind == "square"


def test_array_positions_that_do_not_fit_give_way_to_the_coordinates():
    _, _, _, xy, (row, col) = made_table("hex")
    found = checked_index(np.random.default_rng(6).permutation(row), col, xy)
    assert found.kind == "hex"
    assert "do not fit the coordinates" in found.note
