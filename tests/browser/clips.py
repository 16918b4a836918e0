"""Library clips that a browser can really play, described without the engine."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from search.types import MediaKind
from tests import media
from webapp.models import Content, Frame, Media
from webapp.services import storage


def playable_clip(
    folder: Path, seeds: Sequence[int], name: str = "film.mp4", mime: str = "video/mp4"
) -> Media:
    """A clip of two-second scenes with a kept frame every half second."""
    path = media.clip_file(folder / name, seeds)
    stored = storage.store_path(path, max_bytes=1 << 30)
    content = Content.objects.create(
        sha256=stored.sha256, byte_size=stored.byte_size, status=Content.Status.READY,
        kind=MediaKind.VIDEO.value, mime=mime, format="MP4", codec="h264", width=320, height=240,
        duration=2.0 * len(seeds), frame_rate=10.0,
    )  # fmt: skip
    for position, (time, pixels) in enumerate(media.read_clip(path)[::5]):
        Frame.objects.create(
            content=content, position=position, time=time, start=time, end=time + 0.5, phash=0, detail=0.5
        )
        storage.write_rendition(stored.sha256, storage.frame_picture_name(position), _webp(pixels))
        if not position:
            storage.write_rendition(stored.sha256, storage.THUMBNAIL, _webp(pixels))
    return Media.objects.create(content=content, path=f"clips/{name}")


def _webp(pixels: media.Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "WEBP", quality=75)
    return buffer.getvalue()
