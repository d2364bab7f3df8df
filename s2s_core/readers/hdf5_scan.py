"""Walks through an HDF5 file in a process of its own: python -P hdf5_scan.py FILE

The HDF5 library can hang or crash on a damaged file, and takes its process with it. So a child
reads everything that could do so first: links, attributes, words, indices of chunks. It imports
nothing of the package, to start fast. Exit status 0: the file can be read.
"""

import contextlib
import os
import sys

import h5py

with contextlib.suppress(ImportError):
    import hdf5plugin  # noqa: F401

MAX_OBJECTS = 200_000
# Of larger tables of numbers only the ends are read: their damage ends in an ordinary error.
SMALL_BYTES = 2**26


def scan(path: str) -> None:
    """Touch what reading may touch; raises or never returns where the file is damaged."""
    with h5py.File(path, "r") as file:
        stack, seen = [file], set()
        while stack:
            item = stack.pop()
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_OBJECTS:
                return
            for name in item.attrs:
                # What this build cannot read, such as a foreign type, is no danger.
                with contextlib.suppress(OSError, TypeError, ValueError):
                    _ = item.attrs[name]
            if isinstance(item, h5py.Group):
                links = {k: item.get(k, getlink=True) for k in item}
                stack += [item[k] for k, v in links.items() if isinstance(v, h5py.HardLink)]
            elif isinstance(item, h5py.Dataset) and not (item.is_virtual or item.external):
                _touch(item)


def _touch(item: h5py.Dataset) -> None:
    if not item.shape or 0 in item.shape:
        _ = item[()] if item.shape == () else None
        return
    item.id.get_storage_size()
    how = item.id.get_create_plist()
    filters = [how.get_filter(i)[0] for i in range(how.get_nfilters())]
    if not all(map(h5py.h5z.filter_avail, filters)):
        # A sentence of the reader's names the compression; what follows must be looked at too.
        return
    words = h5py.check_string_dtype(item.dtype) is not None or item.dtype.kind == "O"
    if words or item.size * item.dtype.itemsize <= SMALL_BYTES:
        step = max(1, SMALL_BYTES // max(1, item.dtype.itemsize * item.size // item.shape[0]))
        for start in range(0, item.shape[0], step):
            _ = item[start : start + step]
    else:
        _ = item[:1], item[-1:]


if __name__ == "__main__":
    # An ordinary error is the reader's to explain.
    with contextlib.suppress(Exception):
        scan(sys.argv[1])
    # Closing a damaged file may hang as well.
    os._exit(0)
