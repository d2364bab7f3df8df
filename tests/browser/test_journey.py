"""From a file to a downloaded map in a real browser, by mouse and by keyboard."""

import re

import numpy as np
import pandas as pd

from s2s_core.data.observation import observe
from s2s_core.sampling.apply import sample
from tests.browser import steps


def look_back(page):
    """Go to Data and return to Sampling."""
    page.get_by_role("link", name=re.compile("Data")).first.click()
    page.get_by_role("button", name="Open the demo section").wait_for()
    page.get_by_role("link", name=re.compile("Sampling")).first.click()
    page.get_by_text("Measured spots").first.wait_for()


def test_upload_sample_impute_look_and_download(page, server, section, h5ad, tmp_path):
    steps.open_file(page, server, h5ad)
    page.get_by_text("Next: Sampling").click()
    page.get_by_text("Measured spots").first.wait_for()
    steps.choose(page, "Sampling design", "Stripes (every S-th row)")
    page.get_by_label("Period S").fill("4")
    page.get_by_label("Period S").press("Enter")
    design = sample(section, "stripes:4")
    count = page.get_by_text(f"{int(design.measured.sum()):,}", exact=True).first
    count.wait_for()
    steps.quiet(page)
    before = steps.metrics(page)
    look_back(page)
    count.wait_for()
    steps.quiet(page)
    assert steps.metrics(page) == before
    page.get_by_text("Next: Train").click()
    steps.choose_method(page, "Linear interpolation")
    page.get_by_role("button", name="Start").click()
    page.get_by_text("Next: Results").click()
    path = steps.download(page, "Download imputed CSV", tmp_path)
    table = pd.read_csv(path).set_index("spot_id")
    known = observe(design)
    measured = table[table["measured"]]
    assert set(measured.index) == set(section.spot_ids[design.measured])
    at = measured.loc[section.spot_ids[design.measured], list(section.genes)]
    np.testing.assert_array_equal(at.to_numpy(np.float32), known.values)
    assert np.isfinite(table[list(section.genes)].to_numpy()).all()


def test_start_is_reached_and_pressed_by_keyboard(page, server, h5ad):
    steps.open_file(page, server, h5ad)
    steps.to_train(page)
    steps.choose_method(page, "Nearest measured spot")
    steps.quiet(page)
    page.get_by_role("heading", name="Train and impute").click()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").strip() == "Start":
            break
    else:
        raise AssertionError("thirty tabs do not lead to Start")
    page.keyboard.press("Enter")
    page.get_by_text("Next: Results").wait_for()


def test_arrow_keys_go_through_the_genes(page, server, finished):
    def gene() -> str:
        return page.get_by_role("combobox", name=re.compile("Gene")).first.input_value()

    steps.open_results(page, server, finished)
    first = gene()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "first => document.querySelector('[data-testid=stSelectbox] input').value !== first",
        arg=first,
    )
    second = gene()
    assert second.split(" · ")[0] in finished.section().genes
    steps.quiet(page)
    page.keyboard.press("ArrowLeft")
    page.wait_for_function(
        "first => document.querySelector('[data-testid=stSelectbox] input').value === first",
        arg=first,
    )
