"""Searches as rows: made by a page, filled in by a worker that holds the row's lease."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from search.types import (
    Band,
    CopyMatch,
    LandmarkMatch,
    Region,
    SearchResult,
    SegmentMatch,
    SimilarMatch,
    Verification,
)
from webapp.models import Content, Frame, Match, Media, Query
from webapp.selectors.queries import live_media, result_contents
from webapp.services.contents import get_or_create_content
from webapp.services.storage import StoredFile

Asker = AbstractBaseUser | AnonymousUser | None


def create_query(
    *,
    stored: StoredFile,
    name: str,
    source: str = Query.Source.UPLOAD,
    region: Region | None = None,
    user: Asker = None,
) -> Query:
    """A search by a file whose bytes are stored already. The caller sends ``tasks.queries.run_query``."""
    with transaction.atomic():
        content = get_or_create_content(stored=stored)
        return _create(content=content, name=name, source=source, region=region, user=user)


def create_query_from_media(*, media: Media, region: Region | None = None, user: Asker = None) -> Query:
    """A search by a library entry ("more like this"); nothing is uploaded or described again."""
    return _create(
        content=media.content, name=media.name, source=Query.Source.MEDIA, region=region, user=user
    )


def create_region_query(*, query: Query, region: Region | None, user: Asker = None) -> Query:
    """The same picture again, searched by another part of it (``None``: by the whole)."""
    return _create(content=query.content, name=query.name, source=query.source, region=region, user=user)


def _create(*, content: Content, name: str, source: str, region: Region | None, user: Asker) -> Query:
    return Query.objects.create(
        content=content,
        name=name[-255:] or _("Untitled"),
        source=source,
        region=region_to_json(region),
        created_by_id=user.pk if user is not None and user.is_authenticated else None,
    )


def region_to_json(region: Region | None) -> dict[str, float] | None:
    if region is None:
        return None
    return {"x": region.x, "y": region.y, "width": region.width, "height": region.height}


def report_progress(*, query_id: uuid.UUID | str, token: str, stage: str, percent: int) -> bool:
    """Tell the page how far the search is. False: another worker holds the row now."""
    held = Query.objects.filter(pk=query_id, lease_token=token)
    return held.update(stage=stage[:200], progress=min(max(percent, 0), 99)) == 1


def save_result(
    *, query_id: uuid.UUID | str, token: str, result: SearchResult, model_key: str, timings: dict[str, float]
) -> bool:
    """Write all matches and close the query in one transaction. False: the lease was lost."""
    with transaction.atomic():
        query = Query.objects.select_for_update().filter(pk=query_id, lease_token=token).first()
        if query is None:
            return False
        expansion = _Expansion(query, result)
        query.matches.all().delete()
        Match.objects.bulk_create(expansion.matches(), batch_size=200)
        query.status = Query.Status.DONE
        query.stage, query.progress, query.error = "", 100, ""
        query.model_key, query.generation = model_key, result.generation
        query.best_score = expansion.best_score()
        query.timings = {name: round(seconds, 4) for name, seconds in (result.timings | timings).items()}
        query.landmarks = expansion.landmarks()
        query.finished_at = timezone.now()
        query.lease_token, query.lease_until = "", None
        query.save()
    return True


def fail_query(*, query_id: uuid.UUID | str, token: str, error: str) -> bool:
    """Close the query with a sentence for the person who asked."""
    held = Query.objects.filter(pk=query_id, lease_token=token)
    return held.update(
        status=Query.Status.FAILED, error=error, stage="", finished_at=timezone.now(),
        lease_token="", lease_until=None,
    ) == 1  # fmt: skip


def retry_query(*, query: Query) -> Query:
    """Search again, e.g. after the library changed or a worker died thrice. The caller sends the task.

    One that is being answered already is left alone.
    """
    finished = [Query.Status.DONE, Query.Status.FAILED]
    Query.objects.filter(pk=query.pk, status__in=finished).update(
        status=Query.Status.PENDING, attempts=0, error="", stage="", progress=0,
        finished_at=None, lease_token="", lease_until=None,
    )  # fmt: skip
    query.refresh_from_db()
    return query


def delete_old_queries(*, before: datetime, limit: int = 200) -> int:
    """Delete some searches made before that date, with their results; how many it were."""
    keys = list(Query.objects.filter(created_at__lt=before).values_list("pk", flat=True)[:limit])
    Query.objects.filter(pk__in=keys).delete()
    return len(keys)


class _Expansion:
    """Matches name contents; people see library entries. One content may have several, or none by now."""

    def __init__(self, query: Query, result: SearchResult) -> None:
        self.query = query
        self.result = result
        self.media = self._live_media()
        self.frames = set(
            Frame.objects.filter(pk__in=[match.frame_id for match in result.similar]).values_list(
                "pk", flat=True
            )
        )

    def _live_media(self) -> dict[int, list[Media]]:
        found = live_media(result_contents(self.result))
        own = found.get(self.query.content_id, [])
        if self.query.source == Query.Source.MEDIA and len(own) == 1:
            del found[self.query.content_id]  # "more like this" need not say that it is like itself
        return found

    def matches(self) -> Iterable[Match]:
        yield from self._section(Match.Section.COPY, self.result.copies, _copy_fields)
        yield from self._section(Match.Section.SIMILAR, self.result.similar, self._similar_fields)
        yield from self._section(Match.Section.SEGMENT, self.result.segments, _segment_fields)

    def _section(self, section: str, found: Sequence[Any], fields: Any) -> Iterable[Match]:
        rank = 0
        for match in found:
            for media in self.media.get(match.content_id, []):
                yield Match(
                    query=self.query,
                    section=section,
                    rank=rank,
                    media=media,
                    score=match.score,
                    **fields(match),
                )
                rank += 1

    def _similar_fields(self, match: SimilarMatch) -> dict[str, Any]:
        frame_id = match.frame_id if match.frame_id in self.frames else None
        return {"band": Band.SIMILAR, "frame_id": frame_id, "time": match.time}

    def landmarks(self) -> list[dict[str, Any]]:
        return [
            _landmark(match, media[0])
            for match in self.result.landmarks
            if (media := self.media.get(match.content_id))
        ]

    def best_score(self) -> float:
        if self.query.source != Query.Source.MEDIA:
            return self.result.best_score
        return max(
            (score for content_id, score in _scored(self.result) if content_id in self.media), default=0.0
        )


def _scored(result: SearchResult) -> list[tuple[int, float]]:
    found: list[tuple[int, float]] = []
    for section in (result.copies, result.similar, result.segments):
        found.extend((match.content_id, match.score) for match in section)
    return found


def _copy_fields(match: CopyMatch) -> dict[str, Any]:
    found = match.verification
    if found is None:
        return {"band": match.band}
    return {
        "band": match.band,
        "inliers": found.inliers,
        "mirrored": found.mirrored,
        "evidence": evidence(found),
    }


def evidence(found: Verification) -> dict[str, Any]:
    """What the evidence view draws, rounded to a thousandth of a pixel of any screen."""
    return {
        "homography": list(found.homography),
        "pairs": [[[round(value, 5) for value in point] for point in pair] for pair in found.pairs],
        "matches": found.matches,
        "agreement": found.agreement,
    }


def _segment_fields(match: SegmentMatch) -> dict[str, Any]:
    return {
        "band": Band.COPY,
        "query_start": match.query_start,
        "query_end": match.query_end,
        "reference_start": match.reference_start,
        "reference_end": match.reference_end,
        "speed": match.speed,
        "mirrored": match.mirrored,
        "coverage": match.coverage,
    }


def _landmark(match: LandmarkMatch, media: Media) -> dict[str, Any]:
    return {
        "label": match.label, "score": match.score, "inliers": match.inliers, "content_id": match.content_id,
        "media_id": media.pk, "path": media.path,
    }  # fmt: skip
