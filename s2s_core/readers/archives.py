"""Zips and tars (also gzipped, bz2 or xz), whose members lead nowhere and unpack to no surprise."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import struct
import tarfile
import tempfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from s2s_core.errors import S2SError
from s2s_core.readers import preflight

ZIP_MAGIC = b"PK\x03\x04"
# A zip without any file begins with its end.
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
TAR_NAMES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
PACKERS = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\x00": lzma.open}
BLOCK = 512
# What the standard library raises on damaged archives (NotImplementedError is a RuntimeError).
DAMAGED = (
    zipfile.BadZipFile, tarfile.TarError, OSError, EOFError, ValueError, RuntimeError, LookupError,
    OverflowError, struct.error, zlib.error, lzma.LZMAError,
)  # fmt: skip


@dataclass(frozen=True)
class Member:
    """A file in a zip, not yet unpacked."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo

    def open(self) -> BinaryIO:
        """Open for reading."""
        return self.archive.open(self.info)

    def unpack(self, path: Path, left: int, archive: str) -> None:
        """Write to a path, ``left`` bytes at most.

        Raises
        ------
        S2SError
            If it is damaged, or more than its size lets expect.
        """
        spoken = PurePosixPath(self.info.filename).name
        limit = min(left, preflight.max_unpacked(self.info.compress_size))
        try:
            with preflight.Unpacked(self.open(), limit, spoken) as stream:
                _copy(stream, path)
        except S2SError:
            raise
        except DAMAGED as error:
            raise S2SError(f"{spoken!r} in {archive!r} is damaged; zip it again.") from error


def is_zip(path: Path) -> bool:
    """Whether a file is a zip; one without any file, too."""
    return _head(path, 4) in (ZIP_MAGIC, EMPTY_ZIP_MAGIC)


def is_tar(path: Path) -> bool:
    """Whether a file, unpacked, begins as a tar: with a header whose sum is right."""
    with suppress(*DAMAGED), _stream(path) as stream:
        tarfile.TarInfo.frombuf(stream.read(BLOCK), "utf-8", "surrogateescape")
        return True
    return False


def open_zip(path: Path) -> zipfile.ZipFile:
    """Open a zip.

    Raises
    ------
    S2SError
        If it is empty, cut off or too large.
    """
    preflight.check_upload(path.stat().st_size, path.name)
    if _head(path, 4) == EMPTY_ZIP_MAGIC:
        raise empty(path.name, "zip")
    try:
        return zipfile.ZipFile(path)
    except DAMAGED as error:
        raise S2SError(f"{path.name!r} is cut off or no zip; copy or zip it again.") from error


def zip_members(archive: zipfile.ZipFile, name: str) -> dict[str, Member]:
    """Files of a zip.

    Raises
    ------
    S2SError
        If there are none, or unsafe ones.
    """
    members = preflight.check_zip(archive.infolist(), name)
    if not members:
        raise empty(name, "zip")
    return {m.filename: Member(archive, m) for m in members}


def unpack_tar(path: Path, name: str, folder: Path, *, inner: bool = True) -> dict[str, Path]:
    """Unpack the files of a tar, and of tars in it, into files that are called by a number.

    Raises
    ------
    S2SError
        If it is cut off, too large, unsafe or empty.
    """
    preflight.check_upload(path.stat().st_size, name)
    if _packer(path) is None and path.stat().st_size % BLOCK:
        # tarfile takes a header that is cut off for the end.
        raise S2SError(f"{name!r} is cut off or damaged; copy or pack it again.")
    limit, found, seen = preflight.max_unpacked(path.stat().st_size), {}, 0
    try:
        # Read once, from beginning to end: what comes is counted before anything is believed.
        with (
            preflight.Unpacked(_stream(path), limit, name) as stream,
            tarfile.open(fileobj=stream, mode="r|", errorlevel=1) as archive,
        ):
            for member in archive:
                seen += 1
                if seen > preflight.MAX_FILES:
                    raise S2SError(
                        f"{name!r} holds more than {preflight.MAX_FILES:,} files; no section has "
                        "as many."
                    )
                if _is_file(member, name):
                    place = new_file(folder)
                    with preflight.Unpacked(archive.extractfile(member), limit, name) as file:
                        limit -= _copy(file, place)
                    found[str(PurePosixPath(member.name))] = place
    except S2SError:
        raise
    except DAMAGED as error:
        raise S2SError(f"{name!r} is cut off or damaged; copy or pack it again.") from error
    if not found:
        raise empty(name, "tar")
    for place in [p for p in found if inner and p.lower().endswith(TAR_NAMES) and is_tar(found[p])]:
        packed = found.pop(place)
        more = unpack_tar(packed, PurePosixPath(place).name, folder, inner=False)
        found |= {f"{stem(place)}/{key}": value for key, value in more.items()}
    return found


def new_file(folder: Path) -> Path:
    """An empty file of a name that no other has."""
    handle, name = tempfile.mkstemp(dir=folder)
    os.close(handle)
    return Path(name)


def stem(name: str) -> str:
    """Name of an archive without its ending."""
    ending = next((e for e in (*TAR_NAMES[1:], *TAR_NAMES[:1], ".zip") if name.lower().endswith(e)), "")
    return name[: len(name) - len(ending)] if ending else name


def empty(name: str, kind: str) -> S2SError:
    """Sentence about an archive without a file."""
    return S2SError(
        f"{name!r} is an empty {kind}: there is no file in it; {kind} the section again."
    )


def _is_file(member: tarfile.TarInfo, name: str) -> bool:
    preflight.check_place(member.name, name)
    if member.issym() or member.islnk():
        raise S2SError(f"{name!r} holds a link, {member.name!r}; pack the files themselves.")
    if not (member.isreg() or member.isdir()):
        raise S2SError(f"{name!r} holds {member.name!r}, which is no file; pack the files alone.")
    hidden = any(map(preflight.is_hidden, PurePosixPath(member.name).parts))
    return member.isreg() and not hidden


def _stream(path: Path) -> BinaryIO:
    opener = _packer(path)
    return path.open("rb") if opener is None else opener(path, "rb")


def _packer(path: Path):
    head = _head(path, 6)
    return next((opener for magic, opener in PACKERS.items() if head.startswith(magic)), None)


def _head(path: Path, size: int) -> bytes:
    with suppress(OSError), path.open("rb") as file:
        return file.read(size)
    return b""


def _copy(stream: BinaryIO, path: Path) -> int:
    size = 0
    with path.open("wb") as file:
        while chunk := stream.read(2**20):
            size += file.write(chunk)
    return size
