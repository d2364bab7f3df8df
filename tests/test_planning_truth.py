"""What planning foretells, against dense algebra and numbers counted by hand."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from s2s_core.assessment.withheld import compare_withheld
from s2s_core.geostat.variograms import KERNELS, NUGGETS
from s2s_core.sampling import next_batch as next_batch_module
from s2s_core.sampling.apply import sample
from s2s_core.sampling.design_metrics import evaluate_design, expected_error
from s2s_core.sampling.next_batch import next_batch, uncertainty
from s2s_core.sampling.pilot import Pilot
from s2s_core.studies.budget_curve import Cost, Goal, choose, curve, smallest_budgets
from tests.made import made_section


@pytest.fixture(scope="module", params=["square", "hex"])
def pilot(request):
    section = made_section(request.param, 14, 13)
    section.uns["spatial_unit"] = "um (micrometres)"
    # Fewer programmes than genes: they leave something.
    return Pilot(section, programmes=3)


def test_the_expected_error_is_that_of_dense_kriging(pilot):
    """Every programme with its variogram, at every position left out; 60 spots are measured."""
    measured = np.random.default_rng(0).permutation(182) < 60
    here, away = pilot.points[measured], pilot.points[~measured]
    fitted, left = pilot.variograms, []
    for c in range(len(fitted.mean)):
        k, n = np.unravel_index(fitted.weight[:, :, c].argmax(), fitted.weight.shape[:2])
        (kernel, range_), nugget = fitted.candidates[k], NUGGETS[n]

        def apart(a, b, kernel=kernel, range_=range_):
            return KERNELS[kernel](np.linalg.norm(a[:, None] - b, axis=-1), range_)

        inverse = np.linalg.inv(apart(here, here) + nugget * np.eye(60))
        cross = apart(away, here)
        explained = np.einsum("ti,ij,tj->t", cross, inverse, cross).mean()
        left.append(fitted.sill[k, n, c] * (1 + nugget - explained))
    error = pilot.programmes.gene_variance(np.array(left)[None])[0] + pilot.residual
    rmse, pcc = expected_error(pilot, measured)
    assert rmse == pytest.approx(np.sqrt(error), rel=1e-3)
    share = 1 - error / pilot.variance
    assert pcc == pytest.approx(np.sqrt(np.maximum(share, 0)), abs=5e-3)
    # From the nearest spots alone, as of a large section, it is nearly the same.
    many = np.random.default_rng(1).permutation(182) < 110
    assert expected_error(pilot, many)[0].mean() < rmse.mean()


def test_gaps_are_told_in_pitches_and_in_the_sections_unit(pilot):
    section = pilot.section
    facts = evaluate_design(pilot, sample(section, "lattice:3").measured)
    assert section.grid.pitch == pytest.approx(100.0)
    assert facts.mean_gap_unit == pytest.approx(100 * facts.mean_gap)
    assert facts.largest_gap_unit == pytest.approx(100 * facts.largest_gap)
    away = pilot.points[~sample(section, "lattice:3").measured]
    here = pilot.points[sample(section, "lattice:3").measured]
    gap = np.linalg.norm(away[:, None] - here, axis=-1).min(1)
    assert facts.mean_gap == pytest.approx(gap.mean())
    assert facts.typical_gap == pytest.approx(np.quantile(gap, 0.9))
    assert facts.unit == "um"
    said = " ".join(facts.sentences)
    assert f"{gap.mean():.1f} pitches ({100 * gap.mean():.4g} um)" in said


def test_the_next_batch_lowers_variances(pilot, monkeypatch):
    """What a position's variance counts goes with the square of how unsure the run is there."""
    section = sample(pilot.section, "random:0.4", seed=1)
    spread = np.random.default_rng(0).uniform(0.5, 2.0, (182, 6))
    asked = {}
    real = next_batch_module.reduce_variance

    def note(points, covariance, allowed, count, **more):
        asked.update(more, allowed=allowed, covariance=covariance)
        return real(points, covariance, allowed, count, **more)

    monkeypatch.setattr(next_batch_module, "reduce_variance", note)
    table = next_batch(section, spread, 5)
    unsure = uncertainty(section, spread)
    away = ~section.measured
    assert unsure == pytest.approx((spread / spread[away].mean(0)).mean(1))
    assert asked["weights"] == pytest.approx(unsure**2)
    assert np.array_equal(asked["given"], np.flatnonzero(section.measured))
    assert np.array_equal(asked["allowed"], away)
    rows = section.spot_ids.get_indexer(table["spot_id"])
    assert table["uncertainty"].to_numpy() == pytest.approx(unsure[rows])


def levels(*rows):
    names = ("design", "budget", "cost", "pcc", "reached", "reached_low")
    return pd.DataFrame(rows, columns=names)


def test_only_what_the_interval_reaches_is_sure():
    found = levels(
        ("a", 0.1, 5, 0.5, 0.82, 0.79),
        ("b", 0.2, 9, 0.6, 0.90, 0.80),
        ("c", 0.1, 1, 0.9, 0.79, 0.78),
    )
    first = smallest_budgets(found, Goal(0.5, 0.8)).set_index("design")
    assert first["sure"].to_dict() == {"a": False, "b": True}
    assert choose(found, Goal(0.5, 0.8))["design"] == "a"
    # Where none reaches it, the closest.
    assert choose(found, Goal(0.5, 0.95))["design"] == "b"


def test_the_cheapest_then_the_smallest_then_the_best_is_chosen():
    rows = [
        ("a", 0.2, 5, 0.5, 0.9, 0.9),
        ("b", 0.1, 5, 0.4, 0.9, 0.9),
        ("c", 0.1, 5, 0.6, 0.9, 0.9),
        ("d", 0.05, 6, 0.9, 0.9, 0.9),
    ]
    order = smallest_budgets(levels(*rows), Goal(0.5, 0.8))["design"].tolist()
    assert order == ["c", "b", "a", "d"]


def test_a_curve_by_hand():
    """Two draws of four genes; one gene of one draw has no PCC."""
    pcc = [[0.2, 0.5, 0.8, np.nan], [0.4, 0.5, 0.6, 0.9]]
    parts = [
        pd.DataFrame(
            {
                "design": "a",
                "budget": 0.1,
                "seed": seed,
                "gene": list("wxyz"),
                "pcc": row,
                "rmse": [1.0, 2.0, 3.0, 4.0],
                "n_measured": 100 + 20 * seed,
                "n_rows": 4 + seed,
                "n_regions": 3,
            }
        )
        for seed, row in enumerate(pcc)
    ]
    row = curve(pd.concat(parts), Goal(0.5, cost=Cost(1.0, 10.0, 100.0, 1000.0))).iloc[0]
    assert (row["seeds"], row["n_measured"], row["n_rows"]) == (2, 110, 4.5)
    assert row["cost"] == 1000 + 110 + 45 + 300
    assert row["pcc"] == pytest.approx(3.9 / 7)
    assert row["rmse"] == 2.5
    assert row["reached"] == pytest.approx(5 / 8)


def test_errors_are_looked_at_from_twice_the_mean_gap_on():
    row, col = (a.ravel() for a in np.indices((20, 20)))
    spots = np.column_stack([col, row]).astype(float)
    at = (row % 4 == 0) & (col % 4 == 0)
    # One more far away from all others does not make the reach its own.
    points, others = np.vstack([spots[at], [[60.0, 0.0]]]), spots[~at]
    values = np.random.default_rng(0).normal(size=(len(points), 3))
    found = compare_withheld(values, values + 1e-3, points, others)
    assert found.reach == pytest.approx(2 * (25 + 41) / 26)


def test_a_pilot_looks_at_measured_spots_only(pilot):
    section = sample(pilot.section, "random:0.5", seed=1)
    counts = section.counts.tolil()
    counts[section.hidden] = 999.0
    spoiled = Pilot(
        SimpleNamespace(
            **{
                **{
                    name: getattr(section, name)
                    for name in ("grid", "row", "col", "measured", "is_log", "genes")
                },
                "counts": counts.tocsr(),
                "spot_totals": np.where(section.measured, section.spot_totals, 1e9),
                "array_index": section.array_index,
            }
        )
    )
    clean = Pilot(section)
    assert np.array_equal(spoiled.scores, clean.scores)
    pd.testing.assert_frame_equal(spoiled.genes, clean.genes)
    assert spoiled.covariance == clean.covariance
