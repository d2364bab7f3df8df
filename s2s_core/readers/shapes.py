"""Centroids of the points and polygons of a GeoParquet table, as SpatialData keeps its shapes."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.source import Source


def centroids(source: Source, name: str) -> pd.DataFrame:
    """Centroids of the shapes of a GeoParquet table.

    Returns
    -------
    DataFrame
        Columns ``x`` and ``y``, one row a shape; its index holds the shapes' names as words.

    Raises
    ------
    S2SError
        If the file is damaged, or holds shapes of other kinds.
    """
    import shapely

    display_name = source.display_name(name)
    try:
        schema = parquet.schema(source, name)
        column = json.loads((schema.metadata or {})[b"geo"])["primary_column"]
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        keys = [key for key in index if isinstance(key, str)]
        blobs: list[bytes] = []
        ids: list = []
        for batch in parquet.batches(source, name, [column, *keys]):
            blobs += batch.column(column).to_pylist()
            ids += batch.column(keys[0]).to_pylist() if keys else []
        if not keys:
            # pandas keeps a plain range as its bounds only.
            first, step = (index[0]["start"], index[0]["step"]) if index else (0, 1)
            ids = [first + step * i for i in range(len(blobs))]
        xy = centres(shapely.from_wkb(np.array(blobs, object)))
    except S2SError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, shapely.errors.ShapelyError) as error:
        raise S2SError(
            f"{display_name!r} is damaged, or no GeoParquet table of circles or polygons; give the "
            "table obsm['spatial'] instead."
        ) from error
    return pd.DataFrame(xy, columns=["x", "y"], index=pd.Index(map(str, ids), dtype=object))


def centres(shapes: np.ndarray) -> np.ndarray:
    """Centroids (n, 2) of points and polygons; of several polygons and holes by area.

    Parameters
    ----------
    shapes : (n,) array of shapely geometries

    Raises
    ------
    ValueError
        If a shape is missing or of another kind.
    """
    import shapely

    kinds = shapely.GeometryType
    allowed = (kinds.POINT, kinds.POLYGON, kinds.MULTIPOLYGON)
    if not np.isin(shapely.get_type_id(shapes), allowed).all():
        raise ValueError("shapes that are neither points nor polygons")
    found = shapely.centroid(shapes)
    return np.column_stack([shapely.get_x(found), shapely.get_y(found)])
