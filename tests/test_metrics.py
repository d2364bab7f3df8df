"""Scores equal those of the libraries everyone knows."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import pearsonr, spearmanr
from skimage.metrics import structural_similarity

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.assessment.metrics import (
    map_mean,
    paired_test,
    score_genes,
    ssim_map,
    summarise,
)
from s2s_core.assessment.recommend import verdict


def test_ssim_equals_scikit_image():
    rng = np.random.default_rng(0)
    truth = rng.gamma(1.0, 1.0, (4, 19, 23)).astype(np.float32)
    imputed = truth + rng.normal(0, 0.4, truth.shape).astype(np.float32)
    ours = ssim_map(truth, imputed)
    for g in range(4):
        mean, full = structural_similarity(
            truth[g].astype(float),
            imputed[g].astype(float),
            data_range=float(truth[g].max()),
            full=True,
        )
        assert map_mean(ours)[g] == pytest.approx(mean, abs=1e-6)
        assert np.allclose(ours[g], full, atol=1e-5)


def test_scores_are_taken_at_the_asked_positions_only():
    rng = np.random.default_rng(1)
    truth = rng.random((100, 3)).astype(np.float32)
    imputed = rng.random((100, 3)).astype(np.float32)
    at = np.arange(100) % 3 == 0
    table = score_genes(truth, imputed, at, np.arange(100), (10, 10))
    for g in range(3):
        a, b = truth[at, g], imputed[at, g]
        assert table["mae"][g] == pytest.approx(np.abs(a - b).mean(), rel=1e-5)
        assert table["rmse"][g] == pytest.approx(np.sqrt(((a - b) ** 2).mean()), rel=1e-5)
        assert table["pcc"][g] == pytest.approx(pearsonr(a, b)[0], abs=1e-6)
        assert table["spearman"][g] == pytest.approx(spearmanr(a, b)[0], abs=1e-6)
    elsewhere = np.where(at[:, None], imputed, 99.0).astype(np.float32)
    again = score_genes(truth, elsewhere, at, np.arange(100), (10, 10))
    pd.testing.assert_frame_equal(table, again)


def test_a_constant_gene_has_no_correlation_and_is_counted_out():
    truth = np.random.default_rng(2).random((80, 2)).astype(np.float32)
    truth[:, 1] = 0.0
    at = np.ones(80, bool)
    table = score_genes(truth, truth + 0.1, at, np.arange(80), (8, 10)).assign(
        method="m", gene=["a", "b"]
    )
    assert np.isnan(table["pcc"][1])
    assert table["pcc"][0] == pytest.approx(1.0)
    assert summarise(table).loc["m", "genes"] == 1


def made_metrics(gap: float, spread: float) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    base = rng.uniform(0.4, 0.6, 60)
    ours = base - gap + rng.normal(0, spread, 60)
    genes = [f"g{i}" for i in range(60)]
    rows = [
        pd.DataFrame({"method": m, "gene": genes, "rmse": v, "pcc": v})
        for m, v in (("s2s", ours), ("linear", base))
    ]
    return pd.concat(rows, ignore_index=True)


def test_verdict_recommends_the_simpler_method_when_it_is_as_good():
    names = {"s2s": "Network", "linear": "Linear"}

    def said(gap, spread):
        """Blocks of spots that all say what the genes say on average."""
        metrics = made_metrics(gap, spread)
        means = metrics.groupby("method")["rmse"].mean()
        noise = np.random.default_rng(0).normal(0, 2e-4, 16)
        blocks = {
            "s2s": BlockScores(np.full(16, 20), {"rmse": means["s2s"] + noise - noise.mean()}),
            "linear": BlockScores(np.full(16, 20), {"rmse": np.full(16, means["linear"])}),
        }
        return verdict(metrics, "s2s", names, blocks)

    assert "simpler method will do" in said(0.0, 0.001)
    assert said(0.05, 0.01).startswith("Network is better")
    assert "prefer it" in said(-0.05, 0.01)


def test_paired_test():
    assert paired_test(made_metrics(0.05, 0.01), "s2s", "linear") < 1e-6
    assert paired_test(made_metrics(0.0, 0.05), "s2s", "linear") > 0.05
    assert paired_test(made_metrics(0.0, 0.05), "s2s", "s2s") == 1.0
