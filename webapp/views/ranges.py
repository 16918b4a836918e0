"""Serving part of a file: HTTP byte ranges (RFC 9110, section 14), which players need for seeking."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.http import FileResponse, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

# A player asks for "everything from here" and reads as it plays. A short answer frees the server's
# thread at once, and the player asks for the next part when it needs it.
PART_BYTES = 4 * 1024 * 1024
BLOCK_BYTES = 64 * 1024
ONE_RANGE = re.compile(r"bytes=\s*(\d*)\s*-\s*(\d*)\s*")


class Unsatisfiable(Exception):
    """The range lies outside the file."""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """Bytes ``start..stop``, ``stop`` excluded."""

    start: int
    stop: int


def parse_range(header: str, size: int) -> ByteRange | None:
    """The one range asked for; ``None`` where the header is to be ignored (malformed, or several ranges)."""
    match = ONE_RANGE.fullmatch(header)
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1 if last else size)
        if last and int(last) < start:
            return None
    if start >= stop:
        raise Unsatisfiable
    return ByteRange(start, min(stop, start + PART_BYTES))


def ranged_file(request: HttpRequest, path: Path, *, content_type: str, etag: str) -> HttpResponseBase:
    """Answer with the file, the part of it that was asked for, or 304/416. Raises FileNotFoundError."""
    size = path.stat().st_size
    response: HttpResponseBase
    if etag in [tag.strip() for tag in request.headers.get("If-None-Match", "").split(",")]:
        response = HttpResponse(status=304)
    else:
        response = _body(request, path, size, content_type, etag)
    response.headers["ETag"] = etag
    response.headers["Accept-Ranges"] = "bytes"
    return response


def _body(request: HttpRequest, path: Path, size: int, content_type: str, etag: str) -> HttpResponseBase:
    unchanged = request.headers.get("If-Range", etag) == etag
    try:
        part = parse_range(request.headers.get("Range", ""), size) if unchanged else None
    except Unsatisfiable:
        return HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    if part is None:
        return FileResponse(path.open("rb"), content_type=content_type)
    response = StreamingHttpResponse(_blocks(path, part), status=206, content_type=content_type)
    response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
    response.headers["Content-Length"] = str(part.stop - part.start)
    return response


def _blocks(path: Path, part: ByteRange) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(part.start)
        left = part.stop - part.start
        while left > 0 and (block := file.read(min(BLOCK_BYTES, left))):
            left -= len(block)
            yield block
