"""The map viewer in a real browser: one view for all maps, what the pointer says, what is drawn."""

import re

import pytest

from tests.browser import steps
from tests.browser.steps import MAPS

LASSO = [(0.3, 0.3), (0.6, 0.25), (0.75, 0.5), (0.55, 0.7), (0.3, 0.6), (0.3, 0.3)]


def first_map(page):
    return page.locator(MAPS).first.locator(".area").first


def zoom_in(page) -> None:
    """Ctrl and the wheel over the first map."""
    box = first_map(page).bounding_box()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.keyboard.down("Control")
    page.mouse.wheel(0, -400)
    page.keyboard.up("Control")
    page.wait_for_function(
        "v => v.dataset.view.split(' ')[0] > 1.2",
        arg=page.locator(MAPS).first.element_handle(),
    )


def next_gene(page) -> str:
    """Go to the next gene; returns its name when its maps are drawn."""
    viewer = page.locator(MAPS).first
    before = viewer.get_attribute("data-title")
    page.get_by_role("button", name="Next").first.click()
    page.wait_for_function(
        "([v, before]) => v.dataset.title !== before", arg=[viewer.element_handle(), before]
    )
    return viewer.get_attribute("data-title")


def test_zooming_one_map_zooms_all_and_the_next_gene_keeps_it(page, server, finished):
    steps.open_results(page, server, finished)
    assert steps.map_view(page)[0] == 1
    zoom_in(page)
    zooms = page.locator(MAPS).first.locator(".area").evaluate_all("as => as.map(a => a.__zoom.k)")
    assert len(zooms) >= 3
    assert zooms == pytest.approx([steps.map_view(page)[0]] * len(zooms), abs=1e-3)
    before = steps.map_view(page)
    assert next_gene(page) in finished.section().genes
    assert steps.map_view(page) == before
    first_map(page).dblclick()
    page.wait_for_function(
        "v => v.dataset.view.startsWith('1.000 ')", arg=page.locator(MAPS).first.element_handle()
    )


def test_the_wheel_scrolls_the_page_until_a_map_is_clicked(page, server, finished):
    steps.open_results(page, server, finished)
    top = "document.querySelector('[data-testid=stMain]').scrollTop"
    first_map(page).hover()
    before = page.evaluate(top)
    page.mouse.wheel(0, 120)
    page.wait_for_function(f"before => {top} > before", arg=before)
    assert steps.map_view(page)[0] == 1
    first_map(page).click()
    page.mouse.wheel(0, -120)
    page.wait_for_function(
        "v => v.dataset.view.split(' ')[0] > 1", arg=page.locator(MAPS).first.element_handle()
    )


def test_the_pointer_reads_all_maps_at_once(page, server, finished):
    section = finished.section()
    steps.open_results(page, server, finished)
    first_map(page).hover()
    said = page.locator(MAPS).first.locator(".tip")
    said.wait_for()
    words = said.inner_text()
    assert any(words.startswith(name) for name in section.spot_ids)
    for title in ("Measured", "Imputed", "Truth"):
        assert title in words
    crosses = page.locator(MAPS).first.locator(".cross[visibility=visible]")
    assert crosses.count() == page.locator(MAPS).first.locator(".area").count()


def test_keys_zoom_and_read_without_changing_the_gene(page, server, finished):
    steps.open_results(page, server, finished)
    viewer = page.locator(MAPS).first
    gene = viewer.get_attribute("data-title")
    first_map(page).focus()
    page.keyboard.press("+")
    page.keyboard.press("Shift+ArrowRight")
    page.wait_for_function("v => v.dataset.view.startsWith('1.5')", arg=viewer.element_handle())
    assert re.search(r": Measured .+, Imputed", viewer.locator("[aria-live]").inner_text())
    steps.quiet(page)
    assert viewer.get_attribute("data-title") == gene
    assert gene in viewer.locator("[role=status]").inner_text()


def test_two_maps_are_swiped(page, server, finished):
    steps.open_results(page, server, finished)
    viewer = page.locator(MAPS).first
    viewer.get_by_role("button", name="Swipe").click()
    line = viewer.get_by_role("slider", name="Line between the two maps")
    assert viewer.locator(".area").count() == 1
    line.focus()
    for _ in range(5):
        page.keyboard.press("ArrowLeft")
    assert line.get_attribute("aria-valuenow") == "40"
    viewer.get_by_label("Right of the line").select_option(label="Truth")
    assert "Measured | Truth" in viewer.locator("figcaption").inner_text()


@pytest.mark.parametrize("kind", ["png", "svg"])
def test_a_picture_is_saved_under_the_gene(page, server, finished, tmp_path, kind):
    steps.open_results(page, server, finished)
    gene = page.locator(MAPS).first.get_attribute("data-title")
    with page.expect_download() as waiting:
        page.get_by_role("button", name=f"as {kind.upper()}").first.click()
    assert waiting.value.suggested_filename.endswith(f"{gene}.{kind}")
    path = tmp_path / "picture"
    waiting.value.save_as(path)
    begins = path.read_bytes()[:4]
    assert begins == (b"\x89PNG" if kind == "png" else b"<svg")
    if kind == "svg":
        assert len(re.findall(r"<path d=.M", path.read_text())) > 20


def test_region_drawn_on_a_map_is_compared_with_the_rest(page, server, finished):
    section = finished.section()
    steps.open_results(page, server, finished)
    page.get_by_role("radio", name="Region", exact=True).click()
    page.get_by_text("draw around spots").wait_for()
    steps.choose_tool(page, "Lasso")
    steps.quiet(page)
    drawn = steps.under(page, section, LASSO)
    steps.draw(page, LASSO)
    inside = steps.count_in(page, "positions inside")
    # The pointer moves by whole pixels.
    assert abs(inside - drawn.sum()) <= 2
    assert 0.05 * section.n_positions < inside < 0.5 * section.n_positions
    said = page.get_by_text("hidden spots inside the region").inner_text()
    hidden = int(re.search(r"Scores at the ([\d,]+)", said)[1].replace(",", ""))
    assert abs(hidden - (drawn & section.hidden).sum()) <= 2
    page.get_by_test_id("stDataFrame").nth(1).wait_for()
    # The region stays while one looks at something else.
    steps.look_at(page, "Checks")
    steps.look_at(page, "Region")
    assert steps.count_in(page, "positions inside") == inside
    # And with another gene.
    next_gene(page)
    steps.quiet(page)
    assert steps.count_in(page, "positions inside") == inside
    page.get_by_role("button", name="Clear the region").click()
    page.get_by_text("draw around spots").wait_for()
