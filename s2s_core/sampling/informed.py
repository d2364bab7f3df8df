"""Designs that follow what is known: a painted density, a region, the patterns of a pilot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from s2s_core.errors import S2SError
from s2s_core.sampling.stochastic import poisson_disc
from s2s_core.sampling.task import Task


def density(task: Task) -> np.ndarray:
    """Poisson disc whose spots lie closer where the density is higher.

    Without a painted density: where the pilot's patterns change.
    """
    wanted = task.known_patterns().contrast if task.density is None else task.density
    allowed = task.allowed & (wanted > 0)
    if int((allowed | task.include).sum()) < task.count:
        raise S2SError(
            f"The density is above zero at {int(allowed.sum())} spots only, fewer than the budget "
            f"of {task.count}; paint more of the tissue or measure less."
        )
    return poisson_disc(task, allowed, wanted)


def region(task: Task) -> np.ndarray:
    """Every spot of a region of interest, and Poisson disc around it with what is left.

    Without a region: the spots where the pilot's patterns change most, for half the budget.
    """
    if task.region is None:
        contrast = np.where(task.allowed, task.known_patterns().contrast, -np.inf)
        inside = np.zeros(len(contrast), bool)
        inside[
            np.argsort(-contrast, kind="stable")[: (task.count - int(task.include.sum())) // 2]
        ] = True
    else:
        inside = task.region & task.allowed
    both = inside | task.include
    if not inside.any():
        raise S2SError("The region holds no spot that can be measured; paint it on the tissue.")
    if both.sum() > task.count:
        share = both.sum() / max(int(task.section.measured.sum()), 1)
        raise S2SError(
            f"The region has {int(both.sum())} spots, more than the budget of {task.count}; raise "
            f"the budget above {share:.0%} or make the region smaller."
        )
    around = replace(task, include=task.include & ~inside, count=task.count - int(inside.sum()))
    outside = task.allowed & ~inside
    return inside | poisson_disc(around, outside, np.ones(len(outside)))


def leverage(task: Task) -> np.ndarray:
    """Spots drawn with a chance in proportion to their smoothed leverage in the pilot."""
    weight = task.known_patterns().leverage
    free = np.nonzero(task.allowed & ~task.include)[0]
    # The smallest of exponential waiting times: a weighted draw without replacement.
    waiting = task.rng.exponential(size=len(free)) / np.maximum(weight[free], 1e-12)
    mask = task.include.copy()
    mask[free[np.argsort(waiting)[: task.count - int(task.include.sum())]]] = True
    return mask


def active(task: Task) -> np.ndarray:
    """One spot after another, each where it lowers the kriging variance of the tissue most."""
    from s2s_core.sampling.active import Covariance, reduce_variance

    _, _, text = task.argument.partition("@")
    covariance = Covariance(range=_range(text)) if text else task.known_patterns().covariance
    given = np.nonzero(task.include)[0]
    picked = reduce_variance(
        task.points, covariance, task.allowed, task.count - len(given), given=given, rng=task.rng
    )
    mask = task.include.copy()
    mask[picked] = True
    return mask


def _range(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.3 <= value <= 1000:
        raise S2SError(
            f"The range must be a number of pitches between 0.3 and 1000, found {text!r}."
        )
    return value
