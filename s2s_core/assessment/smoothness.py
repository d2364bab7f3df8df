"""How smooth a map is compared with the truth: slopes that noise in the truth does not move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from s2s_core.assessment.spatial_errors import BLOCKS, blocks, pooled_slope, ratio, slope_sums
from s2s_core.assessment.withheld import Withheld
from s2s_core.data.result import Result
from s2s_core.data.section import Section
from s2s_core.data.structure import morans_i, neighbour_weights

# Fewer hidden spots than this say nothing about patterns.
FEWEST_HIDDEN = 20
GENES_AT_ONCE = 256
# Neighbours whose differences stand for the highest spatial frequencies.
NEAREST = 4


@dataclass(frozen=True)
class Slopes:
    """Slope of the true values on the map, pooled over genes, and what describes the map.

    Attributes
    ----------
    whole, whole_error : float
        Over the tissue, and its standard error.
    near, near_error : float
        Of differences between neighbours: the highest spatial frequencies (NaN where not known).
    variance : float
        Variance of the map as a share of that of the values measured.
    moran : (float, float) or None
        Mean Moran's I of the map and of the true values.
    """

    whole: float
    whole_error: float
    near: float
    near_error: float
    variance: float
    moran: tuple[float, float] | None


def has_truth(section: Section) -> bool:
    """Whether enough spots are hidden to compare patterns with."""
    return int(section.hidden.sum()) >= FEWEST_HIDDEN


def slopes_at_hidden(result: Result) -> Slopes:
    """Slopes where the truth is known but hidden; errors from blocks of the tissue."""
    section, at = result.section, result.section.hidden
    points = places(section, at)
    first, second = sparse.triu(neighbour_weights(points, NEAREST)).nonzero()
    weights, block = neighbour_weights(points), blocks(points)
    whole, near = np.zeros((2, 2, BLOCKS))
    variance, moran = np.zeros(2), np.zeros(2)
    for genes in gene_chunks(result):
        truth, imputed = truth_and_map(result, at, genes)
        a, b = truth - truth.mean(0), imputed - imputed.mean(0)
        whole += slope_sums(a, b, block)
        near += slope_sums(a[first] - a[second], b[first] - b[second], block[first])
        variance += [(b**2).sum(), (a**2).sum()]
        moran += [morans_i(imputed, weights)[0].sum(), morans_i(truth, weights)[0].sum()]
    return Slopes(
        *pooled_slope(whole),
        *pooled_slope(near),
        ratio(*variance),
        tuple(moran / len(section.genes)),
    )


def slope_by_scores(result: Result, kept: Withheld | None) -> Slopes:
    """Slope at withheld spots, where nothing is hidden.

    Runs of an earlier version, and those with few spots, have not ``kept`` it. Then it is made of
    the PCC there and the spread of measured and imputed values: the slope of a on b is their
    correlation times the ratio of their spreads.
    """
    section, mine = result.section, result.metrics
    mine = mine[mine["method"] == result.config.method].set_index("gene").reindex(section.genes)
    pcc = np.nan_to_num(mine["pcc"].to_numpy(float))
    free = np.maximum(np.nan_to_num(mine["n_spots"].to_numpy(float)) - 3.0, 1.0)
    along = doubt = spread = total = 0.0
    for genes in gene_chunks(result):
        a = np.asarray(result.truth[section.measured, genes], np.float64).std(0)
        b = np.asarray(result.maps[result.config.method][~section.measured, genes], np.float64).std(
            0
        )
        along += (pcc[genes] * a * b).sum()
        doubt += (((1 - pcc[genes] ** 2) * a * b) ** 2 / free[genes]).sum()
        spread, total = spread + (b**2).sum(), total + (a**2).sum()
    slope, error = ratio(along, spread), ratio(np.sqrt(doubt), spread)
    if kept is not None:
        slope, error = kept.slope, kept.slope_error
    return Slopes(slope, error, np.nan, np.nan, ratio(spread, total), None)


def gene_chunks(result: Result) -> Iterator[slice]:
    """Genes in parts, so that memory does not grow with their number."""
    for start in range(0, len(result.section.genes), GENES_AT_ONCE):
        yield slice(start, start + GENES_AT_ONCE)


def truth_and_map(result: Result, at: np.ndarray, genes: slice) -> tuple[np.ndarray, np.ndarray]:
    """True values and the chosen method's mean at some positions, which slopes are about."""
    imputed = result.maps[result.config.method]
    truth, mean = (np.asarray(v[at, genes], np.float64) for v in (result.truth, imputed))
    return truth, mean


def places(section: Section, at: np.ndarray) -> np.ndarray:
    """Lattice coordinates (k, 2) of some positions."""
    return section.grid.lattice_xy(section.row[at], section.col[at])
