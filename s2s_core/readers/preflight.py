"""Checks before anything is loaded: declared sizes, links, bombs, ways out of a file.

A file of a few kilobytes can declare gigabytes, or refer to other files of the machine. Every
reader passes through here, so that a hostile file costs no more than its own upload.
"""

from __future__ import annotations

import gzip
import io
import lzma
import os
import sys
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO, BinaryIO

import h5py
import numpy as np

from s2s_core.errors import S2SError
from s2s_core.limits import Limits
from s2s_core.processes import Bounds, run_bounded

# Unpacked, a section may take this many times the largest upload.
UNPACKED = 4
# Below this no ratio is looked at; above, real tables stay far below these ratios.
SMALL_BYTES = 2**28
MAX_RATIO = 500
MAX_ARRAY_RATIO = 2000
# What one file may load into memory.
MAX_BYTES = 8 * 2**30
MAX_OBJECTS = 100_000
MAX_FILES = 50_000
ZARR_METADATA = (".zarray", ".zattrs", ".zgroup", ".zmetadata", "zarr.json")
MAX_PIXELS = 64_000_000
# CPU time of a scan: a sound file takes a fraction of a second, large ones as long as their words
# take to read.
SCAN_SECONDS = 10
SCAN_BYTES_A_SECOND = 2e7
SCAN_GIGABYTES = 8
# The clock may run this many times longer: other work may have the cores.
PATIENCE = 30
SCAN_SCRIPT = Path(__file__).with_name("hdf5_scan.py")
# Compressions of HDF5 that need a plugin, by their registered number.
FILTERS = {
    307: "bzip2",
    32001: "blosc",
    32004: "lz4",
    32008: "bitshuffle",
    32013: "zfp",
    32015: "zstd",
    32022: "jpeg",
    32024: "sz3",
    32026: "blosc2",
}
# Where the plugin is installed its compressions are read as any other.
with suppress(ImportError):
    import hdf5plugin  # noqa: F401


def check_upload(size: int, name: str) -> None:
    """Refuse files larger than this installation takes.

    Raises
    ------
    S2SError
    """
    limits = Limits.from_environment()
    if size > limits.max_upload_bytes:
        raise S2SError(
            f"{name!r} has {size / 1e6:,.0f} MB, more than the {limits.max_upload_mb:,.0f} MB that "
            "are read here; give fewer genes or spots, or raise S2S_MAX_UPLOAD_MB."
        )


def check_values(spots: int, genes: int, name: str) -> None:
    """Refuse tables that declare more values than this installation takes.

    Raises
    ------
    S2SError
    """
    limit = Limits.from_environment().max_values
    if int(spots) * int(genes) > limit:
        raise S2SError(
            f"{name!r} declares {spots:,} spots x {genes:,} genes, more than {limit:.3g} values; "
            "keep fewer genes or spots, or raise S2S_MAX_VALUES."
        )


def max_unpacked(packed: int) -> int:
    """Number of bytes that a packed file of this size may unpack to."""
    return min(
        UNPACKED * Limits.from_environment().max_upload_bytes, SMALL_BYTES + MAX_RATIO * packed
    )


class Unpacked(io.RawIOBase):
    """A stream that ends in a sentence where more comes out than a real table holds.

    Parameters
    ----------
    stream : binary file
    limit : int
        Most bytes that may come.
    name : str
        File that the sentence names.
    """

    def __init__(self, stream: IO[bytes] | io.BufferedIOBase, limit: int, name: str) -> None:
        super().__init__()
        self._stream, self._left, self._name = stream, limit, name

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer) -> int:
        """Fill the buffer."""
        try:
            data = self._stream.read(len(buffer))
        except (OSError, EOFError, zlib.error, lzma.LZMAError) as error:
            raise S2SError(f"{self._name!r} is cut off or damaged; copy it again.") from error
        self._left -= len(data)
        if self._left < 0:
            raise S2SError(
                f"{self._name!r} unpacks to far more than its size lets expect; save it again, or "
                "keep fewer genes."
            )
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        """Close both ends."""
        self._stream.close()
        super().close()


def open_unpacked(path: Path, name: str) -> BinaryIO:
    """Open a file for reading, gunzipped where it is gzipped."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if not packed:
        return path.open("rb")
    packed_stream = gzip.open(path, "rb")  # noqa: SIM115
    stream = Unpacked(packed_stream, max_unpacked(path.stat().st_size), name)
    return io.BufferedReader(stream, 2**20)


def is_hidden(name: str) -> bool:
    """Whether a file or folder is what systems add; Zarr names its metadata in the same way."""
    return name.startswith((".", "__MACOSX")) and name not in ZARR_METADATA


def check_count(count: int, name: str) -> None:
    """Refuse archives of more files than a section has.

    Raises
    ------
    S2SError
    """
    if count > MAX_FILES:
        raise S2SError(f"{name!r} holds more than {MAX_FILES:,} files; no section has as many.")


def scan_hdf5(path: Path, name: str) -> None:
    """Refuse HDF5 files that make the HDF5 library hang or crash; a child process tries them.

    Raises
    ------
    S2SError
    """
    seconds = SCAN_SECONDS + int(path.stat().st_size / SCAN_BYTES_A_SECOND)
    command = [sys.executable, "-P", str(SCAN_SCRIPT), str(path)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    bounds = Bounds(seconds, SCAN_GIGABYTES, PATIENCE * seconds)
    if run_bounded(command, bounds, env=environment) != 0:
        raise S2SError(
            f"{name!r} is damaged in a way that stops the HDF5 library; copy or export it again."
        )


def check_hdf5(file: h5py.File, name: str, is_loaded: Callable[[str], bool]) -> None:
    """Refuse links out of an HDF5 file and declared sizes that no section has.

    Parameters
    ----------
    file : h5py.File
    name : str
        As the user knows the file.
    is_loaded : callable
        Whether the reader loads what stands at a path; only that counts.

    Raises
    ------
    S2SError
    """
    seen: set = set()
    stack: list[tuple[str, h5py.Group]] = [("", file)]
    total = 0
    while stack:
        place, group = stack.pop()
        for key in group:
            link = group.get(key, getlink=True)
            inner = f"{place}/{key}"
            if isinstance(link, (h5py.ExternalLink, h5py.SoftLink)):
                raise S2SError(
                    f"{name!r} refers to another place at {inner}; save one complete file "
                    "without links."
                )
            item = group[key]
            info = h5py.h5o.get_info(item.id)
            if info.addr in seen:
                continue
            seen.add(info.addr)
            if len(seen) > MAX_OBJECTS:
                raise S2SError(
                    f"{name!r} has more than {MAX_OBJECTS} parts; no section has as many."
                )
            if isinstance(item, h5py.Group):
                stack.append((inner, item))
            elif isinstance(item, h5py.Dataset):
                if item.is_virtual or item.external:
                    raise S2SError(
                        f"{name!r} keeps {inner} in another file; save one complete file."
                    )
                if is_loaded(inner):
                    _check_filters(item, name)
                    total += _declared(item, name, inner)
    check_total(total, name)


def _check_filters(item: h5py.Dataset, name: str) -> None:
    how = item.id.get_create_plist()
    for code in (how.get_filter(i)[0] for i in range(how.get_nfilters())):
        if not h5py.h5z.filter_avail(code):
            raise S2SError(
                f"{name!r} is compressed with {FILTERS.get(code, f'HDF5 filter {code}')}, which is "
                "not read here; save it again with compression='gzip' (adata.write_h5ad(...)), or "
                "install hdf5plugin."
            )


def _declared(item: h5py.Dataset, name: str, place: str) -> int:
    if item.shape is None:
        return 0
    size = int(np.prod(item.shape, dtype=object)) * item.dtype.itemsize
    check_declared(size, item.id.get_storage_size(), name, place)
    return size


def check_declared(size: int, stored: int, name: str, place: str) -> None:
    """Refuse an array that declares far more bytes than it has stored.

    Raises
    ------
    S2SError
    """
    if size > SMALL_BYTES and size > MAX_ARRAY_RATIO * max(stored, 1):
        raise S2SError(
            f"{name!r} declares {size / 2**20:.0f} MB at {place} but holds almost none of it; "
            "export the file again."
        )


def check_total(size: int, name: str) -> None:
    """Refuse files that declare more bytes than are loaded at once.

    Raises
    ------
    S2SError
    """
    if size > MAX_BYTES:
        raise S2SError(
            f"{name!r} declares {size / 2**30:.1f} GB of data, more than the "
            f"{MAX_BYTES / 2**30:.0f} GB that are read; keep fewer genes or spots."
        )
