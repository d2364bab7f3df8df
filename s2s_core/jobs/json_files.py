"""Small JSON files that one process replaces while others read them."""

from __future__ import annotations

import json
from pathlib import Path

from s2s_core.data.store import atomic, while_busy


def write_json(path: Path, data: dict) -> None:
    """Replace a file in one go."""
    with atomic(path) as part:
        part.write_text(json.dumps(data), encoding="utf-8")


def read_json(path: Path) -> dict:
    """Object of a file: the old one or the new one, never half of one."""
    return json.loads(while_busy(lambda: path.read_text(encoding="utf-8")))
