"""Panels and designs as the viewer gets them: shared colours, legends with counts."""

import numpy as np
import pytest

from s2s_core.output.panels import Look, Panel
from s2s_core.output.viewer_maps import design_maps, panel_maps

RISING = np.linspace(0, 4, 50)


def test_maps_of_one_scale_share_it_and_errors_are_about_zero():
    panels = [
        Panel("Imputed", RISING),
        Panel("Truth", RISING / 2),
        Panel("Error", RISING - 1, "error"),
        Panel("Width", RISING + 1, "width"),
    ]
    maps = panel_maps(panels, "log-normalised", title="GENE", look=Look("Cividis"))
    assert [m.scale for m in maps.maps] == ["value", "value", "error", "width"]
    value, error, width = (maps.scales[name] for name in ("value", "error", "width"))
    assert (value.label, value.palette) == ("log-normalised", "Cividis")
    assert error.low == -error.high == pytest.approx(-3, abs=0.1)
    assert error.palette == "RdBu_r"
    assert width.palette not in (value.palette, error.palette)
    assert width.palette == "Plasma"
    plasma = panel_maps(panels, "u", title="GENE", look=Look("Plasma"))
    assert plasma.scales["width"].palette == "Viridis"
    # Under errors and widths a tissue image would change what the colours say.
    assert (value.image, error.image, width.image) == (True, False, False)


def test_a_map_of_its_own_scale_tells_its_range():
    maps = panel_maps([Panel("A", RISING, "own"), Panel("B", 10 * RISING, "own")], "", title="two")
    assert [m.title for m in maps.maps] == ["A (0–4)", "B (0–40)"]
    assert len({m.scale for m in maps.maps}) == 2


def test_limits_that_were_asked_for_are_those_of_the_scale():
    maps = panel_maps([Panel("A", RISING)], "u", title="g", look=Look(limits=(1.0, 2.0)))
    assert (maps.scales["value"].low, maps.scales["value"].high) == (1.0, 2.0)


def test_a_design_shows_the_kinds_it_has_with_their_counts(hexagonal):
    design = hexagonal.with_measured(np.arange(hexagonal.n_positions) % 3 == 0)
    maps = design_maps(design)
    (scale,) = maps.scales.values()
    assert [name for name, _ in scale.categories] == [
        f"measured: {int(design.measured.sum()):,}",
        f"hidden, kept for scores: {int(design.hidden.sum()):,}",
    ]
    codes = maps.maps[0].values
    np.testing.assert_array_equal(codes == 0, design.measured)
    np.testing.assert_array_equal(codes == 1, design.hidden)


def test_spots_to_measure_next_are_a_kind_of_their_own(hexagonal):
    design = hexagonal.with_measured(np.arange(hexagonal.n_positions) % 3 == 0)
    proposed = design.hidden & (np.arange(hexagonal.n_positions) < 9)
    maps = design_maps(design, proposed=proposed)
    (scale,) = maps.scales.values()
    assert scale.categories[0][0] == f"to measure next: {int(proposed.sum())}"
    np.testing.assert_array_equal(maps.maps[0].values == 0, proposed)
