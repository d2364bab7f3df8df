"""Designs with an exact budget that need no values: random, stratified, Poisson disc."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

from s2s_core.data.grid import HEX_ROW
from s2s_core.sampling.task import Task

# A density counts at least 1/16 of its largest value: distances differ fourfold at most.
DENSITY_SPAN = 16.0
# Power that near neighbours crowd more than far ones with.
CROWDING = 8


def random(task: Task) -> np.ndarray:
    """Spots drawn with equal chance."""
    free = np.nonzero(task.allowed & ~task.include)[0]
    mask = task.include.copy()
    mask[task.rng.permutation(free)[: task.count - int(task.include.sum())]] = True
    return mask


def stratified(task: Task) -> np.ndarray:
    """One spot drawn in each of as many compact parts of equal size (jittered)."""
    free = np.nonzero(task.allowed & ~task.include)[0]
    mask, points = task.include.copy(), task.points
    parts = [(free, task.count - int(task.include.sum()))]
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
    """Blue noise: spots drawn so that no two of them are near each other."""
    return poisson_disc(task, task.allowed, np.ones(task.section.n_positions))


def poisson_disc(task: Task, allowed: np.ndarray, density: np.ndarray) -> np.ndarray:
    """Blue-noise sample with an exact count; distances go with density^-0.5.

    Sample elimination (Yuksel 2015): of all spots the one most crowded by others is left out,
    again and again, until the wanted number remains; random draws decide how much crowding a
    spot bears. Throwing darts gives uneven samples above a fifth of a lattice, where only few
    distances exist. Spots to include crowd the others and stay.
    """
    where = np.nonzero(allowed | task.include)[0]
    points, include = task.points[where], task.include[where]
    # Spots to include may lie where the density is zero.
    floor = max(float(density[where].max(initial=0.0)), 1e-12) / DENSITY_SPAN
    size = np.maximum(density[where], floor) ** -0.5
    size = size / size.mean()
    # Distance of neighbours if the spots formed a perfect hexagonal lattice.
    cell = HEX_ROW if task.section.grid.kind == "hex" else 1.0
    reach = np.sqrt(cell * len(points) / max(task.count, 1) / HEX_ROW)
    pairs = cKDTree(points).query_pairs(reach * size.max(), output_type="ndarray")
    apart = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    apart /= reach * (size[pairs[:, 0]] + size[pairs[:, 1]]) / 2
    pairs, crowd = pairs[apart < 1], (1 - apart[apart < 1]) ** CROWDING
    both, crowd = np.concatenate([pairs, pairs[:, ::-1]]), np.concatenate([crowd, crowd])
    order = np.argsort(both[:, 0], kind="stable")
    other, crowd = both[order, 1], crowd[order]
    start = np.searchsorted(both[order, 0], np.arange(len(points) + 1))
    bears = 1.0 + task.rng.random(len(points))
    load = np.bincount(both[order, 0], crowd, minlength=len(points))
    stays = np.ones(len(points), bool)
    # Among spots without any neighbour the random factor alone decides.
    pressure = np.where(include, -np.inf, (load + 1e-9) * bears)
    for _ in range(len(points) - max(task.count, int(include.sum()))):
        out = int(pressure.argmax())
        stays[out] = False
        near = slice(start[out], start[out + 1])
        pressure[other[near]] -= crowd[near] * bears[other[near]]
        pressure[out] = -np.inf
    mask = np.zeros(len(allowed), bool)
    mask[where[stays]] = True
    return mask


def bring_to(task: Task, mask: np.ndarray) -> np.ndarray:
    """The mask with exactly ``task.count`` spots.

    Surplus spots are dropped at random; missing ones are added where the nearest measured spot
    is farthest.
    """
    mask = (mask & task.allowed) | task.include
    surplus = int(mask.sum()) - task.count
    if surplus > 0:
        loose = np.nonzero(mask & ~task.include)[0]
        mask[task.rng.permutation(loose)[:surplus]] = False
        return mask
    points = task.points
    if surplus < 0 and not mask.any():
        mask[task.rng.choice(np.nonzero(task.allowed)[0])] = True
        surplus += 1
    gap = cKDTree(points[mask]).query(points)[0] if mask.any() else np.full(len(points), np.inf)
    gap[~task.allowed | mask] = -np.inf
    tie_break = task.rng.random(len(points))
    for _ in range(-surplus):
        far = int(np.lexsort((tie_break, gap))[-1])
        mask[far] = True
        gap = np.minimum(gap, np.linalg.norm(points - points[far], axis=1))
        gap[far] = -np.inf
    return mask
