"""One set of named files from a file, a folder, an archive or several files."""

from __future__ import annotations

import gzip
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache, partial
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from s2s_core.errors import S2SError
from s2s_core.readers import archives, preflight
from s2s_core.readers.archives import DAMAGED, Member
from s2s_core.readers.folders import walk

SNIFF_BYTES = 2**16
HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
PARQUET_MAGIC = b"PAR1"
# Archives in archives are opened so many times: GEO packs packed folders.
MAX_LEVELS = 2
# Archives that are opened by what knows their format, not looked into.
OWN_ZIPS = (".zarr.zip",)


class _Used(dict[str, Path]):
    """Files that were read, by name, and the part of an upload that they are together."""

    size = 0.0


class Source:
    """Named files, wherever they lie; an archive's members are unpacked when they are asked for.

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
        files: Mapping[str, Path | Member],
        *,
        whole: Path | None = None,
        opened: Callable[[Path, str], dict[str, Member]] | None = None,
        room: Callable[[], Path] | None = None,
        links: int = 0,
    ) -> None:
        self.name = name
        self.links = links
        self._whole, self._opened, self._room = whole, opened, room
        self._used = _Used()
        self._scanned: dict[str, Path] = {}
        self._levels = 0
        self._set(files)

    def _set(self, files: Mapping[str, Path | Member]) -> None:
        self._files = files
        self.names = sorted(files, key=lambda n: (n.count("/"), n))

    @property
    def single(self) -> str | None:
        """The name of the only file, or None where there are several or none."""
        return self.names[0] if len(self.names) == 1 else None

    def find(self, *endings: str) -> list[str]:
        """Files whose own name, in small letters, ends in one of these; the nearest first."""
        return [n for n in self.names if n.rsplit("/", 1)[-1].lower().endswith(endings)]

    def nearest(self, beside: str, *endings: str) -> str | None:
        """Of the files that end so, the one nearest to another in folders, then in name."""
        folders = beside.split("/")[:-1]

        def distance(name: str) -> tuple[int, int, int]:
            parts = name.split("/")
            shared = len(os.path.commonprefix([folders, parts[:-1]]))
            alike = len(os.path.commonprefix([beside, name]))
            return (
                len(folders) + len(parts) - 2 * shared,
                -alike,
                endings.index(next(e for e in endings if parts[-1].lower().endswith(e))),
            )

        return min(self.find(*endings), key=distance, default=None)

    def within(self, folder: str) -> Source:
        """The files of one folder (a relative path) and below."""
        prefix = f"{folder}/" if folder else ""
        part = Source(self.name, {}, links=self.links)
        part.__dict__.update(self.__dict__)
        part.names = [n for n in self.names if n.startswith(prefix)]
        return part

    def expand(self) -> bool:
        """Open the archives among the files, one level; whether there were any.

        What is in ``GSM1_spatial.tar.gz`` is called ``GSM1_spatial/...`` then.

        Raises
        ------
        S2SError
            If one is damaged or unsafe.
        """
        packed = [n for n in self.find(*archives.ENDINGS) if not n.lower().endswith(OWN_ZIPS)]
        if self._levels == MAX_LEVELS or self._opened is None:
            return False
        files = dict(self._files)
        for name in packed:
            file = self._files[name]
            # What is in an archive counts, not the archive again.
            path = file if isinstance(file, Path) else self.path(name)
            if archives.is_archive(path, name):
                del files[name]
                ending = next(e for e in archives.ENDINGS if name.lower().endswith(e))
                inside = self._opened(path, self.display_name(name))
                files |= {f"{name[: -len(ending)]}/{n}": m for n, m in inside.items()}
                preflight.check_count(len(files), self.name)
        grown = len(files) != len(self._files) or set(files) != set(self._files)
        self._levels += 1
        self._set(files)
        return grown

    def path(self, name: str) -> Path:
        """Place of a file on this machine.

        Raises
        ------
        S2SError
            If it is larger than what is read here, or a damaged part of an archive.
        """
        if name not in self._used:
            file = self._files[name]
            if isinstance(file, Member):
                path = self._unpack(name, file)
                share = path.stat().st_size / preflight.UNPACKED
            else:
                path, share = file, float(file.stat().st_size)
            preflight.check_upload(int(self._used.size + share), self.name)
            self._used[name] = path
            self._used.size += share
        return self._used[name]

    def size(self, name: str) -> int:
        """Bytes of a file, as the disk or the archive says."""
        file = self._files[name]
        return file.size if isinstance(file, Member) else file.stat().st_size

    def hdf5(self, name: str) -> Path:
        """Place of an HDF5 file that the HDF5 library can be trusted with.

        Raises
        ------
        S2SError
            If it would hang or crash it.
        """
        if name not in self._scanned:
            path = self._gunzipped(name)
            preflight.scan_hdf5(path, self.display_name(name))
            self._scanned[name] = path
        return self._scanned[name]

    def _gunzipped(self, name: str) -> Path:
        """Place of a file, unpacked where it is gzipped, as repositories keep HDF5 files."""
        path = self.path(name)
        with path.open("rb") as file:
            packed = file.read(2) == b"\x1f\x8b"
        if not packed or self._room is None:
            return path
        plain = self._room()
        with self.open(name) as stream, plain.open("wb") as file:
            shutil.copyfileobj(stream, file, 2**20)
        return plain

    def open(self, name: str) -> BinaryIO:
        """Open a file as bytes, gunzipped where it is gzipped."""
        return preflight.open_unpacked(self.path(name), self.display_name(name))

    def head(self, name: str, size: int = SNIFF_BYTES) -> bytes:
        """First bytes of a file, gunzipped; empty where it is damaged."""
        try:
            with self._raw(name) as raw:
                start = raw.read(2)
            with self._raw(name) as raw:
                file = gzip.GzipFile(fileobj=raw) if start == b"\x1f\x8b" else raw
                return file.read(size)
        except DAMAGED:
            return b""

    def _raw(self, name: str) -> IO[bytes]:
        file = self._files[name]
        return file.open() if isinstance(file, Member) else file.open("rb")

    def display_name(self, name: str) -> str:
        """Name of a file in sentences."""
        return self.name if self.single else name.rsplit("/", 1)[-1]

    def digest(self) -> str:
        """SHA-256 of the only file; of several, of the list of names and digests of those read."""
        if self._whole is not None:
            return _sha256(self._whole)
        if self.single:
            return _sha256(self.path(self.single))
        lines = [f"{_sha256(path)}  {name}\n" for name, path in sorted(self._used.items())]
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    def _unpack(self, name: str, member: Member) -> Path:
        if self._room is None:
            raise ValueError(f"{self.name} was opened without a place for what is unpacked")
        # The member's own name is never a path: only a number is.
        path = self._room()
        left = preflight.max_unpacked(2**62) - int(preflight.UNPACKED * self._used.size)
        limit = min(left, preflight.max_unpacked(member.packed))
        display_name = PurePosixPath(name).name
        try:
            with (
                preflight.Unpacked(member.open(), limit, display_name) as stream,
                path.open("wb") as file,
            ):
                while chunk := stream.read(2**20):
                    file.write(chunk)
        except S2SError:
            raise
        except DAMAGED as error:
            raise S2SError(
                f"{display_name!r} in {self.name!r} is damaged; pack it again."
            ) from error
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
        raise S2SError("No file was given; name a file, a folder or an archive.")
    for item in paths:
        if not item.exists():
            raise S2SError(f"There is no file {str(item)!r}; check the path.")
        if not os.access(item, os.R_OK):
            raise S2SError(f"{item.name!r} may not be read; check its permissions.")
    with ExitStack() as stack:
        room = _numbered(stack)
        yield _source(paths, partial(archives.members, stack=stack, room=room), room)


def _source(paths: list[Path], opened, room: Callable[[], Path]) -> Source:
    first = paths[0]
    source = partial(Source, opened=opened, room=room)
    if len(paths) > 1:
        files, links = {}, 0
        for item in paths:
            inside = {item.name: item}
            if item.is_dir():
                found, more = walk(item)
                inside, links = {f"{item.name}/{n}": p for n, p in found.items()}, links + more
            twice = next((name for name in inside if name in files), None)
            if twice is not None:
                raise S2SError(f"Two of the files are called {twice!r}; rename one of them.")
            files.update(inside)
        return source(f"{first.name} and {len(paths) - 1} more", files, links=links)
    if first.is_dir():
        files, links = walk(first)
        return source(first.resolve().name or str(first), files, links=links)
    if archives.is_archive(first, first.name):
        return source(first.name, opened(first, first.name), whole=first)
    return source(first.name, {first.name: first})


def _numbered(stack: ExitStack) -> Callable[[], Path]:
    """Gives new paths in a temporary folder, which is made for the first of them."""
    folder = cache(lambda: stack.enter_context(tempfile.TemporaryDirectory(prefix="s2s-")))
    numbers = itertools.count()
    return lambda: Path(folder()) / str(next(numbers))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
