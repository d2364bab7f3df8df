"""Zips and tars as named members, looked at before any is unpacked; their names become no paths."""

from __future__ import annotations

import bz2
import gzip
import lzma
import re
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO

from s2s_core.errors import S2SError
from s2s_core.readers import preflight

ZIP_MAGIC = b"PK\x03\x04"
# A zip without any file begins with its end.
EMPTY_ZIP_MAGIC = b"PK\x05\x06"
# How a packed tar begins, and what unpacks it.
PACKERS: dict[bytes, Callable] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
ENDINGS = (*TAR_ENDINGS, ".zip")
BLOCK = 512
DRIVE = re.compile(r"[A-Za-z]:")
# What the standard library raises on damaged archives (NotImplementedError is a RuntimeError).
DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    OSError,
    EOFError,
    ValueError,
    RuntimeError,
    LookupError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)


@dataclass(frozen=True)
class Member:
    """A file inside an archive.

    Attributes
    ----------
    size, packed : int
        Bytes that it has and that it takes.
    open : callable
        Opens it for reading, as bytes.
    """

    size: int
    packed: int
    open: Callable[[], IO[bytes]]


def is_archive(path: Path, name: str) -> bool:
    """Whether a file, called so by the user, begins as a zip or a tar (also a packed one) does."""
    start = _start(path)
    zipped = start.startswith((ZIP_MAGIC, EMPTY_ZIP_MAGIC))
    return zipped or _is_tar(path, start, named=name.lower().endswith(TAR_ENDINGS))


def members(path: Path, name: str, stack: ExitStack, room: Callable[[], Path]) -> dict[str, Member]:
    """Files of an archive by their names, after all were looked at.

    Parameters
    ----------
    path : Path
    name : str
        As the user knows it.
    stack : ExitStack
        Closes the archive in the end.
    room : callable
        A new path in a folder that vanishes in the end.

    Raises
    ------
    S2SError
        If it is damaged, empty, or holds what no section does.
    """
    preflight.check_upload(path.stat().st_size, name)
    found = (_zip if _start(path).startswith(b"PK") else _tar)(path, name, stack, room)
    if not found:
        kind = "zip" if _start(path).startswith(b"PK") else "tar"
        raise S2SError(
            f"{name!r} is an empty {kind}: there is no file in it; {kind} the section again."
        )
    return found


def _zip(path: Path, name: str, stack: ExitStack, room) -> dict[str, Member]:
    if _start(path).startswith(EMPTY_ZIP_MAGIC):
        return {}
    try:
        archive = stack.enter_context(zipfile.ZipFile(path))
    except DAMAGED as error:
        raise S2SError(f"{name!r} is cut off or no zip; copy or zip it again.") from error
    return {
        m.filename: Member(m.file_size, m.compress_size, partial(archive.open, m))
        for m in _check_zip(archive.infolist(), name)
    }


def _tar(path: Path, name: str, stack: ExitStack, room) -> dict[str, Member]:
    """A packed tar is unpacked once: its members lie in no order that could be jumped to."""
    damaged = f"{name!r} is cut off or damaged; copy or tar it again."
    try:
        plain = _plain_tar(path, name, room)
        size = plain.stat().st_size
        archive = stack.enter_context(tarfile.open(plain, "r:"))  # noqa: SIM115
        listed = []
        for member in archive:
            listed.append(member)
            preflight.check_count(len(listed), name)
            if member.isreg() and not member.issparse() and member.offset_data + member.size > size:
                raise S2SError(damaged)
        archive.fileobj.seek(archive.offset)
        # A sound tar ends in empty blocks: one without them may lack files.
        if not archive.fileobj.read(BLOCK):
            raise S2SError(damaged)
        kept = _check_tar(listed, name)
    except S2SError:
        raise
    except DAMAGED as error:
        raise S2SError(damaged) from error
    return {
        place: Member(m.size, m.size, partial(_extracted, archive, m)) for place, m in kept.items()
    }


def _extracted(archive: tarfile.TarFile, member: tarfile.TarInfo) -> IO[bytes]:
    stream = archive.extractfile(member)
    if stream is None:
        raise tarfile.ExtractError(f"{member.name} is no file")
    return stream


def _check_zip(members: list[zipfile.ZipInfo], name: str) -> list[zipfile.ZipInfo]:
    """Members of a zip that are files of the user's, after all were looked at.

    Raises
    ------
    S2SError
        Paths that lead out of the zip, links, passwords, or too many files.
    """
    preflight.check_count(len(members), name)
    kept = []
    for member in members:
        mine = _is_mine(member.filename, name, "zip")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise S2SError(f"{name!r} holds a link, {member.filename!r}; zip the files themselves.")
        if member.flag_bits & 1:
            raise S2SError(f"{name!r} is locked with a password; zip the files without one.")
        if mine and not member.filename.endswith(("/", "\\")):
            kept.append(member)
    return kept


def _check_tar(members: list[tarfile.TarInfo], name: str) -> dict[str, tarfile.TarInfo]:
    """Files of the user's in a tar, by their places in it, after all were looked at.

    Raises
    ------
    S2SError
        Paths that lead out of the tar, links, devices, files with holes, or too many files.
    """
    preflight.check_count(len(members), name)
    kept = {}
    for member in members:
        mine = _is_mine(member.name, name, "tar")
        if member.issym() or member.islnk():
            raise S2SError(f"{name!r} holds a link, {member.name!r}; tar the files themselves.")
        if not member.isdir() and (not member.isreg() or member.issparse()):
            raise S2SError(f"{name!r} holds {member.name!r}, no plain file; tar the files again.")
        if mine and not member.isdir():
            kept[PurePosixPath(member.name).as_posix()] = member
    return kept


def _is_mine(member: str, name: str, kind: str) -> bool:
    """Whether a place in an archive is one of the user's and none that systems add."""
    place = PurePosixPath(member.replace("\\", "/"))
    if place.is_absolute() or ".." in place.parts or DRIVE.match(place.as_posix()):
        raise S2SError(
            f"{name!r} holds {member!r}, a path that leads out of it; {kind} the folder again."
        )
    return bool(place.name) and not any(map(preflight.is_hidden, place.parts))


def _plain_tar(path: Path, name: str, room) -> Path:
    packer = _packer(_start(path))
    if packer is None:
        return path
    plain = room()
    limit = preflight.max_unpacked(path.stat().st_size)
    with preflight.Unpacked(packer(path, "rb"), limit, name) as stream, plain.open("wb") as file:
        while chunk := stream.read(2**20):
            file.write(chunk)
    return plain


def _is_tar(path: Path, start: bytes, *, named: bool) -> bool:
    packer = _packer(start)
    try:
        if packer is not None:
            with packer(path, "rb") as stream:
                start = stream.read(BLOCK)
        if start[:BLOCK] == bytes(BLOCK):
            # An empty tar is zeros.
            return named
        tarfile.TarInfo.frombuf(start[:BLOCK], "utf-8", "surrogateescape")
    except DAMAGED:
        # Cut off so early that only its name tells.
        return named and bool(start)
    return True


def _packer(start: bytes) -> Callable | None:
    return next((packer for magic, packer in PACKERS.items() if start.startswith(magic)), None)


def _start(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(BLOCK)
    except OSError:
        return b""
