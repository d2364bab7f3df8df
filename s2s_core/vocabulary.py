"""Words that programs decide by and users read: phases of a run, scored spots, scales of judgement.

Code compares members of the enumerations here; only this file says what they are called. Each scale
answers a question of its own, and a word means one thing wherever it is said: docs/glossary.md lists
them for the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Phase(StrEnum):
    """Stage of a run or study, as programs ask for it; :func:`phase_words` says it to a user.

    A value stands in files; it is never changed, only added to.
    """

    WAITING = "waiting"
    STARTING = "starting"
    FITTING = "fitting"
    TRAINING = "training"
    INTERVALS = "intervals"
    PREDICTING = "predicting"
    COMPARING = "comparing"
    DESIGNS = "designs"
    EXPERIMENT = "experiment"
    WRITING = "writing"
    PAUSED = "paused"
    CANCELLED = "cancelled"


# What each phase is called, and what joins its detail (a device, a method) to that.
_PHASES = {
    Phase.WAITING: ("Waiting", ": "),
    Phase.STARTING: ("Starting", ": "),
    Phase.FITTING: ("Fitting gene programmes", ": "),
    Phase.TRAINING: ("Training", " on "),
    Phase.INTERVALS: ("Learning medians and intervals", ": "),
    Phase.PREDICTING: ("Predicting", ": "),
    Phase.COMPARING: ("Comparing with", ": "),
    Phase.DESIGNS: ("Testing designs on the pilot", ": "),
    Phase.EXPERIMENT: ("Experiment", ": "),
    Phase.WRITING: ("Writing the results", ": "),
    Phase.PAUSED: ("Paused", ": "),
    Phase.CANCELLED: ("Cancelled", ": "),
}


def phase_words(phase: Phase, detail: str = "") -> str:
    """Words for a phase, e.g. "Training on CPU" or "Predicting: Linear interpolation".

    Raises
    ------
    ValueError
        If there is no such phase.
    """
    name, joint = _PHASES[Phase(phase)]
    return f"{name}{joint}{detail}" if detail else name


class Spots(StrEnum):
    """On which spots scores were taken: the column ``spots`` of tables of scores."""

    HIDDEN = "hidden truth"
    WITHHELD = "withheld measured spots"


class Pattern(StrEnum):
    """Whether a gene has a spatial pattern in what was measured."""

    CLEAR = "clear pattern"
    WEAK = "weak pattern"
    NONE = "no pattern"


class Resolution(StrEnum):
    """Whether a sampling design can resolve a gene."""

    RESOLVED = "resolved"
    MARGINAL = "marginal"
    LOST = "cannot be resolved"
    FLAT = "no pattern"


class Grade(StrEnum):
    """What a gene's imputed map may be used for."""

    TEST = "test"
    RANK = "rank"
    LOOK = "look"
    LEAVE = "leave"


class Level(StrEnum):
    """What a check of finished maps found."""

    FINE = "fine"
    WATCH = "watch"
    PROBLEM = "problem"


@dataclass(frozen=True)
class Scale:
    """Words that answer one question.

    Attributes
    ----------
    when : str
        At which point of the work it is asked, and of what.
    question : str
    words : dict of str -> str
        Each word with its meaning, best first.
    """

    when: str
    question: str
    words: dict[str, str]

    @property
    def asked(self) -> str:
        """When and what, e.g. "Before measuring: can this design resolve the gene?"."""
        return f"{self.when}: {self.question}"

    def help(self, rule: str = "") -> str:
        """The question, its words and the ``rule`` that chooses between them, as Markdown."""
        lines = [f"- **{word}**: {meaning}" for word, meaning in self.words.items()]
        return "\n\n".join(part for part in (self.asked, "\n".join(lines), rule) if part)


# Kinds of grids, as sentences name them.
LATTICES = {"square": "square lattice", "hex": "hexagonal lattice", "bins": "grid of square bins"}
# The one word that answers two questions: where there is no pattern no design can resolve it.
NO_PATTERN = "neighbouring spots are no more alike than by chance: nothing to impute from"

PATTERN = Scale(
    "In what was measured",
    "is there a spatial pattern?",
    {
        Pattern.CLEAR: "neighbouring spots are much alike: the gene can be imputed",
        Pattern.WEAK: "neighbouring spots are a little alike: impute it with care",
        Pattern.NONE: NO_PATTERN,
    },
)
DESIGN = Scale(
    "Before measuring",
    "can this design resolve the gene?",
    {
        Resolution.RESOLVED: "its pattern is wider than the gaps between measured spots",
        Resolution.MARGINAL: "its pattern is about as wide as the gaps: parts of it will be missed",
        Resolution.LOST: "its pattern is finer than the gaps, or most of the tissue lies too "
        "far from every measured spot",
        Resolution.FLAT: NO_PATTERN,
    },
)
USE = Scale(
    "After imputing",
    "what may this gene's map be used for?",
    {
        Grade.TEST: "testing differences",
        Grade.RANK: "ranking spots and correlations",
        Grade.LOOK: "looking at the pattern",
        Grade.LEAVE: "nothing: leave it out",
    },
)
CHECKS = Scale(
    "After imputing",
    "has anything gone wrong with the maps?",
    {
        Level.FINE: "nothing to be seen",
        Level.WATCH: "read the maps with this in mind",
        Level.PROBLEM: "do not rely on the maps before it is put right",
    },
)
SCALES = (DESIGN, PATTERN, USE, CHECKS)
