"""Layout of a text table: heading, separator, marks in numbers, names of rows."""

from __future__ import annotations

import csv
import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass

from s2s_core.errors import S2SError
from s2s_core.readers.source import Source
from s2s_core.readers.text import (
    cells,
    delimiter_of,
    encoding_of,
    first_lines,
    is_number,
    lines_of,
    other_encoding,
    unguard,
    without_preface,
    without_title,
)

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
    """Layout of a text table.

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


def is_text_table(source: Source, name: str) -> bool:
    """Whether a file is text whose first line has columns."""
    lines, _, delimiter = without_preface(lines_of(source, name)[:200])
    lines, _ = without_title(lines)
    # A line that is cut off (a wide table) has separators all the same.
    return bool(lines) and (delimiter or delimiter_of(lines[:20])) is not None


@dataclass(frozen=True)
class Heading:
    """Names of a table's columns.

    Attributes
    ----------
    names : list of str
    is_line : bool
        They stand in the first line; else that is a row already.
    """

    names: list[str]
    is_line: bool = True


def heading_of(first: list[str], second: list[str]) -> Heading:
    """Heading of a table of any kind, from the cells of its first two lines."""
    if len(first) == len(POSITIONS) and BARCODE.fullmatch(first[0]):
        return Heading(POSITIONS, is_line=False)
    return Heading(first)


def layout(
    source: Source,
    name: str,
    encoding: str | None = None,
    heading: Callable[[list[str], list[str]], Heading] = heading_of,
) -> Layout:
    """Layout of a text table, from its first lines.

    Parameters
    ----------
    source, name
        The file.
    encoding : str, optional
        Where it is known already.
    heading : callable
        Names the columns, from the cells of the first two lines.

    Raises
    ------
    S2SError
        If the first lines are no table with named columns, or numbers can be read in two ways.
    """
    display_name = source.display_name(name)
    encoding = encoding or encoding_of(source.head(name, 4096))
    try:
        raw = first_lines(source, name, encoding)
    except UnicodeDecodeError as error:
        encoding = other_encoding(encoding, display_name, error)
        return layout(source, name, encoding, heading)
    lines, skip, delimiter = without_preface(raw)
    if not lines:
        raise S2SError(f"{display_name!r} is empty; copy it again.")
    lines, title = without_title(lines)
    if title:
        skip = raw.index(lines[0])
    delimiter = delimiter or delimiter_of(lines)
    if delimiter is None:
        raise S2SError(
            f"{display_name!r} has fewer than three columns; give a table of spots x genes."
        )
    try:
        first, *rows = (cells(line, delimiter) for line in lines)
    except csv.Error as error:
        raise S2SError(f"{display_name!r} is no regular table; export it again.") from error
    found = heading(first, rows[0] if rows else first)
    header = found.names
    if not found.is_line:
        rows, skip = [first, *rows], skip - 1
    if not rows:
        raise S2SError(f"{display_name!r} has a header but no rows.")
    if sum(map(is_number, header)) > len(header) / 2 and not _names_spots(header, rows):
        comment = raw[skip - 1] if skip and raw[skip - 1].startswith("#") else ""
        above = cells(comment.lstrip("# "), delimiter)
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
    return Layout(
        header=[unguard(h.strip()) for h in header],
        rows=rows,
        delimiter=delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        skip=skip + 1,
        title=title,
    )


def _names_spots(header: list[str], rows: list[list[str]]) -> bool:
    """Whether numbers at the head of columns are names of spots, beside rows that are genes."""
    words = sum(not is_number(row[0]) for row in rows if row)
    known = header[0].lower() in ("", "gene", "genes", "gene_name", "gene_id", "symbol", "geneid")
    return known and len(set(header)) == len(header) and words > len(rows) / 2


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
