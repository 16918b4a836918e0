"""What the pages of a duplicate report show of its groups, in a fixed number of questions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, QuerySet, Value, When, Window
from django.db.models.functions import RowNumber

from webapp.models import Collection, DuplicateGroup, DuplicateMember, DuplicateReport, PairCheck
from webapp.selectors.duplicates import OPEN_REPORTS

PREVIEW = 12
MEMBERS = 48

_BEST_FIRST = Case(When(media=F("group__best"), then=Value(0)), default=Value(1), output_field=IntegerField())


@dataclass(frozen=True, slots=True)
class GroupPreview:
    """A group with its first members; ``live`` counts those that are not in the trash."""

    group: DuplicateGroup
    members: list[DuplicateMember]
    live: int

    @property
    def hidden(self) -> int:
        return self.live - len(self.members)

    @property
    def is_settled(self) -> bool:
        return self.live < 2


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Some members of a group, best first, and where the pages beside it start."""

    members: list[DuplicateMember]
    live: int
    start: int
    previous: int | None
    next: int | None


def open_report(*, collection: Collection | None) -> DuplicateReport | None:
    """A report over the same part of the library that has not ended yet."""
    return (
        DuplicateReport.objects.filter(collection=collection, status__in=OPEN_REPORTS).order_by("-id").first()
    )


def counts(report: DuplicateReport) -> dict[str, int]:
    """Groups by relation."""
    current = DuplicateGroup.objects.filter(report=report, is_current=True).order_by()
    found = current.values_list("relation").annotate(Count("id"))
    return dict.fromkeys(DuplicateGroup.Relation.values, 0) | dict(found)


def _live_members() -> QuerySet[DuplicateMember]:
    return DuplicateMember.objects.filter(media__trashed_at=None)


def previews(groups: Sequence[DuplicateGroup], *, limit: int = PREVIEW) -> list[GroupPreview]:
    ids = [group.pk for group in groups]
    order = [_BEST_FIRST.asc(), F("score").desc(), F("pk").asc()]
    place = Window(RowNumber(), partition_by=[F("group")], order_by=order)
    members = _live_members().filter(group__in=ids).annotate(place=place).filter(place__lte=limit)
    first: dict[int, list[DuplicateMember]] = {pk: [] for pk in ids}
    for member in members.select_related("media__content").order_by("group_id", "place"):
        first[member.group_id].append(member)
    live = dict(_live_members().filter(group__in=ids).order_by().values_list("group").annotate(Count("id")))
    return [GroupPreview(group, first[group.pk], live.get(group.pk, 0)) for group in groups]


def member_page(group: DuplicateGroup, *, start: int = 0, limit: int = MEMBERS) -> MemberPage:
    members = _live_members().filter(group=group)
    live = members.count()
    ordered = members.select_related("media__content", "media__collection").prefetch_related("media__labels")
    shown = list(ordered.order_by(_BEST_FIRST, "-score", "pk")[start : start + limit])
    before = max(0, start - limit) if start else None
    after = start + limit if start + limit < live else None
    return MemberPage(shown, live, start, before, after)


def trashed_members(group: DuplicateGroup) -> int:
    return group.members.exclude(media__trashed_at=None).count()


def _with_a_choice() -> QuerySet[DuplicateGroup]:
    """Groups with a second member that is not in the trash, largest first."""
    members = _live_members().filter(group=OuterRef("pk")).order_by()
    return DuplicateGroup.objects.filter(Exists(members[1:]), is_current=True).order_by(
        "-reclaimable_bytes", "-id"
    )


def next_group(group: DuplicateGroup) -> DuplicateGroup | None:
    """The next group of the report, in the order of the list, that still has a choice to make."""
    size = group.reclaimable_bytes
    later = Q(reclaimable_bytes__lt=size) | Q(reclaimable_bytes=size, pk__lt=group.pk)
    return _with_a_choice().filter(later, report=group.report_id).first()


def open_parts(group: DuplicateGroup) -> list[DuplicateGroup]:
    """What dismissals have left of a group, or of the one it is a part of, and still has a choice to make."""
    return list(_with_a_choice().filter(origin=group.origin_id or group.pk))


def inliers_with_best(group: DuplicateGroup, members: Sequence[DuplicateMember]) -> dict[int, int]:
    """Agreeing points between the best copy and each member that was compared with it, by content id."""
    best = group.best.content_id
    others = [member.media.content_id for member in members if member.media.content_id != best]
    pairs = PairCheck.objects.filter(is_copy=True, inliers__gt=0).filter(
        Q(first=best, second__in=others) | Q(second=best, first__in=others)
    )
    return {
        second if first == best else first: found
        for first, second, found in pairs.values_list("first", "second", "inliers")
    }
