import ast
import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from s2s_core.errors import S2SError
from s2s_core.output import figures
from s2s_core.output.figures import COLOURS, map_figure, micrometres, save, scatter_figure
from tests.made import made_section

pytestmark = pytest.mark.slow


def levels(section):
    return section.counts[:, 0].toarray().ravel()


def words(figure):
    root = ElementTree.fromstring(save(figure, "svg"))
    return [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]


def pixels(figure):
    return np.asarray(Image.open(io.BytesIO(save(figure, "png"))).convert("RGB"))


def with_unit(section, unit):
    return replace(section, uns={"spatial_unit": unit})


def test_size_in_millimetres_and_dots_per_inch(lattice):
    figure = map_figure(lattice, [("a", levels(lattice))], "x", width_mm=127, dpi=200)
    assert pixels(figure).shape[1] == pytest.approx(1000, abs=1)


def test_words_stay_words_and_hostile_ones_do_no_harm(lattice):
    hostile = "$\\frac{</text><script>alert(1)</script>\x00"
    figure = map_figure(lattice, [(hostile, levels(lattice))], "unit $x^$", title="<b>&amp;")
    svg = save(figure, "svg")
    assert b"<script" not in svg
    found = words(figure)
    assert "$\\frac{</text><script>alert(1)</script> " in found
    assert "unit $x^$" in found
    assert "<b>&amp;" in found


def test_hexagons_tile_and_squares_stay_square(lattice):
    corners = figures._corners(lattice)
    assert corners.shape[1] == (6 if lattice.grid.kind == "hex" else 4)
    x, y = corners[..., 0], corners[..., 1]
    area = 0.5 * abs((x * np.roll(y, -1, 1) - y * np.roll(x, -1, 1)).sum(1))
    # Lattice cells of pitch 100: neither gaps nor overlaps.
    assert np.allclose(area, 100**2 * (np.sqrt(0.75) if lattice.grid.kind == "hex" else 1))
    assert np.allclose(corners.mean(1), lattice.xy)


def test_first_row_is_on_top_and_missing_values_are_grey(lattice):
    values = np.where(lattice.row == 0, 1.0, 0.0)
    values[lattice.row == lattice.row.max()] = np.nan
    image = pixels(map_figure(lattice, [("", values)], "", limits=(0, 1)))
    yellow = np.abs(image.astype(int) - [253, 231, 37]).sum(-1) < 6
    grey = np.abs(image.astype(int) - [0xD9, 0xDE, 0xE2]).sum(-1) < 6
    left = slice(0, int(0.85 * image.shape[1]))
    tops = [np.nonzero(mask[:, left])[0].mean() for mask in (yellow, grey)]
    assert tops[0] < 0.25 * image.shape[0] < 0.6 * image.shape[0] < tops[1]


def test_measured_spots_are_marked_on_demand(lattice):
    panel = [("", np.zeros(lattice.n_positions))]
    plain, marked = (pixels(map_figure(lattice, panel, "", marked=m)) for m in (False, True))
    assert plain.shape == marked.shape
    assert (plain != marked).any()


def test_a_scale_bar_only_where_the_unit_is_known(lattice):
    panel = [("a", levels(lattice))]
    known = words(map_figure(with_unit(lattice, "micrometre (index x 200)"), panel, "u"))
    assert "200 µm" in known
    assert "2 mm" not in known
    for unit in ("full-resolution image pixel", ""):
        assert not any("m" in w for w in words(map_figure(with_unit(lattice, unit), panel, "u")))
    assert micrometres(with_unit(lattice, "mm")) == 1000


def test_a_turned_square_lattice_is_drawn_too():
    section = made_section("square")
    turn = np.array([[0.8, 0.6], [-0.6, 0.8]])
    grid = replace(section.grid, affine=np.vstack([100 * turn, [0, 0]]))
    image = pixels(map_figure(replace(section, grid=grid), [("", levels(section))], ""))
    # The corners of the picture are outside the tissue.
    assert (image[30, 5] == 255).all()


def test_equal_figures_are_equal_bytes(lattice):
    panel = [("a", levels(lattice))]
    for kind in ("png", "svg"):
        assert save(map_figure(lattice, panel, "u"), kind) == save(
            map_figure(lattice, panel, "u"), kind
        )


@pytest.mark.parametrize("colours", COLOURS)
def test_every_colour_map_exists(colours, square):
    assert save(map_figure(square, [("", levels(square))], "", colours=colours), "png")


def test_wrong_requests_are_sentences(square):
    panel = [("", levels(square))]
    with pytest.raises(S2SError, match="Unknown colours 'jet'"):
        map_figure(square, panel, "", colours="jet")
    with pytest.raises(S2SError, match="no map"):
        map_figure(square, [], "")
    with pytest.raises(S2SError, match="40 mm"):
        map_figure(square, panel, "", width_mm=5)
    with pytest.raises(S2SError, match="png or svg"):
        save(map_figure(square, panel, ""), "pdf")


def test_scatter_says_what_it_shows():
    truth = np.array([0.0, 1.0, 2.0])
    found = words(scatter_figure(truth, truth / 2, "A<B"))
    assert "true A<B (log-normalised)" in found
    assert save(scatter_figure(truth * 0, truth * 0, "zero"), "png")


def test_pyplot_is_never_used():
    tree = ast.parse(Path(figures.__file__).read_text())
    names = {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert "matplotlib" in names
    assert not any("pyplot" in name for name in names)
