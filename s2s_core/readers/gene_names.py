"""Names of genes that a spreadsheet has turned into dates."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable

# Months as spreadsheets of several languages write them, and what genes were called after them.
MONTHS = {
    2: ("feb", "february", "februar", "fév", "fevr", "févr"),
    3: ("mar", "march", "mrz", "mär", "mars", "mrt", "märz"),
    4: ("apr", "april", "avr"),
    9: ("sep", "sept", "september", "septembre"),
    10: ("oct", "october", "okt", "oktober"),
    11: ("nov", "november", "novembre"),
    12: ("dec", "december", "dez", "dezember", "déc", "dic"),
}
NUMBER = {word: month for month, words in MONTHS.items() for word in words}
DAY_FIRST = re.compile(r"0?(\d{1,2})[-/. ]{1,2}([^\W\d_]{3,9})\.?([-/ ]\d{2,4})?")
MONTH_FIRST = re.compile(r"([^\W\d_]{3,9})\.?[-/ ]0?(\d{1,2})")
ISO = re.compile(r"\d{4}[-/](\d{1,2})[-/](\d{1,2})([ T]0{1,2}:00(:00)?(\.0+)?)?")
SLASHES = re.compile(r"(\d{1,2})[/.](\d{1,2})[/.](\d{4}|\d{2})")
SERIAL = re.compile(r"(\d{5})(\.0)?")
# Days are counted from here; a name is typed in the years of today's spreadsheets.
EPOCH, FIRST, LAST = datetime.date(1899, 12, 30), 1995, 2035
HIGHEST = {3: 11, 9: 15, 12: 1}


def gene_of_date(name: str) -> str | None:
    """Gene name that a date once was: ``MARCHF1 (once MARCH1) or MTARC1``; None where it is none."""
    text = name.strip().lower()
    if found := DAY_FIRST.fullmatch(text):
        return _gene(NUMBER.get(found[2]), int(found[1]))
    if found := MONTH_FIRST.fullmatch(text):
        return _gene(NUMBER.get(found[1]), int(found[2]))
    if found := ISO.fullmatch(text):
        return _gene(int(found[1]), int(found[2]))
    if found := SLASHES.fullmatch(text):
        one, two = int(found[1]), int(found[2])
        return _likely(one, two) or _likely(two, one) or _gene(one, two)
    if found := SERIAL.fullmatch(text):
        day = EPOCH + datetime.timedelta(days=int(found[1]))
        return _likely(day.month, day.day) if FIRST <= day.year <= LAST else None
    return None


def date_notes(names: Iterable[str]) -> tuple[str, ...]:
    """A sentence on the genes that are called like dates, where there are any."""
    names = [str(n) for n in names]
    found = {n: gene for n in dict.fromkeys(names) if (gene := gene_of_date(n))}
    # Where many are numbers they are identifiers of another kind.
    if sum(n.replace(".0", "").isdigit() for n in names) > 0.2 * len(names) + 2:
        found = {n: gene for n, gene in found.items() if not SERIAL.fullmatch(n.strip())}
    if not found:
        return ()
    some = "; ".join(f"{n!r} is likely {gene}" for n, gene in list(found.items())[:12])
    more = f"; and {len(found) - 12} more" if len(found) > 12 else ""
    what = "A gene name looks" if len(found) == 1 else f"{len(found)} gene names look"
    return (
        f"{what} like dates that a spreadsheet has made of genes: {some}{more}. They stand as they "
        "are; correct them in the file, or export it again without a spreadsheet.",
    )


def _likely(month: int, day: int) -> str | None:
    return _gene(month, day) if 1 <= day <= HIGHEST.get(month, 0) else None


def _gene(month: int | None, day: int) -> str | None:
    if month is None or month not in range(1, 13) or not 1 <= day <= 31:
        return None
    if month == 3 and day <= HIGHEST[3]:
        other = f" or MTARC{day} (once MARC{day})" if day <= 2 else ""
        return f"MARCHF{day} (once MARCH{day}){other}"
    if month == 9 and day <= HIGHEST[9]:
        return "SELENOF (once SEP15)" if day == 15 else f"SEPTIN{day} (once SEPT{day})"
    if month == 12 and day == 1:
        return "DELEC1 (once DEC1)"
    stem = {2: "FEB", 4: "APR", 10: "OCT", 11: "NOV", 9: "SEP", 12: "DEC", 3: "MARCH"}.get(month)
    return f"{stem}{day}" if stem else "a gene called like a month"
