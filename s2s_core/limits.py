"""Limits of what a user may ask of a machine, all in one place, set by the environment."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, fields

from s2s_core.errors import S2SError


@dataclass(frozen=True)
class Limits:
    """Limits of an installation; each is set by ``S2S_`` and its name in capitals.

    Attributes
    ----------
    max_upload_mb : float
        ``S2S_MAX_UPLOAD_MB``: size of the files of one section on disk, in MB of 1e6 bytes.
    max_values : float
        ``S2S_MAX_VALUES``: spots (or cells, beads) x genes that a file may declare.
    max_spots : float
        ``S2S_MAX_SPOTS``: tissue positions of one section, after binning.
    max_hours : float
        ``S2S_MAX_HOURS``: running time of one job; 0 sets no limit.
    keep_days : float
        ``S2S_KEEP_DAYS``: how long a finished run is kept; 0 keeps it for ever.
    """

    max_upload_mb: float = 2000.0
    max_values: float = 4e9
    max_spots: float = 200_000.0
    max_hours: float = 0.0
    keep_days: float = 30.0

    @classmethod
    def from_environment(cls) -> Limits:
        """Limits of this installation, from the environment as it is now.

        Raises
        ------
        S2SError
            If a variable holds no number, or one below zero (for the sizes: not above zero).
        """
        chosen = {}
        for field in fields(cls):
            name = f"S2S_{field.name.upper()}"
            text = os.environ.get(name, "").strip()
            if text:
                chosen[field.name] = _number(name, text, may_be_zero=field.name in ZERO_IS_NONE)
        return cls(**chosen)

    @property
    def max_upload_bytes(self) -> int:
        """Largest size of the files of one section, in bytes."""
        return int(self.max_upload_mb * 1e6)


ZERO_IS_NONE = ("max_hours", "keep_days")


def _number(name: str, text: str, *, may_be_zero: bool) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (0 < value < math.inf or (may_be_zero and value == 0)):
        least = "0 or more" if may_be_zero else "above 0"
        raise S2SError(f"The variable {name} must be a number {least}; found {text!r}.")
    return value
