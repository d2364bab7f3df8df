"""State of a job: its status, the present phase, and the phases that it went through."""

from __future__ import annotations

from dataclasses import dataclass

from s2s_core.data.format_number import FORMAT_KEY
from s2s_core.vocabulary import Phase, phase_words


@dataclass(frozen=True)
class Stage:
    """A phase that a run went through: what it was about, and when it began (seconds since the
    epoch)."""

    phase: Phase
    detail: str
    began: float

    @property
    def name(self) -> tuple[Phase, str]:
        """What tells a stage from others, whenever it began."""
        return self.phase, self.detail


@dataclass(frozen=True)
class State:
    """State of a job.

    Attributes
    ----------
    status : str
        queued, running, done, failed, paused, cancelled or interrupted (its process is gone).
    message : str
        For a failed job the sentence that says why.
    phase, detail, step, steps, seconds_left : progress
        As in :class:`s2s_core.interfaces.Progress`.
    started, ended : float
        Seconds since the epoch.
    stages : tuple of Stage
        Since the last start, in order.
    resume : bool
        The next start goes on from the checkpoint.
    process : int
        Id of the process that works on it, or did last; 0 before the first start.
    """

    status: str = "queued"
    message: str = ""
    phase: Phase = Phase.WAITING
    detail: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    started: float = 0.0
    ended: float = 0.0
    stages: tuple[Stage, ...] = ()
    resume: bool = False
    process: int = 0

    @property
    def words(self) -> str:
        """Present phase as a user reads it."""
        return phase_words(self.phase, self.detail)


def state_of(saved: dict, *, sentences: bool) -> State:
    """State from the object of its file.

    Parameters
    ----------
    saved : dict
    sentences : bool
        Of a file without a format number: its phases are sentences, which say nothing to a
        program, and are left out.
    """
    fields = {name: value for name, value in saved.items() if name != FORMAT_KEY}
    if sentences:
        fields |= {"phase": Phase.WAITING, "stages": ()}
    stages = tuple(Stage(Phase(s["phase"]), s["detail"], s["began"]) for s in fields["stages"])
    return State(**fields | {"phase": Phase(fields["phase"]), "stages": stages})
