"""What the index should hold, according to the database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from django.conf import settings
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from search.types import Float16Array, Int64Array, MediaKind, UInt64Array
from webapp.models import ActiveModel, Content, Embedding, Frame, IndexChange, IndexState, Media
from webapp.selectors.portions import portions

# Frames of a clip below this are black or blank, up to compression noise (0.036), and resemble those of every
# other clip; a short title on black has 0.044.
MIN_VIDEO_DETAIL = 0.04
# During a bulk import the index follows at this distance, so that it gains a few segments and not thousands.
SYNC_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class VectorRows:
    """Rows for the index: int64 [N] ids and owners, float16 [N, D] vectors, uint64 [N] hashes."""

    ids: Int64Array
    owners: Int64Array
    vectors: Float16Array
    hashes: UInt64Array


def active_model_key() -> str:
    """The model whose vectors are searched: the recorded one, or that of the settings in a new library."""
    key = ActiveModel.objects.values_list("model_key", flat=True).first()
    return key or settings.SIGHTLINE.model


def index_state(model_key: str) -> IndexState | None:
    return IndexState.objects.filter(model_key=model_key).first()


def library_contents() -> QuerySet[Content]:
    """Contents that can be found: described, and with an entry that is not in the trash."""
    live = Media.objects.filter(trashed_at=None).values("content_id")
    return Content.objects.filter(status=Content.Status.READY, pk__in=live)


def indexable_frames(model_key: str) -> QuerySet[Frame]:
    """Frames that belong in the index of a model."""
    embedded = Embedding.objects.filter(model_key=model_key).values("frame_id")
    rich = Q(content__kind=MediaKind.IMAGE) | Q(detail__gte=MIN_VIDEO_DETAIL)
    return Frame.objects.filter(rich, content__in=library_contents(), pk__in=embedded).order_by()


def indexable_ids(model_key: str, *, content_ids: Sequence[int] | None = None) -> Int64Array:
    """Sorted int64 ids of the frames that belong in the index; of some contents, or of all."""
    frames = indexable_frames(model_key)
    if content_ids is None:
        return _sorted(frames.values_list("pk", flat=True).iterator(chunk_size=10_000))
    found: list[int] = []
    for some in portions(content_ids):
        found.extend(frames.filter(content_id__in=some).values_list("pk", flat=True))
    return _sorted(found)


def frames_without_vector(model_key: str) -> QuerySet[Frame]:
    """Frames of described contents that the model has not embedded yet."""
    embedded = Embedding.objects.filter(model_key=model_key).values("frame_id")
    return Frame.objects.filter(content__status=Content.Status.READY).exclude(pk__in=embedded).order_by()


def contents_without_vectors(model_key: str) -> list[int]:
    """Described contents with frames that the model has not embedded yet."""
    frames = frames_without_vector(model_key)
    return list(frames.values_list("content_id", flat=True).distinct().order_by("content_id"))


def vector_rows(frame_ids: Int64Array, *, model_key: str, dimension: int) -> Iterator[VectorRows]:
    """Vectors and hashes of the frames, in chunks. Frames deleted meanwhile are left out.

    Raises:
        ValueError: a stored vector has another length than ``dimension``.
    """
    for some in portions(frame_ids.tolist()):
        rows = list(
            Embedding.objects.filter(model_key=model_key, frame_id__in=some)
            .order_by("frame_id")
            .values_list("frame_id", "frame__content_id", "vector", "frame__phash")
        )
        if rows:
            yield _vector_rows(rows, dimension)


def waiting_changes(limit: int) -> tuple[list[int], list[int]]:
    """Up to ``limit`` of the oldest changes the index has not seen: their keys, and the contents."""
    rows = list(IndexChange.objects.order_by("pk").values_list("pk", "content_id")[:limit])
    return [pk for pk, _ in rows], sorted({content for _, content in rows})


def sync_is_due() -> bool:
    """Whether a worker that just described something should ask for a sync now."""
    oldest = IndexChange.objects.aggregate(oldest=Min("created_at"))["oldest"]
    if oldest is None:
        return False
    late = oldest < timezone.now() - timedelta(seconds=SYNC_SECONDS)
    unfinished = [Content.Status.PENDING, Content.Status.PROCESSING]
    return late or not Content.objects.filter(status__in=unfinished).exists()


def _sorted(ids: Iterable[int]) -> Int64Array:
    return np.sort(np.fromiter(ids, dtype=np.int64))


def _vector_rows(rows: list[tuple[int, int, bytes | memoryview[int], int]], dimension: int) -> VectorRows:
    sizes = {len(vector) for _, _, vector, _ in rows}
    if sizes != {2 * dimension}:
        raise ValueError(f"stored vectors have {sizes} bytes where {2 * dimension} are due")
    joined = b"".join(bytes(vector) for _, _, vector, _ in rows)
    return VectorRows(
        ids=np.array([row[0] for row in rows], dtype=np.int64),
        owners=np.array([row[1] for row in rows], dtype=np.int64),
        vectors=np.frombuffer(joined, dtype="<f2").astype(np.float16).reshape(len(rows), dimension),
        hashes=np.array([row[3] for row in rows], dtype=np.int64).view(np.uint64),
    )
