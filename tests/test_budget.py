"""Accuracy against budget: exact scores, resuming, cancelling, costs, the recommendation."""

import io
import json

import numpy as np
import pandas as pd
import pytest

from s2s_core.assessment.metrics import pearson
from s2s_core.config import preset
from s2s_core.data.mask_table import mask_from_table, read_mask_table
from s2s_core.data.observation import known_values, observe
from s2s_core.data.simulate import demo_section
from s2s_core.errors import Cancelled, S2SError
from s2s_core.interfaces import Hooks
from s2s_core.methods import method
from s2s_core.sampling.apply import sample
from s2s_core.studies.budget_curve import Cost, Goal, curve
from s2s_core.studies.budget_study import Plan, measured_parts, run_design, tabulate
from s2s_core.studies.cases import Cases, read_cases
from s2s_core.studies.outcome import outcome, patterned_genes, write_plan
from tests.made import made_section

PLAN = Plan(designs=("lattice", "random"), budgets=(0.25, 0.5), seeds=2, engine="linear")


@pytest.fixture(scope="module")
def pilot():
    return demo_section(rows=18, genes=12)


@pytest.fixture(scope="module")
def done(pilot, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plan")
    return folder, run_design(pilot, PLAN, folder)


def test_scores_are_those_of_the_engine_at_the_hidden_spots(done, pilot):
    _, table = done
    case = table[(table["design"] == "random") & (table["budget"] == 0.25) & (table["seed"] == 1)]
    sampled = sample(pilot, case["spec"].iloc[0], 1)
    obs = observe(sampled)
    guess = method("linear").fit(obs, preset("fast"), Hooks())(obs, obs.targets).mean
    truth = known_values(sampled, obs.target_sum)
    assert np.allclose(
        case["pcc"], pearson(truth[sampled.hidden], guess[sampled.hidden]), atol=1e-5
    )
    error = np.where(sampled.hidden[:, None], guess - truth, 0.0)
    assert np.allclose(case["rmse_map"], np.sqrt((error**2).mean(0)), atol=1e-5)
    assert (case["n_measured"] == sampled.measured.sum()).all()
    assert len(table) == 2 * 2 * 2 * 12


def test_a_finished_plan_is_not_computed_again_and_can_be_widened(done, pilot):
    folder, table = done
    before = (folder / "cases.jsonl").read_text()

    def fail(progress):
        assert progress.step == progress.steps

    again = run_design(pilot, PLAN, folder, Hooks(on_progress=fail))
    assert again.equals(table)
    assert (folder / "cases.jsonl").read_text() == before
    wider = Plan(("lattice", "random", "stratified"), (0.25, 0.5), 2, "linear")
    assert len(run_design(pilot, wider, folder)) == len(table) * 1.5
    # A narrower one reads its own cases only.
    assert tabulate(folder, PLAN).equals(table)


def test_a_stopped_plan_goes_on_where_it_was(done, pilot, tmp_path):
    _, table = done
    calls = []

    def stop():
        calls.append(1)
        return len(list(read_cases(tmp_path))) >= 3

    with pytest.raises(Cancelled):
        run_design(pilot, PLAN, tmp_path, Hooks(should_stop=stop))
    assert len(list(read_cases(tmp_path))) == 3
    # The power failed in the middle of a line.
    with (tmp_path / "cases.jsonl").open("a") as file:
        file.write('{"design": "ran')
    steps = []
    found = run_design(pilot, PLAN, tmp_path, Hooks(on_progress=lambda p: steps.append(p.step)))
    assert steps[0] == 3
    assert steps[-1] == 8
    columns = ["design", "budget", "seed", "gene", "pcc", "rmse"]
    key = ["design", "budget", "seed", "gene"]
    one, other = (t[columns].sort_values(key, ignore_index=True) for t in (found, table))
    pd.testing.assert_frame_equal(one, other)


def test_a_folder_of_another_pilot_or_engine_is_refused(done, pilot):
    folder, _ = done
    with pytest.raises(S2SError, match="another section or other settings"):
        run_design(pilot, Plan(("random",), (0.5,), 1, "nearest"), folder)
    with pytest.raises(S2SError, match="another section"):
        run_design(demo_section(rows=18, genes=12, seed=1), PLAN, folder)


def test_hidden_values_of_a_masked_pilot_are_never_used(pilot, tmp_path):
    masked = sample(pilot, "random:0.6", 1)
    table = run_design(masked, Plan(("random",), (0.5,), 1, "nearest"), tmp_path / "a")
    assert table["n_measured"].iloc[0] == round(0.5 * masked.measured.sum())
    plain = run_design(
        masked.without_hidden(), Plan(("random",), (0.5,), 1, "nearest"), tmp_path / "b"
    )
    assert table["pcc"].equals(plain["pcc"])


def test_chosen_genes_are_scored_as_within_the_whole_panel(done, pilot, tmp_path):
    _, table = done
    two = list(pilot.genes[[7, 2]])
    plan = Plan(PLAN.designs, PLAN.budgets, 1, "linear", genes=tuple(two))
    found = run_design(pilot, plan, tmp_path)
    assert list(dict.fromkeys(found["gene"])) == two
    whole = table[table["seed"] == 0].set_index(["design", "budget", "gene"])["pcc"]
    own = found.set_index(["design", "budget", "gene"])["pcc"]
    assert np.allclose(own, whole.loc[own.index])


def test_designs_that_cannot_have_a_budget_are_left_out(pilot, tmp_path):
    table = run_design(pilot, Plan(("checkerboard", "random"), (0.25,), 1, "nearest"), tmp_path)
    assert set(table["design"]) == {"random"}
    with pytest.raises(S2SError, match="No tested design"):
        run_design(pilot, Plan(("checkerboard",), (0.25,), 1, "nearest"), tmp_path)
    plan = Plan(("checkerboard", "random"), (0.25,), 1, "nearest")
    words = " ".join(write_plan(pilot, tmp_path, plan, Goal()))
    assert "Left out: checkerboard at 25%" in words


@pytest.mark.parametrize(
    ("share", "words"),
    [(0.05, "needs at least 20; choose budgets of 13.6 % or more"), (0.999, "nothing is left")],
)
def test_a_budget_nothing_can_be_imputed_with_is_refused_before_a_file_is_written(
    pilot, tmp_path, share, words
):
    assert pilot.measured.sum() == 148
    with pytest.raises(S2SError, match=words):
        run_design(pilot, Plan(("random",), (share, 0.25), 1, "nearest"), tmp_path / "new")
    assert not (tmp_path / "new").exists()
    exact = Plan(("random",), (0.136,), 1, "nearest")
    assert set(run_design(pilot, exact, tmp_path / "new")["n_measured"]) == {20}


def test_rows_and_regions_are_counted():
    section = made_section("square", 10, 12)
    assert measured_parts(sample(section, "stripes:5")) == (2, 2)
    assert measured_parts(sample(section, "lattice:5")) == (2, 6)
    two = ((section.row < 3) & (section.col < 3)) | (section.row > 7)
    assert measured_parts(section.with_measured(two)) == (5, 2)
    hexagonal = made_section("hex", 10, 12)
    assert measured_parts(sample(hexagonal, "hexlattice:3"))[1] == 40


def test_only_genes_with_a_pattern_count_where_that_is_asked_for(done, pilot):
    folder, table = done
    patterned = patterned_genes(pilot)
    chosen = patterned[:5]
    found = outcome(pilot, folder, PLAN, Goal(0.3, patterned=True), chosen)
    expected = curve(table[table["gene"].isin(chosen)], Goal(0.3))
    assert found.curve["reached"].tolist() == expected["reached"].tolist()
    assert "genes with a spatial pattern" in " ".join(found.sentences)
    assert set(pd.read_csv(io.StringIO(found.files["genes.csv"]))["gene"]) == set(pilot.genes)
    with pytest.raises(S2SError, match="No scored gene has a spatial pattern"):
        outcome(pilot, folder, PLAN, Goal(patterned=True), [])


def test_patterns_are_found_among_measured_spots_alone():
    section = demo_section(rows=18, genes=12)
    shuffled = made_section("square", 12, 12)
    assert patterned_genes(section)
    assert patterned_genes(section, ["Nobody"]) == []
    masked = sample(section, "random:0.5")
    assert patterned_genes(masked) == patterned_genes(masked.without_hidden())
    assert len(patterned_genes(shuffled)) <= len(shuffled.genes)


def test_spots_are_recommended_only_where_the_goal_is_reached(done, pilot):
    folder, _ = done
    for goal, called in ((Goal(0.1, 0.3), "recommended"), (Goal(0.9, 1.0), "best tested")):
        found = outcome(pilot, folder, PLAN, goal)
        assert found.called == called
        last = found.sentences[-1]
        assert last.startswith(f"mask.csv lists the {called} spots")
        assert "`python -m s2s_core masks SECTION --mask " in last
        mask = mask_from_table(read_mask_table(io.StringIO(found.files["mask.csv"])), pilot)
        assert np.array_equal(mask, found.measured)
        assert ("recommended" in " ".join(found.sentences)) == found.reached
        assert "| cost |" not in found.files["recommendation.md"]


def test_everything_for_the_laboratory_is_written(done, pilot):
    folder, _ = done
    words = write_plan(pilot, folder, PLAN, Goal(0.1, 0.3, Cost(1, currency="CHF")))
    table = pd.read_csv(folder / "curve.csv")
    assert set(zip(table["design"], table["budget"], strict=True)) == {
        (d, b) for d in PLAN.designs for b in PLAN.budgets
    }
    text = (folder / "recommendation.md").read_text()
    assert all(word in text for word in words)
    assert "CHF" in text
    mask = mask_from_table(read_mask_table(folder / "mask.csv"), pilot)
    assert f"{mask.sum():,} spots" in words[0]
    assert len(pd.read_csv(folder / "genes.csv")) == 4 * 12


@pytest.mark.parametrize(
    ("plan", "word"),
    [
        (Plan(designs=("spiral",)), "Unknown sampling design 'spiral'"),
        (Plan(designs=("csv",)), "Unknown sampling design 'csv'"),
        (Plan(budgets=(0.0,)), "found 0 %"),
        (Plan(budgets=(1.2,)), "found 120 %"),
        (Plan(seeds=0), "Nothing is planned"),
        (Plan(engine="magic"), "Unknown method"),
        (Plan(genes=("Nobody",)), "not a gene"),
    ],
)
def test_bad_plans_are_refused(pilot, tmp_path, plan, word):
    with pytest.raises(S2SError, match=word):
        run_design(pilot, plan, tmp_path)


def test_a_plan_goes_through_json():
    plan = Plan(("lattice",), (0.1, 0.3), 2, "s2s", "balanced", ("A", "B"))
    assert Plan.from_json(plan.to_json()) == plan
    assert Plan.from_json(Plan().to_json()) == Plan()
    with pytest.raises(S2SError, match="Unknown setting 'magic'"):
        Plan.from_json('{"magic": 1}')


def test_goals_and_small_pilots_are_checked(tmp_path):
    with pytest.raises(S2SError, match="between -1 and 1"):
        Goal(1.5)
    with pytest.raises(S2SError, match="at least 50"):
        run_design(made_section("square", 6, 7), PLAN, tmp_path)
    with pytest.raises(S2SError, match="holds no results"):
        write_plan(made_section(), tmp_path / "none", PLAN, Goal())


def test_cases_survive_a_torn_line(tmp_path):
    cases = Cases(tmp_path, {"mark": "x"})
    cases.add({"k": 1})
    with (tmp_path / "cases.jsonl").open("a") as file:
        file.write('{"k":')
    Cases(tmp_path, {"mark": "x"}).add({"k": 2})
    assert [record["k"] for record in read_cases(tmp_path)] == [1, 2]
    assert json.loads((tmp_path / "about.json").read_text()) == {"format": 1, "mark": "x"}


def test_a_study_of_a_newer_program_is_refused_in_a_sentence(tmp_path):
    Cases(tmp_path, {"mark": "x"})
    (tmp_path / "about.json").write_text(json.dumps({"format": 2, "mark": "x"}))
    with pytest.raises(S2SError, match="The study in .* was written by a newer version"):
        Cases(tmp_path, {"mark": "x"})
