"""What a user does with files that need a second word: one of several sections, a missing table."""

from tests.browser import steps
from tests.test_several_sections import two_sections, written


def give(page, *paths) -> None:
    """Drop files into the field of the Data page."""
    page.get_by_test_id("stFileUploaderDropzoneInput").set_input_files([str(p) for p in paths])


def test_one_of_two_sections_is_picked(page, server, tmp_path):
    page.goto(server.url)
    steps.settled(page)
    give(page, written(two_sections("library_id", index=True), tmp_path))
    page.get_by_text("2 sections on top of each other").wait_for()
    steps.quiet(page)
    steps.choose(page, r"Section \(column library_id\)", "B (120 spots)")
    page.get_by_role("button", name="Open this section").click()
    page.get_by_text("Of 240 spots the 120 with library_id=B were read.").wait_for()
    page.get_by_text("Next: Sampling").wait_for()


def test_the_missing_table_is_added_to_what_was_refused(page, server, tmp_path):
    counts, places = tmp_path / "counts.csv", tmp_path / "places.csv"
    counts.write_text("id,GeneA,GeneB\n" + "\n".join(f"s{i},{i % 5},{i % 3}" for i in range(36)))
    places.write_text("id,x,y\n" + "\n".join(f"s{i},{i % 6},{i // 6}" for i in range(36)))
    page.goto(server.url)
    steps.settled(page)
    give(page, counts)
    page.get_by_text("Kept: counts.csv").wait_for()
    steps.quiet(page)
    give(page, places)
    page.get_by_text("36 spots and 2 genes on a square lattice of 6 x 6 positions.").wait_for()
    steps.quiet(page)
    assert page.get_by_text("Kept:").count() == 0
