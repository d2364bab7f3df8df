from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from s2s_core.data.design_text import Decimation
from s2s_core.data.observation import (
    known_values,
    normalisation_target,
    observe,
    to_image,
    withhold,
)
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from tests.made import made_section


def test_values_are_log_counts_at_the_median_total_of_measured_spots(lattice):
    section = sample(lattice, "lattice:2")
    obs = observe(section)
    counts = section.counts.toarray()[section.measured]
    target = np.median(counts.sum(1))
    assert obs.target_sum == pytest.approx(target)
    expected = np.log1p(counts / counts.sum(1, keepdims=True) * target)
    assert obs.values == pytest.approx(expected, abs=1e-5)
    assert obs.values.dtype == np.float32
    assert np.array_equal(obs.pixels, section.pixels[section.measured])
    assert np.array_equal(obs.targets, section.pixels)
    assert obs.lattice == Decimation(2)


@pytest.mark.parametrize("bad", [np.nan, 1e9, -3.0])
def test_no_unmeasured_value_can_be_seen(lattice, bad):
    section = sample(lattice, "random:0.4", seed=1)
    clean = observe(section)
    counts = section.counts.toarray()
    counts[~section.measured] = bad
    spoiled = observe(replace(section, counts=sparse.csr_matrix(counts)))
    bare = observe(section.without_hidden())
    for other in (spoiled, bare):
        assert np.array_equal(other.values, clean.values)
        assert np.array_equal(other.pixels, clean.pixels)
        assert other.target_sum == clean.target_sum


def test_choosing_genes_does_not_change_their_values(lattice):
    section = sample(lattice, "lattice:2")
    whole = observe(section)
    some = observe(section.subset_genes(["Gene3", "Gene0"]))
    assert np.array_equal(some.values, whole.values[:, [3, 0]])
    assert some.target_sum == whole.target_sum
    single = known_values(section.subset_genes(["Gene3"]), whole.target_sum)
    assert np.array_equal(single, known_values(section, whole.target_sum)[:, [3]])


def test_log_values_are_never_normalised_twice(square):
    values = np.log1p(square.counts.toarray() / 3).astype(np.float32)
    section = sample(replace(square, counts=sparse.csr_matrix(values), is_log=True), "lattice:2")
    obs = observe(section)
    assert obs.target_sum is None
    assert normalisation_target(section) is None
    assert np.array_equal(obs.values, values[section.measured])


def test_a_measured_spot_without_counts_is_zero_and_no_part_of_the_target(square):
    counts = square.counts.toarray()
    section = sample(square, "lattice:2")
    first = np.nonzero(section.measured)[0][0]
    counts[first] = 0
    obs = observe(replace(section, counts=sparse.csr_matrix(counts)))
    assert not obs.values[0].any()
    assert np.isfinite(obs.values).all()
    others = section.measured.copy()
    others[first] = False
    assert obs.target_sum == pytest.approx(np.median(counts[others].sum(1)))


def test_known_values_are_nan_where_nothing_is_known(square):
    section = sample(square, "densify:2")
    truth = known_values(section, normalisation_target(section))
    assert np.isnan(truth[~section.known]).all()
    assert np.isfinite(truth[section.known]).all()


@pytest.mark.parametrize("fraction", [0.05, 0.1, 0.3])
def test_withheld_spots_are_exactly_as_many_and_everywhere(fraction):
    obs = observe(sample(made_section("hex", 24, 20), "checkerboard"))
    aside = withhold(obs, fraction, seed=3)
    assert aside.sum() == max(5, round(fraction * len(aside)))
    assert np.array_equal(aside, withhold(obs, fraction, seed=3))
    if fraction == 0.3:
        quarter = obs.pixels // obs.grid.shape[1] >= 12
        assert 0.2 < aside[quarter].mean() < 0.4
        assert 0.2 < aside[~quarter].mean() < 0.4


def test_too_few_spots_to_withhold_any():
    obs = observe(sample(made_section(), "lattice:2"))
    with pytest.raises(S2SError, match="too few"):
        withhold(obs.subset(np.arange(9)), 0.1, 0)


def test_a_subset_is_no_lattice_any_more(square):
    obs = observe(sample(square, "lattice:2"))
    half = obs.subset(np.arange(10))
    assert half.lattice is None
    assert np.array_equal(half.values, obs.values[:10])
    assert half.mask_image().sum() == 10


def test_images_hold_values_at_their_pixels(square):
    obs = observe(sample(square, "lattice:2"))
    image = obs.image(obs.values)
    assert image.shape == (6, *square.grid.shape)
    assert np.array_equal(image.reshape(6, -1)[:, obs.pixels], obs.values.T)
    assert not image[:, ~obs.mask_image()].any()
    assert to_image(np.ones((1, 1)), np.array([3]), (2, 2)).ravel().tolist() == [0, 0, 0, 1]
