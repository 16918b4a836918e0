"""Reading contents: what waits, what was described, and its frames."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
from django.db.models import QuerySet

from search.types import FrameSequence
from webapp.models import Content, Embedding

FRAME_FIELDS = (
    "frame_id", "frame__time", "frame__start", "frame__end", "frame__phash", "frame__detail", "vector",
)  # fmt: skip
_FrameRow = tuple[Any, ...]


def claimable() -> QuerySet[Content]:
    """Contents that still have to be described: waiting, or with a worker that may have died."""
    return Content.objects.filter(status__in=[Content.Status.PENDING, Content.Status.PROCESSING])


def by_digest(digests: Sequence[str]) -> dict[str, Content]:
    return {content.sha256: content for content in Content.objects.filter(sha256__in=digests)}


def orphans(*, before: datetime) -> QuerySet[Content]:
    """Contents older than ``before`` that no library entry and no query needs."""
    return Content.objects.filter(created_at__lt=before, media=None, queries=None)


def frame_sequence(content_id: int, *, model_key: str) -> FrameSequence:
    """The frames of a content that have a vector of the model, in time order."""
    embedded = Embedding.objects.filter(frame__content_id=content_id, model_key=model_key)
    return _sequence(list(embedded.order_by("frame__position").values_list(*FRAME_FIELDS)))


def _sequence(rows: list[_FrameRow]) -> FrameSequence:
    joined = b"".join(bytes(row[6]) for row in rows)
    vectors = np.frombuffer(joined, dtype="<f2").astype(np.float32)
    return FrameSequence(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        times=np.array([row[1] for row in rows], dtype=np.float64),
        starts=np.array([row[2] for row in rows], dtype=np.float64),
        ends=np.array([row[3] for row in rows], dtype=np.float64),
        vectors=vectors.reshape(len(rows), -1 if rows else 0),
        hashes=np.array([row[4] for row in rows], dtype=np.int64).view(np.uint64),
        details=np.array([row[5] for row in rows], dtype=np.float32),
    )
