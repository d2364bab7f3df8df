from dataclasses import fields, replace
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.data import store
from s2s_core.data.assemble import assemble
from s2s_core.data.grid import Grid
from s2s_core.data.observation import observe
from s2s_core.data.store import atomic, load_section, save_section, writable
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from tests.made import made_table


def same(a, b) -> bool:
    if isinstance(a, pd.DataFrame):
        pd.testing.assert_frame_equal(a, b)
        return True
    if sparse.issparse(a):
        return all(
            x.dtype == y.dtype and np.array_equal(x, y)
            for x, y in ((a.data, b.data), (a.indices, b.indices), (a.indptr, b.indptr))
        )
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    if isinstance(a, Grid):
        return all(same(getattr(a, f.name), getattr(b, f.name)) for f in fields(Grid))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    return type(a) is type(b) and a == b


def assert_same(a, b):
    for field in fields(a):
        assert same(getattr(a, field.name), getattr(b, field.name)), field.name


def with_everything(kind: str):
    """A section with gaps, a mask, chosen genes, every kind of obs column, and uns."""
    odd = {"parity": 1} if kind == "hex" else {}
    counts, obs, var, xy, index = made_table(kind, row0=3, col0=2, **odd)
    obs["area"] = np.linspace(1, 2, len(obs))
    obs["region"] = pd.Categorical(np.where(np.arange(len(obs)) < 60, "a", "b"))
    obs["note"] = "word"
    obs["in_tissue"] = True
    obs["measured"] = "own column"
    var["chosen"] = "yes"
    keep = np.ones(len(obs), bool)
    keep[[45, 66]] = False
    section = assemble(
        counts[keep],
        obs=obs[keep],
        var=var,
        xy=xy[keep],
        array_index=tuple(a[keep] for a in index),
        uns={"tissue": "made", "numbers": np.arange(3.0)},
    )
    return sample(section, "random:0.5", seed=2).subset_genes(["Gene3", "Gene1"])


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("step", ["masked", "densified", "whole", "log"])
def test_round_trip_is_identical(tmp_path, kind, step):
    section = with_everything(kind)
    if step == "densified":
        section = sample(section, "densify:2")
    elif step == "log":
        section = replace(section, is_log=True, totals=None)
    save_section(section, tmp_path / "section.h5ad")
    again = load_section(tmp_path / "section.h5ad")
    assert_same(section, again)
    assert np.array_equal(observe(section).values, observe(again).values)


def test_points_round_trip(points, tmp_path):
    save_section(points, tmp_path / "section.h5ad")
    assert_same(points, load_section(tmp_path / "section.h5ad"))


def test_the_file_is_an_ordinary_anndata(tmp_path):
    section = with_everything("hex")
    save_section(section, tmp_path / "section.h5ad")
    adata = ad.read_h5ad(tmp_path / "section.h5ad")
    assert adata.obs_names.tolist() == section.spot_ids.tolist()
    assert np.array_equal(adata.obsm["spatial"], section.xy)
    assert adata.obs["measured"].tolist() == section.measured.tolist()


def test_other_files_are_refused(tmp_path, square):
    (tmp_path / "text.h5ad").write_text("no")
    square.to_anndata().write_h5ad(tmp_path / "other.h5ad")
    for name in ("text.h5ad", "other.h5ad", "lost.h5ad"):
        with pytest.raises(S2SError, match="no saved section"):
            load_section(tmp_path / name)


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic(path) as part:
        part.write_text("half")
        assert path.read_text() == "old"
        raise RuntimeError
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]
    with path.open() as reader:
        with atomic(path) as part:
            part.write_text("new")
        # Whoever has the old file open goes on reading it whole.
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["file.txt"]


def test_columns_of_mixed_things_become_writable():
    table = pd.DataFrame(
        {"flag": [True, np.nan, False], "mixed": ["a", 1, None], "_index": [1.0, 2.0, 3.0]},
        index=["a", "b", "c"],
    )
    out = writable(table)
    assert out["flag"].tolist() == [True, pd.NA, False]
    assert out["mixed"].tolist()[:2] == ["a", "1"]
    assert out["mixed"].isna().tolist() == [False, False, True]
    assert "_index" not in out
    assert table["mixed"].tolist() == ["a", 1, None]


def test_a_file_that_somebody_reads_is_replaced_when_they_are_done(tmp_path, monkeypatch):
    """As Windows has it; here the system is made to refuse."""
    path, real = tmp_path / "a.txt", Path.replace
    path.write_text("old")
    busy = [True, True]

    def replace_(self, target):
        if busy and busy.pop():
            raise PermissionError
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace_)
    with atomic(path) as part:
        part.write_text("new")
    assert path.read_text() == "new"
    busy += [True] * 1000
    monkeypatch.setattr(store, "TRY_AGAIN_SECONDS", 0.0)
    with pytest.raises(PermissionError), atomic(path) as part:
        part.write_text("newest")
    assert path.read_text() == "new"
    assert list(tmp_path.iterdir()) == [path]
