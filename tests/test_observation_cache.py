"""What is kept of observations seen before, and that other values are never answered from it."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core.geostat.observation_cache import (
    DecompositionCache,
    ObservationCache,
    observation_digest,
)


@pytest.fixture
def first_estimate(uneven_first_estimate):
    """The first estimate with nothing kept yet."""
    return replace(uneven_first_estimate)


@pytest.fixture
def other(uneven):
    """Other values at the same spots."""
    return replace(uneven, values=uneven.values[::-1].copy())


def test_other_values_at_the_same_pixels_have_their_own_estimate(first_estimate, uneven, other):
    before = first_estimate.estimate(uneven)
    found = first_estimate.estimate(other)
    assert np.abs(found.mean - before.mean).max() > 0.1
    fresh = replace(first_estimate).estimate(other)
    assert np.array_equal(found.mean, fresh.mean)
    assert np.array_equal(
        found.samples, other.image(first_estimate.programmes.scores(other.values))
    )


def test_values_changed_in_place_have_their_own_estimate(first_estimate, uneven):
    own = replace(uneven, values=uneven.values.copy())
    before = first_estimate.estimate(own).mean.copy()
    own.values[:] = own.values[::-1].copy()
    assert not np.array_equal(first_estimate.estimate(own).mean, before)


@pytest.mark.parametrize(
    "change",
    [
        {"noise": lambda obs: obs.noise[::-1].copy()},
        {"pixels": lambda obs: obs.pixels[::-1].copy()},
        {"targets": lambda obs: obs.targets[1:]},
        {"grid": lambda obs: replace(obs.grid, kind="hex")},
        {"grid": lambda obs: replace(obs.grid, parity=1)},
        {"grid": lambda obs: replace(obs.grid, tissue=~obs.grid.tissue)},
    ],
)
def test_all_that_an_estimate_depends_on_tells_observations_apart(uneven, change):
    (name, make), *_ = change.items()
    assert observation_digest(replace(uneven, **{name: make(uneven)})) != observation_digest(uneven)


def test_subsets_of_equal_size_have_their_own_estimate(first_estimate, uneven):
    parts = [uneven.subset(np.arange(len(uneven.pixels)) % 2 == k) for k in (0, 1)]
    found = [first_estimate.estimate(part) for part in parts]
    for part, estimate in zip(parts, found, strict=True):
        alone = replace(first_estimate, decompositions=DecompositionCache()).estimate(part)
        assert np.array_equal(estimate.mean, alone.mean)
        assert np.array_equal(estimate.deviation, alone.deviation)


def test_an_equal_observation_is_not_estimated_twice(first_estimate, uneven):
    copy = replace(uneven, values=uneven.values.copy(), pixels=uneven.pixels.copy())
    assert first_estimate.estimate(copy) is first_estimate.estimate(uneven)


def test_a_changed_first_estimate_starts_with_nothing_kept(first_estimate, uneven):
    before = first_estimate.estimate(uneven)
    variograms = first_estimate.variograms
    noisy = replace(variograms, sill=0.1 * variograms.sill)
    changed = replace(first_estimate, variograms=noisy).estimate(uneven)
    assert not np.array_equal(changed.deviation, before.deviation)


def test_decompositions_go_by_positions_and_noise(uneven, other):
    cache = DecompositionCache()
    made = cache.of(uneven)
    assert cache.of(other) is made
    assert cache.of(replace(uneven, noise=np.ones_like(uneven.noise))) is not made
    assert cache.of(uneven.subset(np.arange(40))) is not made


def test_what_was_used_longest_ago_is_dropped(uneven):
    cache, made = ObservationCache(observation_digest, size=2), []

    def make(obs):
        made.append(len(obs.pixels))
        return object()

    parts = [uneven.subset(np.arange(n)) for n in (10, 20, 30)]
    first = cache.get(parts[0], make)
    cache.get(parts[1], make)
    assert cache.get(parts[0], make) is first
    cache.get(parts[2], make)
    assert cache.get(parts[0], make) is first
    cache.get(parts[1], make)
    assert made == [10, 20, 30, 20]
