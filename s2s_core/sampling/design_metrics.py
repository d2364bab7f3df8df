"""Metrics of a sampling design before anything is trained: gaps, aliasing, expected error.

:func:`evaluate_design` is cheap enough to be called at every change of a design; what is slow is kept
by the :class:`~s2s_core.sampling.pilot.Pilot`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from scipy.linalg import cho_factor, cho_solve
from scipy.spatial import cKDTree

from s2s_core.errors import S2SError
from s2s_core.geostat.variograms import KERNELS, NUGGETS, distances, matern32
from s2s_core.sampling.aliasing import aliased_share
from s2s_core.sampling.design_record import DesignMetrics
from s2s_core.sampling.design_sentences import sentences_of
from s2s_core.sampling.pilot import Pilot
from s2s_core.vocabulary import Resolution

# Correlation that a pattern must keep across the design's gap (nine in ten positions are
# nearer to a measured spot than it) to be resolved, and to be marginal. Round numbers, untuned.
RESOLVED_FROM, MARGINAL_FROM = 0.5, 0.2
# Expected PCC below which a gene counts as lost, whatever its range. Untuned.
LOST_PCC = 0.1
TYPICAL_GAP = 0.9
RULE = (
    "What counts is the correlation that the gene's variogram keeps across the gap which nine in "
    f"ten positions do not exceed: {RESOLVED_FROM:g} or more is {Resolution.RESOLVED}, "
    f"{MARGINAL_FROM:g} or more {Resolution.MARGINAL}, less {Resolution.LOST}; so is a gene with "
    f"an expected PCC below {LOST_PCC:g}. {Resolution.FLAT.capitalize()}: "
    "Moran's I on the pilot may be chance, given each spot's total count."
)
# Expected errors are taken at this many unmeasured positions, from their nearest spots.
TARGETS, NEIGHBOURS = 300, 48
# Dispersion is counted within so many mean spacings: one alone may end on a shell of the lattice,
# and a checkerboard, half of whose positions have a spot more there, would pass for clustered.
WINDOWS = (1.25, 1.5, 1.75, 2.0)


def evaluate_design(pilot: Pilot, measured: np.ndarray) -> DesignMetrics:
    """Metrics of a design on a pilot.

    Parameters
    ----------
    pilot : Pilot
    measured : (n,) bool array
        The design at the pilot section's positions.

    Raises
    ------
    S2SError
        If it measures fewer than three positions, or all of them.
    """
    measured = np.asarray(measured, bool)
    if measured.shape != pilot.measured.shape:
        raise S2SError(
            f"The design has {measured.size} positions, the pilot {pilot.measured.size}; make the "
            "design on the pilot's own section."
        )
    count = int(measured.sum())
    if count < 3 or measured.all():
        raise S2SError(
            f"The design measures {count} of {measured.size} positions; it must measure at least "
            "3 and leave some out."
        )
    points = pilot.points
    here, away = points[measured], points[~measured]
    gap = cKDTree(here).query(away)[0]
    typical = float(np.quantile(gap, TYPICAL_GAP))
    aliased, periodic = aliased_share(pilot.spectrum, measured)
    genes = _genes(pilot, typical)
    genes["expected_rmse"], genes["expected_pcc"] = expected_error(pilot, measured)
    # A wide pattern is lost all the same where most of the tissue lies far from every spot.
    held = genes["verdict"].isin([Resolution.RESOLVED, Resolution.MARGINAL])
    genes.loc[held & (genes["expected_pcc"] < LOST_PCC), "verdict"] = Resolution.LOST
    pitch = pilot.section.grid.pitch
    metrics = DesignMetrics(
        n_measured=count,
        fraction=count / measured.size,
        largest_gap=float(gap.max()),
        mean_gap=float(gap.mean()),
        typical_gap=typical,
        largest_gap_unit=float(gap.max()) * pitch,
        mean_gap_unit=float(gap.mean()) * pitch,
        unit=unit_of(pilot),
        dispersion=_dispersion(measured, points),
        periodic=periodic,
        aliased=aliased,
        edge_coverage=_edge_coverage(here, points),
        expected_rmse=float(genes["expected_rmse"].mean()),
        expected_pcc=float(genes["expected_pcc"].mean()),
        genes=genes,
        sentences=(),
    )
    return replace(metrics, sentences=sentences_of(metrics))


def unit_of(pilot: Pilot) -> str:
    """The section's unit as its file states it, "" where it does not."""
    # Some files explain their unit in brackets.
    return str(pilot.section.uns.get("spatial_unit", "")).partition("(")[0].strip()


def expected_error(pilot: Pilot, measured: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """RMSE and PCC (G,) to expect at unmeasured positions, noise of the measurement included.

    Each programme's kriging variance (it depends on the places alone) is taken at up to 300
    positions from their 48 nearest measured spots, and spread over genes by the loadings. With
    variance e left of a variance v, a prediction correlates with the truth as sqrt(1 - e / v).
    """
    points, fitted = pilot.points, pilot.variograms
    away = np.nonzero(~measured)[0]
    away = away[np.linspace(0, len(away) - 1, min(len(away), TARGETS)).astype(int)]
    here = points[measured]
    few = min(NEIGHBOURS, len(here))
    near = cKDTree(here).query(points[away], k=few)[1]
    total = fitted.signal + fitted.noise
    explained = np.zeros(len(total))
    everything = len(here) <= 2 * NEIGHBOURS
    if everything:
        among, towards = distances(here, here), distances(points[away], here)
    else:
        local = here[near]
        among = np.linalg.norm(local[:, :, None] - local[:, None], axis=-1).astype(np.float32)
        towards = np.linalg.norm(local - points[away, None], axis=-1).astype(np.float32)
    best = fitted.weight.reshape(-1, fitted.weight.shape[2]).argmax(0)
    for pair in np.unique(best):
        (kernel, range_), nugget = (
            fitted.candidates[pair // len(NUGGETS)],
            NUGGETS[pair % len(NUGGETS)],
        )
        gram, cross = KERNELS[kernel](among, range_), KERNELS[kernel](towards, range_)
        at = np.arange(gram.shape[-1])
        gram[..., at, at] += nugget
        if everything:
            share = cho_solve(cho_factor(gram), cross.T).T
        else:
            share = np.linalg.solve(gram, cross[..., None])[..., 0]
        columns = best == pair
        explained[columns] = fitted.signal[columns] * float((share * cross).sum(1).mean())
    low_rank = pilot.programmes
    left = low_rank.gene_variance((total - explained)[None])[0] + pilot.residual
    # Blocks of a large section know less than its whole variance.
    return np.sqrt(left), np.sqrt(np.clip(1.0 - left / pilot.variance, 0.0, 1.0))


def verdicts(pilot: Pilot, gap: float) -> pd.Series:
    """Verdict on every gene when nine in ten positions have a spot within ``gap`` pitches.

    Returns
    -------
    Series of :class:`~s2s_core.vocabulary.Resolution`
        By gene; what a gap alone loses, whatever the expected error.
    """
    return _genes(pilot, gap)["verdict"]


def _genes(pilot: Pilot, gap: float) -> pd.DataFrame:
    table = pilot.genes[["range", "signal"]].copy()
    kept = matern32(np.full(len(table), gap), pilot.genes["length"].to_numpy())
    table["correlation"] = kept
    table["verdict"] = np.select(
        [~pilot.genes["spatial"].to_numpy(), kept >= RESOLVED_FROM, kept >= MARGINAL_FROM],
        [Resolution.FLAT, Resolution.RESOLVED, Resolution.MARGINAL],
        Resolution.LOST,
    )
    return table


def _dispersion(measured: np.ndarray, points: np.ndarray) -> float:
    """Variance of the measured spots counted around each position, over that of a random draw."""
    share, found = measured.mean(), []
    spacing = max(np.sqrt(_area(points) / measured.sum()), 1.0)
    every, here = cKDTree(points), cKDTree(points[measured])
    for window in WINDOWS:
        everywhere = every.query_ball_point(points, window * spacing, return_length=True)
        counted = here.query_ball_point(points, window * spacing, return_length=True)
        # Of a random draw without replacement.
        chance = everywhere * share * (1 - share) * (1 - everywhere / len(points))
        found.append(((counted - share * everywhere) ** 2).sum() / max(chance.sum(), 1e-12))
    return float(np.mean(found))


def _area(points: np.ndarray) -> float:
    """Area of the tissue in squared pitches: each position has the cell of its lattice."""
    nearest = cKDTree(points).query(points, k=7)[0][:, 1:]
    # Six neighbours at one pitch on a hexagonal lattice, four on a square one.
    hexagonal = np.median((nearest < 1.2).sum(1)) > 4
    return len(points) * (np.sqrt(3.0) / 2.0 if hexagonal else 1.0)


def _edge_coverage(here: np.ndarray, points: np.ndarray) -> float:
    """Share of rim positions (with fewer neighbours than inside) near a measured spot."""
    tree = cKDTree(points)
    around = tree.query_ball_point(points, 1.2, return_length=True)
    rim = points[around < np.quantile(around, 0.9)]
    if not len(rim):
        return 1.0
    spacing = np.sqrt(_area(points) / len(here))
    return float((cKDTree(here).query(rim)[0] <= spacing + 1e-9).mean())
