"""Readers: one a technology or format, found by content. A new format is one line of READERS."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from s2s_core.errors import S2SError
from s2s_core.readers import h5ad, table
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.section import Section

READERS: dict[str, Reader] = {r.name: r for r in (h5ad.READER, table.READER)}
# Which file a section was read from; every output carries it.
INPUT_KEY = "s2s_input"
KINDS = ("auto", "square", "hex", "points")


def read(
    path: str | Path,
    *,
    measured: str | None = None,
    genes: Iterable[str] | None = None,
    kind: str = "auto",
    absent: str = "auto",
    bin_size: float | None = None,
    scale: str = "auto",
    technology: str = "auto",
) -> Section:
    """Read a tissue section.

    Parameters
    ----------
    path : str or Path
        An AnnData file (.h5ad), or a CSV or TSV table of spots x genes (also gzipped).
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
        Edge of the bins, in the file's unit; proposed for points when not given.
    scale : {"auto", "counts", "log"}
        Whether the values are counts or log-normalised already.
    technology : str
        Name of a reader (``h5ad``, ``table``); ``auto`` looks at the content.

    Returns
    -------
    Section
        Its ``notes`` say in sentences what was found and decided.

    Raises
    ------
    S2SError
        One sentence on what is wrong, where, and what to do.
    """
    path = Path(path)
    if kind not in KINDS:
        raise S2SError(f"The kind of lattice must be one of {', '.join(KINDS)}; found {kind!r}.")
    if bin_size is not None and not 0 < bin_size < float("inf"):
        raise S2SError(f"The bin size must be positive, found {bin_size:g}.")
    if technology != "auto" and technology not in READERS:
        raise S2SError(f"Unknown technology {technology!r}; choose auto, {', '.join(READERS)}.")
    if not path.exists():
        raise S2SError(f"There is no file {str(path)!r}; check the path.")
    options = ReadOptions(measured, kind, absent, bin_size, scale)
    reader = _reader_of(path) if technology == "auto" else READERS[technology]
    if not reader.sniff(path):
        raise S2SError(f"{path.name!r} cannot be read as {reader.label}; choose technology auto.")
    section = reader.read(path, options)
    source = {"file": path.name, "sha256": _sha256(path)}
    section = replace(section, uns={**section.uns, INPUT_KEY: source})
    if genes is None:
        return section
    return section.subset_genes([genes] if isinstance(genes, str) else genes)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _reader_of(path: Path) -> Reader:
    for reader in READERS.values():
        if reader.sniff(path):
            return reader
    if path.is_dir():
        raise S2SError(f"{path.name!r} is a folder; give one .h5ad, CSV or TSV file.")
    if path.suffix.lower() == ".h5ad":
        raise S2SError(
            f"{path.name!r} is not an AnnData file although its name says so; save it again "
            "with AnnData's write_h5ad()."
        )
    raise S2SError(
        f"{path.name!r} is neither an AnnData file (.h5ad) nor a CSV or TSV table of spots x "
        "genes; convert it to one of these."
    )
