"""Studies: planned, run as jobs, read while they run and afterwards."""

import re
import time
from dataclasses import replace

import pandas as pd
import pytest
from streamlit.testing.v1 import AppTest

from pages import _experiment, _plan
from s2s_core.config import preset
from s2s_core.data.section import MIN_MEASURED
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs, runner
from s2s_core.jobs.studies import experiment_task, plan_task
from s2s_core.studies.budget_curve import Goal
from s2s_core.studies.budget_study import run_design
from s2s_core.studies.cases import Cases, mark_of_cases
from s2s_core.studies.experiment_report import SCORES, summarise
from s2s_core.studies.plan import Plan, read_budgets
from tests.made import made_section
from tests.pages.conftest import PAGES, ROOT

SMALL = Plan(("lattice", "random"), (0.25, 0.5), 2, "linear")


@pytest.fixture
def section():
    return demo_section(rows=20, genes=8)


def words(at):
    found = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success]
    return "\n".join(str(element.value) for element in found)


def ended(job) -> jobs.State:
    for _ in range(1200):
        state = jobs.state(job)
        if state.status not in jobs.ACTIVE:
            return state
        time.sleep(0.1)
    raise AssertionError((job.folder / "worker.log").read_text())


def opened(job):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["study"] = job.id
    at.run()
    at.switch_page("pages/study.py").run()
    assert not at.exception
    return at


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
    at = opened(job)
    # The curves, and the spots on a map.
    assert len(at.get("plotly_chart")) == 2
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
    at = opened(job)
    assert at.button(key="resume")
    assert len(at.get("plotly_chart")) == 2


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
    at = opened(job)
    at.run()
    assert len(reads) == 1
    run_design(section, replace(SMALL, seeds=3), job.result)
    at.run()
    assert len(reads) == 2
    assert not at.exception


def test_costs_show_with_and_without_a_currency(section):
    at = opened(planned(section))
    assert "Cost:" not in words(at)
    at.number_input(key="cost_spot").set_value(2.0).run()
    at.number_input(key="cost_fixed").set_value(100.0).run()
    assert re.search(r"Cost: [\d,]+ = \d+ spots x 2 \+ 100 fixed", words(at))
    at.text_input(key="cost_currency").set_value("EUR").run()
    assert re.search(r"Cost: [\d,]+ EUR = \d+ spots x 2 \+ 100 fixed", words(at))
    assert "spots that touch each other" in words(at)


def test_spots_are_called_recommended_only_where_the_goal_is_reached(section):
    at = opened(planned(section))
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
    at = opened(job)
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
    at = opened(job)
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
    at = opened(job)
    assert "first finished cases" in at.info[0].value
    assert [w.value for w in at.warning] == ["The run is paused."]


def test_a_study_is_left_and_the_form_comes_back(section):
    at = opened(planned(section))
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


def experiments_of(app, section):
    app.take(section)
    app.at.switch_page("pages/study.py").run()
    app.at.segmented_control(key="study_kind").set_value("The paper's experiments").run()
    return app.healthy().at


def test_an_experiment_says_what_start_begins(app, section):
    at = experiments_of(app, section)
    at.radio(key="experiment_name").set_value("cascades").run()
    assert "Start trains the network 4 times. About " in app.words()
    at.number_input(key="experiment_seeds").set_value(3).run()
    assert "Start trains the network 12 times (4 variants, 3 seeds)" in app.words()
    at.radio(key="experiment_name").set_value("dc").run()
    assert "Start trains the network 2 times" in app.words()
    assert not [n for n in at.number_input if n.key == "experiment_seeds"]


def test_sparsity_asks_for_no_design_and_names_what_it_leaves_out(app, section):
    at = experiments_of(app, section)
    assert at.text_input(key="experiment_mask")
    at.radio(key="experiment_name").set_value("sparsity").run()
    assert not [t for t in app.healthy().at.text_input if t.key == "experiment_mask"]
    assert "fewer than 20 measured spots: S = 4, Sparser2Sparse" in app.words()
    assert not at.button(key="experiment_start").disabled


@pytest.mark.parametrize(
    ("design", "word"),
    [("spiral:2", "spiral"), ("random:2", "below 1"), ("lattice:8", "at least 20"), ("", "design")],
)
def test_a_wrong_design_is_refused_before_start(app, section, design, word):
    at = experiments_of(app, section)
    at.text_input(key="experiment_mask").set_value(design).run()
    assert app.healthy().at.button(key="experiment_start").disabled
    assert word in at.warning[0].value
    at.text_input(key="experiment_mask").set_value("random:0.5").run()
    assert not app.healthy().at.button(key="experiment_start").disabled
    assert jobs.all_jobs() == []


def test_every_column_of_the_tables_has_a_plain_name():
    found = summarise(
        pd.DataFrame({"variant": "a", "seed": 0, "gene": ["x", "y"], **dict.fromkeys(SCORES, 0.5)}),
        pd.DataFrame(
            {
                "variant": ["a"],
                "n_measured": 9,
                "fit_seconds": 1.0,
                "prediction_seconds": 1.0,
                "parameters": 1,
                "steps": 1,
                "network_share": 1.0,
            }
        ),
        ["a"],
        "a",
    )
    names = [_experiment.plain_name(column) for column in found.columns]
    assert len(set(names)) == len(names)
    assert not [name for name in names if "_" in name]


def test_an_experiment_leaves_a_report(section, saved):
    task = experiment_task("sparsity", "lattice:2", 1, "fast")
    job = jobs.create(section, preset("fast"), "an experiment", kind="experiment", task=task)
    (job.result).mkdir(parents=True)
    (job.result / "summary.csv").write_text(
        "variant,n_measured,mae,mae_median,mae_q25,mae_q75,pcc_median,pcc_q25,pcc_q75,fit_seconds\n"
        "S = 2,90,0.3,0.3,0.2,0.4,0.5,0.4,0.6,7\n"
    )
    cases = Cases(job.result, {"mark": "x"})
    cases.add({"variant": "S = 8, linear", "seed": 0, "n_measured": 6, "left_out": True})
    (job.result / "report.md").write_text("# sparsity: the question\n\nWhat happens.\n")
    jobs.write_state(job, jobs.State(status="done"))
    at = opened(job)
    assert "What happens." in words(at)
    assert "# sparsity" not in words(at)
    assert "fewer than 20 measured spots: S = 8, linear" in at.warning[0].value
    assert list(at.dataframe[0].value.columns) == [
        "Variant",
        "Measured spots",
        "MAE, mean",
        "MAE, median",
        "MAE, lower quartile",
        "MAE, upper quartile",
        "PCC, median",
        "PCC, lower quartile",
        "PCC, upper quartile",
        "Fitting, s",
    ]
    assert len(at.get("plotly_chart")) == 2
    assert len(at.dataframe) == 1
    assert saved == ["demo_section-sparsity-summary.csv", "demo_section-sparsity-report.md"]
