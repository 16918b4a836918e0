"""Reading duplicate reports."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q

from webapp.models import (
    Collection,
    Content,
    DuplicateGroup,
    DuplicateMember,
    DuplicateReport,
    Media,
    PairCheck,
)

OPEN_REPORTS = (DuplicateReport.Status.PENDING, DuplicateReport.Status.RUNNING)


def list_reports(*, limit: int = 50) -> list[DuplicateReport]:
    """Newest first."""
    return list(DuplicateReport.objects.select_related("collection").order_by("-id")[:limit])


def get_report(pk: int) -> DuplicateReport:
    """Raises :class:`DuplicateReport.DoesNotExist`."""
    return DuplicateReport.objects.select_related("collection").get(pk=pk)


def groups(
    report: DuplicateReport, *, after: int | None = None, relation: str | None = None, limit: int = 50
) -> list[DuplicateGroup]:
    """A page of groups, the most bytes to win first. ``after``: pk of the last group of the page before."""
    shown = DuplicateGroup.objects.filter(report=report, is_current=True).select_related("best__content")
    if relation:
        shown = shown.filter(relation=relation)
    last = DuplicateGroup.objects.filter(report=report, pk=after).first() if after is not None else None
    if last is not None:
        size = last.reclaimable_bytes
        shown = shown.filter(Q(reclaimable_bytes__lt=size) | Q(reclaimable_bytes=size, pk__lt=last.pk))
    return list(shown.order_by("-reclaimable_bytes", "-id")[:limit])


def get_group(pk: int) -> DuplicateGroup:
    """Raises :class:`DuplicateGroup.DoesNotExist`."""
    return DuplicateGroup.objects.select_related("report", "best__content").get(pk=pk)


def group_members(group: DuplicateGroup) -> list[DuplicateMember]:
    """Members that are not in the trash, the best copy first."""
    return members_of([group])[group.pk]


def members_of(found: Sequence[DuplicateGroup]) -> dict[int, list[DuplicateMember]]:
    """The same for several groups at once, by the group's key."""
    best = {group.pk: group.best_id for group in found}
    members: dict[int, list[DuplicateMember]] = {pk: [] for pk in best}
    live = DuplicateMember.objects.filter(group__in=list(best), media__trashed_at=None)
    for member in live.select_related("media__content", "media__collection"):
        members[member.group_id].append(member)
    for pk, some in members.items():
        some.sort(key=lambda member: (member.media_id != best[pk], -member.score, member.pk))
    return members


def reported_media(*, collection: Collection | None) -> dict[int, list[int]]:
    """Keys of live, described entries of the library or one collection by content, the oldest first."""
    entries = Media.objects.filter(trashed_at=None, content__status=Content.Status.READY)
    if collection is not None:
        entries = entries.filter(collection=collection)
    found: dict[int, list[int]] = {}
    for content_id, pk in entries.order_by("pk").values_list("content_id", "pk").iterator(chunk_size=10_000):
        found.setdefault(content_id, []).append(pk)
    return found


def checked_pairs(*, model_key: str) -> set[tuple[int, int]]:
    """Pairs of contents with a verdict."""
    rows = PairCheck.objects.filter(model_key=model_key).values_list("first_id", "second_id")
    return set(rows.iterator(chunk_size=10_000))


def copied_pairs(*, model_key: str) -> list[tuple[int, int, float]]:
    """Pairs of contents that were found to be copies, with their scores."""
    rows = PairCheck.objects.filter(model_key=model_key, is_copy=True).order_by("pk")
    return list(rows.values_list("first_id", "second_id", "score").iterator(chunk_size=10_000))
