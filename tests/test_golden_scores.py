"""Scores against their definitions, on a few numbers and against numpy and scikit-image."""

import numpy as np
import pandas as pd
import pytest
from skimage.metrics import structural_similarity

from s2s_core.assessment.metrics import paired_test, score_genes, score_intervals, summarise


def test_medians_and_intervals_by_hand():
    """Ten values 0..9 of two genes."""
    truth = np.arange(10.0)[:, None] * [1.0, 2.0]
    median = np.array([4.5, 9.0]) * np.ones((10, 1))
    lower, upper = np.array([2.0, 0.0]) * np.ones((10, 1)), np.array([7.0, 30.0]) * np.ones((10, 1))
    found = score_intervals(truth, median, lower, upper)
    assert found["mae_median"].tolist() == [2.5, 5.0]
    # 2, 3, 4, 5, 6 and 7 lie inside, ends included.
    assert found["coverage"].tolist() == [0.6, 1.0]
    assert found["interval_width"].tolist() == [5.0, 30.0]


@pytest.mark.parametrize(
    ("low", "high", "share"), [(3.0, 99.0, 0.7), (-1.0, 2.0, 0.3), (20.0, 30.0, 0.0)]
)
def test_both_ends_of_an_interval_count(low, high, share):
    truth, ones = np.arange(10.0)[:, None], np.ones((10, 1))
    found = score_intervals(truth, 5 * ones, low * ones, high * ones)
    assert found["coverage"] == pytest.approx([share])


@pytest.fixture
def maps():
    """Two genes on 11 x 12 pixels, of which some are background; a third is scored."""
    rng = np.random.default_rng(0)
    pixels = np.sort(rng.permutation(132)[:110])
    truth = rng.gamma(1.0, 1.0, (110, 2)).astype(np.float32)
    imputed = (truth + rng.normal(0, 0.5, truth.shape)).astype(np.float32)
    return truth, imputed, np.arange(110) % 3 == 0, pixels, (11, 12)


def test_scores_of_maps_are_those_of_the_whole_picture(maps):
    truth, imputed, at, pixels, shape = maps
    table = score_genes(*maps)
    for g in range(2):
        true, guess = np.zeros((2, *shape))
        true.flat[pixels] = truth[:, g]
        guess.flat[pixels] = np.where(at, imputed[:, g], truth[:, g])
        mean, every = structural_similarity(true, guess, data_range=true.max(), full=True)
        assert table["ssim"][g] == pytest.approx(mean, abs=1e-5)
        assert table["ssim_spots"][g] == pytest.approx(every.flat[pixels[at]].mean(), abs=1e-5)
        # The paper's correlation is over all pixels, background and measured spots included.
        assert table["pcc_paper"][g] == pytest.approx(
            np.corrcoef(true.ravel(), guess.ravel())[0, 1], abs=1e-5
        )
        assert table["pcc"][g] == pytest.approx(
            np.corrcoef(truth[at, g], imputed[at, g])[0, 1], abs=1e-5
        )


def test_only_what_is_shown_fills_the_picture(maps):
    truth, imputed, at, pixels, shape = maps
    shown = at | (np.arange(110) % 3 == 1)
    table = score_genes(*maps, shown=shown)
    true, guess = np.zeros((2, shape[0] * shape[1]))
    true[pixels[shown]] = truth[shown, 0]
    guess[pixels[shown]] = np.where(at, imputed[:, 0], truth[:, 0])[shown]
    assert table["pcc_paper"][0] == pytest.approx(np.corrcoef(true, guess)[0, 1], abs=1e-5)


def test_a_picture_smaller_than_a_window_has_no_similarity():
    truth = np.random.default_rng(0).random((30, 2)).astype(np.float32)
    table = score_genes(truth, truth, np.ones(30, bool), np.arange(30), (6, 5))
    assert table["ssim"].isna().all()
    assert table["mae"].tolist() == [0.0, 0.0]


def test_means_leave_out_genes_without_a_score():
    table = pd.DataFrame(
        {
            "method": list("aaab"),
            "gene": list("xyzx"),
            "rmse": [1.0, 2.0, 6.0, 5.0],
            "pcc": [0.5, np.nan, 0.7, 0.1],
            "other": 1,
        }
    )
    found = summarise(table)
    assert found.loc["a", "rmse"] == 3.0
    assert found.loc["a", "pcc"] == pytest.approx(0.6)
    assert found["genes"].tolist() == [2, 1]
    assert "other" not in found


def test_a_paired_test_needs_six_genes():
    def table(genes):
        parts = [
            pd.DataFrame({"method": m, "gene": range(genes), "pcc": 0.1 * np.arange(genes) + add})
            for m, add in (("a", 0.0), ("b", 0.05))
        ]
        return pd.concat(parts)

    # Six differences of one sign: the smallest p-value of a two-sided signed-rank test is 2 / 2^6.
    assert paired_test(table(6), "a", "b") == pytest.approx(2 / 64)
    assert paired_test(table(5), "a", "b") == 1.0
