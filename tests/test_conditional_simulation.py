"""Simulated fields have the covariance that was asked for, and kriging errors that of kriging."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from s2s_core.data.grid import HEX_ROW
from s2s_core.geostat.conditional_simulation import ErrorSimulation
from s2s_core.geostat.random_fields import LatticeFields
from s2s_core.geostat.residual_factors import fit_residual_factors, shrinkage_intensity
from s2s_core.geostat.variograms import KERNELS, NUGGETS, Spots, Variograms


def points(kind: str, rows: int = 8, cols: int = 9) -> np.ndarray:
    row, col = (a.ravel().astype(float) for a in np.indices((rows, cols)))
    if kind == "hex":
        return np.column_stack([col + 0.5 * (row % 2), row * HEX_ROW])
    return np.column_stack([col, row])


def variograms(kernel: str, range_: float, nugget: int, columns: int) -> Variograms:
    weight = np.zeros((1, len(NUGGETS), columns), np.float32)
    weight[0, nugget] = 1.0
    return Variograms(((kernel, range_),), weight, 2.5 * weight, np.zeros(columns))


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize(("kernel", "range_"), [("exponential", 2.0), ("matern32", 3.0)])
def test_random_fields_have_the_covariance_asked_for(kind, kernel, range_):
    at = points(kind)
    fields = LatticeFields(at, kind).draw((kernel, range_), 8001, np.random.default_rng(0))
    assert fields.shape == (len(at), 8001)
    wanted = KERNELS[kernel](cdist(at, at), range_)
    assert np.abs(np.cov(fields) - wanted).max() < 0.06


def test_random_fields_are_independent_of_each_other():
    fields = LatticeFields(points("square"), "square").draw(
        ("exponential", 2.0), 2, np.random.default_rng(1)
    )
    many = [
        LatticeFields(points("square"), "square").draw(
            ("exponential", 2.0), 2, np.random.default_rng(seed)
        )[10]
        for seed in range(800)
    ]
    assert fields.dtype == np.float32
    assert abs(np.corrcoef(np.array(many).T)[0, 1]) < 0.12


@pytest.mark.parametrize("kind", ["square", "hex"])
def test_simulated_errors_have_the_covariance_of_kriging_errors(kind):
    at = points(kind, 6, 6)
    noise = np.linspace(0.5, 2.0, 18)
    spots = Spots(at[::2], noise)
    model = variograms("exponential", 2.0, 8, 12_000)
    nugget = NUGGETS[8]
    errors = ErrorSimulation(spots, at[1::2], model, kind).draw(np.random.default_rng(2))
    # The same by hand: kriging with the mean estimated by the spots' precision.
    kernel = KERNELS["exponential"]
    known = kernel(cdist(at[::2], at[::2]), 2.0) + nugget * np.diag(noise)
    cross = kernel(cdist(at[1::2], at[::2]), 2.0)
    simple = np.linalg.solve(known, cross.T).T
    share = 1.0 / noise / (1.0 / noise).sum()
    weights = simple + np.outer(1.0 - simple.sum(1), share)
    prior = kernel(cdist(at[1::2], at[1::2]), 2.0)
    signal = prior - weights @ cross.T - cross @ weights.T + weights @ known @ weights.T
    unit = np.sqrt(1.0 - (simple * cross).sum(1) + nugget)
    wanted = signal / unit / unit[:, None]
    assert np.abs(np.cov(errors.signal) - wanted).max() < 0.04
    own = np.diag(nugget / unit**2)
    assert np.abs(np.cov(errors.measurement) - wanted - own).max() < 0.05


def test_correlations_are_shrunk_by_what_few_spots_cannot_tell():
    rng = np.random.default_rng(3)
    noise = rng.normal(size=(60, 40))
    common = rng.normal(size=(60, 1))
    assert shrinkage_intensity((noise - noise.mean(0)) / noise.std(0)) > 0.8
    alike = noise + 2.0 * common
    assert shrinkage_intensity((alike - alike.mean(0)) / alike.std(0)) < 0.1


@pytest.mark.parametrize("spots", [30, 6])
def test_shrinkage_is_the_published_one(spots):
    table = np.random.default_rng(4).gamma(1.0, size=(spots, 7))
    table = (table - table.mean(0)) / table.std(0)
    products = table[:, :, None] * table[:, None, :]
    correlation = products.mean(0)
    variance = products.var(0) / (len(table) - 1)
    off = ~np.eye(7, dtype=bool)
    wanted = min(1.0, variance[off].sum() / (correlation[off] ** 2).sum())
    assert shrinkage_intensity(table) == pytest.approx(wanted, rel=1e-9)


def test_factors_give_scores_of_unit_variance_and_the_shrunken_correlations():
    rng = np.random.default_rng(5)
    residuals = rng.normal(size=(40, 12)) + 0.6 * rng.normal(size=(40, 1))
    found = fit_residual_factors(residuals, np.ones(12))
    score = found.loadings @ found.loadings.T + np.diag(found.own**2)
    wanted = (1.0 - found.shrinkage) * np.corrcoef(residuals.T)
    np.fill_diagonal(wanted, 1.0)
    assert 0.1 < found.shrinkage < 0.5
    assert np.abs(score - wanted).max() < 1e-4


def test_a_weak_response_of_values_asks_for_stronger_correlations_of_scores():
    rng = np.random.default_rng(6)
    residuals = rng.normal(size=(300, 6)) + rng.normal(size=(300, 1))
    strong = fit_residual_factors(residuals, np.ones(6)).loadings
    weak = fit_residual_factors(residuals, np.full(6, 0.8)).loadings
    assert np.allclose((weak @ weak.T)[0, 1], (strong @ strong.T)[0, 1] / 0.64, rtol=0.05)
