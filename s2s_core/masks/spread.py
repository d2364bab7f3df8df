"""Designs with an exact budget that need no values: random, stratified, Poisson disc."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.masks.task import Task

# A density counts at most this many times its smallest positive value: radii stay comparable.
DENSITY_SPAN = 64.0


def random(task: Task) -> np.ndarray:
    """Spots drawn with equal chance."""
    free = np.nonzero(task.allowed & ~task.must)[0]
    mask = task.must.copy()
    mask[task.rng.permutation(free)[: task.count - int(task.must.sum())]] = True
    return mask


def stratified(task: Task) -> np.ndarray:
    """One spot drawn in each of as many compact parts of equal size (jittered)."""
    free = np.nonzero(task.allowed & ~task.must)[0]
    mask, points = task.must.copy(), task.points
    parts = [(free, task.count - int(task.must.sum()))]
    while parts:
        inside, count = parts.pop()
        if count < 1:
            continue
        if count == 1:
            mask[task.rng.choice(inside)] = True
            continue
        place = points[inside]
        order = np.argsort(place[:, np.ptp(place, axis=0).argmax()], kind="stable")
        half = count // 2
        cut = round(len(inside) * half / count)
        parts += [(inside[order[:cut]], half), (inside[order[cut:]], count - half)]
    return mask


def poisson(task: Task) -> np.ndarray:
    """Blue noise: no two spots nearer than a radius, the largest that the budget allows."""
    return poisson_disc(task, task.allowed, np.ones(task.section.n_positions))


def poisson_disc(task: Task, allowed: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Blue-noise sample with an exact count; the radius falls with the square root of density.

    Spots are visited in random order, those of ``must`` first, and taken when no taken spot is
    within the mean of both radii; the radii are the largest that still give the wanted number,
    and surplus spots are dropped from the most crowded ones.
    """
    where = np.nonzero(allowed | task.must)[0]
    points, must = task.points[where], task.must[where]
    mask = task.must.copy()
    wanted = task.count
    if wanted <= must.sum():
        return mask
    floor = density[where].max() / DENSITY_SPAN
    size = np.maximum(density[where], floor) ** -0.5
    size = size / size.mean()
    order = task.rng.permutation(len(points))
    order = np.concatenate([order[must[order]], order[~must[order]]])
    fixed = int(must.sum())
    chosen, smallest = order, 0.0
    largest = 4.0 * np.sqrt(len(points) / wanted) / size.min()
    while largest - smallest > 0.05:
        radius = (smallest + largest) / 2
        trial = _throw_darts(points, order, radius, size, fixed)
        if len(trial) >= wanted:
            smallest, chosen = radius, trial
        else:
            largest = radius
    while len(chosen) > wanted:
        gap = cKDTree(points[chosen]).query(points[chosen], k=2)[0][:, 1] / size[chosen]
        gap[must[chosen]] = np.inf
        surplus = min(len(chosen) - wanted, max(1, len(chosen) // 50))
        crowded = np.lexsort((task.rng.random(len(chosen)), gap))
        chosen = np.delete(chosen, crowded[:surplus])
    mask[where[chosen]] = True
    return mask


def _throw_darts(points, order, radius: float, size: np.ndarray, fixed: int) -> np.ndarray:
    """Index of the spots taken; the first ``fixed`` of the order always are."""
    pairs = cKDTree(points).query_pairs(radius * size.max(), output_type="ndarray")
    apart = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    pairs = pairs[apart <= radius * (size[pairs[:, 0]] + size[pairs[:, 1]]) / 2]
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.argsort(both[:, 0], kind="stable")]
    start = np.searchsorted(both[:, 0], np.arange(len(points) + 1))
    free = np.ones(len(points), bool)
    taken = []
    for k, i in enumerate(order):
        if free[i] or k < fixed:
            taken.append(i)
            free[both[start[i] : start[i + 1], 1]] = False
    return np.array(taken)


def bring_to(task: Task, mask: np.ndarray) -> np.ndarray:
    """The mask with exactly ``task.count`` spots.

    Surplus spots are dropped by lot; missing ones are added where the nearest measured spot
    is farthest.
    """
    mask = (mask & task.allowed) | task.must
    surplus = int(mask.sum()) - task.count
    if surplus > 0:
        loose = np.nonzero(mask & ~task.must)[0]
        mask[task.rng.permutation(loose)[:surplus]] = False
        return mask
    points = task.points
    if surplus < 0 and not mask.any():
        mask[task.rng.choice(np.nonzero(task.allowed)[0])] = True
        surplus += 1
    gap = cKDTree(points[mask]).query(points)[0] if mask.any() else np.full(len(points), np.inf)
    gap[~task.allowed | mask] = -np.inf
    lot = task.rng.random(len(points))
    for _ in range(-surplus):
        far = int(np.lexsort((lot, gap))[-1])
        mask[far] = True
        gap = np.minimum(gap, np.linalg.norm(points - points[far], axis=1))
        gap[far] = -np.inf
    return mask
