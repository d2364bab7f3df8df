"""Centroids of the points and polygons of a GeoParquet table, as SpatialData keeps its shapes."""

from __future__ import annotations

import json
import struct

import numpy as np
import pandas as pd

from s2s_core.errors import S2SError
from s2s_core.readers import parquet
from s2s_core.readers.source import Source

# Well-known binary: kinds of geometry, and how many numbers a place has in which thousand.
POINT, POLYGON, MULTI_POLYGON = 1, 3, 6
NUMBERS = {0: 2, 1: 3, 2: 3, 3: 4}
# A point in the plane, little-endian.
POINT_BYTES = 21


def centroids(source: Source, name: str) -> pd.DataFrame:
    """Columns ``x`` and ``y``, one row a shape; its index holds the shapes' names as words.

    Raises
    ------
    S2SError
        If the file is damaged, or holds shapes of other kinds.
    """
    display_name = source.display_name(name)
    try:
        schema = parquet.schema(source, name)
        column = json.loads((schema.metadata or {})[b"geo"])["primary_column"]
        index = (schema.pandas_metadata or {}).get("index_columns", [])
        keys = [key for key in index if isinstance(key, str)]
        blobs, ids = [], []
        for batch in parquet.batches(source, name, [column, *keys]):
            blobs += batch.column(column).to_pylist()
            ids += batch.column(keys[0]).to_pylist() if keys else []
        if not keys:
            # pandas keeps a plain range as its bounds only.
            first, step = (index[0]["start"], index[0]["step"]) if index else (0, 1)
            ids = [first + step * i for i in range(len(blobs))]
        xy = _centroids(blobs)
    except S2SError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, struct.error) as error:
        raise S2SError(
            f"{display_name!r} is damaged, or no GeoParquet table of circles or polygons; give the "
            "table obsm['spatial'] instead."
        ) from error
    return pd.DataFrame(xy, columns=["x", "y"], index=pd.Index(map(str, ids), dtype=object))


def _centroids(blobs: list[bytes]) -> np.ndarray:
    plain = all(len(blob) == POINT_BYTES and blob[:5] == b"\1\1\0\0\0" for blob in blobs)
    if plain:
        parts = np.frombuffer(b"".join(blobs), np.dtype([("head", "S5"), ("xy", "<f8", 2)]))
        return parts["xy"].copy()
    return np.array([_centroid(blob) for blob in blobs], float).reshape(-1, 2)


def _centroid(blob: bytes) -> np.ndarray:
    """Centroid of one shape; of several polygons and holes by area, as GEOS does."""
    rings: list[np.ndarray] = []
    _read(blob, 0, rings)
    return rings[0][0] if rings[0].shape[0] == 1 else _of_rings(rings)


def centroid(rings: list[tuple[np.ndarray, bool]]) -> np.ndarray:
    """Centroid of polygons, each ring with whether it is a hole."""
    return _of_rings([_turned(ring, hole=hole) for ring, hole in rings])


def _of_rings(rings: list[np.ndarray]) -> np.ndarray:
    sums = np.sum([_moments(ring) for ring in rings], axis=0)
    return sums[1:] / sums[0] if sums[0] else rings[0].mean(0)


def _read(blob: bytes, at: int, rings: list[np.ndarray]) -> int:
    """Append the rings from a place on, the inner ones clockwise; returns where they end."""
    order = "<" if blob[at] == 1 else ">"
    (kind,) = struct.unpack_from(f"{order}I", blob, at + 1)
    kind, numbers = kind % 1000, NUMBERS[kind // 1000]
    at += 5
    if kind == POINT:
        rings.append(np.frombuffer(blob, f"{order}f8", numbers, at)[None, :2])
        return at + 8 * numbers
    (count,) = struct.unpack_from(f"{order}I", blob, at)
    at += 4
    if kind == MULTI_POLYGON:
        for _ in range(count):
            at = _read(blob, at, rings)
        return at
    if kind != POLYGON:
        raise ValueError(f"geometry {kind}")
    for place in range(count):
        (length,) = struct.unpack_from(f"{order}I", blob, at)
        ring = np.frombuffer(blob, f"{order}f8", numbers * length, at + 4)
        ring = ring.reshape(length, numbers)[:, :2]
        # The outer ring comes first.
        rings.append(_turned(ring, hole=place > 0))
        at += 4 + 8 * numbers * length
    return at


def _turned(ring: np.ndarray, *, hole: bool) -> np.ndarray:
    """A ring whose area counts, or is taken away where it is a hole."""
    return ring[::-1] if (_moments(ring)[0] < 0) != hole else ring


def _moments(ring: np.ndarray) -> np.ndarray:
    """Signed area of a ring and its first moments; computed about a corner, to lose no digits."""
    base = ring[0]
    x, y = (ring - base).T
    cross = x[:-1] * y[1:] - x[1:] * y[:-1]
    area = cross.sum() / 2
    x_area = ((x[:-1] + x[1:]) * cross).sum() / 6
    y_area = ((y[:-1] + y[1:]) * cross).sum() / 6
    return np.array([area, x_area + base[0] * area, y_area + base[1] * area])
