"""Writing files so that a power cut or ``kill -9`` leaves either the old state or the new one."""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

TEMPORARY = ".part-"
"""Marks what is not published yet; whatever still carries it after a while is left over from a crash."""


def temporary_beside(path: Path) -> Path:
    """A fresh name in the same directory, so that renaming it to ``path`` is atomic."""
    return path.with_name(f"{TEMPORARY}{secrets.token_hex(6)}-{path.name}")


def sync_file(path: Path) -> None:
    """Return only when the file's bytes are on the disk."""
    _sync(path, os.O_RDONLY)


def sync_directory(path: Path) -> None:
    """Return only when the directory's entries are on the disk."""
    _sync(path, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, final: Path) -> None:
    """Rename a complete, synced file or directory to its final name, durably."""
    temporary.replace(final)
    sync_directory(final.parent)


def write_durably(path: Path, data: bytes) -> None:
    """Put ``data`` at ``path``: wholly or not at all."""
    temporary = temporary_beside(path)
    temporary.write_bytes(data)
    sync_file(temporary)
    publish(temporary, path)


def checksum(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
