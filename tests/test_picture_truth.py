"""Pictures and charts hold the numbers that they are drawn from, at their places."""

import base64
import io
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from s2s_core.assessment.regions import compare_region, score_region
from s2s_core.output.charts import budget_curves, loss_curves, truth_scatter, variants_chart
from s2s_core.output.figures import map_figure, micrometres, scatter_figure
from s2s_core.output.tissue_image import tissue_image
from s2s_core.sampling.apply import sample
from tests.made import made_result, made_section


def test_a_tissue_image_is_cut_to_the_section(square):
    """An image much larger than the section, and not square; the section lies off its corner."""
    image = np.zeros((1200, 1600, 3), np.uint8)
    moved = replace(square, xy=square.xy + [1000.0, 200.0])
    x, y = (moved.xy[50] * 0.5).astype(int)
    image[y - 9 : y + 10, x - 9 : x + 10] = 255
    library = {"images": {"hires": image}, "scalefactors": {"tissue_hires_scalef": 0.5}}
    found = tissue_image(replace(moved, uns={"spatial": {"lib": library}}))
    raw = np.asarray(
        Image.open(io.BytesIO(base64.b64decode(found.source.split(",")[1]))).convert("L")
    )
    x0, x1, y0, y1 = found.extent
    assert x0 == pytest.approx(moved.xy[:, 0].min() - 100, abs=3)
    assert y1 == pytest.approx(moved.xy[:, 1].max() + 100, abs=3)
    row, col = np.nonzero(raw > 128)
    place = [
        x0 + (col.mean() + 0.5) / raw.shape[1] * (x1 - x0),
        y0 + (row.mean() + 0.5) / raw.shape[0] * (y1 - y0),
    ]
    assert place == pytest.approx(moved.xy[50], abs=4)


def test_a_scale_bar_is_as_long_as_it_says(lattice):
    section = replace(lattice, uns={"spatial_unit": "um"})
    figure = map_figure(section, [("a", np.arange(lattice.n_positions))], "u")
    axes = figure.axes[0]
    bar = next(line for line in axes.lines if line.get_transform() == axes.transAxes)
    said = next(t.get_text() for t in axes.texts if "µm" in t.get_text())
    wide = np.diff(axes.get_xlim())[0]
    assert np.diff(bar.get_xdata())[0] * wide == pytest.approx(float(said.split()[0]))
    assert micrometres(replace(lattice, uns={"spatial_unit": "mm"})) == 1000.0


def test_marks_in_print_stand_on_measured_spots(lattice):
    section = sample(lattice, "checkerboard")
    axes = map_figure(section, [("a", np.ones(section.n_positions))], "u", marked=True).axes[0]
    dots = next(line for line in axes.lines if line.get_marker() == "o")
    assert np.column_stack(dots.get_data()) == pytest.approx(section.xy[section.measured])


def test_the_image_of_a_lattice_in_print_lies_on_its_spots(square):
    """The first row is on top, and every cell around its spot."""
    axes = map_figure(square, [("a", np.arange(square.n_positions))], "u").axes[0]
    (image,) = axes.images
    x0, x1, bottom, top = image.get_extent()
    assert (x0, x1) == pytest.approx((450.0, 1650.0))
    assert (top, bottom) == pytest.approx((850.0, 1850.0))
    assert axes.get_ylim()[0] > axes.get_ylim()[1]
    assert image.origin == "upper"


def test_a_scatter_has_the_truth_along_x():
    truth, imputed = np.array([0.0, 1.0, 2.0]), np.array([0.5, 0.6, 0.7])
    dots = truth_scatter(truth, imputed, "g").data[1]
    assert (list(dots.x), list(dots.y)) == (list(truth), list(imputed))
    axes = scatter_figure(truth, imputed, "g").axes[0]
    assert np.array_equal(axes.lines[1].get_xdata(), truth)
    assert np.array_equal(axes.lines[1].get_ydata(), imputed)


def test_losses_are_smoothed_and_begin_where_they_began():
    lines = [
        {"step": k, "losses": {"s2s": float(k % 2), "total": 9.0}, "score": None} for k in range(40)
    ]
    line = loss_curves(lines).data[0]
    assert line.name == "section, sparser to sparse"
    assert line.y[0] == 0.0
    assert line.y[1] == pytest.approx(0.15)
    assert np.ptp(line.y[25:]) < 0.2


def test_curves_have_their_intervals_above_and_below():
    found = pd.DataFrame(
        {
            "design": "random",
            "budget": [0.1, 0.25],
            "n_measured": [10, 25],
            "pcc": [0.5, 0.6],
            "pcc_low": [0.45, 0.5],
            "pcc_high": [0.8, 0.65],
        }
    )
    line = budget_curves(found, "pcc", {"random": "Random"}, float("nan")).data[0]
    assert line.name == "Random"
    assert list(line.x) == [10.0, 25.0]
    assert np.asarray(line.error_y.array) == pytest.approx([0.3, 0.05])
    assert np.asarray(line.error_y.arrayminus) == pytest.approx([0.05, 0.1])
    summary = pd.DataFrame(
        {"variant": ["a"], "pcc_median": [0.5], "pcc_q25": [0.4], "pcc_q75": [0.8], "steps": [7]}
    )
    dots = variants_chart(summary, "pcc", "steps").data[0]
    assert list(dots.x) == [7]
    assert np.asarray(dots.error_y.array) == pytest.approx([0.3])
    assert np.asarray(dots.error_y.arrayminus) == pytest.approx([0.1])


def test_a_region_minus_the_rest_by_hand():
    section = sample(made_section("square", 6, 6), "checkerboard")
    result = made_result(section)
    region = section.row < 3
    values = np.zeros((36, 6), np.float32)
    values[region] = [5.0, 1.0, 0.0, 2.0, 4.0, 3.0]
    values[~region] = [1.0, 9.0, 0.0, 2.5, 1.0, 5.0]
    values[region & section.hidden] += 1.0
    made = replace(result, maps={"linear": values}, truth=np.zeros_like(values))
    table = compare_region(made, region)
    assert list(table.index)[0] == "Gene1"
    assert table.loc["Gene0", "difference"] == pytest.approx(4.5)
    assert table.loc["Gene1", "difference"] == pytest.approx(-7.5)
    assert table.loc["Gene0", "measured_difference"] == pytest.approx(4.0)
    # RMSE of every gene, then the mean over genes.
    scores = score_region(made, region)
    wanted = np.abs(values[region & section.hidden]).mean(0)
    assert scores.loc["linear", "rmse"] == pytest.approx(wanted.mean(), rel=1e-5)
    assert scores.loc["linear", "n_spots"] == 9
