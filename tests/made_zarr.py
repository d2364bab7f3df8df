"""Small Zarr stores in the layout of SpatialData's public documentation: no real data, and only
zarr, anndata and pyarrow to write them.
"""

from __future__ import annotations

import json
import struct
import warnings
from pathlib import Path

import anndata as ad
import numcodecs
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from tests.made_files import made_anndata

GEO = b'{"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": {"encoding": "WKB"}}}'

# Where a store keeps its table.
TABLE = "tables/table"


def write_zarr(adata: ad.AnnData, path: Path, version: int = 3) -> Path:
    """AnnData's own store, without the library's remarks."""
    with warnings.catch_warnings(), ad.settings.override(zarr_write_format=version):
        warnings.simplefilter("ignore")
        adata.write_zarr(path)
    return path


def made_table(kind: str = "hex", *, spatial: bool = True, region: str = "spots") -> ad.AnnData:
    """A table that annotates the shapes of a region; ``spatial``: with coordinates."""
    adata = made_anndata(kind)
    adata.obs = adata.obs.assign(
        region=pd.Categorical([region] * adata.n_obs), spot_id=np.arange(adata.n_obs) + 1
    )
    names = {"region": region, "region_key": "region", "instance_key": "spot_id"}
    adata.uns["spatialdata_attrs"] = names
    if not spatial:
        del adata.obsm["spatial"]
        adata.obs = adata.obs.drop(columns=["array_row", "array_col"])
    return adata


def spatialdata(
    path: Path,
    *,
    version: int = 3,
    tables: dict[str, ad.AnnData] | None = None,
    shapes: dict[str, list[bytes]] | None = None,
    folder: str = "tables",
) -> Path:
    """A store of tables and shapes, and of elements that are not read."""
    root = zarr.open_group(path, mode="w", zarr_format=version)
    root.attrs["spatialdata_attrs"] = {"version": "0.2", "spatialdata_software_version": "0.7.3"}
    for element in (folder, "shapes", "images"):
        root.create_group(element)
    image = root["images"].create_group("photograph")
    image.create_array("s0", data=np.zeros((3, 40, 40), np.uint8))
    tables = {"table": made_table()} if tables is None else tables
    for name, adata in tables.items():
        write_zarr(adata, path / folder / name, version)
        group = zarr.open_group(path / folder / name, mode="a", use_consolidated=False)
        group.attrs["spatialdata-encoding-type"] = "ngff:regions_table"
    for region, blobs in (shapes or {}).items():
        root["shapes"].create_group(region)
        write_shapes(path / "shapes" / region / "shapes.parquet", blobs)
    return path


def placed_by_shapes(path: Path) -> Path:
    """A store whose table has no coordinates of its own."""
    table = made_table(spatial=False)
    blobs = [polygon(square(x, y)) for x, y in made_anndata("hex").obsm["spatial"]]
    return spatialdata(path, tables={"table": table}, shapes={"spots": blobs})


def write_shapes(path: Path, blobs: list[bytes]) -> None:
    """GeoParquet as geopandas writes it; the shapes of 1, 2, ... come in an order of their own."""
    order = np.random.default_rng(0).permutation(len(blobs))
    frame = pd.DataFrame({"geometry": [blobs[i] for i in order]}, index=order + 1)
    table = pa.Table.from_pandas(frame)
    pq.write_table(table.replace_schema_metadata(table.schema.metadata | {b"geo": GEO}), path)


def point(x: float, y: float, order: str = "<") -> bytes:
    """A point as well-known binary."""
    return struct.pack(f"{order}BIdd", order == "<", 1, x, y)


def polygon(*rings, order: str = "<", z: float | None = None) -> bytes:
    """A polygon as well-known binary: the outer ring, then holes; ``z`` makes it three-dimensional."""
    kind = 3 if z is None else 1003
    blob = struct.pack(f"{order}BII", order == "<", kind, len(rings))
    for ring in rings:
        corners = [(*corner, *([] if z is None else [z])) for corner in [*ring, ring[0]]]
        blob += struct.pack(f"{order}I", len(corners))
        blob += b"".join(struct.pack(f"{order}{len(c)}d", *c) for c in corners)
    return blob


def multi_polygon(*polygons: bytes) -> bytes:
    """Several polygons as one shape."""
    return struct.pack("<BII", 1, 6, len(polygons)) + b"".join(polygons)


def square(x: float, y: float, half: float = 5.0) -> list[tuple[float, float]]:
    """Corners of a square about a place."""
    return [(x + dx * half, y + dy * half) for dx, dy in ((-1, -1), (1, -1), (1, 1), (-1, 1))]


def metadata(store, place):
    """The file of an array's metadata, of either version."""
    folder = store / TABLE / place
    return next(f for f in (folder / ".zarray", folder / "zarr.json") if f.is_file())


def declare(store, place, **new):
    """Change what an array declares."""
    path = metadata(store, place)
    found = json.loads(path.read_text())
    if path.name == "zarr.json" and "chunks" in new:
        found["chunk_grid"]["configuration"]["chunk_shape"] = new.pop("chunks")
    path.write_text(json.dumps(found | new))


def repack(store, place, values, packer, **more):
    """Write an array anew (Zarr 2) with a codec of numcodecs; returns its only chunk."""
    codec = numcodecs.get_codec({"id": packer, **more})
    group = zarr.open_group(store / TABLE, mode="a", zarr_format=2, use_consolidated=False)
    attributes = dict(group[place].attrs)
    filters = [numcodecs.VLenUTF8()] if values.dtype == object else None
    array = group.create_array(
        place,
        shape=values.shape,
        chunks=values.shape,
        compressors=codec,
        filters=filters,
        dtype="string" if filters else values.dtype,
        overwrite=True,
        fill_value="" if filters else 0,
    )
    array[...] = values
    array.attrs.update(attributes)
    return store / TABLE / place / "0"
