"""From a file to a downloaded map in a real browser, and what must survive on the way."""

import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core import jobs, runner
from s2s_core.config import preset
from s2s_core.masks import sample
from s2s_core.observation import observe
from s2s_core.simulate import demo_section

PLOT = ".js-plotly-plot"


def open_file(page, server, path):
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for()
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(path))
    page.get_by_text(path.name).first.wait_for()
    page.locator(PLOT).first.wait_for()


def to_train(page):
    page.get_by_text("Next: Sampling").click()
    page.get_by_text("Measured spots").first.wait_for()
    page.locator(PLOT).first.wait_for()
    page.get_by_text("Next: Train").click()
    page.get_by_role("button", name="Start").wait_for()


def choose(page, label, option):
    box = page.get_by_role("combobox", name=re.compile(label)).first
    wanted = page.get_by_role("option", name=option, exact=True)
    # An expander that is still opening moves the box away from under the click.
    page.wait_for_timeout(700)
    box.click()
    page.get_by_role("option").first.wait_for()
    # Typing brings an option of a long list into view.
    box.press_sequentially(option[:12])
    wanted.click()


def look_back(page):
    """Go to Data and return to Sampling."""
    page.get_by_role("link", name=re.compile("Data")).first.click()
    page.get_by_role("button", name="Open the demo section").wait_for()
    page.get_by_role("link", name=re.compile("Sampling")).first.click()
    page.get_by_text("Measured spots").first.wait_for()


def metrics(page):
    return page.get_by_test_id("stMetricValue").all_inner_texts()


def spans(page):
    """Width of the first three maps in the section's unit."""
    return page.evaluate(
        """() => { const l = document.querySelector('.js-plotly-plot')._fullLayout;
        return ['xaxis', 'xaxis2', 'xaxis3'].map(a => l[a].range[1] - l[a].range[0]); }"""
    )


@pytest.fixture
def section():
    return demo_section(rows=22, genes=10)


@pytest.fixture
def h5ad(section, tmp_path):
    path = tmp_path / "small.h5ad"
    section.to_anndata().write_h5ad(path)
    return path


def test_upload_sample_impute_look_and_download(page, server, section, h5ad, tmp_path, shoot):
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for()
    shoot(page, "1_empty")
    open_file(page, server, h5ad)
    shoot(page, "2_data")
    page.get_by_text("Next: Sampling").click()
    page.get_by_text("Measured spots").first.wait_for()
    choose(page, "Sampling design", "Stripes (every S-th row)")
    page.get_by_label("Period S").fill("4")
    page.get_by_label("Period S").press("Enter")
    design = sample(section, "stripes:4")
    page.get_by_text(f"{int(design.measured.sum()):,}", exact=True).first.wait_for()
    before = metrics(page)
    look_back(page)
    page.get_by_text(f"{int(design.measured.sum()):,}", exact=True).first.wait_for()
    assert metrics(page) == before
    shoot(page, "3_sampling")
    page.get_by_text("Next: Train").click()
    page.get_by_text("More settings").click()
    choose(page, "Method", "Linear interpolation")
    shoot(page, "4_train")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Next: Results").wait_for()
    page.get_by_text("Next: Results").click()
    page.get_by_text("Every gene").wait_for()
    page.locator(PLOT).first.wait_for()
    page.wait_for_timeout(1500)
    shoot(page, "6_results")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=re.compile("Imputed table")).click()
    path = tmp_path / "imputed.csv"
    waiting.value.save_as(path)

    table = pd.read_csv(path).set_index("spot_id")
    known = observe(design)
    measured = table[table["measured"]]
    assert set(measured.index) == set(section.spot_ids[design.measured])
    at = measured.loc[section.spot_ids[design.measured], list(section.genes)]
    np.testing.assert_array_equal(at.to_numpy(np.float32), known.values)
    assert np.isfinite(table[list(section.genes)].to_numpy()).all()


@pytest.fixture
def tiny_job(section, server, monkeypatch):
    """A run of a tiny network, so that training takes seconds and not minutes."""
    monkeypatch.setenv("S2S_RUNS", str(server.runs))
    fast = preset("fast", compare=("nearest",), programmes=3)
    train = replace(fast.train, steps=150, splits=1, natural_images=False, check_every=10, patience=99)
    model = replace(fast.model, cascades=1, blocks=1, layers=1, features=8, growth=4)
    config = replace(fast, train=train, model=model)
    return jobs.create(sample(section, "lattice:2"), config, "tiny run", str(section.genes[0]))


def test_training_survives_reload_and_restart_and_is_resumed(page, server, tiny_job, shoot):
    runner.start(tiny_job)
    page.goto(f"{server.url}/run?job={tiny_job.id}")
    page.locator(PLOT).first.wait_for(timeout=120_000)
    page.reload()
    page.locator(PLOT).first.wait_for()
    assert f"job={tiny_job.id}" in page.url
    page.wait_for_timeout(1500)
    shoot(page, "5_training")
    cancel = page.get_by_role("button", name="Cancel")
    if jobs.state(tiny_job).status == "running" and cancel.is_visible():
        cancel.click()
        page.get_by_role("button", name="Resume").wait_for(timeout=120_000)
        page.get_by_role("button", name="Resume").click()
    page.get_by_text("Next: Results").wait_for(timeout=300_000)
    # A restarted server knows the run; the browser's complaints about the gap are its own.
    server.stop()
    server.start()
    page.goto(f"{server.url}/run?job={tiny_job.id}")
    page.get_by_text("Next: Results").wait_for()
    page.errors.clear()


def test_zooming_one_map_zooms_all(page, server, h5ad):
    open_file(page, server, h5ad)
    to_train(page)
    page.get_by_text("More settings").click()
    choose(page, "Method", "Nearest measured spot")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Next: Results").click()
    page.get_by_text("Every gene").wait_for()
    page.locator(PLOT).first.wait_for()
    page.wait_for_timeout(1500)
    whole = spans(page)[0]
    box = page.locator(f"{PLOT} .nsewdrag").first.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6, steps=5)
    page.mouse.up()
    page.wait_for_timeout(1000)
    after = spans(page)
    assert after[0] < 0.8 * whole
    assert max(after) - min(after) < 1e-6 * whole
