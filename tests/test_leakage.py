"""Poisoned spots: a prediction that moves when the value it is scored against moves has seen it."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from s2s_core import imputation
from s2s_core.imputation import run
from s2s_core.sampling.apply import sample
from tests.made import made_section
from tests.tiny import tiny_config

pytestmark = pytest.mark.slow

NAMES = ["s2s", "programme-kriging", "kriging", "kriging-withheld", "gaussian", "linear", "nearest"]


@pytest.fixture(scope="module")
def gappy():
    """Log values, so that one spot's value is not in the scale of the others."""
    section = sample(made_section("square", 22, 22), "random:0.7", seed=4).without_hidden()
    values = np.log1p(section.counts.toarray())
    return replace(section, counts=sparse.csr_matrix(values.astype(np.float32)), is_log=True)


@pytest.fixture
def predictions(monkeypatch):
    """Runs a section and gives what was predicted at its withheld spots, by their places."""

    def note(measured, predicted, points, others):
        seen[:] = [(tuple(p), v, m) for p, v, m in zip(points, predicted, measured, strict=True)]

    seen = []
    monkeypatch.setattr(imputation, "compare_withheld", note)

    def predict(section, name):
        config = tiny_config(steps=2)
        small = replace(config.model, attention_blocks=0)
        run(section, replace(config, model=small, method=name))
        return {place: (value, measured) for place, value, measured in seen}

    return predict


def scored_rows(section, config):
    """Rows of the first scored fold."""
    obs = imputation.observe(section)
    first = imputation._score_folds(obs, config)[0]
    return np.flatnonzero(np.isin(section.pixels, obs.pixels[first]))


@pytest.mark.parametrize("name", NAMES)
def test_a_scored_spots_own_value_does_not_move_its_prediction(gappy, predictions, name):
    rows = scored_rows(gappy, tiny_config())
    values = gappy.counts.toarray()
    values[rows] = 9.0
    poisoned = replace(gappy, counts=sparse.csr_matrix(values))
    before, after = predictions(gappy, name), predictions(poisoned, name)
    own = {tuple(p) for p in gappy.grid.lattice_xy(gappy.row[rows], gappy.col[rows])}
    assert before.keys() == after.keys()
    assert own < before.keys()
    for place in own:
        assert np.array_equal(before[place][0], after[place][0])
        assert (after[place][1] == 9.0).all()
    # The other fold is predicted from the poisoned spots, among others (the nearest spot is one
    # of few: here never a poisoned one).
    assert name == "nearest" or any(
        not np.array_equal(before[p][0], after[p][0]) for p in before.keys() - own
    )
