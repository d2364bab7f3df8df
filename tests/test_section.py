import numpy as np
import pytest

from s2s_core.data.section import check_values
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from tests.made import made_section


def test_hidden_positions_are_known_but_not_measured(square):
    sparse = sample(square, "lattice:2")
    assert np.array_equal(sparse.hidden, square.measured & ~sparse.measured)
    assert sparse.known.all()


def test_without_hidden_forgets_counts_and_totals(square):
    sparse = sample(square, "lattice:2").subset_genes(["Gene0"])
    bare = sparse.without_hidden()
    assert not bare.hidden.any()
    assert bare.counts[~sparse.measured].nnz == 0
    assert not bare.spot_totals[~sparse.measured].any()
    assert (bare.counts[sparse.measured] != sparse.counts[sparse.measured]).nnz == 0


def test_genes_are_kept_in_the_given_order(square):
    some = square.subset_genes(["Gene4", "Gene1", "Gene4"])
    assert some.genes.tolist() == ["Gene4", "Gene1"]
    assert np.array_equal(some.counts.toarray(), square.counts.toarray()[:, [4, 1]])


def test_totals_are_of_all_genes_whatever_is_chosen(square):
    totals = np.asarray(square.counts.sum(1)).ravel()
    once = square.subset_genes(["Gene1", "Gene2"])
    assert np.array_equal(once.spot_totals, totals)
    assert np.array_equal(once.subset_genes(["Gene2"]).spot_totals, totals)


def test_unknown_gene_is_named_with_a_close_one(square):
    with pytest.raises(S2SError, match="gene3 is not a gene .* did you mean Gene3"):
        square.subset_genes(["Gene1", "gene3"])
    with pytest.raises(S2SError, match="check the spelling"):
        square.subset_genes(["XYZZY"])
    with pytest.raises(S2SError, match="at least one"):
        square.subset_genes([])


def test_fewer_than_twenty_measured_spots_are_refused(square):
    with pytest.raises(S2SError, match="Only 19 spots"):
        square.with_measured(np.arange(square.n_positions) < 19).check_ready()
    square.with_measured(np.arange(square.n_positions) < 20).check_ready()


def test_a_single_row_is_refused():
    with pytest.raises(S2SError, match="single line"):
        sample(made_section("square", 1, 60), "random:0.5").check_ready()


def test_nothing_to_impute_is_refused(square):
    with pytest.raises(S2SError, match="nothing is left to impute"):
        square.check_ready()


def test_an_all_zero_panel_is_refused(square):
    square.counts.data[square.counts.indices == 0] = 0
    with pytest.raises(S2SError, match="zero at all measured spots"):
        sample(square.subset_genes(["Gene0"]), "lattice:2").check_ready()


@pytest.mark.parametrize(
    ("value", "word"), [(np.nan, "NaN or infinite"), (np.inf, "NaN or infinite"), (-1, "negative")]
)
def test_unusable_values_are_refused(value, word):
    with pytest.raises(S2SError, match=word):
        check_values(np.array([0.0, 1.0, value]))


def test_anndata_carries_ids_counts_place_and_mask(hexagonal):
    sparse = sample(hexagonal, "checkerboard")
    adata = sparse.to_anndata()
    assert adata.obs_names.tolist() == hexagonal.spot_ids.tolist()
    assert (hexagonal.counts != adata.X).nnz == 0
    assert np.array_equal(adata.obsm["spatial"], hexagonal.xy)
    assert adata.obs["measured"].tolist() == sparse.measured.tolist()
    array_row, array_col = hexagonal.array_index
    assert adata.obs["array_row"].tolist() == array_row.tolist()
    assert adata.obs["array_col"].tolist() == array_col.tolist()
    assert ((array_row + array_col) % 2 == 1).all()


def test_a_section_is_told_in_one_line(square):
    told = repr(sample(square, "lattice:2"))
    assert told.startswith(
        "Section(30 of 120 positions measured, 6 genes, square lattice of 10 x 12"
    )
    assert "design 'lattice:2'" in told
    assert len(told.splitlines()) == 1
