"""A mask painted with the mouse, on both lattices, and brought back as a file."""

import re

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.mask_table import mask_table
from tests.browser import steps

LASSO = [(0.2, 0.25), (0.6, 0.2), (0.75, 0.55), (0.5, 0.75), (0.22, 0.6), (0.2, 0.25)]
BOX = [(0.35, 0.35), (0.55, 0.55)]


def wait_for_count(page, count: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('[data-testid=stMetricValue]')?.innerText === n",
        arg=f"{count:,}",
    )


@pytest.mark.parametrize("kind", ["hex", "square"])
def test_lasso_adds_box_removes_and_undo_takes_back(page, server, finished_jobs, kind, tmp_path):
    section = finished_jobs[kind].section()
    steps.open_sampling(page, server, finished_jobs[kind])
    page.get_by_text("Paint on the map").click()
    page.get_by_text("0 spots are painted").wait_for()
    steps.choose_tool(page, "Lasso")
    steps.quiet(page)
    lasso = steps.under(page, section, LASSO) & section.known
    steps.draw(page, LASSO)
    page.get_by_text(re.compile(r"^[1-9]\d* spots are painted")).wait_for()
    drawn = steps.count_in(page, "spots are painted")
    # The pointer moves by whole pixels.
    assert abs(drawn - lasso.sum()) <= 2 < 10 < drawn
    wait_for_count(page, drawn)
    steps.choose_tool(page, "Box")
    steps.quiet(page)
    box = steps.under(page, section, steps.box_corners(*BOX)) & section.known
    assert box.sum() > 2
    steps.draw(page, BOX, held="Alt")
    page.get_by_text(re.compile(rf"^(?!{drawn} )\d+ spots are painted")).wait_for()
    left = steps.count_in(page, "spots are painted")
    assert abs(left - (lasso & ~box).sum()) <= 4
    assert left < drawn
    wait_for_count(page, left)
    table = pd.read_csv(steps.download(page, "Download the mask", tmp_path)).set_index("spot_id")
    at = table["measured"].reindex(section.spot_ids).to_numpy()
    assert at.sum() == left
    assert (at != (lasso & ~box)).sum() <= 4
    page.get_by_role("button", name="Undo").click()
    wait_for_count(page, drawn)
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("0 spots are painted").wait_for()
    assert page.get_by_role("button", name="Undo").is_disabled()


def test_a_mask_that_comes_back_as_a_file_is_the_same(page, server, finished, tmp_path):
    section = finished.section()
    mask = np.arange(section.n_positions) % 3 == 0
    mask &= section.known
    path = tmp_path / "chosen.csv"
    mask_table(section.with_measured(mask, "csv")).to_csv(path, index=False)
    steps.open_sampling(page, server, finished)
    steps.choose(page, "Sampling design", "A CSV of spot ids")
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files(str(path))
    wait_for_count(page, int(mask.sum()))
    back = pd.read_csv(steps.download(page, "Download the mask", tmp_path))
    pd.testing.assert_frame_equal(back, pd.read_csv(path))
