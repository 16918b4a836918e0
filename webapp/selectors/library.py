"""Reading the library: filtered pages by keyset, what belongs to one entry, and the trash."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.conf import settings
from django.db.models import F, Model, Q, QuerySet
from django.utils import timezone

from webapp.models import Collection, Content, Frame, Label, Media, Query

PAGE_SIZE = 60
COUNT_LIMIT = 1000
STRIP_FRAMES = 240
Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class MediaFilter:
    """What a visitor asked to see; empty fields do not filter."""

    kind: str = ""
    collection: Collection | None = None
    label: str = ""
    text: str = ""
    status: str = ""

    @property
    def is_empty(self) -> bool:
        return self == MediaFilter()


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and whether there are rows on either side of them."""

    rows: list[Row]
    has_newer: bool = False
    has_older: bool = False

    @property
    def first_id(self) -> int | None:
        return self.rows[0].pk if self.rows else None

    @property
    def last_id(self) -> int | None:
        return self.rows[-1].pk if self.rows else None


@dataclass(frozen=True, slots=True)
class StripFrame:
    """A frame, and where its interval lies on the clip's time axis: percent of the whole length."""

    frame: Frame
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class FrameStrip:
    """The frames to show of a clip, how many it has, and its length in seconds."""

    frames: tuple[StripFrame, ...]
    total: int
    length: float


STATUS_FILTERS: dict[str, tuple[str, ...]] = {
    "ready": (Content.Status.READY,),
    "working": (Content.Status.PENDING, Content.Status.PROCESSING),
    "failed": (Content.Status.FAILED,),
}


def live_media() -> QuerySet[Media]:
    return Media.objects.filter(trashed_at=None)


def filtered_media(chosen: MediaFilter) -> QuerySet[Media]:
    condition = Q()
    if chosen.kind:
        condition &= Q(content__kind=chosen.kind)
    if chosen.collection:
        condition &= Q(collection=chosen.collection)
    if chosen.label:
        condition &= Q(labels__name=chosen.label)
    if chosen.text:
        condition &= Q(path__icontains=chosen.text)
    if chosen.status:
        condition &= Q(content__status__in=STATUS_FILTERS[chosen.status])
    return live_media().filter(condition)


def media_page(
    chosen: MediaFilter, *, after: int | None = None, before: int | None = None, limit: int = PAGE_SIZE
) -> Page[Media]:
    """Newest first. ``after``: older than that id. ``before``: the rows just newer than that id."""
    rows = filtered_media(chosen).select_related("content", "collection")
    if before is not None:
        nearest = list(rows.filter(pk__gt=before).order_by("pk")[: limit + 1])
        if len(nearest) > limit:
            return Page(nearest[:limit][::-1], has_newer=True, has_older=True)
        after = None  # the list starts here, so show a whole first page
    if after is not None:
        older = list(rows.filter(pk__lt=after).order_by("-pk")[: limit + 1])
        has_newer = filtered_media(chosen).filter(pk__gte=after).exists()
        return Page(older[:limit], has_newer=has_newer, has_older=len(older) > limit)
    newest = list(rows.order_by("-pk")[: limit + 1])
    return Page(newest[:limit], has_older=len(newest) > limit)


def count_up_to(rows: QuerySet[Media], limit: int = COUNT_LIMIT) -> tuple[int, bool]:
    """How many rows there are, counting no further than ``limit``; and whether there are more."""
    found = rows.order_by()[: limit + 1].count()
    return min(found, limit), found > limit


def library_is_empty() -> bool:
    return not live_media().exists()


def label_names(limit: int = 500) -> list[str]:
    return list(Label.objects.values_list("name", flat=True)[:limit])


def get_media(pk: int) -> Media | None:
    return (
        Media.objects.select_related("content", "collection").prefetch_related("labels").filter(pk=pk).first()
    )


def exact_copies(media: Media, *, with_trash: bool = False, limit: int = 50) -> list[Media]:
    """Other entries for the same bytes, those in the trash last."""
    same = Media.objects.filter(content=media.content_id).exclude(pk=media.pk)
    if not with_trash:
        same = same.filter(trashed_at=None)
    return list(
        same.select_related("content", "collection").order_by(F("trashed_at").asc(nulls_first=True), "pk")[
            :limit
        ]
    )


def frame_strip(media: Media, limit: int = STRIP_FRAMES) -> FrameStrip:
    """The kept frames of a clip; of a long clip evenly chosen ones, so that the strip still spans it."""
    frames = list(Frame.objects.filter(content=media.content_id).order_by("position"))
    length = media.content.duration or max((frame.end for frame in frames), default=0.0)
    step = max(1, -(-len(frames) // limit))
    return FrameStrip(tuple(_placed(frame, length) for frame in frames[::step]), len(frames), length)


def _placed(frame: Frame, length: float) -> StripFrame:
    if length <= 0:
        return StripFrame(frame, 0.0, 100.0)
    left = min(100.0, 100 * frame.start / length)
    return StripFrame(frame, left, min(100.0 - left, 100 * (frame.end - frame.start) / length))


def recent_searches(media: Media, limit: int = 5) -> list[Query]:
    return list(Query.objects.filter(content=media.content_id).order_by("-created_at")[:limit])


def trash_page(*, after: tuple[datetime, int] | None = None, limit: int = PAGE_SIZE) -> Page[Media]:
    """Most recently trashed first. ``after``: the moment and id of the last entry already seen."""
    rows = Media.objects.exclude(trashed_at=None).select_related("content", "collection")
    if after is not None:
        moment, pk = after
        rows = rows.filter(Q(trashed_at__lt=moment) | Q(trashed_at=moment, pk__lt=pk))
    found = list(rows.order_by("-trashed_at", "-pk")[: limit + 1])
    return Page(found[:limit], has_newer=after is not None, has_older=len(found) > limit)


def trash_days_left(media: Media, *, now: datetime | None = None) -> int:
    """Whole days until the entry may be removed for good; 0 on the last day."""
    if media.trashed_at is None:
        return settings.SIGHTLINE.trash_days
    left = media.trashed_at + timedelta(days=settings.SIGHTLINE.trash_days) - (now or timezone.now())
    return max(0, left.days)
