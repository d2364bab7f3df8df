"""Painting a mask: what lies inside a region, and strokes that can be undone."""

import numpy as np

from s2s_core.sampling.painting import Painting, inside


def test_a_box_holds_what_lies_between_its_corners(square):
    pitch, low = square.grid.pitch, square.xy.min(0)
    # Drawn from the lower right to the upper left.
    box = {"x": [low[0] + 2.5 * pitch, low[0] - 1], "y": [low[1] + 1.5 * pitch, low[1] - 1]}
    found = inside(square, {"box": [box]})
    np.testing.assert_array_equal(found, (square.col < 3) & (square.row < 2))


def test_positions_on_a_boxs_edge_are_in_it(square):
    corners = square.xy[[0, 26]]
    found = inside(square, {"box": [{"x": corners[:, 0], "y": corners[:, 1]}]})
    np.testing.assert_array_equal(found, (square.col <= 2) & (square.row <= 2))


def test_a_lasso_holds_what_lies_inside_its_polygon(lattice):
    low, high = lattice.xy.min(0) - 1, lattice.xy.max(0) + 1
    triangle = {"x": [low[0], high[0], low[0]], "y": [low[1], low[1], high[1]]}
    found = inside(lattice, {"lasso": [triangle]})
    share = (lattice.xy - low) / (high - low)
    np.testing.assert_array_equal(found, share.sum(1) < 1)


def test_several_regions_add_up_and_none_is_none(square):
    everywhere = {"x": [-1e9, 1e9], "y": [-1e9, 1e9]}
    nowhere = {"x": [0, 0], "y": [0, 0]}
    assert inside(square, {"box": [nowhere, everywhere]}).all()
    assert not inside(square, {}).any()
    assert not inside(square, {"box": [], "lasso": [{"x": [0, 1], "y": [0, 1]}]}).any()


def test_strokes_add_take_away_and_are_undone(square):
    left, top = square.col < 4, square.row < 3
    start = Painting(np.zeros(square.n_positions, bool))
    painting = start.painted("add", left).painted("remove", top)
    np.testing.assert_array_equal(painting.mask, left & ~top)
    np.testing.assert_array_equal(painting.undone().mask, left)
    assert not painting.undone().undone().undone().mask.any()
    assert not start.mask.any()
