"""Names of downloaded files: the section's own and what it is, safe on every file system."""

from __future__ import annotations

import re
import unicodedata
from pathlib import PurePosixPath

from s2s_core.data.provenance import INPUT_KEY
from s2s_core.data.section import Section

# What ends the name of a file that sections are read from; others may be part of the name itself.
ENDINGS = (
    ".h5ad",
    ".h5",
    ".hdf5",
    ".csv",
    ".tsv",
    ".txt",
    ".parquet",
    ".gem",
    ".gef",
    ".mtx",
    ".gz",
    ".bz2",
    ".zip",
    ".tar",
    ".tgz",
)
# Bytes of each part: file systems hold 255 in all, and some programs put a path before them.
LONGEST = 80


def download_name(section: Section, what: str) -> str:
    """Name for a file made from a section, e.g. ``visium_mouse_brain-imputed.csv``.

    Parameters
    ----------
    section : Section
        Named after the file it was read from.
    what : str
        What the file is, with its ending; in it, whatever is no letter, digit, ``_``, ``-`` or
        ``.`` (as in names of genes) becomes ``_``.
    """
    stem, dot, ending = what.rpartition(".")
    return f"{_part(section_stem(section))}-{_part(stem)}{dot}{ending}"


def section_stem(section: Section) -> str:
    """Name of the file a section was read from, without folders and endings."""
    source = (section.uns.get(INPUT_KEY) or {}).get("file")
    if not source:
        return "demo_section" if section.uns.get("simulated") else "section"
    name = PurePosixPath(str(source).replace("\\", "/")).name
    while name.lower().endswith(ENDINGS):
        name = name[: name.rindex(".")]
    return name


def _part(text: str) -> str:
    """Letters and digits of any script, ``_`` and ``-``; at most 80 bytes, never empty.

    No dot: Windows takes what stands before the first one for the name of a device (``con.``).
    """
    safe = re.sub(r"[^\w-]+", "_", unicodedata.normalize("NFC", text)).strip("_-")
    return safe.encode()[:LONGEST].decode(errors="ignore") or "section"
