"""Reading in a process of its own: python -m s2s_core.readers.subprocess_reader FOLDER

What a hostile file breaks is that process, and nobody else waits while it is parsed: the way for
a server. In a notebook :func:`s2s_core.read` is quicker.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from s2s_core.data.section import Section
from s2s_core.data.store import load_section, save_section
from s2s_core.errors import S2SError, SeveralSections
from s2s_core.processes import Bounds, run_bounded
from s2s_core.readers import read

# What reading the largest section may take.
BOUNDS = Bounds(cpu_seconds=1800, gigabytes=48)
ROOT = Path(__file__).resolve().parents[2]


def read_in_subprocess(path: str | Path | Iterable[str | Path], **options) -> Section:
    """Read a section as :func:`s2s_core.read` does, in a child process.

    Parameters
    ----------
    path : str or Path, or several
    **options
        Those of :func:`s2s_core.read`.

    Raises
    ------
    S2SError
        The same errors; and one where the file brought the child down.
    """
    paths = [path] if isinstance(path, (str, Path)) else list(path)
    with tempfile.TemporaryDirectory(prefix="s2s-") as name:
        folder = Path(name)
        task = {"paths": [str(Path(p).absolute()) for p in paths], "options": options}
        (folder / "task.json").write_text(json.dumps(task), encoding="utf-8")
        command = [sys.executable, "-m", "s2s_core.readers.subprocess_reader", name]
        with (folder / "log").open("wb") as log:
            status = run_bounded(command, BOUNDS, log=log, cwd=ROOT)
        if (folder / "error.json").is_file():
            raise _error(json.loads((folder / "error.json").read_text(encoding="utf-8")))
        if status != 0 or not (folder / "section.h5ad").is_file():
            said = (folder / "log").read_text(encoding="utf-8", errors="replace")
            logging.getLogger("s2s").warning("reading ended early: %s", said[-2000:])
            what = repr(Path(paths[0]).name) if len(paths) == 1 else "These files"
            raise S2SError(
                f"{what} could not be read: reading took too much time or memory, or came to a "
                "sudden end; copy or export the data again, or keep fewer genes."
            )
        return load_section(folder / "section.h5ad")


def _error(said: dict) -> S2SError:
    """The error of the child, of its own class."""
    return SeveralSections(**said) if "column" in said else S2SError(said["message"])


def main(folder: Path) -> None:
    """Do the task of a folder; leave a section or a sentence."""
    task = json.loads((folder / "task.json").read_text(encoding="utf-8"))
    paths = task["paths"]
    try:
        section = read(paths[0] if len(paths) == 1 else paths, **task["options"])
    except S2SError as error:
        said = json.dumps({"message": str(error), **vars(error)})
        (folder / "error.json").write_text(said, encoding="utf-8")
        return
    save_section(section, folder / "section.h5ad")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
    # Closing a damaged file may hang.
    os._exit(0)
