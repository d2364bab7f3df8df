"""Reader of Slide-seq: a table of genes x beads and a table of bead locations."""

from __future__ import annotations

from s2s_core.data.section import Section
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.pairs import read_pair
from s2s_core.readers.source import Source

PLACES = ("beadlocationsforr.csv", "bead_locations.csv", "bead_locations.txt")
COUNTS = ("mappeddgeforr.csv", ".digital_expression.txt", ".digital_expression.csv")


def _files(source: Source) -> tuple[list[str], list[str]]:
    counts, places = (source.find(*n, *(f"{name}.gz" for name in n)) for n in (COUNTS, PLACES))
    return counts, places


def sniff(source: Source) -> bool:
    """Whether both tables are there, under the names that the pipelines give them."""
    return all(_files(source))


def read(source: Source, options: ReadOptions) -> Section:
    """Read beads and bin them."""
    counts, places = _files(source)
    return read_pair(source, counts[0], places[0], points(options))


READER = Reader("slide_seq", "Slide-seq (counts of beads and bead locations)", sniff, read)
