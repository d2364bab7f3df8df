"""Painting a mask: strokes that can be undone."""

import numpy as np

from s2s_core.sampling.painting import Painting


def test_strokes_add_take_away_and_are_undone(square):
    left, top = square.col < 4, square.row < 3
    start = Painting(np.zeros(square.n_positions, bool))
    painting = start.painted("add", left).painted("remove", top)
    np.testing.assert_array_equal(painting.mask, left & ~top)
    np.testing.assert_array_equal(painting.undone().mask, left)
    assert not painting.undone().undone().undone().mask.any()
    assert not start.mask.any()
