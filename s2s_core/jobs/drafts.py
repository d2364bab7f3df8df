"""Drafts on disk, open but not run yet: sections, which a reload must not lose, and files that
could not be read, to which the missing one may be added.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
import time
from contextlib import suppress
from pathlib import Path

from s2s_core.data.section import Section
from s2s_core.data.store import atomic, load_section, save_section
from s2s_core.errors import S2SError
from s2s_core.jobs.jobs import runs_folder

DRAFT_ID = re.compile(r"[0-9a-f]{16}")


def keep(section: Section, name: str) -> str:
    """Keep a section; returns an id that is hard to guess."""
    draft = secrets.token_hex(8)
    path = _path(draft)
    save_section(section, path)
    with atomic(path.with_suffix(".json")) as part:
        part.write_text(json.dumps({"name": name}), encoding="utf-8")
    return draft


def find(draft: str) -> tuple[Section, str]:
    """Section and name of an id that may come from anywhere (a URL).

    Raises
    ------
    S2SError
        If it is no id, or what it named is gone.
    """
    if not DRAFT_ID.fullmatch(draft):
        raise S2SError("The address names no section; open the file again.")
    try:
        name = json.loads(_path(draft).with_suffix(".json").read_text(encoding="utf-8"))["name"]
        return load_section(_path(draft)), name
    except (OSError, ValueError, KeyError):
        raise S2SError("The section of this address is gone; open the file again.") from None


def desk() -> Path:
    """New empty folder for files that wait to be read."""
    folder = _folder() / secrets.token_hex(8)
    folder.mkdir(parents=True)
    return folder


def clear_away(days: float) -> None:
    """Delete drafts opened more than so many days ago."""
    for path in _folder().glob("*"):
        with suppress(OSError):
            if time.time() - path.stat().st_mtime > days * 86_400:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _folder() -> Path:
    return runs_folder() / "drafts"


def _path(draft: str) -> Path:
    return _folder() / f"{draft}.h5ad"
