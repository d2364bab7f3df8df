"""Positions added to a section: densified lattices, gaps, their ids."""

import numpy as np
import pandas as pd
import pytest

import s2s_core
from s2s_core.data.added_positions import densify
from s2s_core.errors import S2SError
from s2s_core.sampling.apply import sample
from tests.made import assembled as build
from tests.made import made_section, made_table


@pytest.mark.parametrize("stride", [2, 3])
@pytest.mark.parametrize("parity", [0, 1])
@pytest.mark.parametrize("kind", ["square", "hex"])
def test_densify_keeps_ids_counts_and_coordinates(kind, parity, stride):
    section = made_section(
        kind, 8, 7, row0=3, col0=2, **({"parity": parity} if kind == "hex" else {})
    )
    fine = densify(section, stride)
    n = section.n_positions
    assert fine.spot_ids[:n].tolist() == section.spot_ids.tolist()
    assert np.array_equal(fine.xy[:n], section.xy)
    assert (fine.counts[:n] != section.counts).nnz == 0
    assert fine.measured[:n].all()
    assert not fine.known[n:].any()
    assert set(fine.origin[n:]) == {"new"}
    assert fine.spot_ids.is_unique
    assert fine.design == f"densify:{stride}"
    assert fine.grid.to_xy(fine.row, fine.col) == pytest.approx(fine.xy, abs=1e-6)
    assert len(np.unique(fine.pixels)) == fine.n_positions


def test_densify_and_its_text_form_are_the_same(lattice):
    one, other = s2s_core.densify(lattice, 3), sample(lattice, "densify:3")
    assert one.design == other.design == "densify:3"
    assert one.spot_ids.equals(other.spot_ids)
    assert np.array_equal(one.xy, other.xy)
    assert np.array_equal(one.measured, other.measured)
    assert sample(lattice, "densify").design == "densify:2"


@pytest.mark.parametrize(("factor", "word"), [(1, "2 or more"), (2.5, "whole number")])
def test_densify_refuses_what_is_no_denser_lattice(square, factor, word):
    with pytest.raises(S2SError, match=word):
        densify(square, factor)


def test_densify_carries_totals_of_chosen_genes(square):
    fine = densify(square.subset_genes(["Gene1"]), 2)
    assert np.array_equal(fine.spot_totals[:120], square.spot_totals)
    assert len(fine.spot_totals) == fine.n_positions


def test_new_ids_never_clash_with_the_files_own():
    counts, obs, var, xy, index = made_table()
    keep = np.ones(120, bool)
    keep[45] = False
    obs = obs.set_axis(["gap_3_9", *obs.index[1:]])
    assert index[0][45] == 3
    assert index[1][45] == 9
    section = build((counts, obs, var, xy, index), keep)
    assert section.spot_ids.is_unique
    assert isinstance(section.obs, pd.DataFrame)


def test_masks_after_gaps_measure_only_what_is_known():
    keep = np.ones(120, bool)
    keep[45] = False
    section = sample(build(made_table(), keep), "lattice:2")
    assert not section.measured[section.origin == "gap"].any()
    assert not section.hidden[section.origin == "gap"].any()
