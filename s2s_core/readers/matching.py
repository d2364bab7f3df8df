"""Matching of the spots of two tables: by id, also where tools have changed the ids."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError

# Below this share of the spots, what matches matches by chance or the tables belong apart.
ENOUGH = 0.5
# Where so many of the positions are found among the spots, they are a chosen part of them.
CHOSEN = 0.9
# Integers of as many digits come out of a spreadsheet (15 digits) or a float rounded.
LONG = 16
# Ids are prefixes, cores and suffixes with one of these between; boundaries stand there.
BREAK = re.compile(r"[^0-9a-z]")
FEW = 10
# What R makes of any name.
R_NAME = re.compile(r"(X\d|[A-Za-z.])[0-9A-Za-z._]*")


@dataclass(frozen=True)
class Match:
    """Places of the spots of one table in another.

    Attributes
    ----------
    rows : (n,) int array
        Row of the place of each spot, -1 where there is none.
    ids : Index
        Ids of the spots, as the places write them where R had changed them.
    notes : tuple of str
    """

    rows: np.ndarray
    ids: pd.Index
    notes: tuple[str, ...] = ()

    @property
    def found(self) -> int:
        """Number of spots that have a place."""
        return int((self.rows >= 0).sum())


def match_ids(ids: pd.Index, places: pd.Index) -> np.ndarray:
    """Row of each id among the places, -1 where there is none, exactly or else as R writes ids.

    Nothing is said of it and few matches are no error: :func:`match_spots` does both, and finds
    ids that are written in other ways.

    Raises
    ------
    S2SError
        If a spot has two positions.
    """
    _check_unique(places)
    match = places.get_indexer(ids)
    if (match >= 0).any():
        return match
    own, theirs, _ = next(_keys(ids, places))
    return theirs.get_indexer(own) if theirs.is_unique else match


def match_spots(
    ids: pd.Index, places: pd.Index, counts: str = "the counts", positions: str = "the positions"
) -> Match:
    """Match spots to their places, as :func:`best_match`, and refuse where most have none.

    Parameters
    ----------
    ids, places : Index
    counts, positions : str
        How the sentence calls the two files.

    Raises
    ------
    S2SError
        If a spot has two positions, or fewer than half of the spots have one (unless nearly all
        positions are taken: then they are a chosen part).
    """
    match = best_match(ids, places)
    refuse_few(match, ids, places, counts, positions)
    return match


def refuse_few(match: Match, ids: pd.Index, places: pd.Index, counts: str, positions: str) -> None:
    """Refuse a match that leaves most spots without a place.

    Raises
    ------
    S2SError
    """
    found = match.found
    if found and (found >= ENOUGH * len(ids) or found >= CHOSEN * len(places)):
        return
    what = "give the positions of these spots."
    rounded = [n for n, i in ((counts, ids), (positions, places)) if is_rounded(i)]
    if rounded:
        what = (
            f"ids in {' and '.join(rounded)} were rounded by a spreadsheet (or read as numbers), "
            "which cannot be undone; export again with the ids as text."
        )
    elif _several_samples(ids, places):
        what = (
            "without what stands around them the ids are those of several samples, so that several "
            "spots would have one position; give the two tables of one sample."
        )
    one, other = _examples(match, ids, places)
    if found == 0:
        raise S2SError(
            f"{counts} and {positions} have no spot in common ({one!r} against {other!r}): {what}"
        )
    raise S2SError(
        f"Only {found:,} of {len(ids):,} spots of {counts} are among the {len(places):,} of "
        f"{positions} ({one!r} against {other!r}): {what}"
    )


def best_match(ids: pd.Index, places: pd.Index) -> Match:
    """Match ids exactly, else as R writes them, else without what all ids of a table share.

    Raises
    ------
    S2SError
        If a spot has two positions.
    """
    _check_unique(places)
    best = Match(places.get_indexer(ids), ids)
    if best.found >= ENOUGH * min(len(ids), len(places)) and best.found:
        return best
    for own, theirs, r_only in _keys(ids, places):
        if not (own.is_unique and theirs.is_unique):
            continue
        rows = theirs.get_indexer(own)
        if (rows >= 0).sum() > best.found:
            best = _told(rows, ids, places, r_only=r_only)
    return best


def is_rounded(ids: pd.Index) -> bool:
    """Whether ids are long integers whose last digits a spreadsheet or a float has taken."""
    texts = [str(i) for i in ids[:2000]]
    powers = sum(re.fullmatch(r"\d(\.\d+)?e\+?\d{2}", t, re.IGNORECASE) is not None for t in texts)
    if powers > len(texts) / 2:
        return True
    long = [t for t in texts if t.isdigit() and LONG <= len(t) <= 20]
    if len(long) < max(FEW, len(texts) / 2):
        return False
    zeros = float(np.mean([t.endswith("0" * (len(t) - LONG + 1)) for t in long]))
    return zeros > 0.9 or all(len(t) > LONG and int(float(t)) == int(t) for t in long)


def _check_unique(places: pd.Index) -> None:
    if not places.is_unique:
        twice = places[places.duplicated()][0]
        why = "give every spot one."
        if is_rounded(places):
            why = "ids were rounded by a spreadsheet; export them again as text."
        raise S2SError(f"The spot {twice!r} has two positions; {why}")


def _told(rows: np.ndarray, ids: pd.Index, places: pd.Index, *, r_only: bool) -> Match:
    """The match with a note that shows both forms of an id."""
    first = int(np.argmax(rows >= 0))
    own, theirs = str(ids[first]), str(places[rows[first]])
    forms = f"{own!r} in one table is {theirs!r} in the other"
    if r_only and R_NAME.fullmatch(own):
        # R has changed them, so the other form is the true one.
        known = pd.Index(np.where(rows >= 0, places[rows], ids), dtype=object)
        if known.is_unique:
            return Match(rows, known, (f"Ids were changed by R ({forms}); the latter is kept.",))
        return Match(rows, ids, (f"Ids were changed by R ({forms}).",))
    note = (
        f"Ids are written differently in the two tables ({forms}) and were matched without what all "
        "ids of a table share; if these are not the same spots, give tables with the same ids."
    )
    return Match(rows, ids, (note,))


def _keys(ids: pd.Index, places: pd.Index):
    """(keys of one, keys of the other, whether R alone makes the difference), the closest first."""
    own, theirs = ([as_r(i) for i in index] for index in (ids, places))
    yield pd.Index(own, dtype=object), pd.Index(theirs, dtype=object), True
    own, theirs = ([_plain_number(k.lower()) for k in keys] for keys in (own, theirs))
    yield pd.Index(own, dtype=object), pd.Index(theirs, dtype=object), False
    for before, after in ((False, True), (True, False), (True, True)):
        bare = [_bare(keys, before=before, after=after) for keys in (own, theirs)]
        for one, other in ((bare[0], theirs), (own, bare[1]), bare):
            yield pd.Index(one, dtype=object), pd.Index(other, dtype=object), False


def as_r(name: str) -> str:
    """A name as R writes it: AAAC-1 is AAAC.1; 12 is X12 at the head of a column."""
    return re.sub(r"[^0-9A-Za-z]", ".", re.sub(r"^X(?=\d)", "", str(name).strip()))


def _plain_number(text: str) -> str:
    """12 for 12.0 and 0012: what is left of a number that a program has read as one."""
    found = re.fullmatch(r"0*(\d+?)(\.0+)?", text)
    return found[1] if found else text


def _bare(keys: list[str], *, before: bool, after: bool) -> list[str]:
    """Keys without the beginning or end that all of them share, up to a boundary."""
    start = end = 0
    if len(keys) > 1 and before:
        shared = os.path.commonprefix(keys)
        start = max((m.end() for m in BREAK.finditer(shared)), default=0)
    if len(keys) > 1 and after:
        shared = os.path.commonprefix([k[::-1] for k in keys])
        end = max((m.end() for m in BREAK.finditer(shared)), default=0)
    return [k[start : len(k) - end] or k for k in keys]


def _several_samples(ids: pd.Index, places: pd.Index) -> bool:
    """Whether barcodes fit, but some come with several prefixes or suffixes."""
    cores = [
        [m[0] for i in index if (m := re.search(r"[ACGT]{10,}", str(i)))] for index in (ids, places)
    ]
    common = set(cores[0]) & set(cores[1])
    enough = len(common) >= ENOUGH * min(len(set(cores[0])), len(set(cores[1])))
    return bool(common) and enough and any(len(set(c)) < len(c) for c in cores)


def _examples(match: Match, ids: pd.Index, places: pd.Index) -> tuple[str, str]:
    """An id without a place, and the place with the most of its beginning."""
    lost = int(np.argmax(match.rows < 0))
    one = str(ids[lost]) if len(ids) else ""
    left = np.setdiff1d(np.arange(len(places)), match.rows)[:2000]
    alike = max(left, key=lambda i: len(os.path.commonprefix([one, str(places[i])])), default=None)
    return one, str(places[alike]) if alike is not None else ""
