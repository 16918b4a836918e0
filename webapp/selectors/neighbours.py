"""What searches with the whole of a content found: its copies and neighbours in the rest of the library."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import F, OuterRef, QuerySet, Subquery

from webapp.models import Frame, Match, Query
from webapp.selectors.index import active_model_key, index_state
from webapp.selectors.queries import WEAK_SCORE, MediaSegments, live_matches

SHOWN = 12
SHOWN_SEGMENTS = 200
OPEN = (Query.Status.PENDING, Query.Status.RUNNING)


@dataclass(frozen=True, slots=True)
class ContentSearches:
    """The searches with the whole of one content that matter now.

    ``failed`` is only set if it was made after ``done``; ``is_stale``: the index moved on since ``done``.
    """

    running: Query | None
    done: Query | None
    failed: Query | None
    is_stale: bool

    @property
    def is_empty(self) -> bool:
        return not (self.running or self.done or self.failed)

    def answer(self, *, again: bool) -> Query | None:
        """The search that serves who asks now. ``again``: an old or failed one does not."""
        if self.running:
            return self.running
        if again:
            return None if self.is_stale or self.failed else self.done
        return self.failed or self.done


def content_searches(content_id: int) -> ContentSearches:
    whole = Query.objects.filter(content=content_id, region__isnull=True)
    done = whole.filter(status=Query.Status.DONE).order_by("-finished_at").first()
    failed = whole.filter(status=Query.Status.FAILED).order_by("-created_at").first()
    if failed and done and failed.created_at < done.created_at:
        failed = None
    return ContentSearches(
        running=whole.filter(status__in=OPEN).order_by("-created_at").first(),
        done=done,
        failed=failed,
        is_stale=done is not None and _is_stale(done),
    )


def _is_stale(done: Query) -> bool:
    model_key = active_model_key()
    state = index_state(model_key)
    return (done.model_key, done.generation) != (model_key, state.generation if state else 0)


def neighbours(query: Query, section: str, *, min_score: float = 0.0) -> QuerySet[Match]:
    """A section in rank order without the searched content itself, which an upload of it finds as well."""
    others = live_matches(query, section).exclude(media__content=query.content_id)
    return others.filter(score__gte=min_score)


def copies(query: Query) -> QuerySet[Match]:
    return neighbours(query, Match.Section.COPY)


def similar(query: Query) -> QuerySet[Match]:
    return neighbours(query, Match.Section.SIMILAR, min_score=WEAK_SCORE)


def shared_segments(query: Query, limit: int = SHOWN_SEGMENTS) -> list[MediaSegments]:
    """The best matching stretches by clip, the best clip first. Twins of a clip are told once."""
    entries: dict[int, int] = {}
    grouped: dict[int, list[Match]] = {}
    for match in neighbours(query, Match.Section.SEGMENT)[:limit]:
        content_id = match.media.content_id
        if entries.setdefault(content_id, match.media_id) == match.media_id:
            grouped.setdefault(content_id, []).append(match)
    return [MediaSegments(media=found[0].media, matches=tuple(found)) for found in grouped.values()]


def frames_along(content_id: int, *, length: float, count: int) -> list[Frame]:
    """The frames shown in the middle of each of ``count`` equal parts of a clip of ``length`` seconds."""
    frames = Frame.objects.filter(content=content_id).order_by("position")
    starts = list(frames.values_list("start", "pk"))
    middles = [(part + 0.5) * length / count for part in range(count)] if starts else []
    keys = [starts[max(0, bisect_right(starts, (time, float("inf"))) - 1)][1] for time in middles]
    found = Frame.objects.in_bulk(keys)
    return [found[key] for key in keys if key in found]


def stills(segments: Sequence[Match]) -> dict[int, Frame]:
    """By segment, the frame that the reference shows in its middle; two questions, however many there are."""
    earlier = Frame.objects.filter(content=OuterRef("media__content"), start__lte=OuterRef("middle"))
    rows = (
        Match.objects.filter(pk__in=[segment.pk for segment in segments])
        .annotate(middle=(F("reference_start") + F("reference_end")) / 2)
        .annotate(still=Subquery(earlier.order_by("-position").values("pk")[:1]))
    )
    keys = dict(rows.values_list("pk", "still"))
    frames = Frame.objects.in_bulk([key for key in keys.values() if key is not None])
    return {pk: frames[key] for pk, key in keys.items() if key in frames}
