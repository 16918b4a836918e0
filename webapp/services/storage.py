"""The content-addressed store of original files, and the pictures made from them.

Originals are the truth and are synced to disk before they get their name. Renditions are derived: they
appear whole or not at all, and a lost one can be made again. Half-written files wait in ``incoming``,
where the hourly cleaning removes what a killed process left.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

CHUNK = 1024 * 1024

THUMBNAIL = "thumb.webp"
VIEW = "view.webp"
FEATURES = "features.bin"
# Whoever stores a file makes its row at once.
JUST_STORED_SECONDS = 3600.0


class StorageError(Exception):
    """A file could not be stored. ``str(error)`` is a sentence for a person."""


class UploadTooLarge(StorageError):
    """The file is larger than is allowed."""


class UploadEmpty(StorageError):
    """The file has no bytes."""


class StorageFull(StorageError):
    """The disk is full. Nothing was stored; free some space and try again."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    sha256: str
    byte_size: int


def store(chunks: Iterable[bytes], *, max_bytes: int, keep_as: Path | None = None) -> StoredFile:
    """Keep a file given as chunks and return its digest. The same bytes take their place only once.

    ``keep_as``: keep it there instead, e.g. an archive that is no content itself.
    """
    with _incoming() as part:
        with part.open("xb") as stream:
            stored = _copy(chunks, stream, max_bytes)
            stream.flush()
            os.fsync(stream.fileno())
        _put(part, keep_as or original_path(stored.sha256), durable=True)
    return stored


def keep(write: Callable[[Path], object], target: Path) -> Path:
    """Put what ``write`` makes into its place: whole, on the disk, or not at all."""
    with _incoming() as part:
        write(part)
        _sync(part, os.O_RDWR)
        _put(part, target, durable=True)
    return target


def store_path(path: Path, *, max_bytes: int) -> StoredFile:
    """Keep a copy of a file. Raises :class:`OSError` if it cannot be read."""
    with path.open("rb") as stream:
        return store(read_chunks(stream), max_bytes=max_bytes)


def read_chunks(stream: BinaryIO) -> Iterator[bytes]:
    while chunk := stream.read(CHUNK):
        yield chunk


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def original_path(sha256: str) -> Path:
    return _sharded("originals", sha256)


def rendition_path(sha256: str, name: str) -> Path:
    """``name``: thumb.webp, view.webp, features.bin or frames/<position>.webp."""
    return _sharded("renditions", sha256) / name


def frame_picture_name(position: int) -> str:
    return f"frames/{position}.webp"


def write_rendition(sha256: str, name: str, data: bytes) -> Path:
    """Write or replace a rendition; readers see the old bytes or the new, never a part."""
    target = rendition_path(sha256, name)
    with _incoming() as part:
        part.write_bytes(data)
        _put(part, target, durable=False)
    return target


def read_rendition(sha256: str, name: str) -> bytes | None:
    try:
        return rendition_path(sha256, name).read_bytes()
    except FileNotFoundError:
        return None


def remove_files(sha256: str) -> None:
    """Remove the original and everything made from it. The caller deletes the content's row.

    A file that was stored (again) just now stays: somebody is about to make a new row for it.
    """
    original = original_path(sha256)
    with contextlib.suppress(FileNotFoundError):
        if time.time() - original.stat().st_mtime < JUST_STORED_SECONDS:
            return
        original.unlink()
    shutil.rmtree(_sharded("renditions", sha256), ignore_errors=True)


def _copy(chunks: Iterable[bytes], stream: BinaryIO, max_bytes: int) -> StoredFile:
    sha256, size = hashlib.sha256(), 0
    for chunk in chunks:
        size += len(chunk)
        if size > max_bytes:
            limit = filesizeformat(max_bytes)
            raise UploadTooLarge(_("The file is larger than %(limit)s, the most allowed.") % {"limit": limit})
        sha256.update(chunk)
        stream.write(chunk)
    if not size:
        raise UploadEmpty(_("The file is empty."))
    return StoredFile(sha256.hexdigest(), size)


def _put(part: Path, target: Path, *, durable: bool) -> None:
    # The file is replaced even if it exists: that heals a damaged one, and its new date tells the cleaning
    # that it is wanted although no row may name it yet.
    folders = [target.parent]
    try:
        part.replace(target)
    except FileNotFoundError:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.replace(target)
        folders = list(target.parents[:3])
    if durable:
        for folder in folders:
            _sync(folder, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _incoming() -> Iterator[Path]:
    part = Path(settings.DATA_DIR) / "incoming" / f"{secrets.token_hex(16)}.part"
    try:
        yield part
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(_("The disk is full. Free some space and try again.")) from error
        raise
    finally:
        part.unlink(missing_ok=True)


def _sharded(folder: str, sha256: str) -> Path:
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"not a SHA-256 in hexadecimal: {sha256!r}")
    return Path(settings.DATA_DIR) / folder / sha256[:2] / sha256[2:4] / sha256
