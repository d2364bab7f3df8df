"""The main job: a Section in, a Result with maps, deviations and scores out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from s2s_core.config import RunConfig
from s2s_core.section import Section


@dataclass(frozen=True)
class Progress:
    """One line of a run's progress.

    Attributes
    ----------
    phase : str
        What is being done, in words for the user ("Training", "Kriging of programmes", ...).
    step, steps : int
    seconds_left : float or None
    losses : dict
        Named losses of this step (``s2s``, ``s2d``, ``images``, ``total``).
    score : float or None
        Error on the measured spots set aside (RMSE over programmes), when it was just taken.
    preview : (n,) array or None
        Current log-normalised map of the preview gene at the tissue positions, now and then.
    """

    phase: str
    step: int
    steps: int
    seconds_left: float | None = None
    losses: dict = field(default_factory=dict)
    score: float | None = None
    preview: np.ndarray | None = None


@dataclass(frozen=True)
class Result:
    """A finished imputation.

    Attributes
    ----------
    section : Section
    config : RunConfig
    maps : dict of str -> (n, G) float32 array
        Log-normalised dense map of each method at all tissue positions (row i is the section's
        row i); the first key is the chosen method. Measured positions hold their own values.
    sd : dict of str -> (n, G) float32 array
        Predictive standard deviation, for the methods that have one.
    truth : (n, G) float32 array
        Known values, NaN where nothing is known. For scores and pictures only.
    metrics : DataFrame
        One row a gene and method: method, gene, spots ("hidden truth" or "withheld measured
        spots"), n_spots, scale, mae, rmse, pcc, ssim, ...
    info : dict
        Versions, seed, device, times, peak memory, notes: what run.json holds.
    """

    section: Section
    config: RunConfig
    maps: dict[str, np.ndarray]
    sd: dict[str, np.ndarray]
    truth: np.ndarray
    metrics: pd.DataFrame
    info: dict

    @property
    def imputed(self) -> np.ndarray:
        """(n, G) map of the chosen method."""
        return self.maps[self.config.method]


def run(
    section: Section,
    config: RunConfig,
    *,
    folder: Path | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: bool = False,
) -> Result:
    """Impute a section as configured (stand-in until the methods land)."""
    raise NotImplementedError
