"""Reading searches and their results."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet

from search.types import Region, SearchResult
from webapp.models import Collection, Content, Frame, Match, Media, Query
from webapp.selectors.portions import portions

PAGE = 24
WEAK_SCORE = 0.05
"""Similar results below this are the nearest there are, and mean nothing by themselves."""


@dataclass(frozen=True, slots=True)
class MediaSegments:
    """The matching stretches of one library clip, best first."""

    media: Media
    matches: tuple[Match, ...]


def get_query(pk: uuid.UUID | str) -> Query:
    """Raises :class:`Query.DoesNotExist`."""
    return Query.objects.select_related("content").get(pk=pk)


def region_of(query: Query) -> Region | None:
    """The searched part of the picture, or ``None`` for the whole."""
    return Region(**query.region) if query.region else None


def live_matches(query: Query, section: str) -> QuerySet[Match]:
    """A section in rank order, without what went to the trash since."""
    shown = query.matches.filter(section=section, media__trashed_at=None)
    return shown.select_related("media__content", "media__collection", "frame").order_by("rank")


def matches(
    query: Query,
    section: str,
    *,
    offset: int = 0,
    limit: int = PAGE,
    kind: str | None = None,
    collection: Collection | int | None = None,
) -> list[Match]:
    """One page of a section. ``kind``: ``image`` or ``video``."""
    shown = _filtered(query, section, kind=kind, collection=collection)
    return list(shown[offset : offset + limit])


def count_matches(
    query: Query,
    section: str,
    *,
    kind: str | None = None,
    collection: Collection | int | None = None,
    min_score: float = 0.0,
) -> int:
    shown = _filtered(query, section, kind=kind, collection=collection)
    return shown.filter(score__gte=min_score).count()


def _filtered(
    query: Query, section: str, *, kind: str | None, collection: Collection | int | None
) -> QuerySet[Match]:
    shown = live_matches(query, section)
    if kind:
        shown = shown.filter(media__content__kind=kind)
    if collection:
        shown = shown.filter(media__collection=collection)
    return shown


def get_match(query: Query, match_pk: int) -> Match:
    """Raises :class:`Match.DoesNotExist`, also when its entry is in the trash."""
    shown = Match.objects.select_related("media__content", "media__collection", "frame", "query__content")
    return shown.get(query=query, pk=match_pk, media__trashed_at=None)


def segments_by_media(query: Query) -> list[MediaSegments]:
    """The section "In video", one entry a clip, in the order of each clip's best segment."""
    grouped: dict[int, list[Match]] = {}
    for match in live_matches(query, Match.Section.SEGMENT):
        grouped.setdefault(match.media_id, []).append(match)
    return [MediaSegments(media=found[0].media, matches=tuple(found)) for found in grouped.values()]


def query_frames(query: Query) -> list[Frame]:
    """The query's own kept frames, in time order."""
    return list(Frame.objects.filter(content=query.content_id).order_by("position"))


def live_media(content_ids: Iterable[int]) -> dict[int, list[Media]]:
    """Entries that are not in the trash by content, the oldest first, with what a result needs."""
    found: dict[int, list[Media]] = {}
    rows = Media.objects.filter(trashed_at=None).select_related("content").order_by("pk")
    for some in portions(content_ids):
        for media in rows.filter(content_id__in=some):
            found.setdefault(media.content_id, []).append(media)
    return found


def result_contents(result: SearchResult) -> set[int]:
    """Every content a result speaks of."""
    found = {match.content_id for match in result.copies} | {match.content_id for match in result.similar}
    found |= {match.content_id for match in result.segments}
    return found | {match.content_id for match in result.landmarks}


def content_of_digest(sha256: str) -> int | None:
    """The key of the content with these bytes, if they were ever stored."""
    return Content.objects.filter(sha256=sha256).values_list("pk", flat=True).first()
