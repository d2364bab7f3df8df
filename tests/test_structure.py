"""Moran's I against its definition, and verdicts on genes that are known."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.expression import mean_expression
from s2s_core.data.simulate import demo_section
from s2s_core.data.structure import gene_structure, morans_i, neighbour_weights
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Pattern


def test_morans_i_is_its_definition():
    rng = np.random.default_rng(0)
    points, values = rng.uniform(0, 9, (60, 2)), rng.normal(size=(60, 3))
    weights = neighbour_weights(points, 4)
    dense = weights.toarray()
    assert (dense == dense.T).all()
    assert not dense.diagonal().any()
    statistic, _ = morans_i(values, weights)
    for g in range(3):
        z = values[:, g] - values[:, g].mean()
        expected = 60 / dense.sum() * (z @ dense @ z) / (z @ z)
        assert statistic[g] == pytest.approx(expected, abs=1e-5)


def test_noise_is_rarely_surprising_and_a_gradient_always():
    rng = np.random.default_rng(1)
    points = rng.uniform(0, 20, (400, 2))
    values = rng.normal(size=(400, 600))
    values[:, 0] += 2 * points[:, 0] / 20
    values[:, 1] = 5.0
    statistic, z_score = morans_i(values, neighbour_weights(points))
    assert np.abs(z_score[2:]).std() < 1.0
    assert (z_score[2:] > 3).mean() < 0.01
    assert z_score[0] > 5
    assert statistic[1] == 0.0


def test_verdicts_know_the_demo():
    section = demo_section(2, rows=40, genes=60, flat=20)
    table = gene_structure(section)
    assert table.index.equals(pd.Index(section.genes))
    assert set(table["verdict"]) <= set(Pattern)
    flat = table.index.str.contains("FLAT", case=False)
    hopeless = table["verdict"] == Pattern.NONE
    # Depth and the other genes' patterns leave a trace in the shares of flat genes too.
    assert hopeless[flat].mean() > 2 * hopeless[~flat].mean()
    assert table["moran"][flat].median() < 0.5 * table["moran"][~flat].median()
    strong = table["verdict"] == Pattern.CLEAR
    assert strong[~flat].mean() > 0.4 > strong[flat].mean()


@pytest.mark.parametrize("logged", [False, True])
def test_mean_expression_is_that_of_the_measured_spots(logged):
    section = sample(demo_section(rows=16, genes=6), "random:0.5")
    if logged:
        section = replace(section, is_log=True)
    expected = gene_structure(section)["mean"]
    pd.testing.assert_series_equal(
        mean_expression(section), expected.astype(float), check_names=False, rtol=1e-5
    )
