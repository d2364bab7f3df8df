"""Text forms of designs, what is refused, and every design on a real section."""

import numpy as np
import pandas as pd
import pytest

from s2s_core.data.assemble import assemble
from s2s_core.data.design_text import parse, spec_at_budget
from s2s_core.data.mask_table import mask_from_table, mask_table, read_mask_table
from s2s_core.errors import S2SError
from s2s_core.sampling.active import Covariance, reduce_variance
from s2s_core.sampling.apply import at_budget, sample
from s2s_core.sampling.pilot import Pilot
from s2s_core.sampling.registry import BUDGETED
from tests.made import made_section


def points_of(section, mask):
    return section.grid.lattice_xy(section.row[mask], section.col[mask])


def test_text_forms_are_read():
    spec = parse("region:0.2/region=my/part/must=a b")
    assert (spec.name, spec.argument) == ("region", "0.2")
    assert spec.options == {"region": "my/part", "must": "a b"}
    assert parse("csv:/tmp/mask.csv").argument == "/tmp/mask.csv"
    assert spec_at_budget("lattice", 0.1, periodic=True) == "lattice:3x3@0,0/budget=0.1"
    assert spec_at_budget("hexlattice", 0.5, periodic=True) is None
    assert spec_at_budget("checkerboard", 0.25, periodic=True) is None


@pytest.mark.parametrize(
    ("spec", "options", "word"),
    [
        ("random:0", {}, "above 0 and below 1"),
        ("stratified:0spots", {}, "between 1"),
        ("active:1.2", {}, "above 0 and below 1, found 1.2"),
        ("poisson:500spots", {}, "more than the 252 spots"),
        (
            "poisson:0.1",
            {"must": np.arange(252) < 40},
            "40 spots must be measured, more than the budget",
        ),
        ("poisson:0.5", {"avoid": np.arange(252) < 200}, "Only 52 spots may be measured"),
        (
            "random:0.5",
            {"must": np.arange(252) < 9, "avoid": np.arange(252) < 4},
            "4 spots must be",
        ),
        ("random:0.5", {"density": np.ones(252)}, "random takes no density"),
        ("lattice:2", {"region": np.ones(252)}, "takes no region; those that do: region"),
        ("density:0.5", {"density": np.zeros(252)}, "painted outside"),
        ("density:0.5", {"density": np.arange(252) < 50}, "fewer than the budget"),
        ("density:0.5", {"density": np.full(252, -1.0)}, "0 or more"),
        ("density:0.5", {"density": np.ones(7)}, r"shape \(7,\)"),
        ("density:0.5/density=nothing", {}, "no obs column 'nothing'"),
        ("region:0.1", {"region": np.arange(252) < 90}, "more than the budget of 25; raise"),
        ("region:0.1", {"region": np.zeros(252)}, "no spot that can be measured"),
        ("active:0.2@zero", {}, "range must be"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(spec, options, word):
    section = made_section("square", 18, 14)
    with pytest.raises(S2SError, match=word) as caught:
        sample(section, spec, **options)
    assert "\n" not in str(caught.value)


def test_a_density_painted_beside_the_tissue_is_refused():
    section = made_section("square", 12, 12)
    keep = section.col < 9
    part = assemble(
        section.counts[keep],
        obs=section.obs[keep],
        var=section.var,
        xy=section.xy[keep],
        array_index=tuple(a[keep] for a in section.array_index),
        absent="background",
    )
    hole = part.grid.tissue.copy()
    with pytest.raises(S2SError, match="painted outside"):
        sample(part, "density:0.2", density=(~hole).astype(float))


def test_spot_ids_that_a_spreadsheet_would_run_are_found_again(tmp_path):
    from s2s_core.output.export import guard

    section = made_section("square")
    section.obs.index = pd.Index([f"=spot{i}" for i in range(120)])
    sampled = sample(section, "random:0.3")
    table = mask_table(sampled)
    table["spot_id"] = table["spot_id"].map(guard)
    table.to_csv(tmp_path / "mask.csv", index=False)
    again = mask_from_table(read_mask_table(tmp_path / "mask.csv"), section)
    assert np.array_equal(again, sampled.measured)


def test_too_many_positions_for_an_active_design():
    with pytest.raises(S2SError, match="too much memory"):
        reduce_variance(
            np.zeros((10_001, 2)),
            Covariance(),
            np.ones(10_001, bool),
            5,
            rng=np.random.default_rng(0),
        )


def test_every_design_on_a_real_section(data_dir, tmp_path):
    from s2s_core import read
    from s2s_core.sampling.design_metrics import evaluate_design

    section = read(data_dir / "visium_human_breast_crop.h5ad").everything_known()
    pilot = Pilot(section)
    expected = {}
    for name in BUDGETED:
        sampled = at_budget(section, name, 0.25, pilot=pilot)
        if sampled is None:
            assert name == "checkerboard"
            continue
        assert sampled.measured.sum() == round(0.25 * section.measured.sum())
        mask_table(sampled).to_csv(tmp_path / "mask.csv", index=False)
        again = mask_from_table(read_mask_table(tmp_path / "mask.csv"), section)
        assert np.array_equal(again, sampled.measured)
        expected[name] = evaluate_design(pilot, sampled.measured).expected_pcc
    assert expected["poisson"] > expected["random"] > expected["stripes"]
