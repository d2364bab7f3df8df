"""What the user hands in (files, a folder, archives of either) as one set of named files."""

from __future__ import annotations

import gzip
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

from s2s_core.errors import S2SError
from s2s_core.readers import archives, preflight
from s2s_core.readers.archives import Member

SNIFF_BYTES = 2**16
# Tissue images inside a table of a Zarr store lie eleven folders deep.
MAX_DEPTH = 12
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
PARQUET_MAGIC = b"PAR1"
# A group of a Zarr store says so in a file of such a name.
ZARR = {"zarr.json", ".zgroup"}
# What of a SpatialData store is never read may be very many files.
UNREAD = ("images", "labels", "points")


class _Used(dict[str, Path]):
    """Files that were read, by name, and the bytes they have together."""

    size = 0


class Source:
    """Named files, wherever they lie; a zip's members are unpacked when they are asked for.

    Attributes
    ----------
    name : str
        What the user handed in; sentences about it use this name.
    names : list of str
        Relative paths with ``/``, nearest to the top first.
    links : int
        Links that lead out of the folder; they are not followed.
    """

    def __init__(
        self,
        name: str,
        files: dict[str, Path | Member],
        *,
        archive: Path | None = None,
        unpacked: Path | None = None,
        links: int = 0,
    ) -> None:
        self.name = name
        self.names = sorted(files, key=lambda n: (n.count("/"), n))
        self.links = links
        # The one archive that was handed in, and where members are unpacked.
        self._files, self._archive, self._folder = files, archive, unpacked
        self._used = _Used()
        self._scanned: set[str] = set()

    @property
    def single(self) -> str | None:
        """The name of the only file, or None where there are several or none."""
        return self.names[0] if len(self.names) == 1 else None

    def find(self, *endings: str) -> list[str]:
        """Files whose own name, in small letters, ends in one of these; the nearest first."""
        return [n for n in self.names if n.rsplit("/", 1)[-1].lower().endswith(endings)]

    def nearest(self, beside: str, *endings: str) -> str | None:
        """Of the files that end so, the one nearest to another in folders, then in name."""
        folders, own = beside.split("/")[:-1], beside.rsplit("/", 1)[-1]

        def distance(name: str) -> tuple[int, int, int]:
            parts = name.split("/")
            shared = len(os.path.commonprefix([folders, parts[:-1]]))
            alike = len(os.path.commonprefix([own, parts[-1]]))
            return len(folders) + len(parts) - 2 * shared, -alike, endings.index(
                next(e for e in endings if parts[-1].lower().endswith(e))
            )  # fmt: skip

        return min(self.find(*endings), key=distance, default=None)

    def within(self, folder: str) -> Source:
        """The files of one folder (a relative path) and below."""
        prefix = f"{folder}/" if folder else ""
        part = Source(self.name, {}, links=self.links)
        part.__dict__.update(self.__dict__)
        part.names = [n for n in self.names if n.startswith(prefix)]
        return part

    def path(self, name: str) -> Path:
        """Place of a file on this machine.

        Raises
        ------
        S2SError
            If it is larger than what is read here, or a damaged part of a zip.
        """
        if name not in self._used:
            file = self._files[name]
            path = self._unpack(file) if isinstance(file, Member) else file
            size = self._used.size + path.stat().st_size
            packed = self._folder is not None and self._folder in path.parents
            preflight.check_upload(size // preflight.UNPACKED if packed else size, self.name)
            self._used[name] = path
            self._used.size = size
        return self._used[name]

    def size(self, name: str) -> int:
        """Bytes of a file, as the disk or the zip says."""
        file = self._files[name]
        return file.info.file_size if isinstance(file, Member) else file.stat().st_size

    def hdf5(self, name: str) -> Path:
        """Place of an HDF5 file that the HDF5 library can be trusted with.

        Raises
        ------
        S2SError
            If it would hang or crash it.
        """
        path = self.path(name)
        if name not in self._scanned:
            preflight.scan_hdf5(path, self.spoken(name))
            self._scanned.add(name)
        return path

    def open(self, name: str) -> BinaryIO:
        """Open a file as bytes, gunzipped where it is gzipped."""
        return preflight.open_unpacked(self.path(name), self.spoken(name))

    def head(self, name: str, size: int = SNIFF_BYTES) -> bytes:
        """First bytes of a file, gunzipped; empty where it is damaged."""
        try:
            with self._raw(name) as raw:
                start = raw.read(2)
            with self._raw(name) as raw:
                file = gzip.GzipFile(fileobj=raw) if start == b"\x1f\x8b" else raw
                return file.read(size)
        except archives.DAMAGED:
            return b""

    def _raw(self, name: str) -> BinaryIO:
        file = self._files[name]
        return file.open() if isinstance(file, Member) else file.open("rb")

    def spoken(self, name: str) -> str:
        """How a sentence calls a file."""
        return self.name if self.single else name.rsplit("/", 1)[-1]

    def digest(self) -> str:
        """SHA-256 of the only file; of several, of the list of names and digests of those read."""
        if self._archive is not None:
            return _sha256(self._archive)
        if self.single:
            return _sha256(self.path(self.single))
        lines = [f"{_sha256(path)}  {name}\n" for name, path in sorted(self._used.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _unpack(self, member: Member) -> Path:
        # The member's own name is never a path: only one made up is.
        path = archives.new_file(self._folder)
        member.unpack(path, preflight.max_unpacked(2**62) - self._used.size, self.name)
        return path


def is_hdf5(source: Source, name: str) -> bool:
    """Whether a file begins as HDF5 does."""
    return source.head(name, 8) == HDF5_MAGIC


@contextmanager
def open_source(path: str | Path | Iterable[str | Path]) -> Iterator[Source]:
    """Open what the user handed in; what was unpacked vanishes at the end.

    Raises
    ------
    S2SError
        If something does not exist, two files have one name, or an archive is damaged or unsafe.
    """
    paths = [Path(path)] if isinstance(path, (str, Path)) else [Path(p) for p in path]
    if not paths:
        raise S2SError("No file was given; name a file, a folder or a zip.")
    for item in paths:
        if not item.exists():
            raise S2SError(f"There is no file {str(item)!r}; check the path.")
        if not os.access(item, os.R_OK):
            raise S2SError(f"{item.name!r} may not be read; check its permissions.")
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="s2s-")))
        files, links = {}, 0
        for item in paths:
            inside, more = _inside(item, folder, stack)
            links += more
            if len(paths) > 1 and inside.keys() != {item.name}:
                inside = {f"{archives.stem(item.name)}/{n}": p for n, p in inside.items()}
            twice = next((name for name in inside if name in files), None)
            if twice is not None:
                raise S2SError(f"Two of the files are called {twice!r}; rename one of them.")
            files.update(inside)
        first = paths[0]
        if len(paths) > 1:
            name, archive = f"{first.name} and {len(paths) - 1} more", None
        else:
            name = first.resolve().name or str(first) if first.is_dir() else first.name
            packed = not first.is_dir() and files.keys() != {first.name}
            packed = packed or any(isinstance(file, Member) for file in files.values())
            archive = first if packed and not first.is_dir() else None
        yield Source(name, files, archive=archive, unpacked=folder, links=links)


def _inside(item: Path, folder: Path, stack: ExitStack) -> tuple[dict[str, Path | Member], int]:
    """(files, links) of a file, a folder or an archive; tars are unpacked into a folder."""
    if item.is_dir():
        found, links = _walk(item)
        # Repositories ship the parts of a section as tars side by side.
        for name in [n for n in found if n.lower().endswith(archives.TAR_NAMES) and "/" not in n]:
            if archives.is_tar(found[name]):
                more = archives.unpack_tar(found.pop(name), name, folder)
                found |= {f"{archives.stem(name)}/{n}": path for n, path in more.items()}
        return found, links
    if archives.is_zip(item):
        archive = stack.enter_context(archives.open_zip(item))
        return archives.zip_members(archive, item.name), 0
    if archives.is_tar(item):
        return archives.unpack_tar(item, item.name, folder), 0
    return {item.name: item}, 0


def _walk(folder: Path) -> tuple[dict[str, Path], int]:
    """Files of a folder, hidden ones left out; links that lead out of it are counted."""
    found: dict[str, Path] = {}
    top, links = folder.resolve(), 0
    for place, folders, names in os.walk(folder):
        here = Path(place)
        depth = len(here.relative_to(folder).parts)
        unread = UNREAD if {"tables", "table"} & {*folders} and ZARR & {*names} else ()
        folders[:] = [f for f in sorted(folders) if not preflight.is_hidden(f) and f not in unread]
        links += sum((here / f).is_symlink() for f in folders)
        folders[:] = folders if depth < MAX_DEPTH else []
        for name in sorted(names):
            path = here / name
            if preflight.is_hidden(name):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(top):
                links += 1
            elif path.is_file():
                found[path.relative_to(folder).as_posix()] = path
        if len(found) > preflight.MAX_FILES:
            raise S2SError(
                f"{folder.name!r} holds more than {preflight.MAX_FILES:,} files; give the folder "
                "of one section."
            )
    return found, links


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
