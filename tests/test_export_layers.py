"""Every file holds the array it is named after; in the fixture no two arrays or numbers are alike."""

import json
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core.config import preset
from s2s_core.data.result import Result, load_result, provenance, save_result
from s2s_core.output.bundle import Bundle, compare, fingerprint
from s2s_core.output.export import export
from s2s_core.output.tables import guard, write_long_csv
from s2s_core.sampling.apply import sample
from tests.made import made_section


@pytest.fixture
def result():
    section = sample(made_section("hex", 12, 10), "random:0.5", seed=3)
    shape = (section.n_positions, len(section.genes))
    numbers = iter(range(1, 20))

    def array():
        return (100 * next(numbers) + np.arange(np.prod(shape)).reshape(shape) / 1000).astype(
            np.float32
        )

    metrics = pd.DataFrame(
        {
            "method": np.repeat(["kriging", "linear"], 6),
            "gene": [*section.genes] * 2,
            "pcc": np.repeat([0.7, 0.2], 6),
            "rmse": np.repeat([0.3, 0.9], 6),
        }
    )
    return Result(
        section=section,
        config=preset(
            "fast", method="kriging", compare=("linear",), seed=7, answer="median", coverage=0.8
        ),
        maps={"kriging": array(), "linear": array()},
        sd={"kriging": array(), "linear": array()},
        layers={"median": array(), "lower": array(), "upper": array()},
        truth=array(),
        metrics=metrics,
        info={"target_sum": 33.5},
    )


def genes_of(path, result):
    table = pd.read_csv(path) if path.suffix == ".csv" else pd.read_parquet(path)
    assert list(table["spot_id"]) == list(result.section.spot_ids)
    return table[list(result.section.genes)].to_numpy(np.float32)


def test_tables_hold_what_they_are_named_after(result, tmp_path):
    export(result, tmp_path, intervals=True)
    answer = result.layers["median"]
    assert np.array_equal(genes_of(tmp_path / "imputed.csv", result), answer)
    assert np.array_equal(genes_of(tmp_path / "imputed.parquet", result), answer)
    for name in ("lower", "upper"):
        found = genes_of(tmp_path / f"imputed_{name}.csv", result)
        assert np.array_equal(found, result.layers[name])
    export(result, tmp_path / "plain")
    assert not list((tmp_path / "plain").glob("imputed_*"))


def test_the_h5ad_holds_every_layer(result, tmp_path):
    export(result, tmp_path)
    found = ad.read_h5ad(tmp_path / "imputed.h5ad")
    wanted = {**result.layers, "mean": result.maps["kriging"], "sd": result.sd["kriging"]}
    assert set(found.layers) == set(wanted)
    for name, values in wanted.items():
        assert np.array_equal(found.layers[name], values), name
    assert np.array_equal(found.X, result.layers["median"])
    assert np.array_equal(found.obs["measured"], result.section.measured)
    assert np.array_equal(found.obsm["spatial"], result.section.xy)
    mean = replace(result, config=replace(result.config, answer="mean")).to_anndata()
    assert np.array_equal(mean.X, result.maps["kriging"])
    assert np.array_equal(mean.layers["mean"], result.maps["kriging"])


def test_the_long_table_holds_every_layer(result, tmp_path):
    write_long_csv(result, tmp_path / "long.csv")
    table = pd.read_csv(tmp_path / "long.csv")
    count = len(result.section.genes)
    assert list(table["gene"][:count]) == list(result.section.genes)
    assert list(table["spot_id"][::count]) == list(result.section.spot_ids)
    for column, values in {"value": result.layers["median"], **result.layers}.items():
        assert np.array_equal(table[column].to_numpy(np.float32), values.ravel()), column


def test_a_run_opens_again_as_it_was(result, tmp_path):
    save_result(result, tmp_path)
    found = load_result(tmp_path)
    for kind in ("maps", "sd", "layers"):
        kept, saved = getattr(found, kind), getattr(result, kind)
        assert list(kept) == list(saved)
        for name in saved:
            assert np.array_equal(kept[name], saved[name]), (kind, name)
    assert np.array_equal(found.truth, result.truth)
    assert found.config == result.config
    pd.testing.assert_frame_equal(found.metrics, result.metrics)
    assert np.array_equal(found.section.measured, result.section.measured)


def test_the_record_tells_the_runs_seed_from_the_masks(result, tmp_path):
    made = provenance(result)
    assert (made["seed"], made["mask_seed"], made["coverage"], made["answer"]) == (
        7,
        3,
        0.8,
        "median",
    )
    assert made["target_sum"] == 33.5
    export(result, tmp_path)
    record = json.loads((tmp_path / "run.json").read_text())
    assert (record["seed"], record["mask_seed"]) == (7, 3)
    assert record["config"]["seed"] == 7
    assert record["layers"] == ["median", "lower", "upper"]
    assert ad.read_h5ad(tmp_path / "imputed.h5ad").uns["s2s"]["seed"] == 7


@pytest.fixture(scope="module")
def large():
    """A map of more rows than are looked at at once."""
    return np.random.default_rng(0).random((2500, 2)).astype(np.float32)


@pytest.mark.parametrize("row", [0, 1023, 1024, 1800, 2499])
def test_every_row_counts_in_a_checksum_and_in_a_comparison(large, result, row):
    moved = large.copy()
    moved[row, 1] += 0.25
    assert fingerprint(moved) != fingerprint(large)
    assert fingerprint(np.asfortranarray(large)) == fingerprint(large)
    again = replace(result, layers={"median": moved})
    bundle = Bundle(result.section, result.config, {"sha256": fingerprint(large)}, large)
    found = compare(bundle, again)
    assert found.level == "different"
    assert found.largest == pytest.approx(0.25, rel=1e-4)
    assert compare(bundle, replace(result, layers={"median": large})).level == "same"


def test_a_comparison_tells_before_from_now(large, result):
    expected = {"sha256": "", "scores": {"kriging": {"pcc": 0.9, "rmse": 0.1}}}
    bundle = Bundle(result.section, result.config, expected, large)
    found = compare(bundle, replace(result, layers={"median": large + 1}))
    assert "PCC 0.900 before and 0.700 now, RMSE 0.100 before and 0.300 now" in found.sentence


@pytest.mark.parametrize("lead", ["=", "+", "-", "@", "\t", "\r"])
def test_what_a_spreadsheet_may_run_is_quoted(lead):
    assert guard(f"{lead}cmd") == f"'{lead}cmd"
    assert guard(f"a{lead}cmd") == f"a{lead}cmd"
    assert guard("-1.5") == "-1.5"
    assert guard("+3") == "+3"
