"""A region against the rest."""

import numpy as np
import pytest

from s2s_core.assessment.regions import compare_region, score_region
from s2s_core.sampling.apply import sample
from tests.made import made_result


@pytest.fixture
def result(square):
    return made_result(sample(square, "checkerboard"))


def test_means_are_those_of_the_map(result):
    region = result.section.col < 4
    table = compare_region(result, region)
    gene = result.section.genes[2]
    assert table.loc[gene, "inside"] == pytest.approx(result.imputed[region, 2].mean(), rel=1e-5)
    assert table.loc[gene, "outside"] == pytest.approx(result.imputed[~region, 2].mean(), rel=1e-5)
    assert table["difference"].abs().is_monotonic_decreasing
    only = region & result.section.measured, ~region & result.section.measured
    alone = result.imputed[only[0], 2].mean() - result.imputed[only[1], 2].mean()
    assert table.loc[gene, "measured_difference"] == pytest.approx(alone, rel=1e-4)


def test_scores_are_taken_at_hidden_spots_of_the_region_only(result):
    region = result.section.row < 5
    at = region & result.section.hidden
    table = score_region(result, region)
    assert (table["n_spots"] == at.sum()).all()
    error = np.abs(result.imputed[at] - result.truth[at]).mean()
    assert table.loc[result.config.method, "mae"] == pytest.approx(error, rel=1e-5)


def test_a_region_without_hidden_spots_has_no_scores(result):
    assert score_region(result, result.section.measured).empty


def test_everything_has_no_outside(result):
    table = compare_region(result, np.ones(result.section.n_positions, bool))
    assert table["outside"].isna().all()
