"""The pilot and what is said of a design before any training."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.assemble import assemble
from s2s_core.data.grid import HEX_ROW
from s2s_core.data.simulate import demo_section
from s2s_core.errors import S2SError
from s2s_core.sampling.aliasing import aliased_share, spectrum
from s2s_core.sampling.apply import at_budget, sample
from s2s_core.sampling.design_metrics import evaluate_design, verdicts
from s2s_core.sampling.pilot import Pilot
from s2s_core.vocabulary import Resolution
from tests.made import lattice_positions, made_section

pytestmark = pytest.mark.slow


def patterned(kind, waves, rows=28, cols=26, noise=0.0):
    """Section whose genes are waves of given vectors (cycles a pitch), plus noise genes."""
    row, col = lattice_positions(kind, rows, cols)
    points = np.column_stack([col / 2, row * HEX_ROW] if kind == "hex" else [col, row]).astype(
        float
    )
    rng = np.random.default_rng(0)
    maps = [np.sin(2 * np.pi * points @ np.array(w) + k) for k, w in enumerate(waves)]
    values = np.column_stack(maps) * 20 + 60 + noise * rng.standard_normal((len(row), len(waves)))
    filler = np.full((len(row), 1), 1e5)
    return assemble(
        np.maximum(np.hstack([values, filler]), 0),
        obs=pd.DataFrame(index=[f"s{i}" for i in range(len(row))]),
        var=pd.DataFrame(index=[f"g{i}" for i in range(len(waves) + 1)]),
        xy=points * 50.0,
        array_index=(row, col),
        kind=kind,
        scale="counts",
        uns={"spatial_unit": "um (aligned)"},
    )


@pytest.fixture(scope="module")
def demo():
    return demo_section(rows=36, genes=60)


@pytest.fixture(scope="module")
def pilot(demo):
    return Pilot(demo)


def test_gaps_are_distances_to_the_nearest_measured_spot(pilot, demo):
    mask = sample(demo, "random:0.2", 1).measured
    facts = evaluate_design(pilot, mask)
    apart = np.linalg.norm(pilot.points[~mask][:, None] - pilot.points[mask][None], axis=2).min(1)
    assert facts.largest_gap == pytest.approx(apart.max())
    assert facts.mean_gap == pytest.approx(apart.mean())
    assert facts.largest_gap_unit == pytest.approx(apart.max() * 100.0, rel=1e-6)
    assert facts.unit == "um"
    assert facts.n_measured == mask.sum()
    assert f"{facts.fraction:.1%}" in facts.sentences[0]
    assert "um)" in facts.sentences[1]


def test_a_coarse_lattice_aliases_fine_patterns_and_a_random_draw_does_not():
    fine = Pilot(patterned("square", [(0.4, 0.05), (0.05, 0.38)]))
    coarse = Pilot(patterned("square", [(0.05, 0.02), (0.02, 0.04)]))
    mask = sample(fine.section, "lattice:2").measured
    assert aliased_share(fine.spectrum, mask)[0] > 0.8
    assert aliased_share(coarse.spectrum, mask) == (pytest.approx(0.0, abs=0.05), True)
    assert aliased_share(fine.spectrum, sample(fine.section, "random:0.25").measured) == (
        0.0,
        False,
    )
    sentences = " ".join(evaluate_design(fine, mask).sentences)
    assert "aliasing risk: high" in sentences
    assert "no period" in " ".join(
        evaluate_design(fine, sample(fine.section, "poisson:0.25").measured).sentences
    )


@pytest.mark.parametrize(("length", "low", "high"), [(0.2, 0.0, 0.1), (0.45, 0.9, 1.0)])
def test_a_hexagonal_part_aliases_alike_in_the_directions_of_its_lattice(length, low, high):
    section = patterned("hex", [(0.1, 0.0)])
    mask = sample(section, "hexlattice:4").measured
    points = section.grid.lattice_xy(section.row, section.col)
    for angle in np.pi / 3 * np.arange(3):
        wave = length * np.array([np.cos(angle), np.sin(angle)])
        values = np.column_stack(
            [np.sin(2 * np.pi * points @ wave), np.cos(2 * np.pi * points @ wave)]
        )
        found = spectrum(section, np.arange(len(points)), values)
        assert low <= aliased_share(found, mask)[0] <= high


def test_stripes_fold_patterns_across_them_only():
    across, along = (Pilot(patterned("square", [w, w])) for w in ((0.02, 0.3), (0.3, 0.02)))
    mask = sample(across.section, "stripes:3").measured
    assert aliased_share(across.spectrum, mask)[0] > 0.8
    assert aliased_share(along.spectrum, mask)[0] < 0.2


def test_noise_does_not_count_as_fine_patterns():
    rows = np.arange(28 * 26)
    section = patterned("square", [(0.03, 0.02)])
    noise = np.random.default_rng(0).standard_normal((len(rows), 10))
    wave = 2 * np.sin(0.2 * section.col)[:, None] * np.ones(10)
    shares = {}
    for name, values in (("wave", wave), ("noisy wave", wave + noise), ("noise", noise)):
        found = spectrum(section, rows, values)
        shares[name] = aliased_share(found, sample(section, "lattice:2").measured)[0]
    assert shares["wave"] < 0.05
    assert shares["noisy wave"] < 0.25 < shares["noise"]


def test_wider_gaps_lower_what_is_expected_and_lose_genes(pilot, demo):
    facts = [
        evaluate_design(pilot, at_budget(demo, "stratified", b, 1).measured)
        for b in (0.05, 0.2, 0.5)
    ]
    assert facts[0].expected_rmse > facts[1].expected_rmse > facts[2].expected_rmse
    assert facts[0].expected_pcc < facts[1].expected_pcc < facts[2].expected_pcc
    resolved = [(f.genes["verdict"] == Resolution.RESOLVED).sum() for f in facts]
    assert resolved[0] <= resolved[1] <= resolved[2]
    assert resolved[0] < resolved[2]
    families = demo.var["family"].to_numpy()
    said = facts[1].genes["verdict"]
    assert (said[families == "FLAT"] == Resolution.FLAT).mean() > 0.8
    assert (said[families == "GRADIENT"] == Resolution.FLAT).mean() < 0.3


def test_verdicts_follow_range_against_gap(pilot):
    order = {Resolution.RESOLVED: 0, Resolution.MARGINAL: 1, Resolution.LOST: 2}
    levels = [
        verdicts(pilot, gap)[pilot.genes["spatial"]].map(order) for gap in (0.5, 2.0, 8.0, 200.0)
    ]
    for near, far in zip(levels[:-1], levels[1:], strict=True):
        assert (near <= far).all()
    assert (levels[0] == 0).mean() > 0.8
    assert (levels[-1] == 2).all()


def test_expected_errors_come_true(pilot, demo):
    """Foretold and achieved PCC of programme kriging, gene by gene."""
    from scipy.stats import spearmanr

    from s2s_core.assessment.metrics import pearson
    from s2s_core.config import preset
    from s2s_core.data.observation import known_values, observe
    from s2s_core.interfaces import Hooks
    from s2s_core.methods import method

    sampled = sample(demo, "stratified:0.25", 3)
    obs = observe(sampled)
    guess = method("programme-kriging").fit(obs, preset("fast"), Hooks())(obs, obs.targets).mean
    truth = known_values(sampled, obs.target_sum)
    achieved = pearson(truth[sampled.hidden], guess[sampled.hidden])
    foretold = evaluate_design(pilot, sampled.measured)
    assert spearmanr(achieved, foretold.genes["expected_pcc"]).statistic > 0.8
    assert np.nanmean(achieved) == pytest.approx(foretold.expected_pcc, abs=0.08)


def test_evenness_and_edge(pilot, demo):
    facts = {
        n: evaluate_design(pilot, at_budget(demo, n, 0.25, 1).measured)
        for n in ("hexlattice", "random", "poisson")
    }
    assert facts["hexlattice"].dispersion < facts["poisson"].dispersion < facts["random"].dispersion
    assert facts["random"].dispersion == pytest.approx(1.0, abs=0.35)
    middle = np.linalg.norm(pilot.points - pilot.points.mean(0), axis=1)
    heap = evaluate_design(pilot, middle < np.quantile(middle, 0.25))
    assert heap.dispersion > 3
    assert heap.edge_coverage < 0.3 < facts["hexlattice"].edge_coverage
    assert "clusters" in " ".join(heap.sentences)


def test_a_pilot_looks_at_measured_values_only(demo):
    sparse = sample(demo, "random:0.4", 1)
    spoiled = demo.with_measured(sparse.measured)
    counts = spoiled.counts.tolil()
    counts[~sparse.measured] = 777
    spoiled = replace(spoiled, counts=counts.tocsr())
    mask = np.arange(demo.n_positions) % 5 == 0
    one, other = evaluate_design(Pilot(sparse), mask), evaluate_design(Pilot(spoiled), mask)
    assert one.sentences == other.sentences
    assert one.genes.equals(other.genes)


def test_a_large_pilot_is_fitted_on_blocks_and_finds_the_same_ranges():
    section = patterned("square", [(0.04, 0.03), (0.12, 0.1)], rows=42, cols=40, noise=4.0)
    pilot = Pilot(section)
    fine, coarse = pilot.genes.loc["g1", "range"], pilot.genes.loc["g0", "range"]
    assert fine < coarse
    assert pilot.genes.loc[["g0", "g1"], "spatial"].all()


def test_bad_input_is_refused_in_one_sentence(pilot):
    with pytest.raises(S2SError, match="too few to plan from; at least 50"):
        Pilot(made_section("square", 6, 8))
    n = len(pilot.points)
    with pytest.raises(S2SError, match="must measure at least 3"):
        evaluate_design(pilot, np.zeros(n, bool))
    with pytest.raises(S2SError, match="leave some out"):
        evaluate_design(pilot, np.ones(n, bool))
    with pytest.raises(S2SError, match="pilot's own section"):
        evaluate_design(pilot, np.ones(n + 1, bool))
