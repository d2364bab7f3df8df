"""Rules of lattices, depths and rows, one statement each."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.array_positions import checked_index
from s2s_core.data.assemble import assemble
from s2s_core.data.grid import close_tissue
from s2s_core.data.lattice import find_lattice
from s2s_core.errors import S2SError
from tests.made import lattice_positions, made_counts, made_points, made_table


def turned(xy, degrees: float) -> np.ndarray:
    a = np.radians(degrees)
    return np.asarray(xy, float) @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])


def grid(rows: int, cols: int) -> np.ndarray:
    """x and y of a square lattice of pitch 1."""
    return np.indices((rows, cols)).reshape(2, -1).T[:, ::-1].astype(float)


def hexagon(radius: int) -> np.ndarray:
    """A patch of a hexagonal lattice that looks the same along all its three directions."""
    i, j = np.indices((2 * radius + 1,) * 2).reshape(2, -1) - radius
    i, j = (v[np.abs(i + j) <= radius] for v in (i, j))
    return np.column_stack([i + j / 2, j * np.sqrt(3) / 2])


# --- lattices


def test_few_spots_must_lie_closer_to_their_places():
    noise = np.random.default_rng(0).uniform(-1, 1, (16, 2))
    assert find_lattice(grid(4, 4) + 0.01 * noise) is not None
    assert find_lattice(grid(4, 4) + 0.12 * noise) is None


def test_many_spots_may_lie_a_fifth_of_a_step_off_but_no_more():
    noise = np.random.default_rng(0).uniform(-1, 1, (400, 2))
    assert find_lattice(grid(20, 20) + 0.15 * noise) is not None
    assert find_lattice(grid(20, 20) + 0.33 * noise) is None


def test_both_coordinates_must_lie_on_the_lattice():
    xy = grid(20, 20)
    xy[:, 0] += np.random.default_rng(0).uniform(-0.35, 0.35, len(xy))
    assert find_lattice(xy) is None


def test_an_error_of_the_step_does_not_add_up():
    # Rounded to pixels, neighbours say next to nothing of the true step.
    truth = grid(3, 4000)
    found = find_lattice(np.rint(truth * 4.378))
    assert np.array_equal(np.column_stack([found.col, found.row]), truth)


@pytest.mark.parametrize("degrees", [-40, -20, -1, 0, 1, 20, 40])
@pytest.mark.parametrize("mirrored", [False, True])
def test_columns_run_to_the_right_and_rows_along_y(degrees, mirrored):
    xy = turned(grid(9, 14) * ([1, -1] if mirrored else [1, 1]), degrees)
    found = find_lattice(xy)
    assert np.corrcoef(found.col, xy[:, 0])[0, 1] > 0.5
    assert np.corrcoef(found.row, xy[:, 1])[0, 1] > 0.5


@pytest.mark.parametrize("degrees", [-10, 0, 10])
def test_of_equal_directions_rows_take_the_one_nearest_to_the_x_axis(degrees):
    xy = turned(hexagon(6), degrees)
    found = find_lattice(xy)
    assert found.kind == "hex"
    first = xy[found.row == found.row[0]]
    along = first[-1] - first[0]
    assert np.degrees(np.arctan(along[1] / along[0])) == pytest.approx(degrees, abs=1)


def test_a_few_spots_on_a_lattice_of_millions_of_places_are_none():
    corner = np.random.default_rng(0).integers(0, 3000, (30, 1, 2))
    few = (corner + [[0, 0], [1, 0], [0, 1]]).reshape(-1, 2)
    assert find_lattice(few) is None
    assert find_lattice(np.unique(few % 20, axis=0)) is not None


@pytest.mark.parametrize("way", [(1, 0), (-1, 0), (0, 1), (2, 1), (-2, -1), (2, -1), (1, -2)])
def test_a_single_row_counts_along_its_longer_axis(way):
    forward = max(way, key=abs) > 0
    # (What an algorithm gives as the direction depends on the first numbers.)
    for step in (np.array([0, 1, 3, 5, 7, 9, 11, 13]), np.array([0, 2, 4, 6, 8, 10, 12, 13])):
        found = find_lattice(step[:, None] * np.array(way, float))
        assert found.col.tolist() == (step if forward else 13 - step).tolist()
        assert not found.row.any()


def test_holes_of_full_lattices_stay_holes():
    row, col = np.indices((20, 20)).reshape(2, -1)
    hole = (np.abs(row - 10) < 2) & (np.abs(col - 10) < 2)
    counts = made_counts(row[~hole], col[~hole])
    names = [
        pd.Index([f"{w}{i}" for i in range(n)]) for w, n in zip("sg", counts.shape, strict=True)
    ]
    section = assemble(
        counts,
        obs=pd.DataFrame(index=names[0]),
        var=pd.DataFrame(index=names[1]),
        xy=None,
        array_index=(row[~hole], col[~hole]),
        kind="square",
        absent="background",
    )
    assert np.array_equal(close_tissue(section.grid), section.grid.tissue)


def test_positions_are_believed_only_where_nearly_all_fit():
    _, _, _, xy, (row, col) = made_table("square", 11, 13)
    assert checked_index(row, col, xy).note == ""
    # Every sixth spot is given the place of its neighbour.
    wrong = np.arange(len(row)) % 6 == 0
    found = checked_index(row, col + wrong, xy)
    assert "do not fit the coordinates" in found.note
    assert found.kind == "square"
    assert (found.row.tolist(), found.col.tolist()) == (row.tolist(), col.tolist())


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_without_coordinates_parity_tells_the_lattice(kind):
    row, col = lattice_positions(kind, 6, 7)
    assert checked_index(row, col, None).kind == kind


# --- rows


def binned(**more):
    counts, obs, var, xy = made_points(300)
    given = {"kind": "points", "bin_size": 25.0} | more
    return assemble(counts, obs=obs, var=var, xy=xy, **given)


def test_bins_made_here_are_no_rows_of_the_file_and_neither_are_gaps():
    section = binned(absent="gaps")
    assert set(section.origin) == {"spot", "gap"}
    assert (section.file_row == -1).all()
    counts, obs, var, xy, (row, col) = made_table()
    keep = np.arange(len(row)) != 55
    lattice = assemble(
        counts[keep], obs=obs[keep], var=var, xy=xy[keep], array_index=(row[keep], col[keep])
    )
    assert lattice.file_row[lattice.origin == "gap"].tolist() == [-1]
    assert sorted(lattice.file_row[lattice.origin == "spot"]) == list(range(len(row) - 1))


def test_bins_that_hold_an_unmeasured_cell_have_no_totals():
    measured = np.arange(300) % 7 != 0
    for section in (binned(measured=measured), binned(measured=measured, totals="none")):
        assert 0 < section.measured.sum() < len(section.measured)
        assert np.array_equal(section.totals, section.measured.astype(float))


def test_given_totals_of_bins_are_zero_where_a_cell_was_not_measured():
    counts, obs, var, xy = made_points(300)
    obs = obs.assign(total_counts=counts.sum(1) + 10)
    measured = np.arange(300) % 7 != 0
    section = assemble(
        counts, obs=obs, var=var, xy=xy, kind="points", bin_size=25.0, measured=measured
    )
    assert np.array_equal(section.totals > 0, section.measured)


def test_the_note_says_points_a_pixel_and_the_share_of_empty_pixels():
    section = binned()
    n = len(section.row)
    assert any(f"{300 / n:.1f} points a pixel" in note for note in section.notes)
    # Of the frame of a disc the corners are no tissue.
    counts, obs, var, xy = made_points(500)
    inside = np.hypot(*(xy - 150).T) < 140
    for absent in ("auto", "zeros"):
        disc = assemble(
            counts[inside],
            obs=obs[inside],
            var=var,
            xy=xy[inside],
            kind="points",
            bin_size=20.0,
            absent=absent,
        )
        closed = close_tissue(disc.grid)
        full = np.zeros_like(closed)
        of_file = disc.origin == "spot"
        full[disc.row[of_file], disc.col[of_file]] = True
        empty = (closed & ~full).sum() / closed.sum()
        assert empty > 0.03
        assert any(s.startswith(f"{empty:.0%} of the pixels inside") for s in disc.notes)


def test_unmeasured_spots_are_not_told_as_silent():
    counts, obs, var, xy, index = made_table()
    counts[3] = 0
    measured = np.arange(len(obs)) % 10 != 0
    section = assemble(
        counts, obs=obs, var=var, xy=xy, array_index=index, totals="sum", measured=measured
    )
    assert any(s.startswith("1 measured spots hold no count") for s in section.notes)


def test_log_values_above_five_are_log_values():
    counts, obs, var, xy, index = made_table()
    values = counts / 3
    assert 5 < values.max() < 20
    assert assemble(values, obs=obs, var=var, xy=xy, array_index=index).is_log
    assert not assemble(values * 10, obs=obs, var=var, xy=xy, array_index=index).is_log


def test_coordinates_further_than_any_section_are_refused():
    counts, obs, var, xy, _ = made_table()
    with pytest.raises(S2SError, match="further away"):
        assemble(counts, obs=obs, var=var, xy=xy + 1e13)


def test_rows_are_known_by_their_place_in_the_file():
    counts, obs, var, xy, (row, col) = made_table()
    mixed = np.random.default_rng(0).permutation(len(obs))
    obs = obs.set_axis(obs.index[::-1])
    section = assemble(
        counts[mixed],
        obs=obs.iloc[mixed],
        var=var,
        xy=xy[mixed],
        array_index=(row[mixed], col[mixed]),
    )
    assert obs.index[mixed][section.file_row].tolist() == section.spot_ids.tolist()
    assert np.array_equal(counts[mixed][section.file_row], section.counts.toarray())


def test_unmeasured_bins_stay_while_empty_ones_go():
    counts, obs, var, xy, index = made_table()
    counts[[30, 50]] = 0
    measured = np.arange(len(obs)) != 50
    section = assemble(
        counts,
        obs=obs,
        var=var,
        xy=xy,
        array_index=index,
        kind="square",
        binned=True,
        measured=measured,
        totals="sum",
    )
    assert set(obs.index) - set(section.spot_ids) == {obs.index[30]}
    assert section.spot_ids[~section.measured].tolist() == [obs.index[50]]
    assert section.grid.kind == "bins"


def test_means_of_bins_are_the_same_to_the_last_digit_in_any_order():
    counts, obs, var, xy = made_points()
    values = np.log1p(counts / 3)
    first, other = (
        assemble(values[at], obs=obs.iloc[at], var=var, xy=xy[at], kind="points", bin_size=100.0)
        for at in (np.arange(900), np.random.default_rng(0).permutation(900))
    )
    assert first.is_log
    assert np.array_equal(first.counts.toarray(), other.counts.toarray())
