"""How sure a spot is from its depth, and which spots are withheld when."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.data.observation import depth_noise, folds, observe, withhold
from s2s_core.data.spatial import morton_order
from s2s_core.sampling.apply import sample
from tests.made import made_section


def test_noise_goes_with_the_root_of_depth_by_hand():
    totals = np.array([100.0, 400.0, 25.0, 0.0, 1.0, 1e6])
    assert depth_noise(totals, 100.0) == pytest.approx([1.0, 0.5, 2.0, 1.0, 5.0, 0.2])
    assert depth_noise(totals, None).tolist() == [1.0] * 6


def test_depth_is_that_of_all_genes_of_the_input(square):
    section = sample(square, "random:0.5", seed=1)
    whole, part = observe(section), observe(section.subset_genes(["Gene1", "Gene4"]))
    assert np.array_equal(whole.noise, part.noise)
    totals = section.counts.toarray()[section.measured].sum(1)
    assert whole.noise == pytest.approx(np.sqrt(np.median(totals) / totals), rel=1e-5)


@pytest.fixture(params=["square", "hex"])
def full(request):
    """A lattice of which every position is measured but one."""
    section = made_section(request.param, 16, 16)
    return observe(section.with_measured(np.arange(256) > 0))


def test_every_spot_is_withheld_once_and_everywhere(full):
    parts = folds(full)
    assert np.array_equal(np.sum(parts, 0), np.ones(len(full.pixels)))
    assert np.ptp([part.sum() for part in parts]) <= 1
    row, col = np.divmod(full.pixels, 16)
    for part in parts:
        # No whole line of a lattice at once, and each quarter of the tissue gives its share.
        for line in (row, col):
            assert max(part[line == k].mean() for k in range(16)) <= 0.6
        for quarter in range(4):
            there = (row // 8 * 2 + col // 8) == quarter
            assert part[there].mean() == pytest.approx(0.25, abs=0.06)


def test_the_seed_draws_the_spots_set_aside(full):
    drawn = [withhold(full, 0.1, seed) for seed in (0, 1, 1)]
    assert not np.array_equal(drawn[0], drawn[1])
    assert np.array_equal(drawn[1], drawn[2])
    assert {int(d.sum()) for d in drawn} == {26}


def test_the_z_curve_goes_through_cells_of_four_by_hand():
    col, row = (a.ravel() for a in np.meshgrid(np.arange(4), np.arange(4)))
    order = morton_order(np.column_stack([col, row]) + [7.0, -3.0])
    found = [(int(col[i]), int(row[i])) for i in order]
    assert found[:8] == [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (3, 0), (2, 1), (3, 1)]
    assert found[8:12] == [(0, 2), (1, 2), (0, 3), (1, 3)]


def test_a_section_that_moves_keeps_its_folds(full):
    """Only where spots lie to each other counts."""
    grid = replace(full.grid, row0=full.grid.row0 + 10, col0=full.grid.col0 + 6)
    moved = replace(full, grid=grid)
    for a, b in zip(folds(full), folds(moved), strict=True):
        assert np.array_equal(a, b)
