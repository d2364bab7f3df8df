"""What methods, training loops and screens agree on: predictions, progress, ways to be stopped."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from s2s_core.data.observation import Observation
from s2s_core.vocabulary import Phase, phase_words


@dataclass(frozen=True)
class Progress:
    """One line of a run's progress.

    Attributes
    ----------
    phase : Phase
        What is being done.
    step, steps : int
    seconds_left : float or None
    losses : dict
        Named losses of this step (``s2s``, ``s2d``, ``images``, ``total``).
    score : float or None
        Error on the measured spots set aside, when it was just taken (1 = the first estimate).
    preview : (n,) array or None
        Current log-normalised map of the preview gene at the tissue positions, now and then.
    detail : str
        What the phase is about, for the user: the device that trains, the method that predicts.
    """

    phase: Phase
    step: int
    steps: int
    seconds_left: float | None = None
    losses: dict = field(default_factory=dict)
    score: float | None = None
    preview: np.ndarray | None = None
    detail: str = ""

    @property
    def words(self) -> str:
        """Phase and its detail as a user reads them, e.g. "Training on CPU"."""
        return phase_words(self.phase, self.detail)


@dataclass(frozen=True)
class Hooks:
    """How a long fit talks to its caller.

    Attributes
    ----------
    on_progress, should_stop : callables
    checkpoint : Path or None
        File a long fit keeps its state in.
    resume : bool
    preview : int or None
        Gene whose map is sent along with progress now and then.
    """

    on_progress: Callable[[Progress], None] = lambda progress: None
    should_stop: Callable[[], bool] = lambda: False
    checkpoint: Path | None = None
    resume: bool = False
    preview: int | None = None


@dataclass(frozen=True)
class Prediction:
    """Values (t, G) at the asked pixels and, where the method has one, their deviation."""

    mean: np.ndarray
    sd: np.ndarray | None = None
    details: dict = field(default_factory=dict)


Predictor = Callable[[Observation, np.ndarray], Prediction]
