"""Train and Results: a real run of a cheap method, seen to its end and opened again."""

import fcntl
import json
import time

import pytest
from streamlit.testing.v1 import AppTest

from s2s_core.config import preset
from s2s_core.data.observation import observe
from s2s_core.data.simulate import demo_section
from s2s_core.jobs import jobs, runner
from s2s_core.sampling.registry import sample
from s2s_core.vocabulary import CHECKS, USE
from tests.pages.conftest import ROOT

CHEAP = preset("fast", method="linear", compare=("nearest",))


@pytest.fixture
def sampled():
    return sample(demo_section(rows=20, genes=8), "lattice:2")


def finished(section, name="earlier run", owner=None) -> jobs.Job:
    job = jobs.create(section, CHEAP, name, owner=owner)
    runner.start(job)
    for _ in range(600):
        if jobs.state(job).status == "done":
            return job
        time.sleep(0.1)
    raise AssertionError((job.folder / "worker.log").read_text())


def opened(job, page="train"):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["job"] = job.id
    at.run()
    at.switch_page(f"pages/{page}.py").run()
    assert not at.exception
    return at


@pytest.mark.parametrize("page", ["train", "results"])
def test_empty_pages_say_what_is_missing(app, page):
    app.go(page).healthy()
    assert app.at.info


def test_train_asks_for_a_mask_first(app, sampled):
    app.take(sampled.everything_known()).go("train").healthy()
    assert "what is measured" in app.words()


def test_a_run_from_start_to_result(app, sampled):
    app.take(sampled.everything_known()).go("sampling").go("train").healthy()
    app.at.selectbox(key="method").set_value("linear").run()
    app.click("start").healthy()
    job = app.finish()
    assert jobs.state(job).status == "done", jobs.state(job).message
    app.at.run()
    assert "Finished" in app.at.success[0].value
    app.go("results").healthy()
    figure = json.loads(app.at.get("plotly_chart")[0].proto.spec)
    assert len(figure["data"]) >= 4
    assert "hidden truth" in app.words()
    assert "blocks of spots" in app.words()
    assert [b.label for b in app.at.get("download_button")] == ["Download imputed CSV"]
    assert "inside 90 % interval" in app.at.dataframe[0].value.columns
    assert {"Median", "Interval width"} <= set(app.at.multiselect(key="panels").options)


@pytest.fixture
def results(sampled):
    return opened(finished(sampled), "results")


def view(at, name):
    at.session_state["view"] = name
    at.run()
    assert not at.exception
    return at


def words(at):
    found = [*at.markdown, *at.caption, *at.info, *at.warning, *at.error, *at.success]
    return "\n".join(str(element.value) for element in found)


def test_every_file_is_offered(results):
    labels = {b.label for b in view(results, "Download").get("download_button")}
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
    view(results, "Download")
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
    view(results, "Checks")
    assert "Measured values in place" in words(results)
    assert len(results.success) + len(results.warning) + len(results.error) >= 5


def test_several_genes_stand_side_by_side(results, sampled):
    view(results, "Several genes")
    results.multiselect(key="multiples").set_value(list(sampled.genes[:3])).run()
    figure = json.loads(results.get("plotly_chart")[-1].proto.spec)
    titles = [a["text"] for a in figure["layout"]["annotations"]]
    assert [t.split(" (")[0] for t in titles] == list(sampled.genes[:3])


def test_a_region_is_asked_for_and_then_compared(results, sampled):
    view(results, "Region")
    assert "Lasso a region" in words(results)
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
    at = view(opened(uncertain(sampled), "results"), "Next batch")
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
    at = view(opened(uncertain(section), "results"), "Next batch")
    assert "one column for each of the 8 genes" in words(at)
    assert "demo_section-next_counts.csv" in saved
    assert not [b for b in at.button if b.key == "batch_take"]


def test_a_method_without_deviation_cannot_choose_a_batch(results):
    view(results, "Next batch")
    assert "how unsure it is" in words(results)


def test_the_rule_behind_the_lights_is_stated(results):
    assert "false-coverage control" in words(results)
    assert USE.asked in words(results)
    assert set(results.dataframe[1].value["good for"].str.split().str[-1]) <= set(USE.words)


def test_checks_say_which_question_they_answer(results):
    view(results, "Checks")
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


def test_the_address_opens_a_run_again(sampled):
    job = finished(sampled)
    at = opened(job)
    assert "Finished" in at.success[0].value
    assert at.session_state["workspace"].job_id == job.id
    assert job.id in at.query_params["job"]


@pytest.mark.parametrize("wrong", ["../../etc", "20260101-000000-0123456789ab"])
def test_a_wrong_address_is_one_sentence(wrong):
    at = AppTest.from_file(str(ROOT / "app.py"), default_timeout=60)
    at.query_params["job"] = wrong
    at.run()
    assert not at.exception
    assert len(at.warning) == 1


def test_a_run_of_other_maps_opens_beside_the_first(app, sampled):
    """What was chosen for one run may not exist in the next."""
    first = finished(sampled, "with truth")
    gaps = sampled.without_hidden()
    second = finished(gaps.subset_genes(list(gaps.genes[-2:])), "without truth", app.owner)
    app.workspace.job_id = first.id
    app.go("results").healthy()
    app.at.selectbox(key="result_gene").set_value(sampled.genes[0]).run()
    app.go("train").click(f"open-{second.id}").go("results").healthy()
    assert "withheld" in app.words()


def test_a_failed_run_says_why_and_can_be_resumed(sampled):
    job = jobs.create(sampled, CHEAP, "failing")
    jobs.write_state(job, jobs.State(status="failed", message="There was no room on the disk."))
    at = opened(job)
    assert at.error[0].value == "There was no room on the disk."
    assert at.button(key="resume")


def test_an_interrupted_run_is_resumed_to_its_end(sampled):
    job = jobs.create(sampled, CHEAP, "interrupted")
    jobs.write_state(job, jobs.State(status="running"))
    at = opened(job)
    assert "interrupted" in at.warning[0].value
    at.button(key="resume").click().run()
    for _ in range(600):
        if jobs.state(job).status not in jobs.ACTIVE:
            break
        time.sleep(0.1)
    assert jobs.state(job).status == "done"


def test_a_waiting_run_can_be_cancelled(sampled):
    job = jobs.create(sampled, CHEAP, "waiting")
    busy = jobs.create(sampled, CHEAP, "busy")
    jobs.write_state(busy, jobs.State(status="running"))
    with (busy.folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        runner.start(job)
        at = opened(job)
        assert "Waiting" in at.info[0].value
        at.button(key="cancel").click().run()
    assert jobs.state(job).status == "cancelled"


def working(section, config, kind="run", **state):
    """A run that seems to work: its lock is held here."""
    job = jobs.create(section, config, "working", kind=kind)
    jobs.write_state(job, jobs.State(status="running", started=time.time() - 5, **state))
    lock = (job.folder / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return job, lock


def test_time_left_is_that_of_the_whole_run(sampled):
    began = time.time() - 5
    stages = (("Fitting gene programmes", began), ("Training on CPU", began + 1))
    training = {
        "phase": "Training on CPU",
        "step": 5,
        "steps": 9,
        "stages": stages,
        "seconds_left": 3600.0,
    }
    said = []
    for name in ("fast", "paper"):
        job, lock = working(sampled, preset(name), **training)
        said.append(words(opened(job)))
        lock.close()
    assert "left." in said[0]
    assert "of this stage" not in said[0]
    # How long the published form takes afterwards nobody knows.
    assert "About 60 min left of this stage." in said[1]


def test_no_time_is_named_before_anything_is_known(sampled):
    job, lock = working(sampled, preset("paper"), phase="Fitting", steps=1)
    said = words(opened(job))
    lock.close()
    assert "Working for" in said
    assert " left" not in said


def test_runs_are_listed_and_deleted(app, sampled):
    job = finished(sampled, owner=app.owner)
    app.take(sampled).go("train").healthy()
    app.at.text_input(key=f"name-{job.id}").set_value("A better *name*").run()
    assert jobs.find(job.id).name == "A better *name*"
    app.click(f"delete-{job.id}").healthy()
    assert jobs.all_jobs() == []


def test_runs_of_others_are_not_listed_and_cannot_be_changed(app, sampled):
    job = finished(sampled, owner="somebody else")
    app.take(sampled).go("train").healthy()
    assert not [e.label for e in app.at.expander if "runs (" in e.label]
    jobs.write_state(job, jobs.State(status="paused"))
    at = opened(job)
    assert not [b for b in at.button if b.key in ("resume", "cancel", "pause")]


def test_a_run_is_paused_and_goes_on(sampled, monkeypatch):
    job = jobs.create(sampled, CHEAP, "waiting")
    jobs.write_state(job, jobs.State(status="queued"))
    # All places are taken.
    monkeypatch.setattr(runner, "slots", lambda: 0)
    at = opened(job)
    at.button(key="pause").click().run()
    assert jobs.state(job).status == "paused"
    at.button(key="resume").click().run()
    assert jobs.state(job).status == "queued"


def test_the_tournament_never_sees_what_the_mask_hides(app, sampled):
    app.take(sampled.everything_known()).go("sampling").go("train").healthy()
    app.workspace.sampled = sampled
    app.click("tournament").healthy()
    job = jobs.find(app.workspace.job_id)
    runner.stop(job)
    assert job.kind == "tournament"
    assert not job.section().hidden.any()
    assert "nearest" in job.config().compare


def test_the_web_process_never_loads_torch():
    import subprocess
    import sys

    script = (
        "import sys\nfrom streamlit.testing.v1 import AppTest\n"
        "at = AppTest.from_file('app.py', default_timeout=60).run()\n"
        "at.button(key='open_demo').click().run()\n"
        "for page in ('sampling', 'train', 'results'):\n"
        "    at.switch_page(f'pages/{page}.py').run()\n"
        "    assert not at.exception\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
