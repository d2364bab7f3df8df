"""Declared form of one array of a Zarr store, and checks that its chunks keep to it."""

from __future__ import annotations

import math
import re
import zlib
from dataclasses import dataclass

import numcodecs
import numpy as np
import pyarrow as pa

from s2s_core.errors import S2SError
from s2s_core.readers.preflight import max_unpacked

MAX_DIMENSIONS = 8
# How chunks may be packed. Everything else is refused: pickles are codecs too.
PACKERS = ("blosc", "zstd", "gzip", "zlib", "lz4")
# Of these the head of a chunk declares what it unpacks to; blosc's also how long the chunk is.
HEADS = {"blosc": (slice(4, 8), slice(12, 16)), "lz4": (slice(0, 4), None)}
WORDS = "vlen-utf8"
PLAIN = re.compile(r"[<>|][biufSU]\d{1,5}")
NUMBERS = {
    "bool",
    *(f"{kind}{8 * n}" for kind in ("int", "uint") for n in (1, 2, 4, 8)),
    "float16",
    "float32",
    "float64",
}
FIXED = ("fixed_length_utf32", "null_terminated_bytes")
# A reference to a word; the words themselves are bounded chunk by chunk.
REFERENCE_BYTES = 16


@dataclass(frozen=True)
class Declared:
    """Declaration of an array by its metadata."""

    shape: tuple[int, ...]
    chunk: tuple[int, ...]
    item_bytes: int
    packer: str | None
    words: bool

    @property
    def chunks(self) -> int:
        return math.prod(-(-s // c) for s, c in zip(self.shape, self.chunk, strict=True))

    @property
    def chunk_items(self) -> int:
        return math.prod(self.chunk)


def declared_by(node: dict, version: int) -> Declared:
    """Declaration of an array; raises where it is none that is read."""
    words, packer = False, None
    shape = node["shape"]
    if version == 2:
        chunk, dtype = node["chunks"], node["dtype"]
        filters = [f["id"] for f in node.get("filters") or ()]
        words = dtype == "|O" and filters == [WORDS]
        if not words and (filters or not PLAIN.fullmatch(dtype)):
            raise ValueError(f"{dtype} {filters}")
        item_bytes = REFERENCE_BYTES if words else np.dtype(dtype).itemsize
        packer = (node.get("compressor") or {}).get("id")
        packers = [] if packer is None else [packer]
    else:
        grid, dtype = node["chunk_grid"], node["data_type"]
        if grid["name"] != "regular":
            raise ValueError(f"chunks {grid['name']}")
        chunk = grid["configuration"]["chunk_shape"]
        codecs = [c["name"] for c in node["codecs"]]
        start = 1 if codecs[0] == "transpose" else 0
        words = dtype == "string" and codecs[start] == WORDS
        if not words and codecs[start] != "bytes":
            raise ValueError(codecs[start])
        packers = [c.removeprefix("numcodecs.") for c in codecs[start + 1 :]]
        if words:
            item_bytes = REFERENCE_BYTES
        elif isinstance(dtype, dict) and dtype["name"] in FIXED:
            item_bytes = dtype["configuration"]["length_bytes"]
        elif dtype in NUMBERS:
            item_bytes = np.dtype(dtype).itemsize
        else:
            raise ValueError(str(dtype)[:40])
    if len(packers) > 1 or not {*packers} <= {*PACKERS}:
        raise ValueError(", ".join(map(str, packers))[:40])
    for sizes, least in ((shape, 0), (chunk, 1), ([item_bytes], 0)):
        if not all(type(s) is int and least <= s < 2**48 for s in sizes):
            raise ValueError(f"sizes {str(sizes)[:40]}")
    if len(shape) != len(chunk) or len(shape) > MAX_DIMENSIONS:
        raise ValueError(f"{len(shape)} dimensions")
    return Declared(
        shape=tuple(shape),
        chunk=tuple(chunk),
        item_bytes=item_bytes,
        packer=packers[0] if packers else None,
        words=words,
    )


def check_chunk(data: bytes, array: Declared, name: str, key: str) -> None:
    """Refuse a chunk that unpacks to more than its array declares."""
    limit = max_unpacked(len(data)) if array.words else array.chunk_items * array.item_bytes
    try:
        sound = _unpacked(array.packer, data, limit) <= limit
        if sound and array.words:
            # The words' decoder makes room for as many as the chunk says it has.
            first = data if array.packer is None else _decoded(array.packer, data)
            sound = int.from_bytes(bytes(first[:4]), "little") <= array.chunk_items
    except (ValueError, TypeError, RuntimeError, OSError, EOFError, zlib.error) as error:
        raise S2SError(f"{name!r} is damaged at {key}; copy the store again.") from error
    if not sound:
        raise S2SError(
            f"{name!r} holds more at {key} than it declares; copy or export the store again."
        )


def _decoded(packer: str, data: bytes) -> bytes:
    return numcodecs.get_codec({"id": packer}).decode(data)


def _unpacked(packer: str | None, data: bytes, limit: int) -> int:
    """Bytes that a chunk unpacks to; counting ends above the limit."""
    if packer is None:
        return len(data)
    if packer in HEADS:
        size, length = HEADS[packer]
        if length is not None and int.from_bytes(data[length], "little") != len(data):
            raise ValueError("a chunk was cut off")
        return int.from_bytes(data[size], "little")
    if packer == "zlib":
        return len(zlib.decompressobj().decompress(data, limit + 1))
    count = 0
    with pa.CompressedInputStream(pa.BufferReader(data), packer) as stream:
        while count <= limit and (piece := stream.read(min(2**20, limit + 1))):
            count += len(piece)
    return count
