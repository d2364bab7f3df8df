"""Plans on the page of studies: made, widened, read while they run and afterwards."""

import re
from dataclasses import replace

import pytest

from pages import _plan
from s2s_core.config import preset
from s2s_core.data.section import MIN_MEASURED
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.studies import plan_task
from s2s_core.studies.budget_curve import Goal
from s2s_core.studies.budget_study import run_design
from s2s_core.studies.cases import mark_of_cases
from s2s_core.studies.plan import Plan, read_budgets
from tests.made import made_section
from tests.pages.conftest import PAGES
from tests.pages.steps import ended, maps_on, opened, words

pytestmark = pytest.mark.slow

SMALL = Plan(("lattice", "random"), (0.25, 0.5), 2, "linear")


@pytest.fixture
def section():
    return demo_section(rows=20, genes=8)


def test_a_pilot_is_asked_for(app):
    app.at.switch_page("pages/study.py").run()
    assert "study" not in PAGES
    assert "No section is open" in words(app.healthy().at)


def test_a_plan_is_started_and_ends_in_a_recommendation(app, section, saved):
    app.take(section)
    app.at.switch_page("pages/study.py").run()
    app.healthy().at.multiselect(key="plan_designs").set_value(["lattice", "random"]).run()
    app.at.number_input(key="plan_seeds").set_value(1).run()
    app.click("plan_start").healthy()
    job = jobs.find(app.workspace.study_id)
    assert job.kind == "plan"
    assert job.owner == app.owner
    assert ended(job).status == "done", jobs.state(job).message
    at = opened(job, "study")
    # The curves, and the spots on a map.
    assert len(at.get("plotly_chart")) == len(maps_on(at)) == 1
    labels = [b.label for b in at.get("download_button")]
    assert {"mask.csv: recommended spots", "mask.csv: best tested spots"} & set(labels)
    assert {
        "demo_section-plan-curve.csv",
        "demo_section-plan-mask.csv",
        "demo_section-plan-recommendation.md",
    } <= set(saved)
    at.slider(key="goal_pcc").set_value(0.9).run()
    assert not at.exception


def test_curves_show_while_a_plan_is_paused(section):
    job = jobs.create(section, preset("fast"), "a plan", kind="plan", task=plan_task(SMALL))
    runner.start(job)
    assert ended(job).status == "done"
    jobs.write_state(job, jobs.State(status="paused", message="The run is paused."))
    at = opened(job, "study")
    assert at.button(key="resume")
    assert len(at.get("plotly_chart")) == len(maps_on(at)) == 1


def planned(section, plan=SMALL) -> jobs.Job:
    """A finished plan, without its process."""
    job = jobs.create(section, preset("fast"), "a plan", kind="plan", task=plan_task(plan))
    run_design(section, plan, job.result)
    jobs.write_state(job, jobs.State(status="done"))
    return job


def test_a_plan_is_read_once_for_every_new_case(section, monkeypatch):
    job, reads = planned(section), []
    outcome = _plan.outcome
    monkeypatch.setattr(_plan, "outcome", lambda *args: reads.append(args) or outcome(*args))
    at = opened(job, "study")
    at.run()
    assert len(reads) == 1
    run_design(section, replace(SMALL, seeds=3), job.result)
    at.run()
    assert len(reads) == 2
    assert not at.exception


def test_costs_show_with_and_without_a_currency(section):
    at = opened(planned(section), "study")
    assert "Cost:" not in words(at)
    at.number_input(key="cost_spot").set_value(2.0).run()
    at.number_input(key="cost_fixed").set_value(100.0).run()
    assert re.search(r"Cost: [\d,]+ = \d+ spots x 2 \+ 100 fixed", words(at))
    at.text_input(key="cost_currency").set_value("EUR").run()
    assert re.search(r"Cost: [\d,]+ EUR = \d+ spots x 2 \+ 100 fixed", words(at))
    assert "spots that touch each other" in words(at)


def test_spots_are_called_recommended_only_where_the_goal_is_reached(section):
    at = opened(planned(section), "study")
    at.slider(key="goal_pcc").set_value(0.9).run()
    at.slider(key="goal_share").set_value(100).run()
    labels = [b.label for b in at.get("download_button")]
    assert "mask.csv: best tested spots" in labels
    assert "mask.csv lists the best tested spots" in words(at)
    assert "ecommended spots" not in words(at)
    at.slider(key="goal_pcc").set_value(0.1).run()
    at.slider(key="goal_share").set_value(10).run()
    assert "mask.csv: recommended spots" in [b.label for b in at.get("download_button")]
    assert "python -m s2s_core masks SECTION --mask " in words(at)


def test_genes_without_a_pattern_can_be_left_out(section, monkeypatch):
    job = planned(section)
    genes = tuple(section.genes[:3])
    monkeypatch.setattr(_plan, "patterned_genes", lambda *args: genes)
    at = opened(job, "study")
    at.slider(key="goal_pcc").set_value(0.9).run()
    at.slider(key="goal_share").set_value(100).run()
    assert at.toggle(key="goal_patterned").label == "Only genes with a spatial pattern (3 of 8)"
    assert "count only the genes with a spatial pattern (3 of 8)" in words(at)
    at.toggle(key="goal_patterned").set_value(True).run()
    assert "of the genes with a spatial pattern" in words(at)
    assert "count only" not in words(at)
    assert not at.exception


def test_a_plan_is_widened_on_its_page(section):
    job = planned(section)
    before = (job.result / "cases.jsonl").read_text()
    at = opened(job, "study")
    at.button(key="wider_start").click().run()
    assert "Nothing new" in words(at)
    at.text_input(key=f"wider_budgets-{job.id}-8").set_value("33,5").run()
    at.button(key="wider_start").click().run()
    assert "one number or two" in words(at)
    at.text_input(key=f"wider_budgets-{job.id}-8").set_value("33.5").run()
    at.multiselect(key=f"wider_designs-{job.id}-8").set_value(["stratified"]).run()
    at.number_input(key=f"wider_seeds-{job.id}-8").set_value(3).run()
    at.button(key="wider_start").click().run()
    assert not at.exception
    assert ended(job).status == "done", jobs.state(job).message
    after = (job.result / "cases.jsonl").read_text()
    assert after.startswith(before)
    assert len(after.splitlines()) == 27
    assert "27 cases" in words(at.run())
    assert not at.exception
    assert at.multiselect(key=f"wider_designs-{job.id}-27").value == []


def test_files_of_a_plan_are_those_of_the_goal_asked_for(section):
    """What somebody else asked of the same study meanwhile does not come into them."""
    job = planned(section)
    mark = mark_of_cases(job.result)
    low, high = (
        _plan.read_outcome(job.id, mark, Goal(pcc, 0.5)).files["recommendation.md"]
        for pcc in (0.1, 0.9)
    )
    assert low != high
    assert _plan.read_outcome(job.id, mark, Goal(0.1, 0.5)).files["recommendation.md"] == low
    assert not (job.result / "recommendation.md").exists()


def test_a_plan_stopped_before_its_first_case_says_that_nothing_is_there_yet(section):
    job = jobs.create(section, preset("fast"), "a plan", kind="plan", task=plan_task(SMALL))
    jobs.write_state(job, jobs.State(status="paused", message="The run is paused."))
    at = opened(job, "study")
    assert "first finished cases" in at.info[0].value
    assert [w.value for w in at.warning] == ["The run is paused."]


def test_a_study_is_left_and_the_form_comes_back(section):
    at = opened(planned(section), "study")
    at.button(key="new_run").click().run()
    assert not at.exception
    assert at.session_state["workspace"].study_id is None
    assert "study" not in at.query_params
    assert at.multiselect(key="plan_designs")


def test_what_cannot_be_planned_is_one_sentence(app, section):
    app.take(section)
    app.at.switch_page("pages/study.py").run()
    start = app.healthy().at.button(key="plan_start")
    assert not start.disabled
    before = app.at.multiselect(key="plan_designs").value
    app.at.multiselect(key="plan_designs").set_value([]).run()
    assert app.healthy().at.button(key="plan_start").disabled
    assert "Nothing is planned" in app.words()
    app.at.multiselect(key="plan_designs").set_value(before).run()
    for typed, word in (
        ("", "at least one budget"),
        ("20, 100", "found 100 %"),
        ("12,5", "one number or two"),
        ("20, ten", "'ten'"),
        ("1", "imputation needs at least"),
        ("80", "above the largest"),
    ):
        app.at.text_input(key="plan_budgets").set_value(typed).run()
        assert app.healthy().at.button(key="plan_start").disabled
        assert word in app.words()
    app.at.text_input(key="plan_budgets").set_value("50; 12.5").run()
    assert "at 12.5 %, 50 % of the spots" in app.healthy().words()
    assert not app.at.button(key="plan_start").disabled
    assert jobs.all_jobs() == []


def test_budgets_have_limits_that_are_told_beforehand(app):
    small = demo_section(rows=16, genes=4)
    n_spots = int(small.measured.sum())
    app.take(small)
    app.at.switch_page("pages/study.py").run()
    assert f"{MIN_MEASURED} of the pilot's {n_spots} spots" in app.healthy().words()
    # What is filled in beforehand can be tested.
    shares = read_budgets(app.at.text_input(key="plan_budgets").value, n_spots)
    assert min(shares) * n_spots >= MIN_MEASURED
    assert not app.at.button(key="plan_start").disabled


def test_a_pilot_too_small_to_plan_from_says_so(app):
    app.take(made_section("square", 6, 7))
    app.at.switch_page("pages/study.py").run()
    assert "too few to plan from" in app.healthy().words()
    assert app.at.button(key="plan_start").disabled
