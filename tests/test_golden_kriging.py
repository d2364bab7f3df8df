"""Variograms and kriging of ten spots of unequal depth, against dense algebra in double precision."""

import numpy as np
import pytest

from s2s_core.geostat import variogram_fit, variograms
from s2s_core.geostat.kriging import krige
from s2s_core.geostat.variogram_fit import TEMPER, Criterion, fit_variograms
from s2s_core.geostat.variograms import KERNELS, NUGGETS, Spots, Variograms

CANDIDATES = (("matern32", 3.0), ("exponential", 1.5))
RNG = np.random.default_rng(11)
POINTS = RNG.uniform(0, 6, (10, 2))
# Half of the spots have a twentieth of the depth of the others.
NOISE = np.where(np.arange(10) % 2, 0.5, 10.0)
VALUES = (
    2.0
    + np.sin(POINTS[:, :1]) * [1.0, 2.0, 0.3]
    + RNG.normal(0, 0.4, (10, 3)) * NOISE[:, None] ** 0.5
)
TARGETS = RNG.uniform(0, 6, (7, 2))


def between(a, b, candidate):
    kernel, range_ = candidate
    return KERNELS[kernel](np.linalg.norm(a[:, None] - b[None], axis=-1), range_)


def dense(candidate, nugget):
    """Whitened covariance of the ten spots, (10, 10)."""
    sure = NOISE**-0.5
    return between(POINTS, POINTS, candidate) * sure[:, None] * sure + nugget * np.eye(10)


def by_hand(criterion):
    """Evidence and sills (K, N, C) by inverting every matrix."""
    mean = (VALUES / NOISE[:, None]).sum(0) / (1 / NOISE).sum()
    white = (VALUES - mean) / NOISE[:, None] ** 0.5
    evidence, sill = np.empty((2, len(CANDIDATES), len(NUGGETS), 3))
    for k, candidate in enumerate(CANDIDATES):
        for n, nugget in enumerate(NUGGETS):
            matrix = dense(candidate, nugget)
            inverse = np.linalg.inv(matrix)
            sill[k, n] = np.einsum("ic,ij,jc->c", white, inverse, white) / 10
            # Profile log-likelihood of a normal variable, without constants.
            likelihood = -5 * np.log(sill[k, n]) - 0.5 * np.linalg.slogdet(matrix)[1]
            alone = np.empty_like(white)
            for i in range(10):
                rest = np.arange(10) != i
                weights = np.linalg.solve(matrix[np.ix_(rest, rest)], matrix[rest, i])
                alone[i] = white[i] - weights @ white[rest]
            error = (alone**2).sum(0)
            evidence[k, n] = {
                "likelihood": likelihood,
                "likelihood-average": likelihood,
                "withheld": -error,
                "average": 0.5 * likelihood - 0.5 * 5 * np.log(error),
            }[criterion]
    return mean, evidence, sill


@pytest.mark.parametrize("criterion", list(Criterion))
def test_weights_and_sills_are_those_of_dense_algebra(criterion):
    found = fit_variograms(Spots(POINTS, NOISE), VALUES, criterion, candidates=CANDIDATES)
    mean, evidence, sill = by_hand(criterion)
    assert found.mean == pytest.approx(mean, rel=1e-6)
    best = evidence.max((0, 1))
    if criterion.averages:
        weight = np.exp(TEMPER * (evidence - best))
        assert TEMPER == 0.3
        weight[weight < 0.02] = 0.0
    else:
        weight = (evidence == best).astype(float)
    weight /= weight.sum((0, 1))
    assert found.weight == pytest.approx(weight, abs=2e-3)
    assert found.sill == pytest.approx(weight * sill, rel=2e-2, abs=2e-3)
    # Neighbouring spots are correlated: an average stays one.
    if criterion.averages:
        assert ((found.weight > 0).sum((0, 1)) > 5).all()


@pytest.fixture
def averaged():
    """Two candidates of known weight: 0.7 and 0.3, of sills 2 and 5."""
    weight, var = np.zeros((2, len(NUGGETS), 3)), np.zeros((2, len(NUGGETS), 3))
    weight[0, 8], weight[1, 5] = 0.7, 0.3
    var[0, 8], var[1, 5] = 2.0, 5.0
    return Variograms(CANDIDATES, weight, weight * var, np.full(3, 1.5))


def test_the_heaviest_candidate_alone_has_its_own_sill(averaged):
    sharp = averaged.most_probable()
    assert sharp.signal == pytest.approx(2.0)
    assert sharp.noise == pytest.approx(2.0 * NUGGETS[8])
    assert averaged.signal == pytest.approx(0.7 * 2.0 + 0.3 * 5.0)
    assert averaged.noise == pytest.approx(1.4 * NUGGETS[8] + 1.5 * NUGGETS[5])
    assert averaged.nugget == pytest.approx(averaged.noise / averaged.signal)


def test_many_spots_are_kriged_with_their_depth_and_their_sill(averaged, monkeypatch):
    """Local kriging, of so few spots that all are neighbours, is exact with the best candidate."""
    monkeypatch.setattr(variograms, "DENSE_LIMIT", 5)
    out = krige(Spots(POINTS, NOISE), VALUES, TARGETS, averaged, leave_one_out=True)
    gram = between(POINTS, POINTS, CANDIDATES[0]) + NUGGETS[8] * np.diag(NOISE)
    cross = between(TARGETS, POINTS, CANDIDATES[0])
    weights = np.linalg.solve(gram, cross.T).T
    assert out.mean == pytest.approx(1.5 + weights @ (VALUES - 1.5), abs=1e-4)
    explained = 2.0 * (weights * cross).sum(1)
    total = averaged.signal + averaged.noise
    assert out.variance == pytest.approx(total - explained[:, None], rel=1e-4)
    for i in range(10):
        rest = np.arange(10) != i
        weights = np.linalg.solve(gram[np.ix_(rest, rest)], gram[rest, i])
        assert out.leave_one_out[i] == pytest.approx(1.5 + weights @ (VALUES[rest] - 1.5), abs=1e-4)


def test_a_shallow_spot_moves_the_map_less(averaged, monkeypatch):
    spots = Spots(POINTS, NOISE)
    for limit in (2000, 5):
        monkeypatch.setattr(variograms, "DENSE_LIMIT", limit)
        moved = []
        for i in (0, 1):
            off = VALUES.copy()
            off[i] += 1.0
            there = POINTS[[i]] + 0.01
            maps = [krige(spots, v, there, averaged, variance=False).mean for v in (off, VALUES)]
            moved.append(float((maps[0] - maps[1])[0, 0]))
        assert moved[0] < 0.5 * moved[1]


def test_the_seed_draws_the_blocks_that_stand_for_a_large_section(monkeypatch):
    monkeypatch.setattr(variograms, "DENSE_LIMIT", 100)
    monkeypatch.setattr(variogram_fit, "BLOCK", 30)
    points = np.random.default_rng(0).uniform(0, 30, (300, 2))
    values = np.sin(points[:, :1]) + np.random.default_rng(1).normal(size=(300, 2))
    a, again, b = (
        fit_variograms(Spots(points), values, Criterion.AVERAGE, seed=s) for s in (3, 3, 4)
    )
    assert np.array_equal(a.sill, again.sill)
    assert not np.array_equal(a.sill, b.sill)
    assert a.tiled
