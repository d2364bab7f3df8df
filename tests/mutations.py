"""Damage to files: what a broken disk, a cut-off copy or someone with bad intent may hand in."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import numpy as np

WORDS = (
    b"nan",
    b"inf",
    b"-1",
    b"1e309",
    b"99999999999999999999",
    b'"',
    b",,,",
    b"\x00",
    b"\xff\xfe",
    b"=1+1",
    b"\n\n",
    b"\r",
    b"\t",
    b"../..",
    b"0x10",
    b"e3099919288",
    b"e-99999",
    b"X1x1",
    b"0",
    b"2147483648",
)


def mutate(data: bytes, rng: np.random.Generator) -> bytes:
    """One to three random injuries: cuts, flipped bits, runs of one byte, moved and odd pieces."""
    for _ in range(rng.integers(1, 4)):
        data = _injure(bytearray(data), rng)
    return bytes(data)


def _injure(data: bytearray, rng: np.random.Generator) -> bytearray:
    size = len(data)
    if size == 0:
        return data
    start = int(rng.integers(size))
    # Heads of files say what they declare: half of the injuries go there.
    if rng.random() < 0.5:
        start = int(rng.integers(min(size, 2048)))
    length = int(min(rng.geometric(0.05), size - start))
    kind = rng.integers(8)
    if kind == 0:
        return data[:start]
    if kind == 1:
        for place in rng.integers(size, size=rng.integers(1, 20)):
            data[place] ^= 1 << rng.integers(8)
    elif kind == 2:
        data[start : start + length] = bytes(length)
    elif kind == 3:
        data[start : start + length] = b"\xff" * length
    elif kind == 4:
        data[start : start + length] = rng.bytes(length)
    elif kind == 5:
        del data[start : start + length]
    elif kind == 6:
        data[start:start] = data[start : start + 20 * length]
    else:
        word = WORDS[rng.integers(len(WORDS))]
        data[start : start + (len(word) if rng.random() < 0.5 else 0)] = word
    return data


def injured_copy(source: Path, target: Path, seed: int) -> Path:
    """Copy a file, or a folder of which one file is injured; gzipped ones inside or outside."""
    rng = np.random.default_rng(seed)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True)
        files = sorted(p for p in target.rglob("*") if p.is_file())
        victim = files[rng.integers(len(files))]
    else:
        victim = target
        target.write_bytes(source.read_bytes())
    victim.chmod(0o644)
    if rng.random() < 0.05:
        victim.unlink() if source.is_dir() else victim.write_bytes(b"")
        return target
    data = victim.read_bytes()
    if data[:2] == b"\x1f\x8b" and rng.random() < 0.7:
        data = gzip.compress(mutate(gzip.decompress(data), rng), 1)
    else:
        data = mutate(data, rng)
    victim.write_bytes(data)
    return target
