"""Scores of one method's run: at hidden spots, or at measured spots that were withheld from it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.assessment.answer import ScoredSpots
from s2s_core.assessment.block_scores import BlockScores, block_scores
from s2s_core.assessment.intervals import Intervals
from s2s_core.assessment.metrics import score_genes, score_intervals
from s2s_core.data.section import Section
from s2s_core.vocabulary import Spots


@dataclass(frozen=True)
class MethodScores:
    """Scores of one method: a row per gene, and by spatial block of the scored spots."""

    genes: pd.DataFrame
    blocks: BlockScores


def score_hidden(
    section: Section, truth: np.ndarray, mean: np.ndarray, intervals: Intervals | None
) -> MethodScores:
    """Scores at the spots that a mask hides.

    Parameters
    ----------
    section : Section
    truth, mean : (n, G) arrays
        Known values and the method's map at all tissue positions.
    intervals : Intervals or None
        At all tissue positions.
    """
    at = section.hidden
    table = score_genes(truth, mean, at, pixels=section.pixels, shape=section.grid.shape)
    if intervals is not None:
        table = table.assign(**_of_intervals(truth[at], intervals[at]))
    return MethodScores(
        _described(table, section, at, Spots.HIDDEN), _blocks(section, at, truth[at], mean[at])
    )


def score_withheld(section: Section, truth: np.ndarray, spots: ScoredSpots) -> MethodScores:
    """Scores at measured spots that had been withheld from the method.

    Parameters
    ----------
    section : Section
    truth : (n, G) array
        Known values at all tissue positions.
    spots : ScoredSpots
        Every withheld spot once.
    """
    guess, at = truth.copy(), np.zeros(section.n_positions, bool)
    guess[spots.rows], at[spots.rows] = spots.mean, True
    table = score_genes(
        truth, guess, at, pixels=section.pixels, shape=section.grid.shape, shown=section.measured
    )
    if spots.intervals is not None:
        table = table.assign(**_of_intervals(spots.measured, spots.intervals))
    return MethodScores(
        _described(table, section, at, Spots.WITHHELD), _blocks(section, at, truth[at], guess[at])
    )


def _of_intervals(measured: np.ndarray, intervals: Intervals) -> dict[str, np.ndarray]:
    return score_intervals(measured, intervals.median, intervals.lower, intervals.upper)


def _blocks(section: Section, at: np.ndarray, truth: np.ndarray, mean: np.ndarray) -> BlockScores:
    return block_scores(truth, mean, section.grid.lattice_xy(section.row[at], section.col[at]))


def _described(table: pd.DataFrame, section: Section, at: np.ndarray, spots: str) -> pd.DataFrame:
    """The table with what it is about in its first columns."""
    table.insert(0, "gene", section.genes.to_numpy())
    table.insert(1, "spots", spots)
    table.insert(2, "n_spots", int(at.sum()))
    table.insert(3, "scale", section.scale)
    return table
