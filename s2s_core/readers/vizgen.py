"""Reader of Vizgen MERSCOPE and MERFISH: a table of cells x genes and a table of cells."""

from __future__ import annotations

import re

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.pairs import read_pair
from s2s_core.readers.source import Source

COUNTS = re.compile(r"cell_by_gene[^/]*\.csv(\.gz)?$")
CELLS = re.compile(r"cell_metadata[^/]*\.csv(\.gz)?$")


def _files(source: Source, which: re.Pattern) -> list[str]:
    return [name for name in source.names if which.search(name.lower())]


def sniff(source: Source) -> bool:
    """Whether there is a table cell_by_gene."""
    return bool(_files(source, COUNTS))


def read(source: Source, options: ReadOptions) -> Section:
    """Read cells (center_x, center_y in micrometres) and bin them."""
    counts, cells = _files(source, COUNTS), _files(source, CELLS)
    if not cells:
        raise S2SError(
            f"{source.name!r} has counts of cells but not their positions; add cell_metadata.csv."
        )
    if len(counts) > 1 or len(cells) > 1:
        raise S2SError(
            f"{source.name!r} holds several sections ({', '.join((counts + cells)[:3])}); give the "
            "two tables of one."
        )
    return read_pair(source, counts[0], cells[0], points(options))


READER = Reader("vizgen", "Vizgen MERSCOPE (cell_by_gene and cell_metadata)", sniff, read)
