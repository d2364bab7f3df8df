"""Several libraries in one matrix, as Space Ranger's ``aggr`` writes it: each spot's library."""

from __future__ import annotations

import csv
import io
import re

import pandas as pd

from s2s_core.readers import images
from s2s_core.readers.features import Matrix
from s2s_core.readers.several import SECTIONS
from s2s_core.readers.source import Source

COLUMN = "library_id"
TABLES = ("aggregation.csv", "aggregation_csv.csv", "aggregation.csv.gz")
MAX_BYTES = 2**20
# Barcodes of the first library end in -1, those of the second in -2.
NUMBER = re.compile(r"[ACGTN]{8,}-(\d+)")


def with_library(
    source: Source, name: str, matrix: Matrix, places: pd.DataFrame
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Positions with a column ``library_id`` where barcodes are of several libraries.

    Parameters
    ----------
    source : Source
    name : str
        File of the counts.
    matrix : Matrix
    places : DataFrame
        Index: barcodes.

    Returns
    -------
    (places, notes)
    """
    found = {number_of(barcode) for barcode in matrix.barcodes}
    numbers = {number for number in found if number is not None}
    if len(numbers) < 2 or None in found or any(SECTIONS.fullmatch(c) for c in places.columns):
        return places, ()
    names, origin = _listed(source, name), "aggregation.csv"
    if max(numbers) > len(names):
        names, origin = list(matrix.libraries), f"{source.display_name(name)!r}"
    if max(numbers) > len(names):
        return places, ()
    labels = [names[n - 1] if n and n <= len(names) else None for n in map(number_of, places.index)]
    said = ", ".join(f"-{n}: {names[n - 1]}" for n in sorted(numbers)[:6])
    note = f"Barcodes are of {len(numbers)} libraries, named by {origin} ({said}): column {COLUMN}."
    return places.assign(**{COLUMN: labels}), (note,)


def number_of(barcode: str) -> int | None:
    """Number of the library at the end of a barcode; None where there is none."""
    found = NUMBER.fullmatch(str(barcode))
    number = int(found[1]) if found else 0
    return number if 0 < number < 10_000 else None


def pictures(
    source: Source, name: str, about: dict, places: pd.DataFrame
) -> tuple[dict, tuple[str, ...]]:
    """(uns, notes) of the tissue images of every library, from folders called as they are."""
    spatial: dict = {}
    notes: tuple[str, ...] = ()
    for library in places[COLUMN].dropna().astype(str).unique():
        folders = {n.rsplit("/", 1)[0] for n in source.names if n.split("/")[-2:-1] == [library]}
        for folder in sorted(folders)[:1]:
            uns, notes = images.found(source.within(folder), library, name, about)
            spatial |= uns.get(images.SPATIAL, {})
    return ({images.SPATIAL: spatial} if spatial else {}), notes


def _listed(source: Source, name: str) -> list[str]:
    """Libraries in the order in which they were joined."""
    table = source.nearest(name, *TABLES)
    if table is None:
        return []
    with source.open(table) as stream:
        text = stream.read(MAX_BYTES).decode("utf-8-sig", "replace")
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in text else ","))
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    place = next((header.index(c) for c in (COLUMN, "sample_id") if c in header), 0)
    return [row[place].strip() for row in rows[1:] if len(row) > place and row[place].strip()]
