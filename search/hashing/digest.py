"""SHA-256 of bytes that arrive in pieces: the name of a content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

CHUNK_BYTES = 1024 * 1024


def sha256_stream(chunks: Iterable[bytes]) -> str:
    """The hexadecimal SHA-256 of the chunks joined; memory use is that of one chunk."""
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
    return digest.hexdigest()


def sha256_file(path: Path) -> str:
    """The hexadecimal SHA-256 of a file's bytes. Raises ``OSError`` when it cannot be read."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
