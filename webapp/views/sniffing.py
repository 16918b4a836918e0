"""Which originals a browser may show inside a page, and what type to call them."""

from __future__ import annotations

from pathlib import Path

from webapp.models import Content

# What browsers show by themselves and what cannot carry script.
INLINE = frozenset(
    {
        "image/jpeg", "image/png", "image/apng", "image/gif", "image/webp", "image/avif", "image/bmp",
        "video/mp4", "video/webm", "video/ogg", "video/quicktime", "video/x-matroska",
    }
)  # fmt: skip
HEAD_BYTES = 32
SIGNATURES = (
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (0, b"BM", "image/bmp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypqt", "video/quicktime"),
    (4, b"ftyphei", ""),
    (4, b"ftypmif1", ""),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"OggS", "video/ogg"),
)


def inline_type(content: Content, path: Path) -> str | None:
    """The type to show an original as; ``None`` means that it can only be downloaded.

    A described content states its type. A fresh upload is not described yet, but the page already
    wants to show it, so the first bytes decide.
    """
    mime = content.mime or _sniff(path)
    return mime if mime in INLINE else None


def _sniff(path: Path) -> str:
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
    except FileNotFoundError:
        return ""
    return next((mime for at, mark, mime in SIGNATURES if head[at:].startswith(mark)), "")
