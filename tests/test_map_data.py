"""Bytes for the map viewer: what a browser reads is what the maps hold."""

import base64
import zlib
from dataclasses import replace

import numpy as np
import pytest

from s2s_core.output.map_data import drawn_from, maps_message, place_of, quantised, unpack
from s2s_core.output.panels import Panel
from s2s_core.output.viewer_maps import PALETTES, Interval, Maps, Scale

SCALES = {"value": Scale("log-normalised", 0.0, 2.0)}


def shown(panels, **more):
    return Maps(title="GENE", summary="", unit="", maps=panels, scales=SCALES, **more)


def read(head, blobs, layer):
    """Values of a layer as the viewer reads them."""
    told = head["layers"][layer]
    levels = np.frombuffer(blobs[f"layer {layer}"], f"<u{told['bytes']}").astype(float)
    return np.where(levels > 0, told["low"] + (levels - 1) * told["step"], np.nan)


@pytest.mark.parametrize(("fine", "levels"), [(False, 254), (True, 65_534)])
def test_levels_are_within_half_a_step_of_the_values(fine, levels):
    values = np.random.default_rng(0).normal(3, 10, 5_000)
    values[::7] = np.nan
    layer = quantised(values, fine=fine)
    spread = np.nanmax(values) - np.nanmin(values)
    assert layer.step == pytest.approx(spread / levels)
    assert (np.isnan(layer.values) == np.isnan(values)).all()
    assert np.nanmax(np.abs(layer.values - values)) <= layer.step * 0.5001


@pytest.mark.parametrize("values", [np.full(9, 2.5), np.full(9, np.nan), np.array([np.inf, 1.0])])
def test_values_without_a_range_are_read_back_as_they_are(values):
    told = quantised(values).values
    np.testing.assert_array_equal(told, np.where(np.isfinite(values), values, np.nan))


def test_a_place_tells_where_every_position_is(hexagonal):
    head, blobs = unpack(place_of(hexagonal).message)
    pixels = np.cumsum(np.frombuffer(blobs["pixels"], "<i4"))
    rows, cols = np.divmod(pixels, head["shape"][1])
    # As the viewer does it: odd rows of the array are shifted by half a step.
    shift = (head["row0"] + head["parity"]) % 2
    u = cols + head["col0"] + 0.5 * ((rows + shift) % 2)
    v = (rows + head["row0"]) * np.sqrt(3) / 2
    xy = np.column_stack([u, v, np.ones(len(u))]) @ np.array(head["affine"])
    np.testing.assert_allclose(xy, hexagonal.grid.to_xy(hexagonal.row, hexagonal.col), atol=1e-9)
    assert blobs["ids"].decode().split("\n") == list(hexagonal.spot_ids)
    assert all(len(blobs[f"palette {name}"]) == 3 * 256 for name in PALETTES)


def test_a_place_is_named_by_what_it_holds(hexagonal):
    values = replace(hexagonal, measured=~hexagonal.measured, uns=dict(hexagonal.uns))
    moved = replace(hexagonal, grid=replace(hexagonal.grid, affine=hexagonal.grid.affine + 1.0))
    assert place_of(values).key == place_of(hexagonal).key
    assert place_of(moved).key != place_of(hexagonal).key


def test_a_message_holds_maps_interval_and_state(hexagonal):
    n = hexagonal.n_positions
    values = np.linspace(0, 3, n)
    panels = [
        Panel("Imputed", values),
        Panel("Measured", np.where(hexagonal.measured, values, np.nan)),
    ]
    region = np.arange(n) < 5
    interval = Interval(values - 0.25, values + 0.5, "90 % interval")
    head, blobs = unpack(
        maps_message(hexagonal, "place", shown(panels, interval=interval, region=region))
    )
    assert [m["title"] for m in head["maps"]] == ["Imputed", "Measured"]
    assert head["interval"] == "90 % interval"
    np.testing.assert_allclose(read(head, blobs, 0), values, atol=1e-4)
    np.testing.assert_array_equal(np.isnan(read(head, blobs, 1)), ~hexagonal.measured)
    np.testing.assert_allclose(read(head, blobs, 2), interval.lower, atol=1e-4)
    np.testing.assert_allclose(read(head, blobs, 3), interval.upper, atol=1e-4)
    for name, where in (("measured", hexagonal.measured), ("region", region)):
        bits = np.unpackbits(np.frombuffer(blobs[name], np.uint8), count=n, bitorder="little")
        np.testing.assert_array_equal(bits.astype(bool), where)


def test_codes_of_categories_are_told_exactly(hexagonal):
    codes = np.arange(hexagonal.n_positions) % 3
    kinds = Scale("", categories=(("a", "#000000"), ("b", "#ff0000"), ("c", "#00ff00")))
    maps = replace(shown([Panel("Design", codes.astype(float), "kind")]), scales={"kind": kinds})
    head, blobs = unpack(maps_message(hexagonal, "place", maps))
    np.testing.assert_array_equal(read(head, blobs, 0), codes)


def test_six_maps_of_an_ordinary_section_weigh_less_than_40_kb():
    from benchmarks.viewer_section import lattice_section, maps_of

    section = lattice_section(6_700)
    made = maps_of(section, 0)
    names = ("truth", "imputed", "kriging", "error", "width")
    panels = [Panel("Measured", np.where(section.measured, made["truth"], np.nan))]
    panels += [Panel(name, made[name]) for name in names]
    interval = Interval(made["lower"], made["upper"], "90 % interval")
    assert len(maps_message(section, "p", shown(panels, interval=interval))) < 40_000


def stroke(inside, **more):
    packed = np.packbits(inside, bitorder="little").tobytes()
    bits = base64.b64encode(zlib.compress(packed)).decode()
    return {"mode": "add", "tool": "lasso", "count": len(inside), "bits": bits} | more


def test_a_stroke_comes_back_as_positions():
    inside = np.random.default_rng(1).random(1_001) < 0.3
    drawn = drawn_from(stroke(inside), 1_001)
    np.testing.assert_array_equal(drawn.inside, inside)
    assert (drawn.mode, drawn.tool) == ("add", "lasso")


@pytest.mark.parametrize(
    "told",
    [
        None,
        "drawn",
        stroke(np.ones(8, bool)),
        stroke(np.ones(10, bool)),
        stroke(np.ones(9, bool), mode="all"),
        stroke(np.ones(9, bool), bits="?"),
        stroke(np.ones(9, bool), bits=base64.b64encode(b"zzz").decode()),
        stroke(np.ones(90, bool), count=9),
        stroke(np.ones(9, bool), bits=7),
    ],
)
def test_what_is_no_stroke_of_this_section_is_none(told):
    assert drawn_from(told, 9) is None


def test_strokes_add_take_away_and_replace():
    before = np.array([True, True, False, False])
    inside = np.array([False, True, True, False])

    def upon(mode, kept):
        return drawn_from(stroke(inside, mode=mode), 4).upon(kept).tolist()

    assert upon("add", before) == [True, True, True, False]
    assert upon("remove", before) == [True, False, False, False]
    assert upon("replace", before) == inside.tolist()
    assert upon("add", None) == inside.tolist()
    assert upon("remove", None) == [False] * 4
