"""Reading accuracy against budget: intervals, costs, the smallest budget, the recommendation."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.assessment.block_scores import BlockScores
from s2s_core.errors import S2SError
from s2s_core.studies.advice import recommend
from s2s_core.studies.budget_curve import (
    Cost,
    Goal,
    choose,
    curve,
    paired,
    smallest_budgets,
)


def made_table(levels: dict, genes: int = 40, seeds: int = 3, spread: float = 0.05) -> pd.DataFrame:
    """Table of made scores: mean PCC of each (design, budget)."""
    rng = np.random.default_rng(0)
    own = rng.normal(0, 0.1, genes)
    rows = []
    for (design, budget), level in levels.items():
        for seed in range(seeds):
            pcc = np.clip(level + own + rng.normal(0, spread, genes), -1, 1)
            rows.append(
                pd.DataFrame(
                    {
                        "design": design,
                        "budget": budget,
                        "seed": seed,
                        "spec": f"{design}:{budget}",
                        "n_measured": round(1000 * budget),
                        "n_rows": 10,
                        "n_regions": 5,
                        "gene": [f"g{i}" for i in range(genes)],
                        "pcc": pcc,
                        "rmse": 1 - pcc,
                        "pcc_map": pcc,
                        "rmse_map": 1 - pcc,
                    }
                )
            )
    return pd.concat(rows, ignore_index=True)


def made_blocks(table: pd.DataFrame, spread: float = 0.001, spots: int = 60) -> dict:
    """Scores by block whose mean is that of each draw in a made table."""
    rng, found = np.random.default_rng(1), {}
    draws = table.groupby(["design", "budget", "seed"], sort=False)["pcc_map"].mean()
    for (design, budget, _), mean in draws.items():
        noise = rng.normal(0, spread, 16)
        blocks = BlockScores(np.full(16, spots), {"pcc": mean + noise - noise.mean()})
        found.setdefault((design, budget), []).append(blocks)
    return found


def test_cost_is_per_spot_row_region_and_fixed():
    assert Cost(2, 10, 100, 1000).total(3, 2, 1) == 1126
    found = curve(made_table({("random", 0.1): 0.5}), Goal(cost=Cost(2, 10, 100, 1000)))
    assert found["cost"].iloc[0] == 2 * 100 + 10 * 10 + 100 * 5 + 1000
    with pytest.raises(S2SError, match="0 or more"):
        Cost(-1)
    with pytest.raises(S2SError, match="0 or more"):
        Cost(float("nan"))


def test_intervals_hold_the_mean_and_narrow_with_genes():
    found = {
        n: curve(made_table({("random", 0.1): 0.5}, genes=n), Goal(0.5)).iloc[0] for n in (20, 400)
    }
    for row in found.values():
        for score in ("pcc", "rmse", "reached"):
            assert row[f"{score}_low"] <= row[score] <= row[f"{score}_high"]
    width = {n: row["pcc_high"] - row["pcc_low"] for n, row in found.items()}
    assert width[400] < 0.5 * width[20]
    # 90 % of the mean of 400 genes of deviation 0.11: 3.3 standard errors wide.
    assert width[400] == pytest.approx(3.3 * 0.11 / 20, rel=0.5)


def test_genes_without_a_score_do_not_reach_the_goal():
    table = made_table({("random", 0.1): 0.9}, genes=10)
    table.loc[table["gene"].isin(["g0", "g1", "g2"]), "pcc"] = np.nan
    row = curve(table, Goal(0.2)).iloc[0]
    assert row["reached"] == pytest.approx(0.7)
    assert row["pcc"] == pytest.approx(0.9, abs=0.1)


def test_the_smallest_budget_that_reaches_the_goal_is_recommended():
    levels = {
        ("random", 0.1): 0.2,
        ("random", 0.25): 0.5,
        ("random", 0.5): 0.8,
        ("lattice", 0.1): 0.3,
        ("lattice", 0.25): 0.75,
        ("lattice", 0.5): 0.85,
    }
    table, goal = made_table(levels), Goal(0.5, 0.8, Cost(3, currency="EUR"))
    found = curve(table, goal)
    first = smallest_budgets(found, goal).set_index("design")
    assert first["budget"].to_dict() == {"lattice": 0.25, "random": 0.5}
    best = choose(found, goal)
    assert (best["design"], best["budget"]) == ("lattice", 0.25)
    words = recommend(table, goal, 3000.0, {"lattice": "Lattice"}, blocks=made_blocks(table))
    assert words[0] == "Measure 250 spots (25%) by the design: Lattice."
    assert "750 EUR = 250 spots x 3, 2,250 EUR less than measuring everything" in " ".join(words)
    assert "worse: random (-0.2" in " ".join(words)
    # Scores by gene alone tell nobody: genes share spots.
    alone = recommend(table, goal, 3000.0, {"lattice": "Lattice"})
    assert "undecided: random (-0.2" in " ".join(alone)
    few = recommend(table, goal, 3000.0, {}, blocks=made_blocks(table, spots=1))
    assert "undecided: random" in " ".join(few)
    assert "A pilot of 16 spots is too small to tell designs apart" in few[-1]


def test_without_costs_the_smallest_budget_is_recommended_and_no_cost_is_named():
    table = made_table({("random", 0.1): 0.8, ("random", 0.5): 0.9, ("lattice", 0.5): 0.95})
    assert choose(curve(table, Goal(0.5)), Goal(0.5))["budget"] == 0.1
    assert "ost" not in " ".join(recommend(table, Goal(0.5), 0.0, {}))


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        (Cost(per_spot=3), "Cost: 750 = 250 spots x 3, 2,250 less than measuring everything."),
        (Cost(fixed=900, currency="EUR"), "Cost: 900 EUR = 900 fixed."),
        (
            Cost(0.5, 2, 10, 100, "CHF"),
            "Cost: 295 CHF = 250 spots x 0.5 + 10 rows x 2 + 5 regions x 10 + 100 fixed.",
        ),
    ],
)
def test_costs_are_shown_with_what_they_are_made_up_of(cost, words):
    whole = 3000.0 if cost.per_spot == 3 else 0.0
    found = recommend(made_table({("random", 0.25): 0.9}), Goal(0.5, 0.8, cost), whole, {})
    assert words in found
    missed = recommend(made_table({("random", 0.25): 0.1}), Goal(0.5, 0.8, cost), whole, {})
    assert words in missed


def test_an_impossible_goal_is_said_to_be_one():
    table = made_table({("random", 0.125): 0.2})
    words = recommend(table, Goal(0.9, 0.9), 1.0, {}, n_patterned=30)
    assert words[0].startswith("No tested design and budget keeps 90% of the genes")
    assert "random at 12.5%" in words[1]
    assert "genes with a spatial pattern (30 of 40)" in words[-1]
    # What is done already, or would change nothing, is not advised.
    for goal, n in (
        (Goal(0.9, 0.9, patterned=True), 40),
        (Goal(0.9, 0.9), 40),
        (Goal(0.9, 0.9), 0),
    ):
        assert "count only" not in " ".join(recommend(table, goal, 1.0, {}, n_patterned=n))
    largest = recommend(made_table({("random", 0.75): 0.2}), Goal(0.9), 1.0, {})
    assert "larger" not in largest[-1]


def test_a_plain_design_that_does_as_well_is_named():
    table = made_table({("active", 0.25): 0.8, ("lattice", 0.25): 0.799}, seeds=3)
    best = choose(curve(table, Goal(0.5)), Goal(0.5))["design"]
    assert best == "active"
    blocks = made_blocks(table)
    # Draws whose means are alike, as those of a regular design on one pilot are.
    level = {"active": 0.8, "lattice": 0.799}
    for name, mean in level.items():
        for k, found in enumerate(blocks[name, 0.25]):
            found.scores["pcc"] += mean + 5e-4 * (k - 1) - found.mean("pcc")
    words = recommend(table, Goal(0.5), 1.0, {}, plain=("lattice",), blocks=blocks)
    assert "easier to carry out does as well here: lattice" in words[-1] or "lattice" in words[0]


def test_a_difference_must_hold_over_genes_and_over_draws():
    table = made_table({("a", 0.1): 0.5, ("b", 0.1): 0.56, ("c", 0.1): 0.5})
    gain, p = paired(table, 0.1, "b", "a")
    assert gain == pytest.approx(0.06, abs=0.02)
    assert p < 0.01
    # One lucky draw lifts all genes alike: over genes that looks sure.
    lucky = table.copy()
    lucky.loc[(lucky["design"] == "c") & (lucky["seed"] == 1), "pcc_map"] += 0.15
    assert paired(lucky, 0.1, "c", "a")[1] > 0.1
    assert np.isnan(paired(table, 0.1, "b", "nobody")[1])
