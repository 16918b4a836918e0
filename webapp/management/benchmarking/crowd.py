"""A crowd of invented pictures round a few real ones, so that a big library is ready in seconds.

Each takes the vector of a real picture and strays from it, so searches find plausible neighbours; and the
local features of another real picture, so that verifying a neighbour costs what it costs in life, and fails.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from django.db import transaction
from django.utils import timezone
from numpy.typing import NDArray

from webapp.models import Content, Embedding, Frame, Media
from webapp.services import storage

AT_ONCE = 500
# How much of an invented vector is its real picture's: about the likeness of two pictures of one kind.
LIKENESS = 0.6


@dataclass(frozen=True, slots=True)
class Real:
    sha256: str
    model_key: str
    vector: NDArray[np.float32]


def fill(count: int, seed: int = 1) -> None:
    """Add ``count`` invented pictures to a library that holds some real ones."""
    random = np.random.default_rng(seed)
    real = _real_pictures()
    for start in range(0, count, AT_ONCE):
        _add(random, real, range(start, min(start + AT_ONCE, count)))


def _real_pictures() -> list[Real]:
    found = Embedding.objects.filter(frame__content__kind="image").select_related("frame__content")
    return [
        Real(
            row.frame.content.sha256, row.model_key, np.frombuffer(row.vector, np.float16).astype(np.float32)
        )
        for row in found
    ]


@transaction.atomic
def _add(random: np.random.Generator, real: Sequence[Real], numbers: range) -> None:
    contents = Content.objects.bulk_create([_content(number) for number in numbers])
    frames = Frame.objects.bulk_create([_frame(random, content) for content in contents])
    chosen = [real[at] for at in random.integers(0, len(real), len(frames))]
    Embedding.objects.bulk_create(
        [
            Embedding(frame=frame, model_key=model.model_key, vector=_stray(random, model.vector))
            for frame, model in zip(frames, chosen, strict=True)
        ]
    )
    Media.objects.bulk_create(
        [Media(content=row, path=f"invented/{row.sha256[:12]}.jpg") for row in contents]
    )
    for content, model in zip(contents, chosen, strict=True):
        other = real[(real.index(model) + 1) % len(real)]
        _share_renditions(other.sha256, content.sha256)


def _content(number: int) -> Content:
    return Content(
        sha256=hashlib.sha256(f"invented {number}".encode()).hexdigest(), byte_size=100_000, kind="image",
        status=Content.Status.READY, mime="image/jpeg", format="JPEG", codec="jpeg", width=800, height=540,
        frame_count=1, described_at=timezone.now(),
    )  # fmt: skip


def _frame(random: np.random.Generator, content: Content) -> Frame:
    bits = int(random.integers(-(2**63), 2**63 - 1))
    return Frame(content=content, position=0, time=0, start=0, end=0, phash=bits, detail=0.5)


def _stray(random: np.random.Generator, vector: NDArray[np.float32]) -> bytes:
    away = random.standard_normal(vector.size)
    away /= np.linalg.norm(away)
    strayed = LIKENESS * vector + np.sqrt(1 - LIKENESS**2) * away
    return bytes((strayed / np.linalg.norm(strayed)).astype(np.float16).tobytes())


def _share_renditions(source: str, target: str) -> None:
    for name in (storage.THUMBNAIL, storage.FEATURES, storage.frame_picture_name(0)):
        path = storage.rendition_path(target, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.hardlink_to(storage.rendition_path(source, name))
