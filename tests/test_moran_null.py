"""Spatial patterns beyond chance and depth: exact moments, and nulls that must stay silent."""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from scipy.stats import skew

from s2s_core import read
from s2s_core.data.moran_null import NeighbourGraph, _moments, _tail, moran_test
from s2s_core.data.observation import log_normalise
from s2s_core.data.structure import (
    NONE,
    SURE,
    count_residuals,
    gene_structure,
    morans_i,
    neighbour_weights,
)
from tests.made import made_section

POINTS = np.stack(np.indices((20, 22)), -1).reshape(-1, 2).astype(float)


def graph_of(edges, m):
    i, j = np.array(edges).T
    half = sparse.coo_matrix((np.ones(len(i)), (i, j)), (m, m))
    return NeighbourGraph((half + half.T).tocsr())


@pytest.mark.parametrize(
    "edges",
    [
        [(0, 1), (1, 2), (2, 0), (2, 3), (3, 4), (4, 5), (5, 6)],
        [(0, 1), (0, 2), (0, 3), (0, 4), (5, 6), (1, 2)],
        [(0, 1), (2, 3), (4, 5)],
    ],
)
def test_moments_are_those_of_all_placings(edges):
    graph = graph_of(edges, 7)
    rng = np.random.default_rng(0)
    values = np.stack([rng.normal(size=7), rng.poisson(0.7, 7) + np.eye(7)[0]], 1)
    z = (values - values.mean(0)) / values.std(0)
    i, j = np.array(edges).T
    every = np.array([(z[list(p)][i] * z[list(p)][j]).sum(0) for p in permutations(range(7))])
    mean, sd, skewness = _moments(z, graph)
    assert mean == pytest.approx(every.mean(0))
    assert sd == pytest.approx(every.std(0))
    assert skewness == pytest.approx(skew(every, axis=0))


def test_tails_of_sparse_genes_are_those_of_random_placing():
    rng = np.random.default_rng(1)
    graph = NeighbourGraph(neighbour_weights(POINTS))
    values = np.stack([rng.normal(size=440), rng.poisson(0.1, 440), rng.gamma(0.2, size=440)], 1)
    z = (values - values.mean(0)) / values.std(0)
    placed = np.array(
        [(v * (graph.weights @ v)).sum(0) for v in (z[rng.permutation(440)] for _ in range(4000))]
    )
    for share in (0.05, 0.01):
        high = np.quantile(placed, 1 - share, axis=0)
        mean, sd, skewness = _moments(z, graph)
        assert _tail((high / 2 - mean) / sd, skewness) == pytest.approx([share] * 3, rel=0.35)
    # A column without variance has no pattern.
    z_score, p = moran_test(np.ones((440, 1)), graph)
    assert (z_score[0], p[0]) == (0.0, 1.0)


def unpatterned(depth, *, genes=400, mean=0.3, seed=0):
    """A section whose genes have no pattern of their own; depth (440,) lies as it is given."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(depth[:, None] * rng.gamma(1.0, mean, genes))
    base = made_section("square", 20, 22)
    return replace(
        base,
        counts=sparse.csr_matrix(counts.astype(np.float32)),
        var=pd.DataFrame(index=pd.Index([f"g{i}" for i in range(genes)])),
        totals=counts.sum(1).astype(float),
    )


def test_depth_that_varies_over_the_tissue_is_no_pattern():
    depth = np.exp(1.5 * np.sin(POINTS[:, 0] / 4) + np.cos(POINTS[:, 1] / 5))
    earlier = found = 0
    for seed in range(3):
        section = unpatterned(depth, seed=seed)
        table = gene_structure(section)
        found += (table["verdict"] != NONE).sum()
        values = log_normalise(section.counts, 100.0, section.spot_totals)
        earlier += (morans_i(values, neighbour_weights(POINTS))[1] >= SURE).sum()
    # A normal law and no thought of depth called many of the 1,200 patterned.
    assert earlier > 100
    assert found <= 2


def test_sparse_genes_of_permuted_spots_have_no_pattern():
    rng, found = np.random.default_rng(0), 0
    for seed in range(4):
        depth = rng.gamma(2.0, 0.5, 440)
        section = unpatterned(depth, genes=1500, mean=0.02, seed=seed)
        found += (gene_structure(section)["verdict"] != NONE).sum()
    assert found <= 1


def test_a_pattern_is_found_through_uneven_depth():
    depth = np.exp(np.sin(POINTS[:, 0] / 4))
    section = unpatterned(depth, genes=60, mean=2.0)
    counts = section.counts.toarray()
    rate = 3 * depth * (1.2 + np.sin(POINTS[:, 1] / 3))
    counts[:, 0] = np.random.default_rng(5).poisson(rate)
    table = gene_structure(replace(section, counts=sparse.csr_matrix(counts)))
    assert table["verdict"].iloc[0] != NONE
    assert table["p"].iloc[0] < 1e-6
    assert (table["verdict"].iloc[1:] != NONE).sum() <= 1


def test_residuals_by_hand():
    counts = sparse.csr_matrix(np.array([[0.0, 4.0], [6.0, 0.0], [0.0, 0.0]]))
    totals = np.array([10.0, 30.0, 0.0])
    found = count_residuals(
        counts, totals, np.array([6.0, 4.0]) / totals.sum(), np.sqrt(len(totals))
    )
    # A quarter and three quarters of each gene's counts are expected.
    expected = np.array([[1.5, 1.0], [4.5, 3.0]])
    scale = np.sqrt(expected + 0.01 * expected**2)
    by_hand = (np.array([[0.0, 4.0], [6.0, 0.0]]) - expected) / scale
    assert found[:2] == pytest.approx(np.clip(by_hand, -np.sqrt(3), np.sqrt(3)))
    assert not found[2].any()


def test_log_values_are_tested_as_they_are():
    section = made_section("square", 20, 22)
    logged = replace(section, counts=section.counts.log1p().tocsr(), is_log=True)
    assert (gene_structure(logged)["verdict"] != NONE).all()
    order = np.random.default_rng(0).permutation(440)
    shuffled = replace(logged, counts=logged.counts[order])
    assert (gene_structure(shuffled)["verdict"] == NONE).all()


def test_a_permuted_transcriptome_has_no_patterns(data_dir):
    section = read(data_dir / "dbit_human_50x50_wholetranscriptome.h5ad")
    at = np.flatnonzero(section.measured)
    order = np.arange(section.n_positions)
    order[at] = np.random.default_rng(0).permutation(at)
    part = section.subset_genes(section.genes[::6])
    null = replace(part, counts=part.counts[order], totals=part.spot_totals[order])
    assert (gene_structure(null)["verdict"] != NONE).mean() < 0.001
