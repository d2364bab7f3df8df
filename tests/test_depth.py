"""Panels of few genes: scaled by given totals, or not at all, never by themselves in silence."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from s2s_core import read, sample
from s2s_core.config import preset
from s2s_core.data.depth import FEW_GENES
from s2s_core.data.observation import observe
from s2s_core.errors import S2SError
from s2s_core.imputation import run
from tests.made import lattice_positions, made_counts


def panel(folder, genes: int, **columns):
    row, col = lattice_positions("square", 8, 9)
    counts = made_counts(row, col, genes)
    obs = pd.DataFrame(
        {"array_row": row, "array_col": col, **columns}, index=[f"s{i}" for i in range(72)]
    )
    adata = ad.AnnData(counts, obs=obs, var=pd.DataFrame(index=[f"G{g}" for g in range(genes)]))
    adata.obsm["spatial"] = np.column_stack([col, row]) * 100.0
    adata.write_h5ad(folder / "panel.h5ad")
    return folder / "panel.h5ad", counts


def observed(path, **options):
    section = sample(read(path, **options), "lattice:2")
    return section, observe(section)


def test_one_gene_keeps_its_counts(tmp_path):
    path, counts = panel(tmp_path, 1)
    section, obs = observed(path)
    assert obs.values == pytest.approx(np.log1p(counts[section.file_row[section.measured]]))
    assert len(np.unique(obs.values)) > 5
    assert any("counts are not scaled" in note for note in section.notes)
    assert np.all(obs.noise == 1)


def test_given_totals_scale_few_genes(tmp_path):
    totals = np.random.default_rng(0).integers(800, 1200, 72)
    path, counts = panel(tmp_path, 3, total_counts=totals)
    section, obs = observed(path)
    rows = section.file_row[section.measured]
    target = np.median(totals[rows])
    assert obs.target_sum == pytest.approx(target)
    assert obs.values == pytest.approx(
        np.log1p(counts[rows] * target / totals[rows, None]), rel=1e-5
    )
    assert any("'total_counts'" in note for note in section.notes)


@pytest.mark.parametrize(
    "column", ["nCount_Spatial", "n_counts", "total_counts_all_genes", "transcript_counts"]
)
def test_totals_under_their_usual_names(tmp_path, column):
    totals = np.full(72, 900)
    section = read(panel(tmp_path, 2, **{column: totals})[0])
    assert np.array_equal(section.spot_totals[section.known], totals)


def test_a_column_below_the_genes_sums_is_no_total(tmp_path):
    section = read(panel(tmp_path, 2, total_counts=np.ones(72))[0])
    assert any("counts are not scaled" in note for note in section.notes)
    with pytest.raises(S2SError, match="'total_counts' is no total of these counts"):
        read(tmp_path / "panel.h5ad", totals="total_counts")
    with pytest.raises(S2SError, match="no column 'depth'"):
        read(tmp_path / "panel.h5ad", totals="depth")


def test_enough_genes_are_scaled_by_their_sums_unless_asked(tmp_path):
    path, counts = panel(tmp_path, FEW_GENES, total_counts=np.full(72, 9000))
    section, obs = observed(path)
    assert np.array_equal(section.spot_totals, counts.sum(1))
    assert section.is_scaled
    assert np.array_equal(read(path, totals="total_counts").spot_totals, np.full(72, 9000))
    assert not read(path, totals="none").is_scaled
    few = read(panel(tmp_path, FEW_GENES - 1)[0], totals="sum")
    assert few.is_scaled
    assert few.totals is None


def test_totals_of_cells_are_added_up_in_bins(tmp_path):
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.uniform(0, 100, (300, 2)), columns=["x", "y"])
    table["total_counts"] = 50
    table["G1"] = rng.poisson(3, 300)
    table["G2"] = rng.poisson(2, 300)
    table.to_csv(tmp_path / "cells.csv")
    section = read(tmp_path / "cells.csv", bin_size=20)
    assert np.array_equal(section.spot_totals, 50 * section.obs["n_points"])
    table.drop(columns="total_counts").to_csv(tmp_path / "cells.csv")
    section = read(tmp_path / "cells.csv", bin_size=20)
    assert np.array_equal(section.spot_totals, np.ones(section.n_positions))


def test_scores_and_records_say_what_the_values_are(tmp_path):
    section = sample(read(panel(tmp_path, 2)[0]), "lattice:2")
    result = run(section, preset("fast", method="nearest", compare=()))
    assert set(result.metrics["scale"]) == {"log1p of counts, not scaled by depth"}
    assert "without scaling" in result.info["scale"] or "not scaled" in result.info["scale"]
