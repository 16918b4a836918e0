"""Reading imports: jobs, how far they are, and what went wrong with which file."""

from __future__ import annotations

from pathlib import Path

from django.conf import settings
from django.db.models import Count

from webapp.models import Content, ImportItem, ImportJob

SETTLED = (ImportItem.Status.DONE, ImportItem.Status.SKIPPED, ImportItem.Status.FAILED)
OPEN_JOBS = (ImportJob.Status.PENDING, ImportJob.Status.LISTING, ImportJob.Status.RUNNING)


def list_jobs(*, limit: int = 50) -> list[ImportJob]:
    """Newest first."""
    return list(ImportJob.objects.select_related("collection", "created_by").order_by("-id")[:limit])


def get_job(pk: int) -> ImportJob:
    """Raises :class:`ImportJob.DoesNotExist`."""
    return ImportJob.objects.select_related("collection", "created_by").get(pk=pk)


def job_counts(job: ImportJob) -> dict[str, int]:
    """Items by status (every status is there), with ``total``, ``settled`` and ``percent``."""
    counts = dict.fromkeys(ImportItem.Status.values, 0)
    found = ImportItem.objects.filter(job=job).order_by().values_list("status").annotate(Count("id"))
    counts.update(dict(found))
    total = sum(counts.values())
    settled = sum(counts[status] for status in SETTLED)
    return counts | {"total": total, "settled": settled, "percent": 100 * settled // total if total else 0}


def failed_items(job: ImportJob, *, after: int = 0, limit: int = 100) -> list[ImportItem]:
    """Files that could not be taken in, each with its reason; ``after``: the last id of the page before."""
    failed = ImportItem.objects.filter(job=job, status=ImportItem.Status.FAILED, pk__gt=after)
    return list(failed.order_by("pk")[:limit])


def import_roots() -> list[Path]:
    """Folders a page may import from."""
    return [settings.DATA_DIR / "import", *settings.SIGHTLINE.import_roots]


def pending_items(job: ImportJob, *, limit: int) -> list[ImportItem]:
    """The next files to take in."""
    return list(ImportItem.objects.filter(job=job, status=ImportItem.Status.PENDING).order_by("pk")[:limit])


def undescribed_contents(job: ImportJob, *, limit: int) -> list[int]:
    """Contents of the job's files that wait to be described, and are in nobody's hands."""
    items = ImportItem.objects.filter(job=job, status=ImportItem.Status.STORED)
    waiting = items.filter(media__content__status=Content.Status.PENDING)
    return list(waiting.order_by().values_list("media__content_id", flat=True).distinct()[:limit])
