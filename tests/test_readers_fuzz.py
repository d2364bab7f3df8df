"""Damaged files of every format end as a Section or as one sentence, whatever the damage.

A short version; benchmarks/fuzz_readers.py tries thousands, each in a process that may crash.
"""

import shutil

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import read
from s2s_core.readers.base import CONTROL, ID_NAMES
from s2s_core.readers.columns import is_place
from s2s_core.readers.metadata import by_name
from s2s_core.readers.text import unguard
from tests import made_cells, made_kinds, made_zarr
from tests import made_files as made
from tests.mutations import injured_copy

pytestmark = pytest.mark.slow

INPUTS = {
    "space_ranger h5": lambda f: made.space_ranger(f / "sr1", positions="list"),
    "space_ranger mtx": lambda f: made.space_ranger(f / "sr2", matrix="mtx"),
    "visium_hd": lambda f: made.visium_hd(f / "hd"),
    "xenium": lambda f: made_cells.xenium(f / "x", cells="csv.gz", matrix="mtx"),
    "vizgen": lambda f: made_cells.vizgen(f / "v"),
    "cosmx": lambda f: made_cells.cosmx(f / "c"),
    "stereo_seq": lambda f: made_cells.gem(f / "a.gem.gz"),
    "slide_seq": lambda f: made_cells.slide_seq(f / "s"),
    "curio": lambda f: made_cells.curio(f / "cu"),
    "st_v1": lambda f: made_cells.st_v1(f / "st", selection=True),
    "h5ad": lambda f: made.write_h5ad(made.made_anndata(), f / "a.h5ad"),
    "spatialdata 2": lambda f: made_zarr.spatialdata(f / "v2.zarr", version=2),
    "spatialdata 3": lambda f: made_zarr.placed_by_shapes(f / "v3.zarr"),
    "pair": lambda f: made.pair(f / "pair"),
    "visium_hd_cells": lambda f: made_kinds.segmented(f / "seg"),
    "loom": lambda f: made_kinds.loom(f / "a.loom"),
    "gef": lambda f: made_kinds.gef(f / "a.gef"),
    "tar": lambda f: made_kinds.tarred(f / "a.tar.gz", made.space_ranger(f / "sr4", matrix="mtx")),
    "zip": lambda f: made.zipped(made.space_ranger(f / "sr3", matrix="mtx")),
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact")
    return {name: make(folder) for name, make in INPUTS.items()}


def outcome(path) -> Section | str:
    """Section, or the sentence; anything else passes through and fails the test."""
    try:
        section = read(path)
    except S2SError as error:
        assert str(error).strip()
        assert "\n" not in str(error)
        return str(error)
    assert section.counts.shape == (len(section.obs), len(section.var))
    assert section.grid.tissue[section.row, section.col].all()
    assert np.isfinite(section.counts.data).all()
    assert np.isfinite(section.xy).all()
    return section


@pytest.mark.parametrize("name", INPUTS)
def test_damaged_files_end_as_a_section_or_a_sentence(tmp_path, intact, name):
    ends = []
    for seed in range(1000, 1012):
        case = tmp_path / "case"
        case.mkdir()
        ends.append(outcome(injured_copy(intact[name], case / intact[name].name, seed)))
        shutil.rmtree(case)
    # The damage must be worth the name, and the sentences must not all be the same.
    assert any(isinstance(end, str) for end in ends)


# Columns of another meaning, control probes, and a quote that guards a formula: no gene's name.
def is_gene(name: str) -> bool:
    return (
        bool(name)
        and name.lower() not in ID_NAMES
        and not is_place(name)
        and not by_name(name)
        and not CONTROL.match(name)
        and unguard(name) == name
    )


names = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=12)
genes = st.lists(names.map(str.strip).filter(is_gene), min_size=1, max_size=5, unique=True)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(genes=genes, data=st.data())
def test_whatever_genes_are_called_tables_keep_their_counts(tmp_path, genes, data):
    table = made.spots_table("square").iloc[:, :2]
    values = np.arange(120 * len(genes)).reshape(120, -1)
    table = pd.concat([table, pd.DataFrame(values, index=table.index, columns=genes)], axis=1)
    path = tmp_path / "t.csv"
    table.sample(frac=1, random_state=data.draw(st.integers(0, 99))).to_csv(path)
    end = read(path)
    assert list(end.genes) == genes
    order = end.spot_ids.get_indexer(table.index)
    assert np.array_equal(end.counts.toarray()[order], values)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    scale=st.sampled_from([1e-3, 0.37, 1.0, 55.0, 4000.0]),
    mirror=st.tuples(st.sampled_from([1, -1]), st.sampled_from([1, -1])),
    shift=st.floats(-1e6, 1e6),
    kind=st.sampled_from(["square", "hex"]),
    seed=st.integers(0, 99),
)
def test_places_in_any_unit_order_and_mirrored_form_the_same_lattice(
    tmp_path, scale, mirror, shift, kind, seed
):
    table = made.spots_table(kind)
    table[["x", "y"]] = table[["x", "y"]] * scale * np.array(mirror) + shift
    table.sample(frac=1, random_state=seed).to_csv(tmp_path / "t.csv")
    section = read(tmp_path / "t.csv")
    assert section.grid.kind == kind
    assert section.n_positions == 120
    where = table.loc[section.spot_ids]
    assert section.xy == pytest.approx(where[["x", "y"]].to_numpy())
    assert np.array_equal(section.counts.toarray(), where.iloc[:, 2:].to_numpy())
    tolerance = 1e-3 * scale * 100
    assert section.grid.to_xy(section.row, section.col) == pytest.approx(section.xy, abs=tolerance)
