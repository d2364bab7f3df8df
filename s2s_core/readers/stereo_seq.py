"""Reader of Stereo-seq GEM files: one line a gene and place, counted in square pixels."""

from __future__ import annotations

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.molecules import Columns, find_table, named, read_molecules
from s2s_core.readers.source import Source

ENDINGS = (".gem", ".gem.gz", ".tsv", ".tsv.gz", ".txt", ".txt.gz")


def _columns(names: list[str]) -> Columns | None:
    gene = named(names, "geneName", "geneID")
    count = named(names, "MIDCount", "MIDCounts", "UMICount")
    if gene is None or count is None or not {"x", "y"} <= set(names):
        return None
    return Columns(gene=gene, x="x", y="y", count=count)


def sniff(source: Source) -> bool:
    """Whether a file has the columns of a GEM."""
    return find_table(source, ENDINGS, _columns) is not None


def read(source: Source, options: ReadOptions) -> Section:
    """Read a GEM file; coordinates are counted in DNA nanoballs, 0.5 um apart."""
    found = find_table(source, ENDINGS, _columns)
    if found is None:
        raise S2SError(f"{source.name!r} holds no GEM table (geneID, x, y, MIDCount); give one.")
    return read_molecules(source, *found, options, "nanoballs (0.5 um each)")


READER = Reader("stereo_seq", "Stereo-seq (GEM)", sniff, read)
