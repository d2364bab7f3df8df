"""Columns and compressions of AnnData files: what is read is written again."""

import anndata
import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from s2s_core.config import RunConfig
from s2s_core.data.store import load_section, save_section
from s2s_core.errors import S2SError
from s2s_core.imputation import run
from s2s_core.output.export import write_h5ad as write_result
from s2s_core.readers import read
from s2s_core.readers.subprocess_reader import read_in_subprocess
from tests.annotated_files import same
from tests.made_files import made_anndata, write_h5ad

pytestmark = pytest.mark.slow


# --- what is written


def odd_columns(n: int) -> dict:
    half = np.arange(n) % 2 == 0
    return {
        "nullable_words": pd.array([None if h else "é" for h in half], dtype="string"),
        "nullable_integers": pd.array([None if h else 7 for h in half], dtype="Int16"),
        "nullable_floats": pd.array([None if h else 0.5 for h in half], dtype="Float64"),
        "nullable_yes_no": pd.array([None if h else True for h in half], dtype="boolean"),
        "arrow": pd.array(["w"] * n, dtype=pd.ArrowDtype(pa.string())),
        "dates": pd.date_range("2020-01-01", periods=n),
        "spans": pd.cut(np.arange(n), 3),
        "mixed": [1, "1"] * (n // 2),
        "lists": [[1]] * n,
        "bytes": [b"x"] * n,
        "complex": np.arange(n) * 1j,
        "half": np.arange(n).astype(np.float16),
        "sparse": pd.arrays.SparseArray(np.arange(n)),
        "with/slash": 1,
        "_index": 2,
        "index_": 3,
        4: 4,
        "4": 5,
        "many": pd.Categorical([1, "1"] * (n // 2)),
    }


def test_no_column_costs_a_result(tmp_path):
    section = read(write_h5ad(made_anndata(), tmp_path / "a.h5ad"))
    odd = pd.DataFrame(odd_columns(len(section.obs)), index=section.spot_ids)
    obs = pd.concat([section.obs, odd], axis=1).rename_axis("half")
    var = pd.DataFrame(odd_columns(6), index=section.genes)
    section = section.__class__(**{**section.__dict__, "obs": obs, "var": var})
    section = section.with_measured(np.arange(120) % 3 > 0)
    save_section(section, tmp_path / "s.h5ad")
    back = load_section(tmp_path / "s.h5ad")
    assert back.spot_ids.tolist() == section.spot_ids.tolist()
    assert back.obs.shape == obs.shape
    result = run(section, RunConfig(method="linear", compare=()))
    write_result(result, tmp_path / "imputed.h5ad")
    again = read(tmp_path / "imputed.h5ad")
    assert again.obs["nullable_words"].tolist()[:2] == [np.nan, "é"]
    assert again.obs["bytes"].iloc[0] == "x"
    assert again.obs["with_slash"].tolist() == [1] * 120


@pytest.mark.parametrize("future", [False, True])
def test_nullable_columns_are_read_and_written(tmp_path, future):
    adata = made_anndata()
    adata.obs["note"] = pd.array(["a", None] * 60, dtype="string")
    adata.obs["array_row"] = adata.obs["array_row"].astype("Int64")
    adata.obs["in_tissue"] = pd.array([True] * 120, dtype="boolean")
    adata.var["words"] = pd.array(["w"] * 6, dtype="string")
    with anndata.settings.override(allow_write_nullable_strings=True):
        adata.write_h5ad(tmp_path / "a.h5ad")
    with pd.option_context("future.infer_string", future):
        section = read(tmp_path / "a.h5ad")
        assert same(section, adata)
        save_section(section, tmp_path / "s.h5ad")
        assert load_section(tmp_path / "s.h5ad").obs["note"].isna().sum() == 60
    assert same(read_in_subprocess(tmp_path / "a.h5ad"), adata)


# --- compressions


def test_a_compression_that_is_not_read_is_named(tmp_path):
    adata = made_anndata()
    counts = adata.X.toarray().astype("f4")
    path = write_h5ad(adata, tmp_path / "a.h5ad")
    with h5py.File(path, "a") as file:
        del file["X"]
        how = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        how.set_chunk(counts.shape)
        how.set_filter(32022, h5py.h5z.FLAG_OPTIONAL)
        space = h5py.h5s.create_simple(counts.shape)
        item = h5py.h5d.create(file.id, b"X", h5py.h5t.IEEE_F32LE, space, how)
        item.write_direct_chunk((0, 0), counts.tobytes(), 0)
    with pytest.raises(S2SError, match=r"'a\.h5ad' is compressed with jpeg.*compression='gzip'"):
        read(path)
