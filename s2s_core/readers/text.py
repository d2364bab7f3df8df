"""Text of tables before it is one: encoding, lines, separator, cells."""

from __future__ import annotations

import codecs
import csv
import io
import re

from s2s_core.errors import S2SError
from s2s_core.readers.source import Source

MAX_LINE = 2**26
# Lines that are looked at before anything is decided, as far as they fit into so many characters.
LINES, CHARACTERS = 2000, 2**20
ENCODINGS = ("utf-8-sig", "latin-1")
BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
# In order of preference where a line has as many of each; columns may also be set with spaces.
DELIMITERS = ("\t", ";", ",", "|")
SPACES = r"\s+"


def encoding_of(head: bytes) -> str:
    """Encoding by the byte order mark, or by the zeros of two-byte letters."""
    for bom, name in BOMS.items():
        if head.startswith(bom):
            return name
    sample = head[:400]
    if len(sample) > 8 and b"\0" in sample:
        odd, even = sample[1::2].count(0), sample[::2].count(0)
        if min(odd, even) == 0 and max(odd, even) > 0.4 * len(sample):
            return "utf-16-le" if odd else "utf-16-be"
    return ENCODINGS[0]


def lines_of(source: Source, name: str) -> list[str]:
    """First lines of a file as text; none where it is damaged or holds no text."""
    head = source.head(name)
    encoding = encoding_of(head)
    if encoding == ENCODINGS[0] and b"\0" in head:
        return []
    return head.decode(encoding, "replace").splitlines()


def delimiter_of(lines: list[str]) -> str | None:
    """Separator of lines, None where they have fewer than three columns."""
    lines = [line for line in lines if line.strip()]
    if not lines:
        return None
    bare = [re.sub(r'"[^"]*"', "", line) for line in lines[:50]]

    def fits(delimiter: str) -> tuple[bool, int, int]:
        named, *rows = (line.count(delimiter) for line in bare)
        # (The last line may be cut off.)
        even = all(n in (named, named + 1) for n in rows[:-1] or rows)
        return named > 0 and even, named, max([named, *rows[:1]])

    best = max(DELIMITERS, key=fits)
    if fits(best)[1] and fits(best)[2] >= 2:
        return best
    words = [len(line.split()) for line in lines[:50]]
    even = len(words) > 1 and len(set(words[1:-1] or words[1:])) == 1
    spaced = even and words[1] >= 3 and words[0] in (words[1], words[1] - 1)
    return SPACES if spaced else None


def is_number(text: str) -> bool:
    """Whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


def unguard(name: str) -> str:
    """Undo the quote that keeps spreadsheets from running a name as a formula."""
    return name[1:] if re.match(r"'[=+\-@]", name) else name


def other_encoding(encoding: str, display_name: str, error: UnicodeDecodeError) -> str:
    """The encoding to try where a text is not in the one that it seemed to be in.

    Raises
    ------
    S2SError
        If there is none.
    """
    if encoding != ENCODINGS[0]:
        raise S2SError(f"{display_name!r} is cut off or damaged; copy it again.") from error
    # The old western encoding reads any byte.
    return ENCODINGS[1]


def first_lines(source: Source, name: str, encoding: str) -> list[str]:
    """First lines of a file, without their ends.

    Raises
    ------
    UnicodeDecodeError
        If they are not in that encoding.
    """
    lines: list[str] = []
    size = 0
    with source.open(name) as stream, io.TextIOWrapper(stream, encoding=encoding) as text:
        while len(lines) < LINES and (line := text.readline(MAX_LINE)):
            lines.append(line.rstrip("\r\n"))
            size += len(line)
            # Of a wide table two rows are enough.
            if size > CHARACTERS and len(lines) > 2:
                break
    return lines


def without_preface(lines: list[str]) -> tuple[list[str], int, str | None]:
    """(lines of the table, lines before it, separator where Excel's first line names it)."""
    delimiter, skip = None, 0
    for line in lines:
        bare = line.strip().strip('"')
        said = re.fullmatch(r"sep=(.|\\t)?", bare, re.IGNORECASE)
        if said:
            # (Stripping takes a tab away.)
            delimiter = {None: "\t", "\\t": "\t"}.get(said[1], said[1])
        elif bare and not line.startswith("#"):
            break
        skip += 1
    return [line for line in lines[skip:] if line.strip()], skip, delimiter


def without_title(lines: list[str]) -> tuple[list[str], str]:
    """(lines of the table, the title above its column names)."""
    below = delimiter_of(lines[1:21]) if len(lines) > 2 else None
    # Of spaces a title has as many as it has words.
    if below in (None, SPACES) or lines[1].count(below) < 2:
        return lines, ""
    words = [cell for cell in lines[0].split(below) if cell.strip(' "')]
    return (lines[1:], words[0].strip(' "')) if len(words) == 1 else (lines, "")


def cells(line: str, delimiter: str) -> list[str]:
    """Cells of a line, without quotes and blanks about them.

    Raises
    ------
    csv.Error
        If its quotes do not fit.
    """
    if delimiter == SPACES:
        line, delimiter = re.sub(r"\s+", " ", line.strip()), " "
    found = next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != "\t"), [])
    return [cell.strip() for cell in found]
