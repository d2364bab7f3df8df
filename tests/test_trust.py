from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t as student

from s2s_core.assessment.gene_grades import GRADES, RULE, count_grades, grade_genes
from s2s_core.assessment.metrics import pearson, pearson_errors
from s2s_core.assessment.reliability import CLASS_LEVEL, DESIGN_EFFECT, Correlations, select
from s2s_core.output.report_text import summary_sentence
from s2s_core.sampling.apply import sample
from tests.made import made_result, made_section


def scored(pcc, *, spots=400, spearman=None, coverage=0.9):
    """A result on a section of smooth genes whose scores are made up; the last gene is noise."""
    section = sample(made_section("square", 20, 24), "lattice:2")
    counts = section.counts.toarray()
    counts[:, -1] = np.random.default_rng(0).poisson(5, len(counts))
    section = replace(section, counts=type(section.counts)(counts))
    result = made_result(section)
    metrics = result.metrics[result.metrics["method"] == "linear"].assign(
        pcc=pcc, spearman=pcc if spearman is None else spearman, coverage=coverage, n_spots=spots
    )
    # Scores of a method that was only compared must not light anything.
    other = metrics.assign(method="nearest", pcc=0.99, spearman=0.99)
    return replace(result, metrics=pd.concat([other, metrics], ignore_index=True))


def first(result):
    return grade_genes(result).iloc[0]


@pytest.mark.parametrize(
    ("pcc", "light"), [(0.9, "test"), (0.65, "rank"), (0.4, "look"), (0.15, "leave")]
)
def test_better_scores_earn_better_lights(pcc, light):
    assert first(scored(pcc))["light"] == light


def test_few_spots_make_it_stricter():
    lights = [first(scored(0.75, spots=n))["light"] for n in (2000, 60, 5)]
    # With fewer than 30 scored spots no class is given at all.
    assert lights == ["test", "rank", ""]


def test_each_light_asks_for_its_own_evidence():
    assert first(scored(0.9, coverage=0.7))["light"] == "rank"
    assert first(scored(0.9, coverage=np.nan))["light"] == "rank"
    assert first(scored(0.9, spearman=0.3))["light"] == "look"
    assert first(scored(np.nan))["light"] == "leave"


def test_intervals_must_hold_what_this_run_promised():
    for promised, held, light in ((0.5, 0.52, "test"), (0.5, 0.9, "rank"), (0.9, 0.9, "test")):
        result = scored(0.9, coverage=held)
        config = replace(result.config, coverage=promised)
        assert first(replace(result, config=config))["light"] == light


def test_noise_is_left_out_whatever_its_score():
    lights = grade_genes(scored(0.9))
    assert lights["light"].iloc[-1] == "leave"
    assert lights["reason"].iloc[-1].startswith("No pattern on the measured spots")
    assert lights["moran"].iloc[0] > 0.3 > lights["moran"].iloc[-1]


def test_every_gene_has_one_row_and_one_sentence():
    result = scored(0.65)
    lights = grade_genes(result)
    assert lights.index.tolist() == result.section.genes.tolist()
    assert lights.columns.tolist() == ["light", "pcc", "spearman", "coverage", "moran", "reason"]
    assert lights["reason"].str.endswith(".").all()
    assert count_grades(lights) == {"test": 0, "rank": 5, "look": 0, "leave": 1}
    assert list(count_grades(lights)) == list(GRADES)


def test_a_result_without_intervals_or_scores_is_answered():
    result = scored(0.9)
    assert (
        first(replace(result, metrics=result.metrics.drop(columns="coverage")))["light"] == "rank"
    )
    nothing = replace(result, metrics=result.metrics.iloc[:0])
    assert set(grade_genes(nothing)["light"]) == {""}


@pytest.mark.parametrize(("spots", "given"), [(29, False), (30, True)])
def test_fewer_than_thirty_scored_spots_give_no_class(spots, given):
    lights = grade_genes(scored(0.95, spots=spots))
    assert (lights["light"].iloc[0] == "test") == given
    assert sum(count_grades(lights).values()) == (6 if given else 0)
    if not given:
        assert set(lights["light"]) == {""}
        assert lights["reason"].iloc[0] == "29 scored spots are too few for a class: it takes 30."


def normal_correlations(values, n, unscored=0):
    values = np.asarray(values, float)
    return Correlations(values, np.full(values.shape, 1 / np.sqrt(n - 3)), n, unscored)


def test_the_lower_bound_is_that_of_an_effective_sample_size():
    # z = arctanh(.5) - t sqrt(1.4 / 100), t the 95 % point with 103 / 1.4 - 2 degrees of freedom.
    bound = normal_correlations([0.5], 103).bounds(0.05)
    wide = student.ppf(0.95, 103 / DESIGN_EFFECT - 2) * np.sqrt(DESIGN_EFFECT / 100)
    assert bound[0] == pytest.approx(np.tanh(np.arctanh(0.5) - wide))
    # A map of 103 other positions has luck of its own.
    other = normal_correlations([0.5], 103, 103).bounds(0.05)
    assert other[0] == pytest.approx(np.tanh(np.arctanh(0.5) - np.sqrt(2) * wide))
    assert normal_correlations([0.99, np.nan], 3.5).bounds(0.05)[0] == -1.0
    # The bound at a level is the threshold whose p-value is that level.
    assert normal_correlations([0.5], 103).p_above(bound[0])[0] == pytest.approx(0.05)


def test_of_many_genes_without_any_map_hardly_one_is_chosen():
    rng, n = np.random.default_rng(0), 60
    found, wrong = [], []
    for _ in range(200):
        # 20 real genes among 300; the others would be chosen for their luck.
        true = np.where(np.arange(300) < 20, 0.85, 0.3)
        seen = np.tanh(np.arctanh(true) + rng.normal(0, np.sqrt(DESIGN_EFFECT / (n - 3)), 300))
        correlations = normal_correlations(seen, n)
        chosen, level = select(correlations.p_above(0.5), 300)
        found.append(chosen[:20].mean())
        if chosen.any():
            wrong.append((correlations.bounds(level) > true)[chosen].mean())
            assert (correlations.bounds(level)[chosen] >= 0.5 - 1e-9).all()
    assert np.mean(found) > 0.9
    assert np.mean(wrong) <= CLASS_LEVEL
    assert select(np.ones(300), 300)[0].sum() == 0


def test_errors_know_that_a_few_high_counts_make_a_correlation():
    rng, n = np.random.default_rng(1), 60
    shared = rng.normal(size=(n, 2000))
    normal = pearson_errors(shared + rng.normal(size=shared.shape), shared)
    assert normal.mean() == pytest.approx(1 / np.sqrt(n - 3), rel=0.15)
    rare = np.where(rng.random(shared.shape) < 0.03, 5.0, 0.0) + rng.normal(0, 0.5, shared.shape)
    other = np.where(rare > 2.5, 5.0, 0.0) + rng.normal(0, 0.5, shared.shape)
    assert pearson_errors(rare, other).mean() > 1.3 / np.sqrt(n - 3)
    assert np.isnan(pearson_errors(np.zeros((n, 1)), shared[:, :1])[0])
    # Resampled, the correlation wanders by as much as its error says.
    again = rng.integers(0, n, (400, n))
    z = [np.arctanh(pearson(rare[rows, :50], other[rows, :50])) for rows in again]
    assert np.nanmedian(np.nanstd(z, axis=0) / pearson_errors(rare, other)[:50]) == pytest.approx(
        1.0, abs=0.25
    )


def test_the_rule_names_its_thresholds():
    for number in ("0.2", "0.5", "0.7", "10%", "5%", "30"):
        assert number in RULE


def test_a_run_without_classes_says_so_in_its_summary():
    few = scored(0.95, spots=20)
    assert "Too few spots were scored to say what" in summary_sentence(few)
    assert "should be left out" not in summary_sentence(few)
    assert "should be left out" in summary_sentence(scored(0.95))
