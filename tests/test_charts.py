"""Charts: the right value at the right place, one scale, the right way up."""

import numpy as np
import pytest

from s2s_core.charts import HEX_MAX, Panel, loss_curves, map_panels, mask_map, truth_scatter
from s2s_core.masks import sample


def panels(section, count=3):
    values = np.arange(section.n_positions, dtype=float)
    return [Panel(f"map {i}", values + i) for i in range(count)]


def test_hexagons_stand_at_their_spots(hexagonal):
    figure = map_panels(hexagonal, panels(hexagonal), "counts")
    trace = figure.data[0]
    assert trace.type == "scattergl"
    assert trace.marker.symbol == "hexagon"
    np.testing.assert_allclose(np.column_stack([trace.x, trace.y]), hexagonal.xy)
    np.testing.assert_array_equal(trace.marker.color, np.arange(hexagonal.n_positions))
    assert list(trace.customdata[:, 0]) == list(hexagonal.spot_ids)


def test_square_lattices_are_heatmaps_on_the_dense_grid(square):
    trace = map_panels(square, panels(square), "counts").data[0]
    assert trace.type == "heatmap"
    image = np.asarray(trace.z)
    assert image.shape == square.grid.shape
    np.testing.assert_array_equal(
        image[square.row, square.col], np.arange(square.n_positions, dtype=np.float32)
    )
    x = trace.x0 + trace.dx * square.col
    y = trace.y0 + trace.dy * square.row
    np.testing.assert_allclose(np.column_stack([x, y]), square.xy)


def test_positions_outside_the_tissue_stay_empty(points):
    image = np.asarray(map_panels(points, panels(points), "counts").data[0].z)
    np.testing.assert_array_equal(np.isfinite(image), points.grid.tissue)


def test_many_hexagons_become_a_heatmap(hexagonal, monkeypatch):
    assert HEX_MAX >= 5000
    monkeypatch.setattr("s2s_core.charts.HEX_MAX", 10)
    assert map_panels(hexagonal, panels(hexagonal), "counts").data[0].type == "heatmap"


def test_panels_zoom_together_on_one_scale(lattice):
    layout = map_panels(lattice, panels(lattice, 4), "counts", columns=2).layout
    axes = [layout[f"xaxis{i}"] for i in ("", 2, 3, 4)]
    assert all(axis.matches == "x" for axis in axes)
    assert all(layout[f"yaxis{i}"].matches == "y" for i in ("", 2, 3, 4))
    assert layout.coloraxis.cmin == 0
    assert layout.uirevision


def test_y_points_down_and_circles_stay_round(lattice):
    layout = map_panels(lattice, panels(lattice, 1), "counts").layout
    low, high = layout.yaxis.range
    assert low > high
    assert layout.yaxis.scaleanchor == "x"


def test_a_difference_has_its_own_symmetric_scale(lattice):
    difference = np.linspace(-1, 3, lattice.n_positions)
    figure = map_panels(lattice, [*panels(lattice, 1), Panel("d", difference, diverging=True)], "u")
    scale = figure.layout.coloraxis2
    assert scale.cmin == -scale.cmax
    last = figure.data[1]
    used = last.coloraxis if last.type == "heatmap" else last.marker.coloraxis
    assert used == "coloraxis2"


def test_hovering_says_whether_a_spot_was_measured(lattice):
    section = sample(lattice, "checkerboard")
    trace = map_panels(section, panels(section, 1), "counts").data[0]
    if trace.type == "heatmap":
        words = [trace.text[r][c] for r, c in zip(section.row, section.col, strict=True)]
    else:
        words = [f"{i}<br>{w}" for i, w in trace.customdata]
    for word, spot, measured in zip(words, section.spot_ids, section.measured, strict=True):
        assert word == f"{spot}<br>{'measured' if measured else 'hidden'}"


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_empty_and_constant_maps_draw(lattice, value):
    map_panels(lattice, [Panel("flat", np.full(lattice.n_positions, value))], "counts").to_json()


def test_a_mask_shows_every_position_once(lattice):
    section = sample(lattice, "random:0.4")
    figure = mask_map(section)
    shown = {trace.name: len(trace.x) for trace in figure.data}
    assert shown["measured"] == section.measured.sum()
    assert sum(shown.values()) == section.n_positions


def test_loss_curves_keep_scores_at_their_steps():
    lines = [
        {"step": i, "losses": {"s2s": 1 / i, "images": 0.5, "total": 1.0},
         "score": 0.9 if i % 2 == 0 else None}
        for i in range(1, 6)
    ]  # fmt: skip
    figure = loss_curves(lines)
    assert len(figure.data) == 3
    assert list(figure.data[-1].x) == [2, 4]
    assert list(figure.data[-1].y) == [0.9, 0.9]


def test_a_scatter_shows_every_scored_spot():
    truth, imputed = np.array([0.0, 1.0, 2.0]), np.array([0.1, 0.9, 2.5])
    figure = truth_scatter(truth, imputed, "MBP")
    np.testing.assert_array_equal(figure.data[-1].y, imputed)
    assert "MBP" in figure.layout.xaxis.title.text
    truth_scatter(np.zeros(3), np.zeros(3), "none").to_json()
