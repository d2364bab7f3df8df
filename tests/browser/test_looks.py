"""Every page in both themes and at both widths, kept as pictures for people to look at."""

import pytest

from tests.browser import steps


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_pages_in_both_themes(visitor, server, finished, shoot, theme):
    page = visitor(color_scheme=theme)
    widths = (1024, 1440) if theme == "light" else (1440,)
    page.goto(server.url)
    page.get_by_role("button", name="Open the demo section").wait_for()
    shoot(page, f"{theme}_1_empty", widths)
    steps.open_sampling(page, server, finished)
    page.get_by_text("What this design means").wait_for()
    shoot(page, f"{theme}_3_sampling", widths)
    page.get_by_text("Paint on the map").click()
    page.get_by_text("0 spots are painted").wait_for()
    shoot(page, f"{theme}_3_painting", widths)
    page.goto(f"{server.url}/?job={finished.id}")
    page.get_by_text("Next: Sampling").wait_for()
    shoot(page, f"{theme}_2_data", widths)
    page.goto(f"{server.url}/run?job={finished.id}")
    page.get_by_text("Next: Results").wait_for()
    shoot(page, f"{theme}_5_finished", widths)
    page.get_by_role("button", name="New run").click()
    page.get_by_role("button", name="Start").wait_for()
    page.get_by_text("More settings").click()
    shoot(page, f"{theme}_4_train", widths)
    steps.open_results(page, server, finished)
    for view in ("Scores", "Several genes", "Checks", "Download"):
        steps.look_at(page, view)
        shoot(page, f"{theme}_6_{view.lower().replace(' ', '_')}", widths)
    assert page.get_by_test_id("stException").count() == 0
    background = page.evaluate(
        "getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor"
    )
    brightness = sum(int(n) for n in background[4:-1].split(",")) / 3
    assert (brightness < 80) == (theme == "dark")
