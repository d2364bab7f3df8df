"""The demo section: counts, patterns where they are promised, none where they are not."""

import numpy as np
import pytest
from scipy.spatial import cKDTree

from s2s_core.data.observation import known_values, normalisation_target
from s2s_core.data.simulate import DISPERSION, demo_section
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample


@pytest.fixture(scope="module")
def section():
    return demo_section(seed=3)


def morans_i(section) -> np.ndarray:
    values = known_values(section, normalisation_target(section))
    values = values - values.mean(0)
    pairs = cKDTree(section.grid.lattice_xy(section.row, section.col)).query_pairs(
        1.05, output_type="ndarray"
    )
    return (values[pairs[:, 0]] * values[pairs[:, 1]]).mean(0) / (values**2).mean(0)


def test_it_looks_like_a_visium_section(section):
    array_row, array_col = section.array_index
    assert 2000 < section.n_positions < 3000
    assert len(section.genes) == 300
    assert section.grid.kind == "hex"
    assert ((array_row + array_col) % 2 == 0).all()
    assert section.measured.all()
    assert section.grid.pitch == pytest.approx(100.0)


def test_it_says_that_it_is_simulated(section):
    assert section.uns["simulated"] is True
    assert all(gene.startswith("SIM_") for gene in section.genes)


def test_it_has_a_hole(section):
    outside = ~section.grid.tissue
    inner = outside[15:-15, 15:-15]
    assert inner.sum() > 20


def test_counts_are_whole_sparse_and_overdispersed(section):
    counts = section.counts.toarray()
    assert not section.is_log
    np.testing.assert_array_equal(counts, np.rint(counts))
    assert 0.3 < (counts == 0).mean() < 0.8
    flat = counts[:, section.var["family"] == "FLAT"]
    busy = flat[:, flat.mean(0) > 1]
    assert (busy.var(0) > busy.mean(0)).all()


def test_counts_vary_more_than_poisson_ones_by_the_stated_dispersion(section):
    """Of negative binomial counts the variance is mean + dispersion x mean^2."""
    counts = section.counts.toarray()
    flat = counts[:, section.var["family"] == "FLAT"]
    totals = counts.sum(1, keepdims=True)
    mean = totals * flat.sum(0) / totals.sum()
    busy = mean.mean(0) > 2
    found = (((flat - mean) ** 2 - mean) / mean**2)[:, busy].mean()
    assert found == pytest.approx(DISPERSION, rel=0.4)


def test_library_sizes_vary(section):
    totals = section.spot_totals
    assert 0.2 < totals.std() / totals.mean() < 0.8


def test_structured_genes_have_moran_and_flat_ones_have_none(section):
    moran = morans_i(section)
    family = section.var["family"].to_numpy()
    assert (family == "FLAT").sum() == 60
    assert abs(np.median(moran[family == "FLAT"])) < 0.03
    for name in ("LAYER", "GRADIENT", "ISLAND", "SMALL"):
        assert np.median(moran[family == name]) > 0.12
    assert np.median(moran[family != "FLAT"]) > 0.2


def test_same_seed_same_section():
    a, b, c = (demo_section(seed, rows=20, genes=12) for seed in (5, 5, 6))
    assert (a.counts != b.counts).nnz == 0
    assert a.spot_ids.equals(b.spot_ids)
    assert (a.counts != c.counts).nnz > 0


def test_small_ones_can_be_made_and_sampled():
    section = demo_section(rows=20, genes=10, flat=3)
    assert list(section.var["family"]).count("FLAT") == 3
    sample(section, "lattice:2").check_ready()


@pytest.mark.parametrize("wrong", [{"rows": 5}, {"genes": 0}, {"genes": 5, "flat": 6}])
def test_impossible_sizes_are_refused(wrong):
    with pytest.raises(S2SError, match="at least"):
        demo_section(**wrong)
