"""Cells of Space Ranger 4 (``segmented_outputs``): a matrix of cells and their outlines."""

from __future__ import annotations

import json
import re

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images
from s2s_core.readers.base import ReadOptions, points
from s2s_core.readers.pairs import join
from s2s_core.readers.positions import check_half
from s2s_core.readers.shapes import centre, oriented
from s2s_core.readers.source import Source
from s2s_core.readers.tenx import Matrix

CELL = re.compile(r"cellid_0*(\d+)-\d+$")
OUTLINES = ("cell_segmentations.geojson", "nucleus_segmentations.geojson")


def is_cells(matrix: Matrix) -> bool:
    """Whether the barcodes of a matrix are the names of cells."""
    return len(matrix.barcodes) > 0 and CELL.match(str(matrix.barcodes[0])) is not None


def read_cells(
    source: Source, name: str, matrix: Matrix, library: str, options: ReadOptions
) -> Section:
    """Section of cells at the centroids of their outlines, in pixels of the full image.

    Raises
    ------
    S2SError
        If there are no outlines, or those of other cells.
    """
    outlines = source.nearest(name, *OUTLINES)
    if outlines is None:
        raise S2SError(
            f"{source.spoken(name)!r} holds cells but their outlines are missing: add "
            "cell_segmentations.geojson, or give the whole folder segmented_outputs."
        )
    places = _centroids(source, outlines)
    cells = pd.Index([_number(b) for b in matrix.barcodes], dtype=object)
    match = places.index.get_indexer(cells)
    check_half((match >= 0).sum(), cells, places.index, source.spoken(name), repr(source.spoken(outlines)))
    uns, more = images.found(source, library, name, {})
    note = f"Coordinates are the centroids of the outlines in {source.spoken(outlines)!r}."
    return join(
        matrix.values, matrix.barcodes, matrix.var, places, match, points(options),
        notes=(note, *matrix.notes, *more), uns=uns,
    )  # fmt: skip


def _number(barcode) -> str:
    found = CELL.match(str(barcode))
    return found[1] if found else str(barcode)


def _centroids(source: Source, name: str) -> pd.DataFrame:
    ids, places = [], []
    try:
        with source.open(name) as file:
            shapes = json.load(file)["features"]
        for shape in shapes:
            geometry = shape["geometry"]
            parts = geometry["coordinates"]
            parts = [parts] if geometry["type"] == "Polygon" else parts
            rings = [
                oriented(np.asarray(ring, float)[:, :2], hole=place > 0)
                for part in parts
                for place, ring in enumerate(part)
            ]
            ids.append(_number(shape["properties"]["cell_id"]))
            places.append(centre(rings))
    except S2SError:
        raise
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise S2SError(
            f"{source.spoken(name)!r} is damaged, or no table of outlines; copy it again."
        ) from error
    index = pd.Index(ids, dtype=object)
    if not index.is_unique:
        twice = index[index.duplicated()][0]
        raise S2SError(f"The cell {twice!r} has two outlines in {source.spoken(name)!r}.")
    return pd.DataFrame(np.reshape(places, (-1, 2)), columns=["x", "y"], index=index)
