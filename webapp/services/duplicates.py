"""Duplicate reports as rows: asked for by a page or a command, filled in by whoever holds the lease."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from webapp.models import (
    Collection,
    Content,
    DuplicateGroup,
    DuplicateReport,
    Media,
    PairCheck,
)
from webapp.selectors.portions import portions
from webapp.services.group_rows import save_totals, write_group
from webapp.services.regrouping import regroup_report


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


@transaction.atomic
def save_pairs(*, model_key: str, pairs: Iterable[CheckedPair]) -> None:
    """Remember verdicts, so that no pair is ever checked twice under one model.

    Pairs of a content that was deleted meanwhile are left out.
    """
    pairs = list(pairs)
    keys = {key for pair in pairs for key in (pair.first, pair.second)}
    there = set(Content.objects.select_for_update().filter(pk__in=keys).values_list("pk", flat=True))
    rows = [
        PairCheck(
            first_id=pair.first, second_id=pair.second, model_key=model_key, is_copy=pair.is_copy,
            score=pair.score, inliers=pair.inliers, evidence=pair.evidence,
        )
        for pair in pairs
        if pair.first in there and pair.second in there
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
        for group in found:
            _save_group(report, group)
        # Somebody may have dismissed pairs since they were put together.
        regroup_report(report=report)
        save_totals(report=report)
        report.status, report.stage, report.progress = DuplicateReport.Status.DONE, "", 100
        report.finished_at = timezone.now()
        report.lease_token, report.lease_until, report.error = "", None, ""
        report.save()
    return True


def _save_group(report: DuplicateReport, group: FoundGroup) -> DuplicateGroup | None:
    """``None`` if fewer than two members are left, because some went to the trash meanwhile."""
    scores = dict(group.members)
    live = Media.objects.select_related("content").filter(trashed_at=None)
    members = [
        media for some in portions(sorted(scores)) for media in live.filter(pk__in=some).order_by("pk")
    ]
    if len(members) < 2:
        return None
    return write_group(report=report, relation=group.relation, members=members, scores=scores)


def close_report(*, report_id: int, token: str, status: str, error: str = "") -> bool:
    """End a report without groups: cancelled, or failed with a sentence."""
    held = DuplicateReport.objects.filter(pk=report_id, lease_token=token)
    return held.update(
        status=status, error=error, stage="", finished_at=timezone.now(), lease_token="", lease_until=None
    ) == 1  # fmt: skip
