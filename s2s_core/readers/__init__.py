"""Readers: one a technology or format, found by content. A new format is one line of READERS."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path

from s2s_core.data.provenance import INPUT_KEY
from s2s_core.data.section import Section
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.readers import (
    cosmx,
    curio,
    foreign,
    gef,
    h5ad,
    loom,
    segmented,
    slide_seq,
    space_ranger,
    spatialdata,
    st_v1,
    stereo_seq,
    table,
    visium_hd,
    vizgen,
    xenium,
)
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.source import Source, open_source

# The most particular first: a folder may look like several.
READERS: dict[str, Reader] = {
    r.name: r
    for r in (
        visium_hd.READER,
        segmented.READER,
        xenium.READER,
        vizgen.READER,
        cosmx.READER,
        stereo_seq.READER,
        curio.READER,
        gef.READER,
        slide_seq.READER,
        space_ranger.READER,
        st_v1.READER,
        h5ad.READER,
        loom.READER,
        spatialdata.READER,
        table.READER,
    )
}
KINDS = ("auto", "square", "hex", "points")
FORMATS = (
    "an AnnData file (.h5ad), a table of spots x genes (.csv, .tsv, .parquet), a Loom file, or what Space "
    "Ranger, Visium HD, Xenium, MERSCOPE, CosMx, Stereo-seq, Slide-seq, Curio Seeker, ST v1 or "
    "SpatialData write"
)


def read(
    path: str | Path | Iterable[str | Path],
    *,
    measured: str | None = None,
    genes: Iterable[str] | None = None,
    kind: str = "auto",
    absent: str = "auto",
    bin_size: float | None = None,
    scale: str = "auto",
    technology: str = "auto",
    where: str | None = None,
    totals: str = "auto",
) -> Section:
    """Read a tissue section.

    Parameters
    ----------
    path : str or Path, or several
        A file, a folder, a zip or tar of either, or several files that belong together:
        docs/formats.md lists what is read.
    measured : str, optional
        Column that is False where a spot was not measured; the values of those rows are
        ignored whatever they hold.
    genes : list of str, optional
        Keep only these. Spots are normalised by all genes of the file all the same.
    kind : {"auto", "square", "hex", "points"}
        Lattice of the spots; ``points`` are binned.
    absent : {"auto", "gaps", "zeros", "background"}
        What a lattice position inside the tissue without a spot is.
    bin_size : float, optional
        Edge of the bins, in the file's unit (Visium HD: micrometres); proposed for points when
        not given.
    scale : {"auto", "counts", "log"}
        Whether the values are counts or log-normalised already.
    technology : str
        Name of a reader (a key of ``READERS``); ``auto`` looks at the content.
    where : str, optional
        ``COLUMN=VALUE``: which one to read where the input holds several sections; ``all`` lays
        them together.
    totals : str
        What the counts of a spot are scaled by: ``auto`` (the sum of its genes, with fewer than
        10 genes a column of totals, or nothing), ``sum``, ``none``, or the name of a column.

    Returns
    -------
    Section
        Its ``notes`` say in sentences what was found and decided.

    Raises
    ------
    S2SError
        One sentence on what is wrong, where, and what to do; of the class ``SeveralSections``
        where the input holds several on top of each other.
    """
    if kind not in KINDS:
        raise S2SError(f"The kind of lattice must be one of {', '.join(KINDS)}; found {kind!r}.")
    if bin_size is not None and not 0 < bin_size < float("inf"):
        raise S2SError(f"The bin size must be positive, found {bin_size:g}.")
    if technology != "auto" and technology not in READERS:
        raise S2SError(f"Unknown technology {technology!r}; choose auto, {', '.join(READERS)}.")
    options = ReadOptions(measured, kind, absent, bin_size, scale, where, totals)
    with open_source(path) as source:
        section = _read(source, options, technology)
        said = {"technology": technology, **asdict(options)}
        said = {name: value for name, value in said.items() if value is not None}
        origin = {"file": source.name, "sha256": source.digest(), "options": said}
    # What an earlier run wrote of its own input and mask is not true of this one.
    uns = {key: value for key, value in section.uns.items() if not str(key).startswith("s2s_")}
    section = replace(section, uns={**uns, INPUT_KEY: origin})
    if genes is None:
        return section
    return section.subset_genes([genes] if isinstance(genes, str) else genes)


def _read(source: Source, options: ReadOptions, technology: str) -> Section:
    try:
        if technology == "auto":
            reader, source = _reader_of(source)
        else:
            reader = READERS[technology]
            if not reader.sniff(source) and not (source.expand() and reader.sniff(source)):
                raise S2SError(
                    f"{source.name!r} cannot be read as {reader.label}; choose technology auto."
                )
        return _read_by(reader, source, options)
    except S2SError:
        raise
    except Exception as error:
        # Damaged files make the libraries below fail in ways of their own.
        logging.getLogger("s2s").warning("reading failed", exc_info=True)
        raise S2SError(
            f"{source.name!r} is damaged, or not what its name says; copy or export it again."
        ) from error


def _read_by(reader: Reader, source: Source, options: ReadOptions) -> Section:
    try:
        return reader.read(source, options)
    except SeveralSections:
        raise
    except S2SError:
        # The other of two tables may be packed.
        wider = source.within("")
        with suppress(S2SError):
            if reader is table.READER and wider.expand():
                return reader.read(wider, options)
        raise


def _sniffed(source: Source) -> Reader | None:
    return next((reader for reader in READERS.values() if reader.sniff(source)), None)


def _reader_of(source: Source) -> tuple[Reader, Source]:
    """The reader of what was handed in, and the files it reads."""
    foreign.check(source)
    reader = _sniffed(source)
    if reader is table.READER:
        # A table may lie beside packed folders; where they tell no more it is read alone.
        wider = source.within("")
        with suppress(S2SError):
            other = _sniffed(wider) if wider.expand() else None
            if other is not None and other is not reader:
                return other, wider
    while reader is None and source.expand():
        reader = _sniffed(source)
    if reader is table.READER or reader is None:
        space_ranger.check_counts(source)
    if reader is not None:
        return reader, source
    foreign.check_all(source)
    if source.single is None:
        links = f"; {source.links} links out of it were not followed" if source.links else ""
        raise S2SError(
            f"{source.name!r} holds no section that is recognised{links}; it needs all files of one "
            f"section: {FORMATS}."
        )
    if source.names[0].lower().endswith(".h5ad"):
        raise S2SError(
            f"{source.name!r} is not an AnnData file although its name says so; save it again "
            "with AnnData's write_h5ad()."
        )
    foreign.unknown_hdf5(source)
    raise S2SError(f"{source.name!r} is cut off, or no section that is recognised; give {FORMATS}.")
