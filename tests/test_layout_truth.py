"""Where things stand: sizes, frames and titles of pictures, and words in their places."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from s2s_core.output.charts import loss_curves
from s2s_core.output.figures import map_figure
from s2s_core.output.report import _examples, write_report
from s2s_core.output.report_text import methods_text, summary_sentence
from s2s_core.output.tissue_image import tissue_image
from s2s_core.sampling.apply import sample
from s2s_core.vocabulary import Spots
from tests.made import made_result, made_section


def test_axes_of_a_figure_do_not_touch(lattice):
    figure = map_figure(
        lattice,
        [(str(i), np.arange(lattice.n_positions)) for i in range(5)],
        "u",
        title="t",
        columns=2,
    )
    boxes = [axes.get_position() for axes in figure.axes[:5]]
    for i, a in enumerate(boxes):
        assert a.y0 >= 0
        assert a.y1 <= 1
        for b in boxes[:i]:
            assert (
                a.x1 <= b.x0 + 1e-9
                or b.x1 <= a.x0 + 1e-9
                or a.y1 <= b.y0 + 1e-9
                or b.y1 <= a.y0 + 1e-9
            )
    assert min(b.y0 for b in boxes) * figure.get_figheight() * 25.4 == pytest.approx(4.0, abs=0.1)


@pytest.mark.parametrize("top", [1.0, 255.0])
def test_a_tissue_image_of_numbers_is_as_bright_as_one_of_bytes(square, top):
    shape = (*np.ceil((square.xy.max(0) + 200) * 0.1).astype(int)[::-1], 3)
    image = np.full(shape, 0.5 * top, np.float32)
    image[0, 0] = top
    library = {"images": {"hires": image}, "scalefactors": {"tissue_hires_scalef": 0.1}}
    plain = tissue_image(replace(square, uns={"spatial": {"l": library}}))
    library = {
        "images": {"hires": np.full(shape, 127, np.uint8)},
        "scalefactors": {"tissue_hires_scalef": 0.1},
    }
    assert plain == tissue_image(replace(square, uns={"spatial": {"l": library}}))


def test_both_axes_of_the_losses_are_named():
    layout = loss_curves([{"step": 1, "losses": {"s2s": 1.0}, "score": 0.9}]).layout
    assert (layout.yaxis.title.text, layout.yaxis2.title.text) == ("loss", "error (start = 1)")


def test_examples_end_at_the_median_gene():
    lights = pd.DataFrame({"pcc": np.linspace(0.9, 0.1, 41)}, index=[f"g{i}" for i in range(41)])
    assert _examples(lights.sample(frac=1.0, random_state=0)) == ["g0", "g7", "g13", "g20"]


def test_levels_of_checks_have_the_colour_of_their_word(tmp_path):
    write_report(made_result(sample(made_section(), "checkerboard")), tmp_path / "r.html", genes=[])
    page = (tmp_path / "r.html").read_text()
    assert '<td>Measured values in place</td><td class="fine">fine</td>' in page


@pytest.fixture
def result():
    made = made_result(sample(made_section(), "random:0.4", seed=1))
    coverage = np.where(made.metrics["gene"] == "Gene0", np.nan, 0.75)
    return replace(made, metrics=made.metrics.assign(coverage=coverage, spots=Spots.HIDDEN))


def test_genes_without_an_interval_do_not_hide_the_others(result):
    assert "75% of the values lie inside" in summary_sentence(result)
    assert "75.0% of the values inside their intervals" in methods_text(result)


def test_a_design_is_told_with_its_own_number(result):
    assert "(a random share of 0.4 measured)" in methods_text(result)
