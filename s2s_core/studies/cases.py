"""Finished cases of a long comparison, kept one JSON line each so that it can go on later."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np

from s2s_core.data.format_number import FORMAT_KEY, format_number
from s2s_core.data.store import atomic
from s2s_core.errors import S2SError

ABOUT, LINES = "about.json", "cases.jsonl"
# Form of a study's folder, written into ABOUT (see `format_number`).
CASES_FORMAT = 1


class Cases:
    """The cases of a folder.

    Parameters
    ----------
    folder : Path
    about : dict
        What all cases have in common; ``about["mark"]`` says what they belong to.

    Raises
    ------
    S2SError
        If the folder holds cases of something else.
    """

    def __init__(self, folder: Path, about: dict) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / ABOUT).is_file() and read_about(folder)["mark"] != about["mark"]:
            raise S2SError(
                f"The folder {str(folder)!r} holds results of another section or other settings; "
                "give an empty one."
            )
        with atomic(folder / ABOUT) as part:
            part.write_text(json.dumps({FORMAT_KEY: CASES_FORMAT, **about}), encoding="utf-8")
        self.folder = folder

    def add(self, record: dict) -> None:
        """Append a case."""
        path = self.folder / LINES
        # A line that was cut off must not swallow this one.
        torn = path.is_file() and path.stat().st_size and path.read_bytes()[-1:] != b"\n"
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" * bool(torn) + json.dumps(record) + "\n")


def read_about(folder: Path) -> dict:
    """What the cases of a folder have in common.

    Raises
    ------
    S2SError
        If there are none, or a newer program wrote them.
    """
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise S2SError(f"The folder {str(folder)!r} holds no results yet.") from None
    format_number(about, CASES_FORMAT, f"The study in {str(folder)!r}")
    return about


def read_cases(folder: Path) -> Iterator[dict]:
    """Finished cases of a folder; a line that was cut off is left out."""
    path = folder / LINES
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(json.JSONDecodeError):
                yield json.loads(line)


def mark_of_cases(folder: Path) -> tuple[int, int] | None:
    """What changes with every finished case of a folder, read in no time; None before the first."""
    try:
        about = (folder / LINES).stat()
    except FileNotFoundError:
        return None
    return about.st_size, about.st_mtime_ns


def numbers(values: np.ndarray) -> list[float | None]:
    """Values as JSON holds them: five digits, null for NaN."""
    return [None if np.isnan(v) else round(float(v), 5) for v in values]
