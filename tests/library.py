"""Library entries for tests of pages and selectors: true rows and files, invented vectors and hashes."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from django.conf import settings
from django.utils import timezone
from PIL import Image

from search.types import FrameSequence, MediaKind
from tests import media
from webapp.models import Collection, Content, Embedding, Frame, Label, Media

DIMENSION = 256


class LibraryMaker:
    """Each call makes one entry. Seeds decide pixels, vector and hash, so equal seeds are equal contents."""

    def picture(
        self,
        seed: int = 1,
        path: str | None = None,
        *,
        size: tuple[int, int] = (160, 120),
        collection: str | None = None,
        labels: Sequence[str] = (),
        **fields: Any,
    ) -> Media:
        image = media.picture(seed, size)
        content = self._content(
            media.encoded(image), MediaKind.IMAGE, "image/jpeg", "JPEG", size=size, codec="jpeg"
        )
        if not content.frames.exists():
            self._frame(content, seed, 0, 0.0, 0.0, 0.0, image)
        return self._entry(content, path or f"pictures/{seed}.jpg", collection, labels, fields)

    def clip(
        self,
        seed: int = 100,
        path: str | None = None,
        *,
        frames: int = 4,
        seconds: float = 2.0,
        size: tuple[int, int] = (160, 120),
        collection: str | None = None,
        labels: Sequence[str] = (),
        **fields: Any,
    ) -> Media:
        """A clip's rows. Its original file is no real video: make one with :mod:`tests.media` for playing."""
        content = self._content(
            f"clip {seed}".encode(), MediaKind.VIDEO, "video/mp4", "MP4", size=size, codec="h264",
            duration=frames * seconds, frame_rate=25.0,
        )  # fmt: skip
        if not content.frames.exists():
            for position in range(frames):
                start = position * seconds
                image = media.picture(seed * 1000 + position, size)
                self._frame(content, seed * 1000 + position, position, start, start, start + seconds, image)
        return self._entry(content, path or f"clips/{seed}.mp4", collection, labels, fields)

    def failed(self, path: str = "broken.jpg", error: str = "The file ends too early.") -> Media:
        content = Content.objects.create(
            sha256=hashlib.sha256(path.encode()).hexdigest(),
            byte_size=10,
            status=Content.Status.FAILED,
            error=error,
        )
        return self._entry(content, path, None, (), {})

    def _content(
        self, data: bytes, kind: MediaKind, mime: str, name: str, *, size: tuple[int, int], **facts: Any
    ) -> Content:
        from webapp.services import storage

        stored = storage.store(iter([data]), max_bytes=len(data))
        values = {
            "byte_size": stored.byte_size, "status": Content.Status.READY, "kind": kind.value, "mime": mime,
            "format": name, "width": size[0], "height": size[1], "described_at": timezone.now(), **facts,
        }  # fmt: skip
        return Content.objects.get_or_create(sha256=stored.sha256, defaults=values)[0]

    def _frame(
        self, content: Content, seed: int, position: int, time: float, start: float, end: float,
        image: Image.Image,
    ) -> None:  # fmt: skip
        from webapp.services import storage

        random = np.random.default_rng(seed)
        frame = Frame.objects.create(
            content=content, position=position, time=time, start=start, end=end, detail=0.5,
            phash=int(random.integers(-(2**63), 2**63 - 1)),
        )  # fmt: skip
        vector = random.normal(size=DIMENSION)
        vector /= np.linalg.norm(vector)
        Embedding.objects.create(
            frame=frame, model_key=settings.SIGHTLINE.model, vector=vector.astype(np.float16).tobytes()
        )
        Content.objects.filter(pk=content.pk).update(frame_count=position + 1)
        content.frame_count = position + 1
        if position == 0:
            storage.write_rendition(content.sha256, "thumb.webp", _webp(image))
        storage.write_rendition(content.sha256, f"frames/{position}.webp", _webp(image))

    def _entry(
        self,
        content: Content,
        path: str,
        collection: str | None,
        labels: Sequence[str],
        fields: dict[str, Any],
    ) -> Media:
        group = Collection.objects.get_or_create(name=collection)[0] if collection else None
        entry = Media.objects.create(content=content, path=path, collection=group, **fields)
        entry.labels.set([Label.objects.get_or_create(name=label)[0] for label in labels])
        return entry


def stored_sequence(content_id: int, *, model_key: str) -> FrameSequence:
    """What the database holds of a content, row by row: the oracle for whatever reads sequences."""
    rows = Embedding.objects.filter(frame__content=content_id, model_key=model_key).select_related("frame")
    found = list(rows.order_by("frame__position"))
    vectors = [np.frombuffer(bytes(row.vector), "<f2").astype(np.float32) for row in found]
    return FrameSequence(
        ids=np.array([row.frame.pk for row in found], np.int64),
        times=np.array([row.frame.time for row in found], np.float64),
        starts=np.array([row.frame.start for row in found], np.float64),
        ends=np.array([row.frame.end for row in found], np.float64),
        vectors=np.stack(vectors) if vectors else np.empty((0, 0), np.float32),
        hashes=np.array([row.frame.phash % (1 << 64) for row in found], np.uint64),
        details=np.array([row.frame.detail for row in found], np.float32),
    )


def _webp(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", quality=80)
    return buffer.getvalue()
