"""Scores that only the benchmark has, where their right value is known."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import zscore

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "benchmarks"))

import replication  # noqa: E402
import residuals  # noqa: E402
import scores  # noqa: E402
import untouched  # noqa: E402

from s2s_core.data.simulate import demo_section  # noqa: E402
from s2s_core.sampling.apply import sample  # noqa: E402


def test_the_attainable_correlation_is_that_of_the_true_signal():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(20_000, 3)) * [0.7, 1.0, 2.0]
    halves = [signal + rng.normal(size=signal.shape) for _ in range(2)]
    between = np.array([np.corrcoef(*(h[:, g] for h in halves))[0, 1] for g in range(3)])
    full = sum(halves) / 2
    best = [np.corrcoef(full[:, g], signal[:, g])[0, 1] for g in range(3)]
    assert scores.attainable(between) == pytest.approx(best, abs=0.03)
    assert scores.attainable(np.array([-0.2])) == 0.0


def test_the_scores_of_li_2022_are_theirs():
    rng = np.random.default_rng(0)
    truth, found = rng.gamma(2.0, size=(2, 50, 3))
    found[:, 2] = 1.0
    out = scores.li_2022(truth, found)
    a, b = truth[:, 0], found[:, 0]
    assert out["rmse_z"][0] == pytest.approx(np.sqrt(((zscore(a) - zscore(b)) ** 2).mean()))
    assert out["js_li"][0] == pytest.approx(jensenshannon(a, b) ** 2)
    x, y = a / a.max(), b / b.max()
    top = (2 * x.mean() * y.mean() + 1e-4) * (2 * np.cov(x, y, bias=True)[0, 1] + 9e-4)
    low = (x.mean() ** 2 + y.mean() ** 2 + 1e-4) * (x.var() + y.var() + 9e-4)
    assert out["ssim_li"][0] == pytest.approx(top / low)
    assert all(np.isnan(values[2]) for values in out.values())
    same = scores.li_2022(truth, truth)
    assert same["ssim_li"] == pytest.approx(1.0)
    assert same["js_li"] == pytest.approx(0.0)


def test_a_smooth_map_of_noise_is_over_smoothed():
    points = np.indices((15, 15)).reshape(2, -1).T.astype(float)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(225, 9))
    smooth = np.sin(points @ rng.normal(size=(2, 9)) / 4)
    bias, _ = scores.structure_scores(noise, smooth, points)
    assert (bias > 0.5).all()
    bias, overlap = scores.structure_scores(noise, noise, points)
    assert np.allclose(bias, 0.0)
    assert overlap == 1.0


def test_residuals_know_no_hidden_count():
    section = sample(demo_section(rows=18, genes=12), "lattice:2")
    counts = section.counts.toarray()
    counts[~section.measured] *= 50
    spoiled = replace(section, counts=type(section.counts)(counts), totals=section.spot_totals)
    (one, truth), (two, other) = (residuals.observe_residuals(s) for s in (section, spoiled))
    assert np.array_equal(one.values, two.values)
    assert not np.array_equal(truth, other)
    assert one.values.min() == 0.0
    spread = residuals.pearson_residuals(section)[section.measured].std(0)
    assert 0.5 < np.median(spread) < 3.0


def test_sections_are_the_units_and_each_tissue_counts_once():
    index = pd.MultiIndex.from_product(
        [list("abcd"), ["s2s", "x", "y"]], names=["section", "method"]
    )
    means = pd.DataFrame({"rmse": [1, 2, 3, 1, 2, 3, 1, 3, 2, 3, 1, 2.0]}, index)
    gain = replication.gains(means, "rmse", "s2s", ["x", "y", "not there"])
    assert gain.tolist() == [1.0, 1.0, 1.0, -2.0]
    found = replication.compare(gain)
    assert (found.better, found.worse, found.units) == (3, 1, 4)
    assert found.p == pytest.approx(0.625)
    assert found.low < found.mean == 0.25 < found.high
    pieces = replication.over_tissues(gain, {"a": "one", "b": "one", "c": "one"})
    assert sorted(pieces) == [-2.0, 1.0]


def test_untouched_sections_are_scored_by_the_frozen_code_alone(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(untouched, "FROZEN", tmp_path / "frozen.json")
    monkeypatch.setattr(untouched, "run_all", lambda cases: pytest.fail("scored"))
    monkeypatch.setattr(sys, "argv", ["untouched.py"])
    assert untouched.main() == 2
    monkeypatch.setattr(sys, "argv", ["untouched.py", "--freeze"])
    assert untouched.main() == 0
    kept = json.loads((tmp_path / "frozen.json").read_text())
    assert kept["config"]["preset"] == "fast"
    assert len(kept["sections"]) == 31
    monkeypatch.setattr(untouched, "fingerprint", lambda group: "other code")
    monkeypatch.setattr(sys, "argv", ["untouched.py"])
    assert untouched.main() == 2
    assert "frozen" in capsys.readouterr().out
