"""The range of colours: shared by maps on the screen and in print."""

import numpy as np
import pytest

from s2s_core.output.colours import colour_range


def test_a_few_extreme_spots_do_not_wash_out_the_rest():
    values = np.r_[np.linspace(0, 1, 1000), np.nan, 100.0]
    low, high = colour_range(values)
    assert low == 0
    assert 0.9 < high < 2
    assert colour_range(values, 1.0)[1] == 100.0


def test_it_begins_at_zero_or_below():
    assert colour_range(np.linspace(5, 6, 50))[0] == 0
    assert colour_range(np.linspace(-2, 6, 50))[0] == -2


def test_diverging_colours_are_centred_on_zero():
    low, high = colour_range(np.array([-2.0, 1.0]), 1.0, symmetric=True)
    assert (low, high) == (-2.0, 2.0)


@pytest.mark.parametrize("values", [[], [np.nan], [3.0, 3.0]])
def test_without_any_spread_there_is_a_range_all_the_same(values):
    assert colour_range(np.array(values)) == (0.0, 1.0)
    assert colour_range(np.array(values), symmetric=True) == (-1.0, 1.0)


def test_mostly_zeros_reach_to_the_largest():
    assert colour_range(np.r_[np.zeros(999), 4.0]) == (0.0, 4.0)
