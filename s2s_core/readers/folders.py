"""The files of a folder that the user handed in."""

from __future__ import annotations

import os
from pathlib import Path

from s2s_core.errors import S2SError
from s2s_core.readers import preflight
from s2s_core.readers.preflight import is_hidden

# Tissue images inside a table of a Zarr store lie eleven folders deep.
MAX_DEPTH = 12
# A group of a Zarr store says so in a file of such a name.
ZARR = {"zarr.json", ".zgroup"}
# What of a SpatialData store is never read may be very many files.
UNREAD = ("images", "labels", "points")


def walk(folder: Path) -> tuple[dict[str, Path], int]:
    """Files of a folder, hidden ones left out; links that lead out of it are counted."""
    found: dict[str, Path] = {}
    top, links = folder.resolve(), 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        unread = UNREAD if {"tables", "table"} & {*folders} and ZARR & {*names} else ()
        folders[:] = [f for f in sorted(folders) if not is_hidden(f) and f not in unread]
        links += sum((here / f).is_symlink() for f in folders)
        folders[:] = folders if depth < MAX_DEPTH else []
        for name in sorted(names):
            path = here / name
            if is_hidden(name):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                links += 1
            elif path.is_file():
                found[path.relative_to(folder).as_posix()] = path
        if len(found) > preflight.MAX_FILES:
            raise S2SError(
                f"{folder.name!r} holds more than {preflight.MAX_FILES:,} files; give the folder "
                "of one section."
            )
    return found, links
