"""What spots are scaled by, one statement each."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from s2s_core.data.assemble import assemble
from s2s_core.data.depth import GIVEN, SUMMED, UNSCALED, depth_of
from s2s_core.errors import S2SError
from tests.made import made_table

# --- depth

SEEN = np.array([True, True, True, False])


def depth(column=None, how="auto", genes=9, seen=SEEN):
    counts = np.ones((4, genes), np.float32) * seen[:, None]
    obs = (
        pd.DataFrame(index=list("abcd"))
        if column is None
        else pd.DataFrame({"total_counts": column})
    )
    return depth_of(sparse.csr_matrix(counts), obs, seen, how)


def test_fewer_than_ten_genes_are_not_scaled_by_their_own_sums():
    assert depth(genes=9).how == UNSCALED
    assert depth(genes=10).how == SUMMED


def test_a_column_of_totals_must_hold_somewhere_more_and_nowhere_less_than_the_genes():
    assert depth([9.0, 9.0, 9.0, 0.0]).how == UNSCALED
    assert depth([20.0, 8.0, 20.0, 0.0]).how == UNSCALED
    assert depth([20.0, 9.0, 20.0, 0.0]).how == GIVEN
    with pytest.raises(S2SError, match="no total"):
        depth([9.0, 9.0, 9.0, 0.0], "total_counts")


@pytest.mark.parametrize("there", [np.nan, -1.0, 50.0])
def test_unmeasured_spots_have_no_total_whatever_the_column_holds(there):
    found = depth([20.0, 9.0, 30.0, there])
    assert found.how == GIVEN
    assert found.totals.tolist() == [20.0, 9.0, 30.0, 0.0]


def test_values_on_the_log_scale_have_no_depth():
    counts, obs, var, xy, index = made_table()
    obs = obs.assign(total_counts=1000.0)
    section = assemble(np.log1p(counts), obs=obs, var=var, xy=xy, array_index=index, scale="log")
    assert section.totals is None
    assert not any("total_counts" in note for note in section.notes)
