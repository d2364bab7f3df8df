"""How long a run will take on this machine, before it starts.

A simple law fitted on one machine (2 cores, docs/engine.md), corrected by how long earlier runs
took here: the first guess is rough, later ones are not.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

import numpy as np

from s2s_core import jobs
from s2s_core.config import RunConfig
from s2s_core.section import Section

# Seconds: at all, for each position, for each value of the map.
COST = {"fast": (8.0, 0.019, 1.4e-6), "balanced": (18.0, 0.049, 1.4e-6)}
CLASSICAL = (4.0, 0.006, 1.4e-6)
REMEMBERED = 8
REFERENCE_CORES = 2


def predicted_seconds(n_positions: int, n_genes: int, config: RunConfig) -> float | None:
    """Seconds on the reference machine; None for the published form, which takes hours to days."""
    if config.method == "s2s" and config.preset not in COST:
        return None
    base, each, value = COST[config.preset] if config.method == "s2s" else CLASSICAL
    return base + each * n_positions + value * n_positions * n_genes


def forecast(section: Section, config: RunConfig, factor: float) -> float | None:
    """Seconds that a run will take here; ``factor`` comes from :func:`machine_factor`."""
    seconds = predicted_seconds(section.n_positions, len(section.genes), config)
    return None if seconds is None else seconds * factor


def machine_factor() -> tuple[float, bool]:
    """How this machine compares with the reference, and whether that was measured.

    The median over the latest finished runs of the time they took over the time predicted.
    """
    ratios = []
    for job in jobs.all_jobs():
        with suppress(OSError, KeyError, ValueError, TypeError):
            info = json.loads((job.result / "run.json").read_text(encoding="utf-8"))
            config = job.config()
            seconds = predicted_seconds(info["n_positions"], info["n_genes"], config)
            # Short runs are mostly starting and writing.
            if seconds and config.method == "s2s":
                ratios.append(info["seconds"] / seconds)
        if len(ratios) == REMEMBERED:
            break
    if ratios:
        return float(np.median(ratios)), True
    cores = min(os.cpu_count() or 1, 16)
    return (REFERENCE_CORES / cores) ** 0.6, False
