"""Reader of SpatialData stores (.zarr): a table and, where it has none, the places of its shapes.

A plain AnnData store (``write_zarr``) is such a table by itself. Only zarr and anndata are needed.
"""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import zarr
from anndata.io import read_elem

from s2s_core.data.section import Section
from s2s_core.errors import S2SError
from s2s_core.readers.annotated import (
    DAMAGED,
    SPATIALDATA,
    Annotated,
    has_places,
    is_loaded,
    load,
    section,
)
from s2s_core.readers.base import Reader, ReadOptions
from s2s_core.readers.folders import ZARR
from s2s_core.readers.matching import match_ids
from s2s_core.readers.shapes import centroids
from s2s_core.readers.source import Source
from s2s_core.readers.zarr_store import open_group


def sniff(source: Source) -> bool:
    """Whether there is a Zarr group; one without a table gets a sentence of its own."""
    return any(name.rsplit("/", 1)[-1] in ZARR for name in source.names)


def _tables(source: Source) -> list[str]:
    """Folders (ending in ``/``) of AnnData groups, those inside another left out."""
    names, found = set(source.names), []
    ends = [f"obs/{base}" for base in sorted(ZARR)]
    for name in names:
        end = next((e for e in ends if name.endswith(e)), None)
        folder = name.removesuffix(end) if end else ""
        if end and folder[-1:] in ("", "/") and f"{folder}var/{end[4:]}" in names:
            found.append(folder)
    outer: list[str] = []
    for folder in sorted(set(found)):
        if not (outer and folder.startswith(outer[-1])):
            outer.append(folder)
    return outer


def read(source: Source, options: ReadOptions) -> Section:
    """Read a table of a store as a Section, as an AnnData file is read.

    Coordinates come from ``obsm["spatial"]``, or from the centroids of the shapes that the table
    annotates (its ``region``, ``region_key`` and ``instance_key``).

    Raises
    ------
    S2SError
    """
    if source.links:
        raise S2SError(
            f"{source.name!r} holds {source.links} links, which are not followed; copy the files "
            "themselves into it."
        )
    name, (folder, notes) = source.name, _table_of(source)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            group = open_group(source, folder, name, is_loaded)
            found = load(group, name, options)
            found = replace(found, notes=(*notes, *found.notes))
            attributes = _attributes(group)
        region = _region(found.obs, attributes, name)
        if found.xy is None and region is not None:
            found = _placed(source, folder, found, attributes, region)
    except S2SError:
        raise
    except Exception as error:  # noqa: BLE001
        # zarr and its codecs raise errors of many types; none of them speaks to the user.
        raise S2SError(DAMAGED.format(name)) from error
    if region is not None and not has_places(found):
        raise S2SError(
            f"The table of {name!r} has no obsm['spatial'], and its region {region!r} is none of "
            "the shapes; in Python, table.obsm['spatial'] = spatialdata.get_centroids("
            f"sdata[{region!r}]).compute().loc[table.obs[{attributes['instance_key']!r}], "
            "['x', 'y']].to_numpy() adds it; then read table.write_h5ad('table.h5ad')."
        )
    return section(found, name, options)


def _table_of(source: Source) -> tuple[str, tuple[str, ...]]:
    """(folder, notes) of the one table that holds counts.

    Raises
    ------
    S2SError
        If there is none, or there are several.
    """
    tables = _tables(source)
    if not tables:
        raise S2SError(
            f"{source.name!r} is a Zarr store without a table of counts; a SpatialData store keeps "
            "one in its folder tables, with obs and var."
        )
    if len(tables) == 1:
        return tables[0], ()
    measured = [table for table in tables if _is_measured(source, table)]
    if len(measured) != 1:
        some = ", ".join(table.rstrip("/") for table in (measured or tables)[:3])
        raise S2SError(
            f"{source.name!r} holds {len(measured or tables)} tables ({some}); give the folder of "
            "one, or a zip of that folder."
        )
    note = (
        f"Of {len(tables)} tables {measured[0].rstrip('/')} was read: the others hold no counts, or "
        "results of this program."
    )
    return measured[0], (note,)


def _is_measured(source: Source, table: str) -> bool:
    """Whether a table has counts and is no result of this program, which a user may have added."""
    parts = source.within(table.rstrip("/")).names
    counts = any(n.startswith((f"{table}X/", f"{table}layers/counts/")) for n in parts)
    return counts and not any(n.startswith(f"{table}uns/s2s/") for n in parts)


def _attributes(group: zarr.Group) -> dict:
    """What the table annotates: ``region``, ``region_key``, ``instance_key``."""
    uns = group.get("uns")
    kept: dict = {}
    if isinstance(uns, zarr.Group) and SPATIALDATA in uns:
        kept = read_elem(uns[SPATIALDATA])
    keys = ("region", "region_key", "instance_key")
    return {key: kept[key] for key in keys if kept.get(key) is not None}


def _region(obs: pd.DataFrame, attributes: dict, name: str) -> str | None:
    """The one region of a table; None where it annotates nothing.

    Raises
    ------
    S2SError
        If there are several: they may be sections of their own, on top of each other.
    """
    if {*attributes} < {"region", "region_key", "instance_key"}:
        return None
    column = attributes["region_key"]
    listed = obs[column].dropna() if column in obs else np.atleast_1d(attributes["region"])
    regions = sorted({str(region) for region in listed})
    if len(regions) > 1:
        raise S2SError(
            f"The table of {name!r} annotates {len(regions)} regions ({', '.join(map(repr, regions[:3]))}); "
            f"in Python, table[table.obs[{column!r}] == {regions[0]!r}].write_h5ad('one.h5ad') "
            "keeps one."
        )
    return regions[0] if regions else None


def _placed(
    source: Source, folder: str, found: Annotated, attributes: dict, region: str
) -> Annotated:
    """The table with the centroids of its shapes, where the store has them."""
    # A table lies in STORE/tables/NAME, its shapes in STORE/shapes/REGION.
    store = "/".join(folder.rstrip("/").split("/")[:-2])
    name = f"{store}/shapes/{region}/shapes.parquet".lstrip("/")
    if name not in source.names:
        return found
    shapes = centroids(source, name)
    ids = found.obs[attributes["instance_key"]].astype(str)
    match = match_ids(pd.Index(ids, dtype=object), shapes.index)
    has = match >= 0
    if not has.any():
        raise S2SError(
            f"No spot of the table of {source.name!r} is among the shapes {region!r} "
            f"({ids.iloc[0]!r} against {shapes.index[0]!r}); write the store again."
        )
    notes = (*found.notes, f"Coordinates are the centroids of the shapes {region!r}.")
    if not has.all():
        notes += (f"{(~has).sum()} spots without a shape were left out.",)
    return replace(
        found,
        counts=found.counts[np.nonzero(has)[0]],
        obs=found.obs[has],
        xy=shapes.to_numpy()[match[has]],
        notes=notes,
    )


READER = Reader("spatialdata", "SpatialData or AnnData store (.zarr)", sniff, read)
