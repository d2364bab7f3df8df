"""Scores of compact blocks of the scored spots: what comparisons resample, in a few numbers.

Each scored spot is given its pseudo-value: what it contributes to the score of the whole. For MAE
that is its own absolute error; for RMSE and PCC the score plus its influence at that spot, so that
the mean over spots is the score itself (Efron 1982, chapter 6). Averaged over genes and over the
spots of a block they do not grow with the number of either, and are kept with a run.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from s2s_core.assessment.spatial_errors import blocks
from s2s_core.data.result import Result

KEY = "block_scores"
GENES_AT_ONCE = 256
SCORES = ("mae", "rmse", "pcc")


@dataclass(frozen=True)
class BlockScores:
    """Scores, averaged over genes, in B compact blocks of the scored spots.

    Attributes
    ----------
    spots : (B,) array
        Scored spots in each block.
    scores : dict of str -> (B,) array
        ``mae``, ``rmse``, ``pcc``: mean pseudo-value in each block.
    """

    spots: np.ndarray
    scores: Mapping[str, np.ndarray]

    @property
    def n_spots(self) -> int:
        """Number of scored spots."""
        return int(self.spots.sum())

    @property
    def sizes(self) -> np.ndarray:
        """Size (B,) of each block relative to the mean size."""
        return self.spots / self.spots.mean()

    def weighted(self, score: str) -> np.ndarray:
        """Scores (B,) weighted by size: their plain mean is the score over all spots."""
        return np.asarray(self.scores[score], float) * self.sizes

    def mean(self, score: str) -> float:
        """The score over all spots."""
        return float(self.weighted(score).mean())

    def to_json(self) -> dict:
        """Plain lists, six digits."""
        found = {k: [float(f"{x:.6g}") for x in v] for k, v in self.scores.items()}
        return {"spots": [int(n) for n in self.spots], **found}

    @classmethod
    def from_json(cls, found: Mapping | None) -> BlockScores | None:
        """Read :meth:`to_json` back; None of anything else."""
        if found is None:
            return None
        try:
            scores = {name: np.array(found[name], float) for name in SCORES}
            spots = np.array(found["spots"], float)
        except (KeyError, TypeError, ValueError):
            return None
        whole = (
            spots.ndim == 1
            and len(spots) > 1
            and all(v.shape == spots.shape and np.isfinite(v).all() for v in scores.values())
        )
        return cls(spots, scores) if whole else None


def block_scores(truth: np.ndarray, imputed: np.ndarray, points: np.ndarray) -> BlockScores:
    """Scores of imputed values by block.

    Parameters
    ----------
    truth, imputed : (k, G) arrays
        At the scored spots, log-normalised.
    points : (k, 2) array
        Their lattice coordinates.
    """
    total, with_pcc = np.zeros((len(SCORES), len(points))), 0
    for start in range(0, truth.shape[1], GENES_AT_ONCE):
        genes = slice(start, start + GENES_AT_ONCE)
        a, b = (np.asarray(v[:, genes], np.float64) for v in (truth, imputed))
        error = np.abs(b - a)
        rmse = np.sqrt((error**2).mean(0))
        total[0] += error.sum(1)
        total[1] += 0.5 * (rmse + error**2 / np.where(rmse > 0, rmse, 1.0)).sum(1)
        spread = np.stack([a.std(0), b.std(0)])
        some = spread.min(0) > 1e-10
        with_pcc += int(some.sum())
        x, y = ((v - v.mean(0))[:, some] / s[some] for v, s in zip((a, b), spread, strict=True))
        pcc = (x * y).mean(0)
        total[2] += (pcc + x * y - 0.5 * pcc * (x**2 + y**2)).sum(1)
    by_spot = total / np.array([[truth.shape[1]], [truth.shape[1]], [max(with_pcc, 1)]])
    block = blocks(points)
    spots = np.bincount(block)
    spots = spots[spots > 0]
    block = np.unique(block, return_inverse=True)[1]
    means = [np.bincount(block, values) / spots for values in by_spot]
    return BlockScores(spots, dict(zip(SCORES, means, strict=True)))


def blocks_to_info(found: Mapping[str, BlockScores]) -> dict:
    """Scores by block of every method, for ``Result.info``."""
    return {KEY: {name: scores.to_json() for name, scores in found.items()}}


def blocks_of(result: Result) -> dict[str, BlockScores]:
    """Scores by block of every method of a finished run.

    Runs of an earlier version have not kept them: with hidden truth they are computed from the
    maps, and without it there are none ({}).
    """
    kept = {n: BlockScores.from_json(v) for n, v in (result.info.get(KEY) or {}).items()}
    found = {name: scores for name, scores in kept.items() if scores is not None}
    section, at = result.section, result.section.hidden
    if found or int(at.sum()) < 2:
        return found
    points = section.grid.lattice_xy(section.row[at], section.col[at])
    truth = np.asarray(result.truth[at])
    return {n: block_scores(truth, np.asarray(v[at]), points) for n, v in result.maps.items()}
