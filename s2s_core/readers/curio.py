"""Reader of Curio Seeker (Slide-seq beads): a Matrix Market file of beads, and their places."""

from __future__ import annotations

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.columns import place_ids
from s2s_core.readers.delimited import read_table
from s2s_core.readers.matching import match_spots
from s2s_core.readers.pairs import join
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import read_matrix

COUNTS = ("moleculespermatchedbead.mtx", "moleculespermatchedbead.mtx.gz")
PLACES = ("matchedbeadlocation.csv", "matchedbeadlocation.csv.gz")


def sniff(source: Source) -> bool:
    """Whether there is a matrix of molecules per matched bead."""
    return bool(source.find(*COUNTS))


def read(source: Source, options: ReadOptions) -> Section:
    """Read beads and bin them.

    Raises
    ------
    S2SError
        If there are several sections, or no places of the beads.
    """
    counts = source.find(*COUNTS)
    if len(counts) > 1:
        raise S2SError(
            f"{source.name!r} holds several sections ({', '.join(counts[:3])}); give the files of "
            "one."
        )
    places = source.nearest(counts[0], *PLACES)
    if places is None:
        raise S2SError(
            f"{source.name!r} has counts of beads but not their places; add the file "
            "..._MatchedBeadLocation.csv."
        )
    matrix = read_matrix(source, counts[0])
    beads = read_table(source, places, id_column=place_ids, keep=lambda _: True).other
    match = match_spots(
        matrix.barcodes,
        beads.index,
        repr(source.display_name(counts[0])),
        repr(source.display_name(places)),
    )
    notes = (*matrix.notes, *match.notes)
    return join(
        matrix.values, matrix.barcodes, matrix.var, beads, match.rows, points(options), notes=notes
    )


READER = Reader("curio", "Curio Seeker (molecules and locations of matched beads)", sniff, read)
