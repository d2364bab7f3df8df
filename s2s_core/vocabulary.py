"""The words in which genes and maps are judged: each scale answers a question of its own.

A word means one thing wherever it is said; docs/glossary.md lists them for the reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


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


class Pattern(StrEnum):
    """Verdicts of :data:`PATTERN` on a gene's spatial pattern."""

    CLEAR = "clear pattern"
    WEAK = "weak pattern"
    NONE = "no pattern"


class Resolution(StrEnum):
    """Verdicts of :data:`DESIGN` on what a sampling design makes of a gene's pattern."""

    RESOLVED = "resolved"
    MARGINAL = "marginal"
    LOST = "cannot be resolved"
    # The one word that answers two questions: where there is no pattern none can be resolved.
    FLAT = Pattern.NONE.value


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
        "test": "testing differences",
        "rank": "ranking spots and correlations",
        "look": "looking at the pattern",
        "leave": "nothing: leave it out",
    },
)
CHECKS = Scale(
    "After imputing",
    "has anything gone wrong with the maps?",
    {
        "fine": "nothing to be seen",
        "watch": "read the maps with this in mind",
        "problem": "do not rely on the maps before it is put right",
    },
)
SCALES = (DESIGN, PATTERN, USE, CHECKS)
