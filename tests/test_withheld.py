"""What is kept of predictions at withheld spots: the same numbers as from the predictions."""

from dataclasses import replace

import numpy as np
import pytest

from s2s_core import imputation
from s2s_core.assessment.withheld import Withheld, compare_withheld
from s2s_core.data.result import load_result, save_result
from s2s_core.data.structure import morans_i
from s2s_core.imputation import run
from s2s_core.sampling.apply import sample
from tests.made import made_section
from tests.tiny import tiny_config

SPOTS = np.stack(np.indices((20, 20)), -1).reshape(-1, 2).astype(float)


def compared(change, genes=300):
    rng = np.random.default_rng(0)
    at = rng.permutation(len(SPOTS)) < 150
    smooth = np.sin(SPOTS[at] @ rng.normal(0, 0.4, (2, genes)))
    measured = smooth + rng.normal(0, 0.5, smooth.shape)
    return compare_withheld(measured, change(smooth), SPOTS[at], SPOTS[~at])


def test_the_slope_is_that_of_the_truth_on_the_map():
    right = compared(lambda smooth: smooth)
    assert abs(right.slope - 1) < 4 * right.slope_error
    flat = compared(lambda smooth: smooth / 2)
    assert flat.slope == pytest.approx(2 * right.slope)
    assert flat.errors > right.errors
    assert right.sure < 30 < flat.sure
    assert right.truth == flat.truth


def test_few_spots_say_nothing():
    few = np.ones((19, 3))
    assert compare_withheld(few, few, SPOTS[:19], SPOTS[19:]) is None
    assert Withheld.from_info({}) is None


def test_a_flat_prediction_has_no_slope():
    assert compared(np.zeros_like) is None


@pytest.fixture
def gappy(lattice):
    return sample(made_section(lattice.grid.kind, 24, 24), "random:0.5").without_hidden()


def test_a_run_keeps_the_numbers_of_its_own_predictions(gappy, tmp_path, monkeypatch):
    seen = []

    def note(measured, predicted, points, others):
        seen.append((measured, predicted, points))
        return compare_withheld(measured, predicted, points, others)

    monkeypatch.setattr(imputation, "compare_withheld", note)
    config = replace(tiny_config(), method="kriging", compare=("nearest",))
    result = run(gappy, config)
    ((measured, predicted, points),) = seen
    save_result(result, tmp_path)
    kept = Withheld.from_info(load_result(tmp_path).info)
    assert kept == Withheld.from_info(result.info)
    mine = result.metrics[result.metrics["method"] == "kriging"]
    assert kept.n_spots == len(points) == mine["n_spots"].iloc[0]
    error = np.abs(measured - predicted).mean(0)
    np.testing.assert_allclose(error, mine["mae"], rtol=1e-4)
    apart = np.linalg.norm(points[:, None] - points, axis=-1)
    lag = ((apart >= 0.99 * kept.reach) & (apart <= 1.6 * kept.reach)).astype(np.float32)
    assert kept.pairs == lag.sum()
    if kept.pairs:
        from scipy.sparse import csr_matrix

        errors = (measured - predicted).astype(np.float64)
        assert kept.errors == pytest.approx(morans_i(errors, csr_matrix(lag))[0].mean(), abs=1e-6)


def test_what_is_kept_does_not_grow_with_genes(gappy):
    sizes = []
    for genes in (2, 6):
        part = gappy.subset_genes(list(gappy.genes[:genes]))
        result = run(part, replace(tiny_config(), method="linear"))
        sizes.append(len(Withheld.from_info(result.info).to_info()["withheld"]))
    assert sizes[0] == sizes[1]


def test_with_hidden_truth_nothing_is_kept(square):
    result = run(sample(square, "checkerboard"), replace(tiny_config(), method="linear"))
    assert "withheld" not in result.info
