"""Contents: made once for each run of bytes, described once, deleted when nobody needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from search.types import FrameDescription, MediaDescription, MediaInfo
from webapp.models import Content, Embedding, Frame
from webapp.selectors.contents import claimable, orphans
from webapp.services import claims, storage
from webapp.services.index import note_changes, pin_active_model

LEASE_SECONDS = 60.0
BATCH = 500
FRAMES_AT_ONCE = 10_000


@transaction.atomic
def get_or_create_content(*, stored: storage.StoredFile) -> Content:
    """The content of a stored file; new ones wait to be described.

    Call it in the transaction that makes the row which refers to it: until that commits, the cleaning
    cannot take the content away.
    """
    rows = Content.objects.select_for_update()
    content, _ = rows.get_or_create(sha256=stored.sha256, defaults={"byte_size": stored.byte_size})
    return content


def claim_content(*, content_id: int) -> str | None:
    """Take a content to describe it; ``None`` if it is described, failed or in other hands."""
    return claims.claim(
        claimable(), content_id, lease_seconds=LEASE_SECONDS, status=Content.Status.PROCESSING
    )


@transaction.atomic
def save_description(
    *,
    content_id: int,
    token: str,
    description: MediaDescription,
    frames: Sequence[FrameDescription],
) -> bool:
    """Save everything found in a file, at once. The renditions are in place already.

    False, and nothing is written, if the claim was lost, or if another model became active meanwhile (then
    the content waits again).
    """
    if not claims.holds(Content.objects.all(), content_id, token=token):
        return False
    if pin_active_model(model_key=description.model_key) != description.model_key:
        put_back(content_id=content_id, token=token, reason="", count_attempt=False)
        return False
    Frame.objects.filter(content_id=content_id).delete()
    rows = Frame.objects.bulk_create([_frame(content_id, frame) for frame in frames], batch_size=BATCH)
    add_embeddings(
        model_key=description.model_key,
        vectors=[(row.pk, frame.vector) for row, frame in zip(rows, frames, strict=True)],
    )
    facts = _facts(description) | {"frame_count": len(rows), "error": ""}
    claims.release(
        Content.objects.all(), content_id, token=token, status=Content.Status.READY, attempts=0, **facts
    )
    note_changes(content_ids=[content_id])
    return True


def add_embeddings(*, model_key: str, vectors: Sequence[tuple[int, np.ndarray]]) -> None:
    """Store vectors (frame key, float16 [D]) of one model. Those that exist are left as they are."""
    Embedding.objects.bulk_create(
        [
            Embedding(frame_id=frame_id, model_key=model_key, vector=vector.astype("<f2").tobytes())
            for frame_id, vector in vectors
        ],
        batch_size=BATCH,
        ignore_conflicts=True,
    )


def fail_content(*, content_id: int, token: str, reason: str) -> bool:
    """Record that the file itself cannot be used. It is not tried again by itself."""
    changes: dict[str, Any] = {"status": Content.Status.FAILED, "error": reason, "attempts": 0}
    return claims.release(Content.objects.all(), content_id, token=token, **changes)


def put_back(*, content_id: int, token: str, reason: str, count_attempt: bool = True) -> bool:
    """Let somebody try again later; after the last attempt the content is failed with the reason."""
    changes: dict[str, Any] = {"status": Content.Status.PENDING, "error": reason}
    if not count_attempt:
        changes["attempts"] = F("attempts") - 1
    rows = Content.objects.all()
    last = rows.filter(pk=content_id, lease_token=token, attempts__gte=claims.MAX_ATTEMPTS).exists()
    if last and count_attempt:
        changes["status"] = Content.Status.FAILED
    return claims.release(rows, content_id, token=token, **changes)


def retry_content(*, content_id: int) -> bool:
    """Describe a failed content once more, because somebody asked for it."""
    failed = Content.objects.filter(pk=content_id, status=Content.Status.FAILED)
    return failed.update(status=Content.Status.PENDING, attempts=0, lease_until=None) > 0


def gave_up(content: Content) -> bool:
    """Whether it failed by the circumstances (after all attempts) and not by the file itself."""
    return content.status == Content.Status.FAILED and content.attempts >= claims.MAX_ATTEMPTS


@transaction.atomic
def delete_orphans(*, before: datetime, limit: int = 500) -> int:
    """Delete some contents made before that date that nothing needs any more, with their files.

    The files go before the commit: whoever is killed between leaves orphans without files, which the next
    cleaning finds, and not files that nobody knows of.
    """
    some = orphans(before=before).order_by("pk").values_list("pk", "frame_count")
    keys = _few_frames(some.select_for_update(of=("self",), skip_locked=True)[:limit])
    # Looked at once more, now that the rows are locked and nothing new can refer to them.
    found = orphans(before=before).filter(pk__in=keys)
    digests = dict(found.values_list("pk", "sha256"))
    note_changes(content_ids=digests)
    Content.objects.filter(pk__in=list(digests)).delete()
    for sha256 in digests.values():
        storage.remove_files(sha256)
    return len(digests)


def _few_frames(found: Iterable[tuple[int, int]]) -> list[int]:
    """As many contents as fit into a short transaction, at least one."""
    keys: list[int] = []
    frames = 0
    for pk, count in found:
        frames += count
        if keys and frames > FRAMES_AT_ONCE:
            break
        keys.append(pk)
    return keys


def _frame(content_id: int, frame: FrameDescription) -> Frame:
    return Frame(
        content_id=content_id,
        position=frame.position,
        time=frame.time,
        start=frame.start,
        end=frame.end,
        phash=frame.phash - (1 << 64) if frame.phash >> 63 else frame.phash,
        detail=frame.detail,
    )


def _facts(description: MediaDescription) -> dict[str, Any]:
    return _info(description.info) | {
        "has_view": description.view is not None,
        "warnings": list(description.warnings),
        "described_at": timezone.now(),
    }


def _info(info: MediaInfo) -> dict[str, Any]:
    facts = asdict(info)
    taken_at = info.taken_at
    if taken_at is not None and timezone.is_naive(taken_at):
        # No zone is invented: the clock time of the file is kept as it stands, as if the camera ran on UTC.
        facts["taken_at"] = taken_at.replace(tzinfo=timezone.get_default_timezone())
    return facts
