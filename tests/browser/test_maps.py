"""Maps in a real browser: zoom and regions drawn with the mouse."""

import re

from tests.browser import steps
from tests.browser.steps import PLOT

LASSO = [(0.3, 0.3), (0.6, 0.25), (0.75, 0.5), (0.55, 0.7), (0.3, 0.6), (0.3, 0.3)]


def spans(page):
    """Width of the first three maps in the section's unit."""
    return page.evaluate(
        """() => { const l = document.querySelector('.js-plotly-plot')._fullLayout;
        return ['xaxis', 'xaxis2', 'xaxis3'].map(a => l[a].range[1] - l[a].range[0]); }"""
    )


def test_zooming_one_map_zooms_all(page, server, finished):
    steps.open_results(page, server, finished)
    whole = spans(page)[0]
    steps.draw(page, [(0.3, 0.4), (0.6, 0.6)])
    page.wait_for_function(
        """whole => { const r = document.querySelector('.js-plotly-plot')._fullLayout.xaxis.range;
        return r[1] - r[0] < 0.8 * whole; }""",
        arg=whole,
    )
    after = spans(page)
    assert max(after) - min(after) < 1e-6 * whole


def test_region_drawn_on_a_map_is_compared_with_the_rest(page, server, finished):
    section = finished.section()
    steps.open_results(page, server, finished)
    page.get_by_role("radio", name="Region", exact=True).click()
    page.get_by_text("draw around spots").wait_for()
    page.get_by_role("radio", name="Lasso a region").click()
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
    assert page.get_by_test_id("stDataFrame").count() == 2
    # The region stays while one looks at something else.
    steps.look_at(page, "Checks")
    steps.look_at(page, "Region")
    assert steps.count_in(page, "positions inside") == inside
    assert page.locator(PLOT).count() == 1
    # And with another gene.
    page.get_by_role("button", name="Next").first.click()
    steps.quiet(page)
    assert steps.count_in(page, "positions inside") == inside
    page.get_by_role("button", name="Clear the region").click()
    page.get_by_text("draw around spots").wait_for()
