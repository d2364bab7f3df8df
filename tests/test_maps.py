"""Maps: the right value at the right place, one scale, the right way up."""

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from s2s_core.data.simulate import demo_section
from s2s_core.output import map_parts
from s2s_core.output.hex_tiles import tissue_image
from s2s_core.output.maps import map_panels, mask_map
from s2s_core.output.panels import Look, Panel
from s2s_core.sampling.apply import sample


def panels(section, count=3):
    values = np.arange(section.n_positions, dtype=float)
    return [Panel(f"map {i}", values + i) for i in range(count)]


def pixels(figure, which=0):
    """The picture under a map as colours (h, w, 4), and its edges."""
    image = figure.layout.images[which]
    data = base64.b64decode(image.source.split(",")[1])
    edges = (image.x, image.x + image.sizex, image.y, image.y + image.sizey)
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGBA")), edges


def at(picture, edges, xy):
    """Colours of a picture at coordinates (n, 2)."""
    height, width = picture.shape[:2]
    col = ((xy[:, 0] - edges[0]) / (edges[1] - edges[0]) * width).astype(int)
    row = ((xy[:, 1] - edges[2]) / (edges[3] - edges[2]) * height).astype(int)
    return picture[row, col]


def test_hexagons_cover_their_spots_and_nothing_else(hexagonal):
    code = np.arange(hexagonal.n_positions) % 2
    figure = map_panels(hexagonal, [Panel("map", code.astype(float))], "counts")
    picture, edges = pixels(figure)
    pitch = hexagonal.grid.pitch
    for angle in np.arange(6) * np.pi / 3:
        # Just inside the middle of each side of a hexagon with flat sides left and right.
        inside = 0.42 * pitch * np.array([np.cos(angle), np.sin(angle)])
        colours = at(picture, edges, hexagonal.xy + inside)
        assert len(np.unique(colours[code == 0], axis=0)) == 1
        assert len(np.unique(colours[code == 1], axis=0)) == 1
    assert (colours[code == 0][0] != colours[code == 1][0]).any()
    corner = np.array([[edges[0] + 1e-3, edges[2] + 1e-3]])
    assert at(picture, edges, corner)[0, 3] == 0


def test_the_pointer_finds_hexagons_at_their_spots(hexagonal):
    trace = map_panels(hexagonal, panels(hexagonal), "counts").data[0]
    np.testing.assert_allclose(np.column_stack([trace.x, trace.y]), hexagonal.xy)
    np.testing.assert_array_equal(trace.marker.color, np.arange(hexagonal.n_positions))
    assert trace.marker.opacity == 0
    assert [t.split("<br>")[0] for t in trace.text] == list(hexagonal.spot_ids)


def test_positions_without_a_value_stay_clear(hexagonal):
    values = np.ones(hexagonal.n_positions)
    values[5] = np.nan
    picture, edges = pixels(map_panels(hexagonal, [Panel("map", values)], "counts"))
    alpha = at(picture, edges, hexagonal.xy)[:, 3]
    assert alpha[5] == 0
    assert (np.delete(alpha, 5) == 255).all()


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


def test_large_maps_do_without_names(lattice, monkeypatch):
    monkeypatch.setattr(map_parts, "NAMED_MAX", 10)
    assert map_panels(lattice, panels(lattice, 1), "counts").data[0].text is None


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
    figure = map_panels(lattice, [*panels(lattice, 1), Panel("d", difference, "error")], "u")
    scale = figure.layout.coloraxis2
    assert scale.cmin == -scale.cmax
    last = figure.data[1]
    used = last.coloraxis if last.type == "heatmap" else last.marker.coloraxis
    assert used == "coloraxis2"


def test_hovering_says_whether_a_spot_was_measured(lattice):
    section = sample(lattice, "checkerboard")
    trace = map_panels(section, panels(section, 1), "counts").data[0]
    words = np.asarray(trace.text)
    words = words[section.row, section.col] if words.ndim == 2 else words
    for word, spot, measured in zip(words, section.spot_ids, section.measured, strict=True):
        assert word == f"{spot}<br>{'measured' if measured else 'hidden'}"


@pytest.mark.parametrize("value", [np.nan, 0.0])
def test_empty_and_constant_maps_draw(lattice, value):
    map_panels(lattice, [Panel("flat", np.full(lattice.n_positions, value))], "counts").to_json()


def test_a_mask_shows_what_every_position_is(lattice):
    section = sample(lattice, "random:0.4")
    figure = mask_map(section)
    named = {t.name.split(":")[0]: t.marker.color for t in figure.data if t.name}
    assert set(named) == {"measured", "hidden, kept for scores"}
    said = np.asarray(figure.data[0].text)
    said = said[section.row, section.col] if said.ndim == 2 else said
    is_measured = [word.endswith("<br>measured") for word in said]
    np.testing.assert_array_equal(is_measured, section.measured)


def test_widths_and_own_ranges_have_colours_of_their_own(lattice):
    values = np.arange(lattice.n_positions, dtype=float)
    drawn = [Panel("v", values), Panel("w", values * 3, "width"), Panel("o", values * 7, "own")]
    layout = map_panels(lattice, drawn, "u").layout
    assert layout.coloraxis3.colorscale != layout.coloraxis.colorscale
    assert layout.coloraxis3.cmax > 2 * layout.coloraxis.cmax
    assert layout.annotations[2].text.startswith("o (0–")


def test_limits_of_the_user_hold(lattice):
    layout = map_panels(lattice, panels(lattice), "u", look=Look(limits=(1.0, 2.0))).layout
    assert (layout.coloraxis.cmin, layout.coloraxis.cmax) == (1.0, 2.0)


def test_marks_stand_on_measured_spots(lattice):
    section = sample(lattice, "checkerboard")
    marks = map_panels(section, panels(section, 1), "u", look=Look(marked=True)).data[1]
    np.testing.assert_allclose(np.column_stack([marks.x, marks.y]), section.xy[section.measured])


def test_ids_cannot_smuggle_markup(lattice):
    obs = lattice.obs.rename(index={lattice.spot_ids[0]: "<img src=x>"})
    section = replace(lattice, obs=obs)
    # JSON escapes it, but the browser reads the word.
    for figure in (
        map_panels(section, panels(section, 1), "u"),
        mask_map(sample(section, "checkerboard")),
    ):
        words = np.asarray(figure.data[0].text, str).ravel()
        assert any("img src=x" in word for word in words)
        assert not any("<img" in word or "x>" in word for word in words)


def test_a_tissue_image_lies_where_the_spots_are(lattice):
    scale = 0.5
    shape = np.ceil((lattice.xy.max(0) + 200) * scale).astype(int)
    image = np.zeros((shape[1], shape[0], 3), np.uint8)
    x, y = (lattice.xy[7] * scale).astype(int)
    image[y - 8 : y + 9, x - 8 : x + 9, 0] = 255
    library = {"images": {"hires": image}, "scalefactors": {"tissue_hires_scalef": scale}}
    found = tissue_image(replace(lattice, uns={"spatial": {"lib": library}}))
    look = Look(underlay=found)
    picture, edges = pixels(map_panels(lattice, panels(lattice, 1), "u", look=look))
    red = at(picture, edges, lattice.xy)[:, 0]
    assert red[7] > 200
    assert (np.delete(red, 7) < 60).all()


def test_a_file_without_an_image_has_none(lattice):
    assert tissue_image(lattice) is None
    assert tissue_image(replace(lattice, uns={"spatial": {"lib": {"images": "nonsense"}}})) is None


def test_a_region_is_marked_along_its_edge(square):
    region = (square.row < 5) & (square.col < 6)
    look = Look(region=region)
    dots = map_panels(square, panels(square, 1), "u", look=look).data[1]
    marked = {(x, y) for x, y in zip(dots.x, dots.y, strict=True)}
    inner = (square.row > 0) & (square.row < 4) & (square.col > 0) & (square.col < 5)
    assert marked == {tuple(p) for p in square.xy[region & ~inner]}


def test_single_spots_are_all_edge(lattice):
    alone = np.zeros(lattice.n_positions, bool)
    alone[[3, 40]] = True
    figure = mask_map(sample(lattice, "checkerboard"), outlined=alone)
    dots = next(t for t in figure.data if t.name == "painted region")
    assert len(dots.x) == 2


def test_spots_to_measure_next_are_a_kind_of_their_own():
    section = sample(demo_section(rows=18, genes=6), "lattice:2")
    plain = mask_map(section)
    proposed = np.zeros(section.n_positions, bool)
    proposed[np.nonzero(section.hidden)[0][:7]] = True
    figure = mask_map(section, proposed=proposed)
    assert "to measure next: 7" in [trace.name for trace in figure.data]
    assert figure.layout.coloraxis.cmax == plain.layout.coloraxis.cmax + 1
