"""Duplicate reports as rows: asked for by a page or a command, filled in by whoever holds the lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from webapp.models import Collection, DuplicateGroup, DuplicateMember, DuplicateReport, Media, PairCheck
from webapp.services.best_copy import choose_best


@dataclass(frozen=True, slots=True)
class CheckedPair:
    """The verdict on two contents, ``first < second``."""

    first: int
    second: int
    is_copy: bool
    score: float
    inliers: int
    evidence: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class FoundGroup:
    """Keys of library entries that show the same thing, each with how sure that is (0..1)."""

    relation: str
    members: tuple[tuple[int, float], ...]


def create_report(*, collection: Collection | None = None) -> DuplicateReport:
    """Ask for a report over the library or one collection. The caller sends the task."""
    return DuplicateReport.objects.create(collection=collection)


def cancel_report(*, report: DuplicateReport) -> DuplicateReport:
    """Stop a report; the pairs it checked are kept for the next one."""
    with transaction.atomic():
        open_report = DuplicateReport.objects.select_for_update().get(pk=report.pk)
        if open_report.status == DuplicateReport.Status.PENDING:
            open_report.status = DuplicateReport.Status.CANCELLED
            open_report.finished_at = timezone.now()
        if open_report.status == DuplicateReport.Status.RUNNING:
            open_report.cancel_requested = True
        open_report.save()
    return open_report


def report_progress(
    *, report_id: int, token: str, stage: str, percent: int, has_results: bool = False
) -> bool:
    """Tell the page how far it is. False: stop, for somebody cancelled or another worker took over.

    ``has_results``: something was saved for good, so earlier deaths of workers do not count any more.
    """
    held = DuplicateReport.objects.filter(pk=report_id, lease_token=token, cancel_requested=False)
    changes: dict[str, Any] = {"attempts": 0} if has_results else {}
    return held.update(stage=stage[:200], progress=min(max(percent, 0), 99), **changes) == 1


def save_pairs(*, model_key: str, pairs: Iterable[CheckedPair]) -> None:
    """Remember verdicts, so that no pair is ever checked twice under one model."""
    rows = [
        PairCheck(
            first_id=pair.first, second_id=pair.second, model_key=model_key, is_copy=pair.is_copy,
            score=pair.score, inliers=pair.inliers, evidence=pair.evidence,
        )
        for pair in pairs
    ]  # fmt: skip
    PairCheck.objects.bulk_create(rows, ignore_conflicts=True, batch_size=100)


def save_groups(*, report_id: int, token: str, found: Sequence[FoundGroup]) -> bool:
    """Write all groups and close the report in one transaction. False: the lease was lost."""
    with transaction.atomic():
        held = DuplicateReport.objects.select_for_update().filter(pk=report_id, lease_token=token)
        report = held.first()
        if report is None:
            return False
        report.groups.all().delete()
        saved = [row for group in found if (row := _save_group(report, group))]
        report.group_count = len(saved)
        report.reclaimable_bytes = _reclaimable(report)
        report.status, report.stage, report.progress = DuplicateReport.Status.DONE, "", 100
        report.finished_at = timezone.now()
        report.lease_token, report.lease_until, report.error = "", None, ""
        report.save()
    return True


def _save_group(report: DuplicateReport, group: FoundGroup) -> DuplicateGroup | None:
    """``None`` if fewer than two members are left, because some went to the trash meanwhile."""
    scores = dict(group.members)
    live = Media.objects.select_related("content").filter(pk__in=list(scores), trashed_at=None)
    members = sorted(live, key=lambda media: media.pk)
    if len(members) < 2:
        return None
    best = choose_best(members)
    row = DuplicateGroup.objects.create(
        report=report, relation=group.relation, best=best.media, reason=best.reason[:300],
        member_count=len(members), score=min(scores[media.pk] for media in members),
        reclaimable_bytes=sum(media.content.byte_size for media in members if media != best.media),
    )  # fmt: skip
    rows = [DuplicateMember(group=row, media=media, score=scores[media.pk]) for media in members]
    DuplicateMember.objects.bulk_create(rows, batch_size=200)
    return row


def _reclaimable(report: DuplicateReport) -> int:
    """Bytes of all files that have a better copy; one in two groups counts once."""
    spare = DuplicateMember.objects.filter(group__report=report).exclude(media=F("group__best")).order_by()
    return sum(dict(spare.values_list("media_id", "media__content__byte_size")).values())


def close_report(*, report_id: int, token: str, status: str, error: str = "") -> bool:
    """End a report without groups: cancelled, or failed with a sentence."""
    held = DuplicateReport.objects.filter(pk=report_id, lease_token=token)
    return held.update(
        status=status, error=error, stage="", finished_at=timezone.now(), lease_token="", lease_until=None
    ) == 1  # fmt: skip
