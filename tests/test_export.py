import json
from dataclasses import replace

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core._version import __version__
from s2s_core.config import RunConfig
from s2s_core.data.observation import observe
from s2s_core.data.result import load_result, save_result, to_anndata, write_run
from s2s_core.errors import S2SError
from s2s_core.output import tables as tables_module
from s2s_core.output.export import export
from s2s_core.output.tables import guard, write_csv, write_long_csv, write_parquet
from s2s_core.readers import read
from s2s_core.sampling.apply import sample
from tests.made import made_result, made_section
from tests.made_files import space_ranger


@pytest.fixture
def result(lattice):
    return made_result(sample(lattice, "lattice:2"))


def with_names(section, genes, ids=None):
    obs = (
        section.obs if ids is None else section.obs.set_axis([*ids, *section.obs.index[len(ids) :]])
    )
    return replace(section, var=section.var.set_axis(genes), obs=obs)


def test_a_run_leaves_its_files(result, tmp_path):
    export(result, tmp_path / "new" / "folder")
    assert sorted(p.name for p in (tmp_path / "new" / "folder").iterdir()) == [
        "imputed.csv",
        "imputed.h5ad",
        "imputed.parquet",
        "metrics.csv",
        "run.json",
    ]


def test_csv_has_every_position_and_exact_values(result, tmp_path):
    section = result.section
    write_csv(result, tmp_path / "imputed.csv")
    table = pd.read_csv(tmp_path / "imputed.csv", float_precision="round_trip")
    assert table.columns.tolist() == [
        "spot_id",
        "array_row",
        "array_col",
        "x",
        "y",
        "measured",
        *section.genes,
    ]
    assert table["spot_id"].tolist() == section.spot_ids.tolist()
    assert np.array_equal(table[["array_row", "array_col"]].to_numpy().T, section.array_index)
    assert np.array_equal(table[["x", "y"]].to_numpy(), section.xy)
    assert np.array_equal(table["measured"], section.measured)
    values = table[section.genes].to_numpy(np.float32)
    assert np.array_equal(values, result.imputed)
    assert np.array_equal(values[section.measured], observe(section).values)


def test_csv_longer_than_a_chunk(tmp_path):
    result = made_result(sample(made_section("square", 40, 60), "lattice:2"))
    write_csv(result, tmp_path / "imputed.csv")
    table = pd.read_csv(tmp_path / "imputed.csv")
    assert len(table) == 2400
    assert np.array_equal(table[result.section.genes].to_numpy(np.float32), result.imputed)


@pytest.mark.parametrize("chunk", [1, 100, 1 << 17])
def test_long_csv_holds_every_value_once(result, tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(tables_module, "LONG_CHUNK_ROWS", chunk)
    section, genes = result.section, len(result.section.genes)
    write_long_csv(result, tmp_path / "long.csv")
    table = pd.read_csv(tmp_path / "long.csv", float_precision="round_trip")
    assert table.columns.tolist() == [
        "spot_id",
        "array_row",
        "array_col",
        "x",
        "y",
        "measured",
        "gene",
        "value",
        "median",
        "lower",
        "upper",
    ]
    assert table["spot_id"].tolist() == np.repeat(section.spot_ids, genes).tolist()
    assert table["gene"].tolist() == section.genes.tolist() * section.n_positions
    assert np.array_equal(table["measured"], np.repeat(section.measured, genes))
    assert np.array_equal(table["x"], np.repeat(section.xy[:, 0], genes))
    for name, values in {"value": result.imputed, **result.layers}.items():
        assert np.array_equal(table[name].to_numpy(np.float32).reshape(values.shape), values)


def test_long_csv_is_guarded_and_leaves_empty_what_there_is_not(tmp_path):
    section = with_names(made_section(), ["=1+1", "y", "c", "d", "e", "f"], ["@cmd"])
    result = replace(made_result(sample(section, "lattice:2")), layers={})
    write_long_csv(result, tmp_path / "long.csv")
    table = pd.read_csv(tmp_path / "long.csv")
    assert table["gene"][:2].tolist() == ["'=1+1", "y"]
    assert table["spot_id"][0] == "'@cmd"
    assert table[["median", "lower", "upper"]].isna().all(axis=None)


def test_csv_reads_back_as_a_section(result, tmp_path):
    write_csv(result, tmp_path / "imputed.csv")
    again = read(tmp_path / "imputed.csv", measured="measured")
    assert again.is_log
    assert again.grid.kind == result.section.grid.kind
    assert again.genes.tolist() == result.section.genes.tolist()
    assert np.array_equal(again.measured, result.section.measured)
    assert np.array_equal(again.counts.toarray()[again.measured], observe(result.section).values)


def test_parquet_holds_what_csv_holds(tmp_path):
    genes = ["=HYPERLINK(1)", "G,1", 'G"2', "Rückgrat", "y", "MARCH1"]
    section = with_names(made_section("square", 60, 80), genes, ["=cmd", "-1"])
    result = made_result(sample(section, "lattice:2"))
    write_parquet(result, tmp_path / "imputed.parquet")
    write_csv(result, tmp_path / "imputed.csv")
    names = [*genes[:4], "y (gene)", "MARCH1"]
    table = pd.read_parquet(tmp_path / "imputed.parquet")
    csv = pd.read_csv(tmp_path / "imputed.csv", float_precision="round_trip")
    assert table.columns.tolist() == [*csv.columns[:6], *names]
    assert table["spot_id"].tolist() == section.spot_ids.tolist()
    assert np.array_equal(table.iloc[:, 1:6].to_numpy(), csv.iloc[:, 1:6].to_numpy())
    assert np.array_equal(table[names].to_numpy(), result.imputed)
    again = read(tmp_path / "imputed.parquet", measured="measured")
    assert again.genes.tolist() == names
    assert again.spot_ids.tolist() == section.spot_ids.tolist()
    assert np.array_equal(again.measured, result.section.measured)


def test_the_tissue_image_and_columns_of_spots_reach_the_h5ad(tmp_path):
    section = read(space_ranger(tmp_path / "run"))
    result = made_result(sample(section, "lattice:2"))
    export(result, tmp_path / "out")
    adata = ad.read_h5ad(tmp_path / "out" / "imputed.h5ad")
    layout = adata.uns["spatial"]["made_library"]
    assert layout["images"]["hires"].shape == (60, 60, 3)
    assert layout["scalefactors"]["spot_diameter_fullres"] == 89.0
    assert {"in_tissue", "pxl_row_in_fullres", "measured", "origin"} <= set(adata.obs)
    assert np.array_equal(adata.obsm["spatial"], section.xy[section.written_order])


def test_no_name_runs_as_a_formula(tmp_path):
    genes = ["=HYPERLINK(1)", "+A1", "@SUM", "-gene", "y", "MARCH1"]
    section = with_names(made_section(), genes, ["=cmd", "-1", 'quoted "id", with comma'])
    result = made_result(sample(section, "lattice:2"))
    export(result, tmp_path)
    table = pd.read_csv(tmp_path / "imputed.csv", dtype={"spot_id": str})
    assert table.columns[6:].tolist() == [
        "'=HYPERLINK(1)",
        "'+A1",
        "'@SUM",
        "'-gene",
        "y (gene)",
        "MARCH1",
    ]
    assert table["spot_id"][:3].tolist() == ["'=cmd", "-1", 'quoted "id", with comma']
    assert pd.read_csv(tmp_path / "metrics.csv")["gene"][0] == "'=HYPERLINK(1)"
    again = read(tmp_path / "imputed.csv")
    assert again.genes[:4].tolist() == genes[:4]
    assert again.spot_ids[0] == "=cmd"
    assert ad.read_h5ad(tmp_path / "imputed.h5ad").var_names.tolist() == genes


@pytest.mark.parametrize("name", ["MBP", "1-Sep", "a=b", "-1", "+2.5", "'quoted"])
def test_harmless_names_stay(name):
    assert guard(name) == name


def test_anndata_says_what_it_holds(result, tmp_path):
    section = result.section
    export(result, tmp_path)
    adata = ad.read_h5ad(tmp_path / "imputed.h5ad")
    assert adata.X.dtype == np.float32
    assert np.array_equal(adata.X, result.imputed)
    assert np.array_equal(adata.layers["sd"], result.sd["linear"])
    assert np.array_equal(adata.obsm["spatial"], section.xy)
    assert np.array_equal(adata.obs["measured"], section.measured)
    assert set(adata.obs["origin"]) == {"spot"}
    assert np.array_equal(adata.obs[["array_row", "array_col"]].to_numpy().T, section.array_index)
    made = adata.uns["s2s"]
    assert made["target_sum"] == pytest.approx(observe(section).target_sum)
    assert made["method"] == "linear"
    assert made["preset"] == "fast"
    assert made["seed"] == 0
    assert made["version"] == __version__
    assert made["design"] == "lattice:2"
    assert RunConfig.from_json(made["config"]) == result.config
    # Never normalised a second time.
    assert read(tmp_path / "imputed.h5ad").is_log


def test_anndata_of_gaps_and_mixed_columns(tmp_path):
    section = made_section()
    section.obs["region"] = "cortex"
    section.obs["flag"] = True
    result = made_result(sample(section, "densify:2"))
    export(result, tmp_path)
    adata = ad.read_h5ad(tmp_path / "imputed.h5ad")
    assert adata.n_obs == result.section.n_positions
    assert adata.obs["region"].isna().sum() == adata.n_obs - 120
    assert set(adata.obs["origin"]) == {"spot", "new"}


def test_anndata_without_deviation_and_of_log_input():
    section = replace(sample(made_section(), "lattice:2"), is_log=True)
    result = replace(made_result(section), sd={})
    adata = to_anndata(result)
    assert "sd" not in adata.layers
    assert "target_sum" not in adata.uns["s2s"]


def test_anndata_is_the_users_own(result):
    adata = to_anndata(result)
    adata.X[:] = -1
    adata.obs["measured"] = False
    assert result.imputed.min() >= 0
    assert result.section.measured.any()


def test_the_record_has_the_masks_seed_and_how_the_file_was_read(tmp_path):
    made_section().to_anndata().write_h5ad(tmp_path / "in.h5ad")
    section = sample(
        read(tmp_path / "in.h5ad", scale="counts", bin_size=200.0), "random:0.5", seed=11
    )
    write_run(made_result(section), tmp_path / "run.json")
    data = json.loads((tmp_path / "run.json").read_text())
    assert (data["design"], data["mask_seed"]) == ("random:0.5", 11)
    assert data["input"]["options"] == {
        "technology": "auto",
        "kind": "auto",
        "absent": "auto",
        "scale": "counts",
        "bin_size": 200.0,
        "totals": "auto",
    }
    painted = section.with_measured(np.arange(section.n_positions) % 2 == 0, "painted")
    write_run(made_result(painted), tmp_path / "run.json")
    # The seed belonged to the design before.
    assert "mask_seed" not in json.loads((tmp_path / "run.json").read_text())


def test_run_json_is_strict_json(result, tmp_path):
    export(result, tmp_path)

    def refuse(word):
        pytest.fail(f"{word} is no JSON")

    data = json.loads((tmp_path / "run.json").read_text(), parse_constant=refuse)
    assert data["device"] == "cpu"
    assert data["peak"] == 3.0
    assert data["nothing"] is None
    assert data["version"] == __version__
    assert RunConfig.from_json(json.dumps(data["config"])) == result.config


def test_saved_result_opens_again_the_same(result, tmp_path):
    save_result(result, tmp_path)
    again = load_result(tmp_path)
    assert list(again.maps) == ["linear", "nearest"]
    assert again.config == result.config
    for name in result.maps:
        assert np.array_equal(again.maps[name], result.maps[name])
    assert np.array_equal(again.imputed, result.imputed)
    assert np.array_equal(again.sd["linear"], result.sd["linear"])
    assert np.array_equal(again.truth, result.truth, equal_nan=True)
    pd.testing.assert_frame_equal(again.metrics, result.metrics)
    assert again.section.spot_ids.equals(result.section.spot_ids)
    assert again.info["device"] == "cpu"
    assert isinstance(again.maps["linear"], np.memmap)
    export(again, tmp_path / "out")
    assert np.array_equal(ad.read_h5ad(tmp_path / "out" / "imputed.h5ad").X, result.imputed)


def test_an_unfinished_run_is_not_opened(result, tmp_path):
    with pytest.raises(S2SError, match="no finished run"):
        load_result(tmp_path)
    save_result(result, tmp_path)
    (tmp_path / "run.json").unlink()
    with pytest.raises(S2SError, match="no finished run"):
        load_result(tmp_path)


def test_a_failed_save_leaves_no_finished_run(result, tmp_path):
    save_result(result, tmp_path)
    with pytest.raises(S2SError):
        save_result(replace(result, maps={"../evil": result.imputed}), tmp_path)
    with pytest.raises(S2SError, match="no finished run"):
        load_result(tmp_path)


def test_method_names_are_no_paths(result, tmp_path):
    bad = replace(result, maps={"../evil": result.imputed})
    with pytest.raises(S2SError, match="no name of a method"):
        save_result(bad, tmp_path / "job")
    assert not (tmp_path / "evil.npy").exists()
