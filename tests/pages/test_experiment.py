"""Experiments on the page of studies: said beforehand, refused, run to a report."""

import pandas as pd
import pytest

from pages import _experiment
from s2s_core.config import preset
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs
from s2s_core.jobs.studies import experiment_task
from s2s_core.studies.cases import Cases
from s2s_core.studies.experiment_report import SCORES, summarise
from tests.pages.steps import opened, words

pytestmark = pytest.mark.slow


@pytest.fixture
def section():
    return demo_section(rows=20, genes=8)


def experiments_of(app, section):
    app.take(section)
    app.at.switch_page("pages/study.py").run()
    app.at.segmented_control(key="study_kind").set_value("experiment").run()
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
    at = opened(job, "study")
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
