"""Reader of Vizgen MERSCOPE and MERFISH: tables of cells x genes and of cells, or of molecules."""

from __future__ import annotations

import re

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.molecules import Columns, columns_named, find_table, read_molecules
from s2s_core.readers.pairs import read_pair
from s2s_core.readers.source import Source

COUNTS = re.compile(r"cell_by_gene[^/]*\.csv(\.gz)?$")
CELLS = re.compile(r"cell_metadata[^/]*\.csv(\.gz)?$")
TRANSCRIPTS = tuple(f"transcripts{end}" for end in (".csv", ".csv.gz", ".parquet"))


def _files(source: Source, which: re.Pattern) -> list[str]:
    return [name for name in source.names if which.search(name.lower())]


def _columns(names: list[str]) -> Columns | None:
    return columns_named(names, gene="gene", x="global_x", y="global_y")


def sniff(source: Source) -> bool:
    """Whether there is a table cell_by_gene, or one of detected transcripts."""
    return bool(_files(source, COUNTS)) or find_table(source, TRANSCRIPTS, _columns) is not None


def read(source: Source, options: ReadOptions) -> Section:
    """Read cells (center_x, center_y in micrometres) and bin them.

    Transcripts are counted where there are no counts of cells, or no positions of them.
    """
    counts, cells = _files(source, COUNTS), _files(source, CELLS)
    molecules = None if counts and cells else find_table(source, TRANSCRIPTS, _columns)
    if molecules is not None:
        note = (
            "Detected transcripts were counted at global_x and global_y; for the counts of cells "
            "give cell_by_gene.csv and cell_metadata.csv."
        )
        return read_molecules(source, *molecules, options, "um", (note,))
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


READER = Reader("vizgen", "Vizgen MERSCOPE (cells, or detected transcripts)", sniff, read)
