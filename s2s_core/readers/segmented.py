"""Reader of the cells that Space Ranger 4 segments in a Visium HD section."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers import images
from s2s_core.readers.base import Reader, ReadOptions, points
from s2s_core.readers.matching import match_ids
from s2s_core.readers.pairs import join
from s2s_core.readers.shapes import centres
from s2s_core.readers.source import Source
from s2s_core.readers.space_ranger import ABOUT, library_of
from s2s_core.readers.tenx import find_matrices, one_a_section, read_matrix
from s2s_core.readers.visium_hd import CELLS

OUTLINES = (
    "cell_segmentations.geojson",
    "cell_segmentations.geojson.gz",
    "cell_segmentations_annotated.geojson",
)

# What JSON raises that is not as GeoJSON says.
ODD = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError)


def sniff(source: Source) -> bool:
    """Whether there is a matrix of segmented cells."""
    return bool(_matrices(source))


def _matrices(source: Source) -> list[str]:
    return [n for n in find_matrices(source) if CELLS in n.lower()]


def read(source: Source, options: ReadOptions) -> Section:
    """Read cells at the centroids of their outlines, in pixels of the full-resolution image."""
    found = _matrices(source)
    name = found[0]
    sections = one_a_section(found)
    if len(sections) > 1:
        raise S2SError(
            f"{source.name!r} holds {len(sections)} sections ({', '.join(sections[:3])}); give the "
            "folder or the files of one."
        )
    outlines = source.nearest(name, *OUTLINES)
    if outlines is None:
        raise S2SError(
            f"{source.name!r} has counts of cells but not their outlines: add "
            "cell_segmentations.geojson, or give the whole folder segmented_outputs."
        )
    matrix = read_matrix(source, name)
    places = _centroids(source, outlines)
    match = match_ids(_numbers(matrix.barcodes), places.index)
    if (match >= 0).sum() < 0.5 * len(match) or not len(match):
        raise S2SError(
            f"Of {len(match):,} cells of {source.display_name(name)!r} (such as {matrix.barcodes[0]!r}) "
            f"{(match >= 0).sum():,} are among the {len(places):,} of {source.display_name(outlines)!r} (such "
            f"as {places.index[0]!r}); give files of one section."
        )
    about = {key: matrix.about[key] for key in ABOUT if key in matrix.about}
    uns, more = images.found(source, library_of(source, name, matrix), name, about)
    note = "Cells lie at the centroids of their outlines, in pixels of the full-resolution image."
    return join(
        matrix.values,
        matrix.barcodes,
        matrix.var,
        places,
        match,
        points(options),
        notes=(note, *matrix.notes, *more),
        uns=uns,
    )


def _numbers(barcodes: pd.Index) -> pd.Index:
    """``cellid_000000001-1`` is called 1 among the outlines."""
    found = barcodes.str.extract(r"^cellid_0*(\d+)-\d+$", expand=False)
    return barcodes if found.isna().all() else pd.Index(found.fillna(""), dtype=object)


def _centroids(source: Source, name: str) -> pd.DataFrame:
    from shapely.errors import ShapelyError

    display_name = source.display_name(name)
    try:
        with source.open(name) as file:
            features = json.load(file)["features"]
        ids = [str(f["properties"]["cell_id"]) for f in features]
        outlines = np.array([_outline(f["geometry"]) for f in features], object)
        xy = centres(outlines) if ids else np.empty((0, 2))
    except S2SError:
        raise
    except (*ODD, ShapelyError) as error:
        raise S2SError(
            f"{display_name!r} is damaged, or holds no outlines of cells with a cell_id; copy it again."
        ) from error
    if not ids:
        raise S2SError(f"{display_name!r} holds no outline of a cell; copy it again.")
    return pd.DataFrame(xy, columns=["x", "y"], index=pd.Index(ids, dtype=object))


def _outline(geometry: dict):
    """A cell's outline, in the plane whatever the file adds to x and y."""
    from shapely import force_2d
    from shapely.geometry import shape

    return force_2d(shape(geometry))


READER = Reader("visium_hd_cells", "10x Visium HD (segmented cells)", sniff, read)
