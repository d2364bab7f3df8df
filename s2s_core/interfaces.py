"""What a long run reports while it works."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


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
        Error on the measured spots set aside, when it was just taken (1 = the first estimate).
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
