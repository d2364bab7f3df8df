"""Classical methods and gene programmes, where the right answer is known."""

import numpy as np
import pytest

from s2s_core.data.observation import Observation, known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError
from s2s_core.geostat import baselines
from s2s_core.geostat.first_estimate import fit_first_estimate
from s2s_core.geostat.programmes import fit_programmes
from s2s_core.sampling.apply import sample


def with_values(obs: Observation, function) -> Observation:
    """The observation measuring a function of lattice position."""
    from dataclasses import replace

    return replace(obs, values=function(obs.lattice_xy(obs.pixels)).astype(np.float32))


def plane(uv: np.ndarray) -> np.ndarray:
    return np.column_stack([5 + 0.3 * uv[:, 0] + 0.2 * uv[:, 1], 9 - 0.4 * uv[:, 1]])


def test_linear_interpolation_reproduces_a_plane_on_any_lattice(lattice):
    obs = with_values(observe(sample(lattice, "lattice:2")), plane)
    out = baselines.fit_linear(obs)(obs, obs.targets).mean
    uv = obs.lattice_xy(obs.targets)
    points = obs.lattice_xy(obs.pixels)
    inside = ((uv >= points.min(0)) & (uv <= points.max(0))).all(1)
    assert np.allclose(out[inside], plane(uv)[inside], atol=1e-4)


def test_linear_interpolation_is_never_negative():
    # Positions on the edges of triangles, where weights are zero but for rounding.
    obs = observe(sample(demo_section(rows=30, genes=20), "random:0.4"))
    weights = baselines.linear_weights(obs.lattice_xy(obs.pixels), obs.lattice_xy(obs.targets))
    assert weights.min() >= 0.0


def test_nearest_copies_a_measured_spot(lattice):
    obs = observe(sample(lattice, "random:0.4"))
    out = baselines.fit_nearest(obs)(obs, obs.targets).mean
    distance = np.linalg.norm(
        obs.lattice_xy(obs.targets)[:, None] - obs.lattice_xy(obs.pixels)[None], axis=-1
    )
    for i, value in enumerate(out):
        near = distance[i] <= distance[i].min() + 1e-9
        assert any(np.array_equal(value, v) for v in obs.values[near])


def test_bicubic_follows_a_smooth_curve_better_than_nearest():
    from tests.made import made_section

    obs = observe(sample(made_section("square", 24, 24), "lattice:2"))

    def wave(uv):
        return 2 + np.sin(uv[:, :1] / 3) * np.cos(uv[:, 1:] / 4)

    obs = with_values(obs, wave)
    true = wave(obs.lattice_xy(obs.targets))
    cubic = baselines.fit_bicubic(obs)(obs, obs.targets).mean
    nearest = baselines.fit_nearest(obs)(obs, obs.targets).mean
    assert np.abs(cubic - true).mean() < 0.3 * np.abs(nearest - true).mean()


def test_bicubic_refuses_a_mask_that_is_no_lattice(square):
    with pytest.raises(S2SError, match="lattice mask"):
        baselines.fit_bicubic(observe(sample(square, "random:0.5")))


def test_gaussian_width_follows_the_data(square):
    obs = observe(sample(square, "checkerboard"))
    rng = np.random.default_rng(0)
    points = obs.lattice_xy(obs.pixels)
    smooth = baselines.fit_gaussian(with_values(obs, plane))
    noise = baselines.fit_gaussian(with_values(obs, lambda uv: rng.normal(5, 1, (len(uv), 2))))
    spread = [np.ptp(f(with_values(obs, plane), obs.targets).mean[:, 0]) for f in (smooth, noise)]
    assert spread[0] > spread[1]
    weights = baselines.gaussian_weights(points, points, 0.1, leave_out=True)
    assert np.allclose(weights.sum(1), 1.0)
    assert np.allclose(weights.diagonal(), 0.0)


def test_programmes_rebuild_what_they_were_fitted_on():
    rng = np.random.default_rng(1)
    values = (rng.normal(size=(80, 3)) @ rng.normal(size=(3, 20)) + 4).astype(np.float32)
    low_rank = fit_programmes(values, 3)
    scores = low_rank.scores(values)
    assert np.allclose(low_rank.genes(scores), values, atol=1e-3)
    assert np.allclose(scores.std(0), 1.0, atol=1e-3)
    variance = rng.random((80, 3))
    draws = rng.normal(size=(4000, 80, 3)) * np.sqrt(variance)
    spread = np.stack([low_rank.genes(d) for d in draws[:400]]).var(0)
    assert np.abs(spread / low_rank.gene_variance(variance) - 1).mean() < 0.15


def test_few_spots_ask_for_few_programmes():
    values = np.random.default_rng(2).random((24, 50)).astype(np.float32)
    assert len(fit_programmes(values, 40).scale) <= 6


def test_first_estimate_of_the_engine_is_as_good_as_programme_kriging():
    section = sample(demo_section(rows=40, genes=60), "lattice:2")
    obs = observe(section)
    truth = known_values(section, obs.target_sum)[section.hidden]
    first_estimate = fit_first_estimate(obs, 20, 0)
    ours = first_estimate.programmes.genes(first_estimate.predict(obs, obs.targets).mean)[
        section.hidden
    ]
    kriged = baselines.fit_programme_kriging(obs, 20)(obs, obs.targets).mean[section.hidden]
    assert ((ours - truth) ** 2).mean() < 1.01 * ((kriged - truth) ** 2).mean()


def test_first_estimate_chooses_few_programmes_and_no_regression_on_noise(square):
    rng = np.random.default_rng(4)
    obs = with_values(
        observe(sample(square, "random:0.7")), lambda uv: rng.normal(3, 1, (len(uv), 6))
    )
    first_estimate = fit_first_estimate(obs, 6, 0)
    predicted = first_estimate.predict(obs, obs.targets).mean
    assert np.abs(predicted).mean() < 0.35


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("design", ["lattice:2", "lattice:2@1,1", "lattice:3"])
def test_bilinear_is_exact_on_a_plane_and_between_rows(kind, design):
    from tests.made import made_section

    # Every third row of a hexagonal lattice is displaced against the last.
    obs = with_values(observe(sample(made_section(kind, 24, 24), design)), plane)
    out = baselines.fit_bilinear(obs)(obs, obs.targets).mean
    uv, points = obs.lattice_xy(obs.targets), obs.lattice_xy(obs.pixels)
    inside = ((uv >= points.min(0)) & (uv <= points.max(0))).all(1)
    # At the rim corners may be missing: there the others stand in.
    exact = np.isclose(out, plane(uv), atol=1e-4).all(1)
    assert exact[inside].mean() > 0.9
    at = {p: i for i, p in enumerate(obs.targets)}
    rows = [at[p] for p in obs.pixels]
    assert np.allclose(out[rows], obs.values, atol=1e-5)


def test_bilinear_takes_the_mean_of_four_corners_whatever_the_order_of_rows():
    from tests.made import made_section

    obs = observe(sample(made_section("square", 9, 9), "lattice:2"))
    rng = np.random.default_rng(0)
    obs = with_values(obs, lambda uv: rng.normal(5, 1, (len(uv), 2)))
    image = obs.image(obs.values)
    centre = 1 * obs.grid.shape[1] + 1
    corners = image[:, [0, 0, 2, 2], [0, 2, 0, 2]].mean(1)
    shuffled = obs.subset(rng.permutation(len(obs.pixels)))
    from dataclasses import replace

    for seen in (obs, replace(shuffled, lattice=obs.lattice)):
        out = baselines.fit_bilinear(seen)(seen, np.array([centre])).mean
        assert np.allclose(out[0], corners, atol=1e-5)


def test_bilinear_goes_on_where_spots_of_the_lattice_are_withheld(lattice):
    from dataclasses import replace

    obs = with_values(observe(sample(lattice, "lattice:2")), plane)
    few = replace(obs.subset(np.arange(len(obs.pixels)) % 3 > 0), lattice=obs.lattice)
    out = baselines.fit_bilinear(few)(few, obs.pixels).mean
    assert np.isfinite(out).all()
    assert np.abs(out - obs.values).mean() < 0.5 * np.abs(obs.values - obs.values.mean(0)).mean()


def test_bilinear_refuses_a_mask_that_is_no_lattice(square):
    with pytest.raises(S2SError, match="lattice mask"):
        baselines.fit_bilinear(observe(sample(square, "random:0.5")))
