"""A Zarr store as zarr may see it: metadata and codecs are looked at first, chunks one by one.

What is not loaded is hidden from zarr, and so is consolidated metadata, which could contradict
what was looked at.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Literal, cast

import zarr
from zarr.abc.buffer import Buffer as AnyBuffer
from zarr.buffer.cpu import Buffer
from zarr.storage import MemoryStore

from s2s_core.errors import S2SError
from s2s_core.readers.preflight import ZARR_METADATA, check_declared, check_total
from s2s_core.readers.source import Source
from s2s_core.readers.zarr_array import MAX_DIMENSIONS, Declared, check_chunk, declared_by

METADATA = {2: (".zgroup", ".zarray", ".zattrs"), 3: ("zarr.json",)}
MAX_JSON = 2**24
# What metadata raise that are not as the format says.
ODD = (ValueError, TypeError, KeyError, AttributeError, IndexError, OverflowError)
# zarr visits every chunk that is declared, also those that are not there.
MAX_CHUNKS = 200_000


class Pieces(Mapping[str, Buffer]):
    """Keys and values of a store, each value looked at when zarr asks for it."""

    def __init__(self, source: Source, name: str) -> None:
        self.metadata: dict[str, bytes] = {}
        self.chunks: dict[str, tuple[str, Declared]] = {}
        self._source, self._name = source, name

    def __getitem__(self, key: str) -> Buffer:
        if key in self.metadata:
            return Buffer.from_bytes(self.metadata[key])
        file, array = self.chunks[key]
        data = self._source.path(file).read_bytes()
        check_chunk(data, array, self._name, key)
        return Buffer.from_bytes(data)

    def __contains__(self, key: object) -> bool:
        return key in self.metadata or key in self.chunks

    def __iter__(self) -> Iterator[str]:
        yield from self.metadata
        yield from self.chunks

    def __len__(self) -> int:
        return len(self.metadata) + len(self.chunks)


def open_group(
    source: Source, folder: str, name: str, is_loaded: Callable[[str], bool]
) -> zarr.Group:
    """Open a group of a store for reading, after all that will be loaded was looked at.

    Parameters
    ----------
    source : Source
    folder : str
        Where the group lies, ending in ``/``; empty for the top.
    name : str
        As the user knows it.
    is_loaded : callable
        Whether the reader loads what stands at a place such as ``/X/data``; the rest is hidden.

    Raises
    ------
    S2SError
        Metadata that are damaged or declare too much, missing chunks, or codecs that are not read.
    """
    # Names stand in sentences.
    files = {n[len(folder) :]: n for n in source.names if n.startswith(folder) and n.isprintable()}
    pieces = Pieces(source, name)
    version: Literal[2, 3] = 3 if "zarr.json" in files else 2
    nodes = _nodes(files, version, pieces, source, name)
    arrays = {}
    for place, node in nodes.items():
        if "shape" not in node:
            continue
        try:
            arrays[place] = declared_by(node, version) if is_loaded(f"/{place}") else None
        except ODD as error:
            # Of uns only plain things are kept anyway.
            if not place.startswith("uns/"):
                why = " ".join(str(error).split())[:80]
                raise S2SError(
                    f"{name!r} keeps {place} in a way that is not read here ({why}); write it "
                    "again with AnnData's write_zarr()."
                ) from error
            arrays[place] = None
    stored = _stored(files, arrays, pieces, source)
    for place in [p for p, array in arrays.items() if array is None]:
        for end in METADATA[version]:
            pieces.metadata.pop(f"{place}/{end}", None)
    _check_sizes({p: a for p, a in arrays.items() if a is not None}, stored, nodes, name)
    # A store that is only read changes nothing in what it keeps.
    store = MemoryStore(cast("MutableMapping[str, AnyBuffer]", pieces), read_only=True)
    return zarr.open_group(store, mode="r", zarr_format=version, use_consolidated=False)


def _nodes(files: dict[str, str], version: int, pieces: Pieces, source: Source, name: str) -> dict:
    """Groups and arrays by place: an array's metadata, a group's attributes."""
    nodes: dict[str, dict] = {}
    for key, file in files.items():
        place, _, base = key.rpartition("/")
        if base not in METADATA[version]:
            continue
        try:
            if source.size(file) > MAX_JSON:
                raise ValueError(f"{source.size(file)} bytes")
            found = json.loads(source.path(file).read_bytes())
            found.pop("consolidated_metadata", None)
        except (ValueError, AttributeError, RecursionError) as error:
            raise S2SError(
                f"{name!r} is damaged at {key}; copy or export the store again."
            ) from error
        if base == ".zarray" or found.get("node_type") == "array":
            nodes[place] = nodes.get(place, {}) | found
        else:
            attributes = found if base == ".zattrs" else found.get("attributes")
            nodes.setdefault(place, {})["attributes"] = attributes or {}
        pieces.metadata[key] = json.dumps(found).encode()
    return nodes


def _stored(
    files: dict[str, str], arrays: dict[str, Declared | None], pieces: Pieces, source: Source
) -> dict[str, tuple[int, int]]:
    """(chunks, bytes) that are there of each array; the store gets those that are loaded."""
    stored: dict[str, tuple[int, int]] = {}
    for key, file in files.items():
        place, _, base = key.rpartition("/")
        for _ in range(MAX_DIMENSIONS + 1):
            if place in arrays or not place:
                break
            place = place.rpartition("/")[0]
        array = arrays.get(place)
        if array is not None and base not in ZARR_METADATA:
            pieces.chunks[key] = (file, array)
            count, size = stored.get(place, (0, 0))
            stored[place] = (count + 1, size + source.size(file))
    return stored


def _check_sizes(arrays: dict[str, Declared], stored: dict, nodes: dict, name: str) -> None:
    total = 0
    for place, array in arrays.items():
        count, size = stored.get(place, (0, 0))
        # Chunks are unpacked whole, however little of them lies inside the array.
        declared = array.chunks * array.chunk_items * array.item_bytes
        check_declared(declared, size, name, f"/{place}")
        total += declared
        if array.chunks > MAX_CHUNKS:
            raise S2SError(
                f"{name!r} declares {array.chunks:,} chunks at /{place}; write it again with "
                "larger ones."
            )
        if count < _wanted(place, array, nodes):
            raise S2SError(
                f"{name!r} is incomplete: of /{place} {count} of {array.chunks} chunks are there; "
                "copy the whole store again."
            )
    check_total(total, name)


def _wanted(place: str, array: Declared, nodes: dict) -> int:
    """Chunks that must be there: zarr reads zeros, and writes none, where there is no chunk."""
    group, _, base = place.rpartition("/")
    if base in ("data", "indices", "indptr") and f"{group}/indptr" in nodes:
        sizes = nodes.get(group, {}).get("attributes", {}).get("shape")
        # Only of a matrix with one row or column may indices all be zero.
        one = base == "indices" and isinstance(sizes, list) and 1 in sizes
        return 0 if one else array.chunks
    matrix = place in ("X", "raw/X") or group in ("layers", "obsm")
    return min(1, array.chunks) if matrix else 0
