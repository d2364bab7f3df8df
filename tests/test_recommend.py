import numpy as np
import pandas as pd
import pytest

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.assessment.recommend import SIMPLICITY
from s2s_core.assessment.recommend import recommend as recommend_by
from s2s_core.methods import METHODS

GENES = 60


def scores(**rmse):
    """Scores of some methods: mean RMSE, and noise that differs from gene to gene."""
    rng = np.random.default_rng(0)
    level = rng.uniform(0.5, 1.5, GENES)
    parts = []
    for name, value in rmse.items():
        mean, noise = value if isinstance(value, tuple) else (value, 0.002)
        wobble = rng.normal(0, noise, GENES)
        parts.append(
            pd.DataFrame(
                {
                    "method": name.replace("_", "-"),
                    "gene": [f"G{i}" for i in range(GENES)],
                    "spots": "hidden truth",
                    "rmse": level * mean + wobble - wobble.mean(),
                    "pcc": 0.5,
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def recommend(metrics, spread=0.001, **options):
    """The recommendation where blocks of spots differ from their mean by so much."""
    means = metrics.groupby("method", sort=False)["rmse"].mean()
    blocks = {}
    for k, (name, mean) in enumerate(means.items()):
        noise = np.random.default_rng(k).normal(0, spread, 16)
        values = mean + noise - noise.mean()
        blocks[name] = BlockScores(np.full(16, 25), {"rmse": values})
    return recommend_by(metrics, blocks=blocks, **options)


def test_a_clear_winner_is_taken():
    found = recommend(scores(s2s=0.40, kriging=0.45, linear=0.6))
    assert (found.method, found.best) == ("s2s", "s2s")
    assert found.table.index.tolist() == ["s2s", "kriging", "linear"]
    assert found.table["worse"].iloc[1] == pytest.approx(0.125, abs=0.02)
    assert found.table["p"].iloc[0] == 1.0
    assert found.table["p"].iloc[1] < 1e-6
    assert found.table["verdict"].tolist() == ["", "worse", "worse"]
    assert found.sure
    assert "no simpler method" in found.sentence


def test_a_simpler_method_within_the_margin_is_taken_though_significant():
    metrics = scores(s2s=(0.400, 0.0), programme_kriging=(0.401, 0.0), kriging=0.45)
    found = recommend(metrics, 5e-4, labels={"s2s": "The network"})
    assert found.table.loc["programme-kriging", "p"] < 0.05
    assert (found.method, found.best) == ("programme-kriging", "s2s")
    assert "The network" in found.sentence
    assert "hidden spots" in found.sentence


def test_a_difference_that_may_be_chance_makes_no_method_as_good():
    found = recommend(scores(s2s=(0.400, 0.2), gaussian=(0.404, 0.2), linear=0.7), 0.02)
    assert found.table.loc["gaussian", "worse"] > 0.005
    assert found.table.loc["gaussian", "p"] > 0.05
    assert found.table.loc["gaussian", "verdict"] == "undecided"
    assert found.method == "s2s"
    assert "not shown to be better than gaussian." in found.sentence
    assert not found.sure


def test_a_simpler_method_that_is_undecided_is_named_beside_the_one_to_take():
    metrics = scores(s2s=(0.400, 0.0), programme_kriging=(0.4004, 0.0), nearest=(0.41, 0.0))
    blocks = {
        name: BlockScores(np.full(16, 25), {"rmse": level + 0.03 * off * np.resize([1, -1], 16)})
        for name, level, off in (
            ("s2s", 0.4, 0),
            ("programme-kriging", 0.4004, 0),
            ("nearest", 0.41, 1),
        )
    }
    found = recommend_by(metrics, blocks=blocks)
    assert found.method == "programme-kriging"
    assert found.sentence.endswith("Whether nearest would do as well is open.")


def test_the_simplest_of_the_equally_good_is_taken():
    found = recommend(scores(s2s=0.4, kriging=0.4, nearest=0.4, bicubic=0.4), 1e-4)
    assert found.method == "nearest"
    assert found.table["simplicity"].loc[["nearest", "kriging", "s2s"]].is_monotonic_increasing


def test_few_genes_cannot_make_a_bad_method_good():
    metrics = scores(s2s=0.4, nearest=0.8)
    found = recommend(metrics[metrics["gene"].isin(["G0", "G1"])])
    assert found.method == "s2s"


def test_one_method_leaves_nothing_to_choose():
    assert "nothing to choose" in recommend(scores(kriging=0.4)).sentence
    with pytest.raises(ValueError, match="no method"):
        recommend(scores(kriging=0.4).iloc[:0])


def test_every_registered_method_has_its_place():
    assert set(SIMPLICITY) == set(METHODS)
    found = recommend(scores(s2s=0.4, of_my_own=0.4))
    assert found.method == "s2s"
