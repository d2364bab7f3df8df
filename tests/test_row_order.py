"""A file with its rows in another order gives the same maps, intervals, masks and statistics."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core import read, sample
from s2s_core.config import preset
from s2s_core.data.structure import gene_structure
from s2s_core.imputation import run
from s2s_core.output.export import export
from tests.made import made_counts, made_table

pytestmark = pytest.mark.slow


def two_files(folder, kind: str):
    """The same section twice, the second with its rows shuffled and genes as they were."""
    _, obs, _, xy, (row, col) = made_table(kind, 12, 12)
    counts = made_counts(row, col, 14)
    adata = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"G{g}" for g in range(14)]))
    adata.obsm["spatial"] = xy
    keep = np.arange(len(obs)) % 17 > 0
    adata = adata[keep].copy()
    shuffled = adata[np.random.default_rng(1).permutation(adata.n_obs)].copy()
    for name, one in (("a", adata), ("b", shuffled)):
        one.write_h5ad(folder / f"{name}.h5ad")
    return folder / "a.h5ad", folder / "b.h5ad", shuffled.obs_names


@pytest.mark.parametrize("kind", ["square", "hex"])
@pytest.mark.parametrize("design", ["random:0.5", "poisson:0.4", "gaps"])
def test_maps_intervals_and_masks(tmp_path, kind, design):
    *files, names = two_files(tmp_path, kind)
    tables = []
    for path in files:
        section = read(path)
        if design != "gaps":
            section = sample(section, design, seed=3)
        result = run(
            section, preset("fast", method="programme-kriging", compare=("linear", "gaussian"))
        )
        export(result, tmp_path / path.stem, intervals=True)
        tables.append(result)
    one, two = tables
    assert one.section.spot_ids.equals(two.section.spot_ids)
    assert np.array_equal(one.section.measured, two.section.measured)
    for name, values in one.maps.items():
        assert np.array_equal(values, two.maps[name]), name
    for name, values in one.layers.items():
        assert np.array_equal(values, two.layers[name]), name
    assert one.metrics.equals(two.metrics)
    for table in ("imputed", "imputed_lower", "imputed_upper"):
        a, b = (pd.read_csv(tmp_path / f"{f.stem}/{table}.csv", index_col="spot_id") for f in files)
        assert a.loc[b.index].equals(b)
        # Each table keeps its own file's order.
        assert b.index[: len(names)].tolist() == names.tolist()
    written = ad.read_h5ad(tmp_path / "b" / "imputed.h5ad")
    assert written.obs_names[: len(names)].tolist() == names.tolist()
    assert written.to_df().loc[a.index].to_numpy() == pytest.approx(
        pd.read_csv(tmp_path / "a/imputed.csv", index_col="spot_id")[written.var_names].to_numpy()
    )


def test_structure_of_genes(tmp_path):
    one, two, _ = two_files(tmp_path, "square")
    assert gene_structure(read(one)).equals(gene_structure(read(two)))
