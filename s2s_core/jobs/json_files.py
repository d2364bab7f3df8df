"""Small JSON files that one process replaces while others read them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from s2s_core.data.store import atomic

# Of a file that somebody else has open.
TRIES, TRY_AGAIN_SECONDS = 20, 0.02
T = TypeVar("T")


def write_json(path: Path, data: dict) -> None:
    """Replace a file in one go."""

    def write() -> None:
        with atomic(path) as part:
            part.write_text(json.dumps(data), encoding="utf-8")

    _again(write)


def read_json(path: Path) -> dict:
    """Object of a file: the old one or the new one, never half of one."""
    return json.loads(_again(lambda: path.read_text(encoding="utf-8")))


def _again(act: Callable[[], T]) -> T:
    """Do what touches a file that others read and replace: Windows lets one at a time do so."""
    for _ in range(TRIES - 1):
        try:
            return act()
        except PermissionError:
            time.sleep(TRY_AGAIN_SECONDS)
    return act()
