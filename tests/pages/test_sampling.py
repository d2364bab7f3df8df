"""The Sampling page: the three situations, every design, and what must not be lost."""

import numpy as np
import pytest

from s2s_core.data.simulate import demo_section
from s2s_core.sampling.registry import DESIGNS
from s2s_core.vocabulary import DESIGN
from tests.pages.steps import maps_on

pytestmark = pytest.mark.slow


@pytest.fixture
def ready(app):
    return app.take(demo_section(rows=20, genes=6)).go("sampling").healthy()


@pytest.fixture
def gappy():
    section = demo_section(rows=20, genes=6)
    rng = np.random.default_rng(0)
    return section.with_measured(rng.random(section.n_positions) < 0.4).without_hidden()


def test_without_a_section_it_says_where_to_get_one(app):
    app.go("sampling").healthy()
    assert "No section is open" in app.words()


def test_the_mask_is_saved_under_the_name_of_the_section(saved, ready):
    assert set(saved) == {"demo_section-mask.csv"}


def test_the_default_is_a_mask_on_the_tissue_with_its_numbers(ready):
    sampled = ready.workspace.sampled
    assert sampled.design == "lattice:2"
    assert ready.at.metric[0].value == f"{int(sampled.measured.sum()):,}"
    (shown,) = maps_on(ready.at)
    named = [name for name, _ in shown["scales"]["kind"]["categories"]]
    assert f"measured: {int(sampled.measured.sum()):,}" in named
    assert "No method ever sees them" in ready.words()


CHOSEN = [d for d in DESIGNS if d not in ("obs", "csv", "region", "density")]


@pytest.mark.parametrize("design", CHOSEN)
def test_every_design_of_the_registry_works(ready, design):
    ready.at.selectbox(key="design").set_value(design).run()
    ready.healthy()
    assert not ready.at.error
    assert ready.workspace.sampled.design.startswith(design)


def paint(app, use, where):
    """Paint as a stroke on the map does."""
    app.at.toggle(key="paint").set_value(True).run()
    app.at.selectbox(key="paint_use").set_value(use).run()
    app.workspace.painting = app.workspace.painting.painted("add", where)
    app.at.run()
    return app.healthy()


def test_a_painted_mask_is_what_is_measured(ready):
    section = ready.workspace.section
    left = section.col < 5
    paint(ready, "mask", left)
    np.testing.assert_array_equal(ready.workspace.sampled.measured, left)
    assert ready.at.metric[0].value == f"{int(left.sum()):,}"
    ready.click("paint_undo").healthy()
    assert ready.workspace.sampled is None
    assert "Draw around spots" in ready.words()
    assert not ready.at.error


@pytest.mark.parametrize(("use", "inside"), [("must", 1.0), ("avoid", 0.0), ("region", 1.0)])
def test_a_painted_region_shapes_the_design(ready, use, inside):
    region = (ready.workspace.section.col < 3) & (ready.workspace.section.row < 8)
    ready.at.selectbox(key="design").set_value("random").run()
    paint(ready, use, region)
    measured = ready.workspace.sampled.measured
    assert measured[region].mean() == inside
    assert 0 < measured[~region].mean() < 1


def test_a_painted_density_draws_spots_to_it(ready):
    region = ready.workspace.section.col < 4
    paint(ready, "density", region)
    measured = ready.workspace.sampled.measured
    assert measured[region].mean() > 1.5 * measured[~region].mean()


def test_painting_begins_with_the_design(ready):
    designed = ready.workspace.sampled.measured
    ready.at.toggle(key="paint").set_value(True).run()
    ready.at.radio(key="paint_start").set_value("design").run()
    ready.healthy()
    np.testing.assert_array_equal(ready.workspace.sampled.measured, designed)


def test_the_page_says_what_a_design_means(ready):
    labels = [m.label for m in ready.at.metric]
    assert {"Largest gap", "Expected PCC", "Genes resolved"} <= set(labels)
    assert "measured" in ready.words()
    resolved = next(m for m in ready.at.metric if m.label == "Genes resolved")
    assert DESIGN.asked in resolved.help
    verdicts = ready.at.dataframe[0].value["with this design"]
    assert set(verdicts) <= set(DESIGN.words)
    assert resolved.value == f"{(verdicts == 'resolved').sum()} of {len(verdicts)}"


def test_a_wrong_argument_is_one_sentence(ready):
    ready.at.text_input(key="argument-lattice").set_value("two").run()
    assert "whole number" in ready.at.error[0].value
    assert ready.workspace.sampled is None
    ready.at.text_input(key="argument-lattice").set_value("3").run()
    assert ready.workspace.sampled.design == "lattice:3"


def test_a_mask_of_spot_ids_is_read_and_kept(ready):
    section = ready.workspace.section
    chosen = section.spot_ids[::3]
    ready.at.selectbox(key="design").set_value("csv").run()
    data = ("spot_id\n" + "\n".join(chosen)).encode()
    ready.at.get("file_uploader")[0].upload("mask.csv", data, "text/csv").run()
    ready.healthy()
    assert ready.workspace.sampled.measured.sum() == len(chosen)
    # A page switch empties the uploader and asks for it again.
    kept = ready.workspace.mask_table
    assert list(kept["spot_id"]) == list(chosen)


def test_a_mask_of_another_section_is_refused(ready):
    ready.at.selectbox(key="design").set_value("csv").run()
    ready.at.get("file_uploader")[0].upload("mask.csv", b"spot_id\nnobody\n", "text/csv").run()
    assert "no spots of this section" in ready.at.error[0].value


def test_gaps_are_offered_where_there_are_any(app, gappy):
    app.take(gappy).go("sampling").healthy()
    assert app.at.radio(key="situation").value == "gaps"
    assert app.workspace.sampled.hidden.sum() == 0
    assert "withheld" in app.words()


def test_densify_adds_positions(ready):
    before = ready.workspace.section.n_positions
    ready.at.radio(key="situation").set_value("densify").run()
    ready.healthy()
    assert ready.workspace.sampled.n_positions > 3 * before


def test_chosen_genes_are_what_is_sampled(app):
    section = demo_section(rows=20, genes=6)
    app.take(section)
    app.workspace.genes = list(section.genes[:2])
    app.go("sampling").healthy()
    assert list(app.workspace.sampled.genes) == list(section.genes[:2])
