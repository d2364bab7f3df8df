"""A quality check's result: its level, what was found and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from s2s_core.vocabulary import CHECKS

LEVELS = tuple(CHECKS.words)


@dataclass(frozen=True)
class QualityCheck:
    """One check.

    Attributes
    ----------
    name : str
    level : {"fine", "watch", "problem"}
    sentence : str
        What was found, with its numbers.
    advice : str
        What to do; "" where nothing is.
    value : float
        The number that was judged.
    """

    name: str
    level: str
    sentence: str
    advice: str
    value: float


def level_of(value: float, limits: tuple[float, float]) -> str:
    """Level of a value by its limits (watch, problem)."""
    return LEVELS[int(value > limits[0]) + int(value > limits[1])]
