"""Results: a finished run of a cheap method, looked at from every side."""

import time

import pytest

from s2s_core.config import preset
from s2s_core.data.observation import observe
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import CHECKS, USE
from tests.pages.steps import finished, maps_on, opened, view, words

pytestmark = pytest.mark.slow


@pytest.fixture
def results(sampled):
    return opened(finished(sampled), "results")


def test_every_file_is_offered(results):
    labels = {b.label for b in view(results, "download").get("download_button")}
    assert {
        "Imputed table (CSV)",
        "AnnData (.h5ad)",
        "Long table (CSV)",
        "Sampling mask (CSV)",
        "Median (CSV)",
        "Report (HTML)",
        "Run bundle (ZIP)",
        "Figure (PNG)",
        "Figure (SVG)",
    } <= labels


def test_downloads_are_named_after_their_section(results, saved):
    view(results, "download")
    gene = results.session_state["result_gene"]
    assert {
        "demo_section-imputed.csv",
        "demo_section-imputed.h5ad",
        "demo_section-mask.csv",
        "demo_section-run.json",
        "demo_section-report.html",
        "demo_section-run.zip",
        f"demo_section-{gene}.svg",
    } <= set(saved)
    assert all(name.startswith("demo_section-") for name in saved)


def test_checks_are_sentences(results):
    view(results, "checks")
    assert "Measured values in place" in words(results)
    assert len(results.success) + len(results.warning) + len(results.error) >= 5


def test_several_genes_stand_side_by_side(results, sampled):
    view(results, "multiples")
    results.multiselect(key="multiples").set_value(list(sampled.genes[:3])).run()
    titles = [m["title"] for m in maps_on(results)[-1]["maps"]]
    assert [t.split(" (")[0] for t in titles] == list(sampled.genes[:3])


def test_a_region_is_asked_for_and_then_compared(results, sampled):
    view(results, "region")
    assert "Choose lasso, box or brush" in words(results)
    results.session_state["region"] = sampled.row < 8
    results.run()
    table = results.dataframe[-1].value
    assert set(table.index) == set(sampled.genes)
    assert "hidden spots inside the region" in words(results)


def uncertain(section, owner=None):
    config = preset("fast", method="programme-kriging", compare=())
    job = jobs.create(section, config, "an unsure run", owner=owner)
    runner.start(job)
    while jobs.state(job).status in jobs.ACTIVE:
        time.sleep(0.1)
    assert jobs.state(job).status == "done", jobs.state(job).message
    return job


def test_the_next_batch_is_measured_and_run_again(saved):
    sampled = sample(demo_section(rows=28, genes=8), "lattice:2")
    at = view(opened(uncertain(sampled), "results"), "batch")
    at.number_input(key="batch_count").set_value(5).run()
    listed = set(at.dataframe[-1].value["spot_id"])
    assert len(listed) == 5
    assert "demo_section-next_batch.csv" in saved
    at.button(key="batch_take").click().run()
    job = jobs.find(at.session_state["workspace"].job_id)
    runner.stop(job)
    section = job.section()
    assert section.measured.sum() == sampled.measured.sum() + 5
    assert set(section.spot_ids[section.measured & ~sampled.measured]) == listed
    # A lattice and some more spots is no lattice: methods must not take it for one.
    assert observe(section).lattice is None


def test_counts_of_the_next_batch_have_a_table_to_be_filled_in(saved):
    section = sample(demo_section(rows=28, genes=8), "lattice:2").without_hidden()
    at = view(opened(uncertain(section), "results"), "batch")
    assert "one column for each of the 8 genes" in words(at)
    assert "demo_section-next_counts.csv" in saved
    assert not [b for b in at.button if b.key == "batch_take"]


def test_a_method_without_deviation_cannot_choose_a_batch(results):
    view(results, "batch")
    assert "how unsure it is" in words(results)


def test_the_rule_behind_the_lights_is_stated(results):
    assert "false-coverage control" in words(results)
    assert USE.asked in words(results)
    assert set(results.dataframe[1].value["good for"].str.split().str[-1]) <= set(USE.words)


def test_checks_say_which_question_they_answer(results):
    view(results, "checks")
    assert any(CHECKS.asked in (m.help or "") for m in results.markdown)


def test_genes_are_stepped_through(results):
    genes = results.selectbox(key="result_gene").options
    results.button(key="gene_next").click().run()
    first = results.session_state["result_gene"]
    assert genes[1].startswith(first)
    results.button(key="gene_before").click().run()
    results.button(key="gene_before").click().run()
    assert genes[-1].startswith(results.session_state["result_gene"])


def test_a_tournament_ends_in_a_recommendation_to_start(sampled):
    config = preset("fast", method="linear", compare=("nearest", "gaussian"))
    job = jobs.create(sampled.without_hidden(), config, "Methods for x", kind="tournament")
    runner.start(job)
    while jobs.state(job).status in jobs.ACTIVE:
        time.sleep(0.1)
    at = opened(job, "results")
    assert "withheld" in words(at)
    assert at.button(key="use_best").label.startswith("Impute with: ")


def test_results_follow_the_gene(sampled):
    at = opened(finished(sampled), "results")
    gene = list(sampled.genes)[3]
    at.selectbox(key="result_gene").set_value(gene).run()
    assert not at.exception
    assert any(gene in str(element.value) for element in at.markdown)
