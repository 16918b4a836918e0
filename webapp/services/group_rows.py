"""Writing the rows of a duplicate group, and the totals of its report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import F, Sum

from webapp.models import DuplicateGroup, DuplicateMember, DuplicateReport, Media
from webapp.services.best_copy import choose_best


def write_group(
    *,
    report: DuplicateReport,
    relation: str,
    members: Sequence[Media],
    scores: Mapping[int, float],
    origin: DuplicateGroup | None = None,
) -> DuplicateGroup:
    """Save a group with its best copy. ``scores``: how sure each member is, by its key."""
    best = choose_best(_eligible(members))
    row = DuplicateGroup.objects.create(
        report=report, relation=relation, origin=origin, best=best.media, reason=best.reason[:300],
        member_count=len(members), score=min(scores[media.pk] for media in members),
        reclaimable_bytes=sum(media.content.byte_size for media in members if media != best.media),
    )  # fmt: skip
    rows = [DuplicateMember(group=row, media=media, score=scores[media.pk]) for media in members]
    DuplicateMember.objects.bulk_create(rows, batch_size=200)
    return row


def _eligible(members: Sequence[Media]) -> Sequence[Media]:
    """Members that can be the best copy: none in the trash, unless there is nothing to choose otherwise."""
    live = [media for media in members if media.trashed_at is None]
    return live if len({media.content_id for media in live}) > 1 else members


def save_totals(*, report: DuplicateReport) -> None:
    """Count the groups, and the bytes of files that have a better copy; one in two groups counts once."""
    report.group_count = DuplicateGroup.objects.filter(report=report, is_current=True).count()
    members = DuplicateMember.objects.filter(group__report=report, group__is_current=True).order_by()
    spare = Media.objects.filter(pk__in=members.exclude(media=F("group__best")).values("media"))
    report.reclaimable_bytes = spare.aggregate(sum=Sum("content__byte_size"))["sum"] or 0
    report.save(update_fields=["group_count", "reclaimable_bytes"])
