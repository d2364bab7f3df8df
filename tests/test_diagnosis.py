from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from s2s_core import impute, read, sample
from s2s_core.assessment.checks import check_quality
from s2s_core.assessment.spatial_errors import (
    lag_weights,
    local_planes,
    pooled_slope,
    ratio,
    slope_sums,
)
from s2s_core.assessment.withheld import KEY, Withheld
from s2s_core.methods import METHODS
from tests.made import made_section


@pytest.fixture(scope="module", params=["square", "hex"])
def good(request):
    """A kriging run with hidden truth."""
    section = sample(made_section(request.param, 28, 30), "lattice:2")
    return impute(section, method="kriging", compare=["nearest"], threads=1)


@pytest.fixture(scope="module")
def gappy():
    """The same where nothing is known of the gaps."""
    section = sample(made_section("square", 28, 30), "random:0.4").without_hidden()
    return impute(section, method="kriging", compare=["nearest"], threads=1)


def changed(result, change):
    """The result with ``change`` made to its map at unmeasured positions."""
    method, section = result.config.method, result.section
    values = np.array(result.maps[method])
    values[~section.measured] = np.maximum(change(values, section), 0)[~section.measured]
    return replace(result, maps={**result.maps, method: values.astype(np.float32)})


def level(result, name):
    return next(f.level for f in check_quality(result) if f.name == name)


def flatter(values, section):
    middle = values.mean(0)
    return middle + 0.35 * (values - middle)


def blurred(values, section):
    out = np.empty_like(values)
    for g in range(values.shape[1]):
        image = np.full(section.grid.shape, values[:, g].mean())
        image[section.row, section.col] = values[:, g]
        out[:, g] = gaussian_filter(image, 3)[section.row, section.col]
    return out


def checked(values, section):
    return values + np.where(section.col % 2, 0.5, 0.0)[:, None] * values.std(0)


def textured(values, section):
    waves = np.sin(section.row / 2.5) * np.sin(section.col / 2.5 + 1)
    return values + 0.8 * waves[:, None]


def noisy(values, section):
    return values + np.random.default_rng(0).normal(0, 1.5 * values.std(0), values.shape)


def test_a_good_run_is_fine(good):
    findings = check_quality(good)
    assert [f.name for f in findings] == [
        "Measured values in place",
        "Possible values",
        "Over-smoothing",
        "Noise kept",
        "Grid artefacts",
        "Structure in the errors",
    ]
    assert {f.level for f in findings} == {"fine"}
    assert not any(f.advice for f in findings)
    assert all(f.sentence.endswith(".") for f in findings)


@pytest.mark.parametrize(
    ("defect", "name"),
    [
        (flatter, "Over-smoothing"),
        (blurred, "Over-smoothing"),
        (checked, "Grid artefacts"),
        (textured, "Structure in the errors"),
        (noisy, "Noise kept"),
    ],
)
def test_each_defect_is_found(good, defect, name):
    bad = changed(good, defect)
    assert level(bad, name) != "fine"
    finding = next(f for f in check_quality(bad) if f.name == name)
    assert finding.advice.endswith(".")


def test_measured_values_must_be_exact(good):
    values = np.array(good.imputed)
    values[np.flatnonzero(good.section.measured)[3], 2] += 1e-4
    bad = replace(good, maps={**good.maps, "kriging": values})
    finding = check_quality(bad)[0]
    assert finding.level == "problem"
    assert finding.value == pytest.approx(1e-4, rel=0.01)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.5])
def test_impossible_values_end_the_diagnosis(good, value):
    values = np.array(good.imputed)
    values[np.flatnonzero(~good.section.measured)[3], 2] = value
    findings = check_quality(replace(good, maps={**good.maps, "kriging": values}))
    assert [f.level for f in findings] == ["fine", "problem"]
    assert findings[1].value == 1


def test_without_truth_the_withheld_spots_are_asked(gappy):
    findings = check_quality(gappy)
    assert {f.level for f in findings} == {"fine"}
    assert [f.name for f in findings[-2:]] == [
        "Structure in the errors",
        "Structure never measured",
    ]
    kept = Withheld.from_info(gappy.info)
    assert f"is {kept.slope:.2f} (at {kept.n_spots} withheld spots" in findings[2].sentence
    assert f"at {kept.n_spots} withheld spots" in findings[-2].sentence
    assert not findings[-1].advice
    found = check_quality(changed(gappy, lambda values, section: 2 * values))[-1]
    assert (found.name, found.level) == ("Structure never measured", "problem")
    assert found.advice.endswith(".")


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda mean, at: mean.mean(0) + 0.35 * (mean - mean.mean(0)), "Over-smoothing"),
        (
            lambda mean, at: mean + np.random.default_rng(0).normal(0, 2 * mean.std(0), mean.shape),
            "Noise kept",
        ),
        (lambda mean, at: mean + 1.5 * np.sin(at / 120)[:, None], "Structure in the errors"),
    ],
)
def test_a_bad_method_is_told_by_its_predictions_of_withheld_spots(monkeypatch, change, name):
    smooth = METHODS["gaussian"]

    def fit(obs, config, hooks):
        predictor = smooth.fit(obs, config, hooks)

        def predict(seen, targets):
            found = predictor(seen, targets)
            return replace(found, mean=np.maximum(change(found.mean, targets), 0.0))

        return predict

    monkeypatch.setitem(METHODS, "gaussian", replace(smooth, fit=fit))
    section = sample(made_section("square", 32, 32), "random:0.6").without_hidden()
    assert level(impute(section, method="gaussian", compare=[], threads=1), name) != "fine"


def test_runs_that_kept_nothing_are_judged_by_their_scores(gappy):
    """Those of an earlier version."""
    old = replace(gappy, info={k: v for k, v in gappy.info.items() if k != KEY})
    assert "judged by the PCC at withheld spots" in check_quality(old)[2].sentence
    assert {f.level for f in check_quality(old)} == {"fine"}
    assert level(changed(old, flatter), "Over-smoothing") != "fine"
    assert level(changed(old, noisy), "Noise kept") != "fine"


def test_a_median_map_is_told_apart_from_an_artefact(good):
    low = {**good.layers, "median": np.where(good.section.measured[:, None], good.truth, 0.1)}
    median = replace(good, config=replace(good.config, answer="median"), layers=low)
    finding = next(f for f in check_quality(median) if f.name == "Grid artefacts")
    assert finding.level == "watch"
    assert "mean" in finding.advice


def test_a_flat_map_is_named_flat(good):
    flat = changed(good, lambda values, section: np.ones_like(values))
    findings = check_quality(flat)
    assert "flat" in findings[2].sentence
    assert findings[2].level == "watch"
    assert all(f.name != "Noise kept" for f in findings)


@pytest.mark.parametrize("gaps", [1, 3, 19])
def test_few_gaps_show_no_pattern(gaps):
    section = made_section("square", 8, 8)
    result = impute(
        section.with_measured(np.arange(64) >= gaps), method="kriging", compare=[], threads=1
    )
    assert [f.name for f in check_quality(result)] == [
        "Measured values in place",
        "Possible values",
    ]


def test_noise_in_the_truth_does_not_move_the_slope():
    rng = np.random.default_rng(0)
    signal = rng.normal(size=(4000, 3))
    block = np.arange(4000) % 16
    for noise in (0.0, 2.0):
        truth = signal + noise * rng.normal(size=signal.shape)
        slope, error = pooled_slope(slope_sums(truth, signal / 2, block))
        assert abs(slope - 2) < 4 * error + 1e-9
    assert ratio(0.0, 0.0) == 0.0
    assert ratio(1.0, 0.0) == np.inf


def test_a_plane_follows_a_trend_and_pairs_keep_their_distance():
    row, col = (a.ravel() for a in np.indices((9, 9)))
    points = np.column_stack([col, row]).astype(float)
    known = (row % 2 == 0) & (col % 2 == 0)
    weights, held = local_planes(points[known], points[~known])
    trend = points @ [2.0, -3.0] + 7
    assert np.allclose((weights @ trend[known]), trend[~known], atol=1e-4)
    assert held.mean() > 0.5
    near, far = lag_weights(points, 2.0).nonzero()
    apart = np.linalg.norm(points[near] - points[far], axis=1)
    assert apart.min() == 2.0
    assert apart.max() <= 3.2


@pytest.mark.parametrize("name", ["st1_human_breast_her2_E1", "visium_human_breast_crop"])
def test_real_sections(data_dir, name):
    section = sample(read(data_dir / f"{name}.h5ad"), "lattice:2")
    result = impute(section, method="programme-kriging", compare=["nearest"], threads=1)
    assert {f.level for f in check_quality(result)} == {"fine"}
    nearest = replace(result, config=replace(result.config, method="nearest"))
    assert level(nearest, "Noise kept") != "fine"
    assert level(changed(result, textured), "Structure in the errors") != "fine"
    assert level(changed(result, checked), "Grid artefacts") != "fine"
