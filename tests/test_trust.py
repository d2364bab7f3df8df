from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.assessment.gene_grades import GRADES, RULE, count_grades, grade_genes, lower_bound
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
    assert lights == ["test", "rank", "leave"]


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
    assert set(grade_genes(nothing)["light"]) == {"leave"}


def test_the_lower_bound_is_fisher_s():
    # z = atanh(.5) - 1.6449 / sqrt(100)
    assert lower_bound(np.array([0.5]), np.array([103]))[0] == pytest.approx(0.3669, abs=1e-4)
    assert lower_bound(np.array([0.99]), np.array([3]))[0] == -1.0


def test_the_rule_names_its_thresholds():
    for number in ("0.2", "0.5", "0.7", "95%"):
        assert number in RULE
