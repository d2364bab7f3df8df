"""The rule of comparisons: better, as good, worse or undecided, over blocks of spots and draws."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp

from s2s_core.assessment.block_scores import BlockScores, block_scores, blocks_of, blocks_to_info
from s2s_core.assessment.compare import MARGINS, Verdict, compare, paired_wilcoxon, untested
from s2s_core.assessment.metrics import pearson
from s2s_core.assessment.recommend import recommend, verdict
from s2s_core.assessment.spatial_errors import blocks as block_of
from s2s_core.imputation import run
from s2s_core.sampling.apply import sample
from tests.made import made_section
from tests.tiny import tiny_config

POINTS = np.stack(np.indices((16, 20)), -1).reshape(-1, 2).astype(float)


def of(level, wobble=0.0, *, seed=0, spots=20, blocks=16, score="rmse"):
    """Scores of made blocks around a level."""
    noise = np.random.default_rng(seed).normal(size=blocks)
    values = level + wobble * (noise - noise.mean())
    return BlockScores(np.full(blocks, spots), {score: values})


def test_blocks_add_up_to_the_scores_of_the_whole():
    rng = np.random.default_rng(0)
    truth = rng.gamma(1.0, 1.0, (len(POINTS), 7))
    imputed = 0.5 * truth + rng.normal(0, 0.4, truth.shape)
    found = block_scores(truth, imputed, POINTS)
    error = imputed - truth
    assert found.n_spots == len(POINTS)
    assert found.mean("mae") == pytest.approx(np.abs(error).mean())
    assert found.mean("rmse") == pytest.approx(np.sqrt((error**2).mean(0)).mean())
    assert found.mean("pcc") == pytest.approx(pearson(truth, imputed).mean())
    # Left out in turn, a block moves the score by its pseudo-value: the first order of a jackknife.
    for score, whole in (
        ("rmse", lambda a, b: np.sqrt(((a - b) ** 2).mean(0)).mean()),
        ("pcc", lambda a, b: pearson(a, b).mean()),
    ):
        block = block_of(POINTS)
        moved = [
            found.mean(score) - whole(truth[block != k], imputed[block != k]) for k in range(16)
        ]
        pseudo = (found.scores[score] - found.mean(score)) / 15
        assert np.corrcoef(moved, pseudo)[0, 1] > 0.99
        assert np.std(moved) == pytest.approx(np.std(pseudo), rel=0.1)


def test_a_test_over_blocks_is_the_least_sure_of_t_tests_of_three_sizes():
    ours, theirs = of(0.40, 0.02, seed=1), of(0.41, 0.02, seed=2)
    found = compare([ours], [theirs], "rmse")
    difference = ours.scores["rmse"] - theirs.scores["rmse"]
    assert found.difference == pytest.approx(-0.01)
    assert found.relative == pytest.approx(-0.01 / 0.41)
    joined = [difference.reshape(-1, n).mean(1) for n in (1, 2, 4)]
    p = [ttest_1samp(values, 0).pvalue for values in joined]
    assert found.p_difference == pytest.approx(max(p))
    margin = 0.005 * 0.41
    # Two one-sided tests: the end that is nearer to the difference decides.
    expected = [ttest_1samp(v, -margin, alternative="greater").pvalue for v in joined]
    assert found.p_equivalence == pytest.approx(max(expected))


@pytest.mark.parametrize(
    ("level", "wobble", "expected"),
    [
        (0.40, 0.002, Verdict.BETTER),
        (0.60, 0.002, Verdict.WORSE),
        (0.5001, 0.0005, Verdict.EQUIVALENT),
        # A large p-value is no evidence of equality.
        (0.5001, 0.2, Verdict.UNDECIDED),
        (0.40, 0.5, Verdict.UNDECIDED),
    ],
)
def test_what_is_shown_is_said_and_nothing_else(level, wobble, expected):
    assert compare([of(level, wobble)], [of(0.5)], "rmse").verdict == expected


def test_a_higher_pcc_is_better_and_a_higher_error_is_not():
    for score, expected in (("pcc", Verdict.BETTER), ("mae", Verdict.WORSE)):
        found = compare([of(0.6, 0.01, score=score)], [of(0.5, score=score)], score)
        assert found.verdict == expected


def test_fewer_than_thirty_spots_decide_nothing():
    for spots, expected in ((1, Verdict.UNDECIDED), (2, Verdict.BETTER)):
        found = compare([of(0.3, spots=spots)], [of(0.5, 0.001, spots=spots)], "rmse")
        assert found.verdict == expected


def test_a_difference_must_hold_over_draws_as_well():
    theirs = [of(0.5, 0.001, seed=k) for k in range(3)]
    steady = [of(0.45 + 0.001 * k, 0.001, seed=k) for k in range(3)]
    lucky = [of(level, 0.001, seed=k) for k, level in enumerate((0.30, 0.55, 0.50))]
    for paired in (True, False):
        assert compare(steady, theirs, "rmse", paired_draws=paired).verdict == Verdict.BETTER
        assert compare(lucky, theirs, "rmse", paired_draws=paired).verdict == Verdict.UNDECIDED
        # One draw of the lucky ones looks sure.
        assert compare(lucky[:1], theirs[:1], "rmse").verdict == Verdict.BETTER
    # What never varies between draws (no chance in it) leaves the word to the blocks.
    same = [of(0.45, 0.001)] * 3
    assert compare(same, [of(0.5)] * 3, "rmse").verdict == Verdict.BETTER


def made_metrics(**rmse):
    """Scores by gene of some methods at 400 hidden spots."""
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "method": name,
                    "gene": [f"g{i}" for i in range(len(values))],
                    "spots": "hidden truth",
                    "n_spots": 400,
                    "rmse": values,
                    "pcc": 0.5,
                }
            )
            for name, values in rmse.items()
        ],
        ignore_index=True,
    )


def test_mean_and_most_genes_that_disagree_decide_nothing():
    """Kriging is better for 280 of 300 genes and far worse for 20: no "s2s is better, p = 1e-35"."""
    ours = np.full(300, 0.5)
    theirs = np.where(np.arange(300) < 280, 0.49, 0.8)
    metrics = made_metrics(s2s=ours, kriging=theirs)
    blocks = {"s2s": of(ours.mean(), 0.001, seed=1), "kriging": of(theirs.mean(), 0.001, seed=2)}
    words = verdict(metrics, "s2s", {}, blocks)
    assert words.startswith("Whether s2s or kriging")
    assert "most genes say the opposite" in words
    found = recommend(metrics, blocks=blocks)
    assert not found.sure
    assert "is not shown to be better than kriging" in found.sentence
    # Where most genes agree with the mean the same blocks do decide.
    agreed = made_metrics(s2s=ours, kriging=np.full(300, theirs.mean()))
    assert verdict(agreed, "s2s", {}, blocks).startswith("s2s is better than kriging")


def test_no_evidence_of_a_difference_does_not_make_a_bad_method_good():
    """Six genes, an RMSE 30 % higher, p = .06: "not clearly worse" was the answer once."""
    ours = np.array([0.4, 0.5, 0.6, 0.4, 0.5, 0.6])
    theirs = ours * np.array([1.6, 1.5, 1.4, 1.5, 1.4, 0.9])
    metrics = made_metrics(s2s=ours, nearest=theirs)
    assert paired_wilcoxon(ours - theirs) > 0.05
    blocks = {"s2s": of(ours.mean(), 0.5, seed=1), "nearest": of(theirs.mean(), 0.5, seed=2)}
    for known in (blocks, None):
        found = recommend(metrics, blocks=known)
        assert found.method == found.best == "s2s"
        assert not found.table.loc["nearest", "as_good"]
        assert not found.sure
        assert "as good" not in verdict(metrics, "s2s", {}, known)


def test_with_few_scored_spots_no_method_is_crowned():
    metrics = made_metrics(s2s=np.full(8, 0.2), nearest=np.full(8, 0.9)).assign(n_spots=21)
    blocks = {"s2s": of(0.2, spots=1), "nearest": of(0.9, spots=1)}
    found = recommend(metrics, blocks=blocks)
    assert found.sentence.startswith("No method is recommended: 21 scored spots are too few")
    assert not found.sure
    assert "too few to tell" in verdict(metrics, "s2s", {}, blocks)


def test_without_scores_by_block_nothing_is_decided():
    found = untested(0.1, 0.5, "rmse", 400)
    assert found.verdict == Verdict.UNDECIDED
    assert found.relative == pytest.approx(0.2)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare([], [of(0.1)], "rmse")
    assert set(MARGINS) == {"rmse", "mae", "pcc"}


@pytest.mark.parametrize("hidden", [True, False])
def test_a_run_keeps_scores_by_block_of_every_method(hidden):
    section = sample(made_section("square", 20, 24), "random:0.5", seed=1)
    section = section if hidden else section.without_hidden()
    result = run(section, replace(tiny_config(), method="kriging", compare=("nearest",)))
    found = blocks_of(result)
    assert list(found) == ["kriging", "nearest"]
    means = result.metrics.groupby("method")
    for name, scores in found.items():
        assert scores.n_spots == result.metrics["n_spots"].iloc[0]
        for score in ("mae", "rmse", "pcc"):
            assert scores.mean(score) == pytest.approx(means[score].mean()[name], rel=1e-4)
    # An earlier version kept none: hidden truth tells them all the same.
    old = replace(result, info={k: v for k, v in result.info.items() if k != "block_scores"})
    again = blocks_of(old)
    assert list(again) == (["kriging", "nearest"] if hidden else [])
    for name, scores in again.items():
        assert scores.scores["rmse"] == pytest.approx(found[name].scores["rmse"], rel=1e-4)
    broken = {"block_scores": {"kriging": {"spots": [1, 2]}}}
    assert list(blocks_of(replace(result, info=broken))) == list(again)
    kept = blocks_to_info(found)["block_scores"]
    assert len(kept["kriging"]["rmse"]) == 16


def smooth_field(rng):
    """A field (320, 1) that is alike over a few spots."""
    centres = POINTS[rng.integers(0, len(POINTS), 40)]
    near = np.exp(-((POINTS[:, None] - centres) ** 2).sum(-1) / 8)
    found = near @ rng.normal(size=40)
    return (found / found.std())[:, None]


def test_equal_methods_whose_genes_share_spots_are_rarely_told_apart():
    """Both maps are off by a smooth field of one size, in all genes alike: only luck decides."""
    by_blocks, by_genes, repeats = 0, 0, 60
    for seed in range(repeats):
        rng = np.random.default_rng(seed)

        truth = smooth_field(rng) + rng.normal(size=(len(POINTS), 30))
        errors = [0.3 * smooth_field(rng) * rng.uniform(0.5, 1.5, 30) for _ in range(2)]
        maps = [0.7 * truth + error for error in errors]
        genes = tuple(np.sqrt(((truth - values) ** 2).mean(0)) for values in maps)
        ours, theirs = (block_scores(truth, values, POINTS) for values in maps)
        found = compare([ours], [theirs], "rmse", genes=genes)
        by_blocks += found.verdict in (Verdict.BETTER, Verdict.WORSE)
        by_genes += paired_wilcoxon(genes[0] - genes[1]) < 0.05
    assert by_blocks <= 0.1 * repeats
    assert by_genes > 0.4 * repeats
