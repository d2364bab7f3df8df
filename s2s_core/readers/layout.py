"""How the text of a table is written: encoding, separator, marks in numbers, names of rows."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import re
from dataclasses import dataclass

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
GROUPED = {mark: re.compile(rf"[-+]?[1-9]\d{{0,2}}(\{mark}\d{{3}})+") for mark in ",."}
MARKED = {mark: re.compile(rf"[-+]?\d*\{mark}\d+(e[-+]?\d+)?", re.IGNORECASE) for mark in ",."}
BOTH = {
    ",": re.compile(r"[-+]?\d{1,3}(,\d{3})+\.\d+"),
    ".": re.compile(r"[-+]?\d{1,3}(\.\d{3})+,\d+"),
}
# Space Ranger 1 writes its positions without a line of names; its first cell is a barcode.
POSITIONS = [
    "barcode",
    "in_tissue",
    "array_row",
    "array_col",
    "pxl_row_in_fullres",
    "pxl_col_in_fullres",
]
BARCODE = re.compile(r"[ACGTN]{8,}[-\w]*|s_\d{3}um_\d+_\d+-\d")


@dataclass(frozen=True)
class Layout:
    """How the text of a table is written.

    Attributes
    ----------
    header : list of str
        Column names; "" where R leaves the row names' column without one.
    rows : list of list of str
        The first rows, as text.
    delimiter : str
        A character, or ``SPACES``.
    decimal : str
        Mark of decimals, a dot or comma.
    thousands : str or None
    encoding : str
    skip : int
        Lines before the first row.
    title : str
        What stands above the column names.
    """

    header: list[str]
    rows: list[list[str]]
    delimiter: str
    decimal: str
    thousands: str | None
    encoding: str
    skip: int
    title: str = ""

    def notes(self, display_name: str) -> tuple[str, ...]:
        """Sentences on what may mean another thing."""
        notes = []
        if self.title:
            notes.append(
                f"The line {self.title!r} above the column names of {display_name!r} was left out."
            )
        if self.thousands is not None:
            notes.append(
                f"Numbers such as 1{self.thousands}000 in {display_name!r} were read as thousands; if "
                "they are not, export it again without marks between digits."
            )
        return tuple(notes)


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


def is_text_table(source: Source, name: str) -> bool:
    """Whether a file is text whose first line has columns."""
    lines, _, delimiter = _without_preface(lines_of(source, name)[:200])
    lines, _ = _without_title(lines)
    # A line that is cut off (a wide table) has separators all the same.
    return bool(lines) and (delimiter or delimiter_of(lines[:20])) is not None


def layout(source: Source, name: str, encoding: str | None = None) -> Layout:
    """Find out how a table is written.

    Raises
    ------
    S2SError
        If the first lines are no table with named columns, or numbers can be read in two ways.
    """
    display_name = source.display_name(name)
    encoding = encoding or encoding_of(source.head(name, 4096))
    try:
        raw = _first_lines(source, name, encoding)
    except UnicodeDecodeError as error:
        return layout(source, name, other_encoding(encoding, display_name, error))
    lines, skip, delimiter = _without_preface(raw)
    lines, title = _without_title(lines)
    if title:
        skip = raw.index(lines[0])
    delimiter = delimiter or delimiter_of(lines)
    if delimiter is None:
        raise S2SError(
            f"{display_name!r} has fewer than three columns; give a table of spots x genes."
        )
    try:
        header, *rows = (_cells(line, delimiter) for line in lines)
    except csv.Error as error:
        raise S2SError(f"{display_name!r} is no regular table; export it again.") from error
    if len(header) == len(POSITIONS) and BARCODE.fullmatch(header[0]):
        header, rows, skip = POSITIONS, [header, *rows], skip - 1
    if not rows:
        raise S2SError(f"{display_name!r} has a header but no rows.")
    if sum(map(is_number, header)) > len(header) / 2 and not _names_spots(header, rows):
        comment = raw[skip - 1] if skip and raw[skip - 1].startswith("#") else ""
        above = _cells(comment.lstrip("# "), delimiter)
        if len(above) != len(header):
            raise S2SError(
                f"The first line of {display_name!r} holds numbers; it must name the columns (x, y and "
                "genes)."
            )
        # The line of names is written as a comment.
        header, rows, skip = above, [header, *rows], skip - 1
    # R's write.table leaves the row names' column without a name.
    if sum(len(row) == len(header) + 1 for row in rows) > len(rows) / 2:
        header = ["", *header]
    decimal, thousands = _marks(rows, delimiter, display_name)
    header = [unguard(h.strip()) for h in header]
    return Layout(header, rows, delimiter, decimal, thousands, encoding, skip + 1, title)


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


def _names_spots(header: list[str], rows: list[list[str]]) -> bool:
    """Whether numbers at the head of columns are names of spots, beside rows that are genes."""
    words = sum(not is_number(row[0]) for row in rows if row)
    known = header[0].lower() in ("", "gene", "genes", "gene_name", "gene_id", "symbol", "geneid")
    return known and len(set(header)) == len(header) and words > len(rows) / 2


def _first_lines(source: Source, name: str, encoding: str) -> list[str]:
    lines, size = [], 0
    with source.open(name) as stream, io.TextIOWrapper(stream, encoding=encoding) as text:
        while len(lines) < LINES and (line := text.readline(MAX_LINE)):
            lines.append(line.rstrip("\r\n"))
            size += len(line)
            # Of a wide table two rows are enough.
            if size > CHARACTERS and len(lines) > 2:
                break
    return lines


def _without_preface(lines: list[str]) -> tuple[list[str], int, str | None]:
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


def _without_title(lines: list[str]) -> tuple[list[str], str]:
    """(lines of the table, the title above its column names)."""
    below = delimiter_of(lines[1:21]) if len(lines) > 2 else None
    # Of spaces a title has as many as it has words.
    if below in (None, SPACES) or lines[1].count(below) < 2:
        return lines, ""
    words = [cell for cell in lines[0].split(below) if cell.strip(' "')]
    return (lines[1:], words[0].strip(' "')) if len(words) == 1 else (lines, "")


def _cells(line: str, delimiter: str) -> list[str]:
    if delimiter == SPACES:
        line, delimiter = re.sub(r"\s+", " ", line.strip()), " "
    found = next(csv.reader([line], delimiter=delimiter, skipinitialspace=delimiter != "\t"), [])
    return [cell.strip() for cell in found]


def _marks(rows: list[list[str]], delimiter: str, display_name: str) -> tuple[str, str | None]:
    """(decimal mark, thousands mark) of the numbers in the first rows.

    Raises
    ------
    S2SError
        If 1,234 (or 1.234) may be a thousand or one and a fraction.
    """
    cells = set(itertools.chain.from_iterable(rows))
    for mark, other in ((",", "."), (".", ",")):
        if any(BOTH[mark].fullmatch(c) for c in cells):
            return other, mark
    some = {
        mark: {c for c in cells if MARKED[mark].fullmatch(c) or GROUPED[mark].fullmatch(c)}
        for mark in ",."
    }
    grouped = {m: bool(some[m]) and all(GROUPED[m].fullmatch(c) for c in some[m]) for m in ",."}
    repeated = {m: any(c.count(m) > 1 for c in some[m]) for m in ",."}
    if some[","] and some["."]:
        # Both marks: one of them groups the digits, or the table is no regular one.
        if grouped[","] and (delimiter == "," or not grouped["."]):
            return ".", ","
        if grouped["."] and not grouped[","]:
            return ",", "."
        raise S2SError(
            f"{display_name!r} writes numbers both as {min(some[','])} and as {min(some['.'])}; export "
            "it again with one decimal mark."
        )
    if not some[","]:
        # A dot is a decimal mark, but where semicolons separate columns it may group digits.
        if not grouped["."] or delimiter != ";":
            return ".", None
        mark = "."
    else:
        if not grouped[","]:
            return ",", None
        # Quoted in a table separated by commas it is a thousands mark.
        if delimiter == ",":
            return ".", ","
        mark = ","
    if repeated[mark]:
        return "," if mark == "." else ".", mark
    raise S2SError(
        f"Numbers such as {min(some[mark])} in {display_name!r} may be thousands or have three decimals; "
        "export it again without thousands marks."
    )
