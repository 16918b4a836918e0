"""Bulk imports, in slices, so that other work gets its turn and a job can stop and go on anywhere."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from django.conf import settings
from django.utils.translation import gettext as _

from tasks.celery import app
from tasks.import_sources import Source, SourceUnusable, library_path, open_source
from tasks.indexing import sync_index
from tasks.ingest import describe_content
from tasks.samples import draw
from webapp.models import Content, ImportItem, ImportJob
from webapp.selectors.imports import get_job, pending_items, undescribed_contents
from webapp.services import claims
from webapp.services import imports as service
from webapp.services.library import check_path
from webapp.services.media_files import UnusableFile
from webapp.services.storage import StorageError, StorageFull, store

logger = logging.getLogger(__name__)

SLICE_SECONDS = 5.0
SLICE_ITEMS = 100
LISTED_AT_ONCE = 500
RESENT_AT_ONCE = 200


class Stopped(Exception):
    """The job was paused, cancelled or taken over: leave it alone."""


@app.task
def run_import(job_id: int) -> None:
    """Take in the next slice of files and send for the slice after it; the last one closes the job."""
    token = service.claim_import(job_id=job_id)
    if token is None:
        return
    try:
        with claims.kept(ImportJob.objects.all(), [(job_id, token)], lease_seconds=service.LEASE_SECONDS):
            stored = _work(get_job(job_id), token)
    except Stopped:
        return
    except SourceUnusable as error:
        service.fail_import(job_id=job_id, token=token, error=str(error))
    except StorageFull as error:
        service.suspend_import(job_id=job_id, token=token, error=str(error))
    except Exception:
        logger.exception("The import %d stopped.", job_id)
        words = _("Something went wrong on the server; the log says more. Resume the import to go on.")
        service.fail_import(job_id=job_id, token=token, error=words)
    else:
        _hand_on(job_id, token, stored)


def _work(job: ImportJob, token: str) -> int:
    """List if that is not done yet, then take in a slice; how many files it was."""
    unlisted = job.status != ImportJob.Status.RUNNING
    if not pending_items(job, limit=1) and (not unlisted or _is_used_up(job)):
        _check(service.finish_listing(job_id=job.pk, token=token, left_out=job.left_out))
        return 0
    if unlisted and job.source == ImportJob.Source.SAMPLES:
        _draw_samples(job, token)
    with open_source(job) as source:
        if unlisted:
            _list(job, token, source)
        return _store_slice(job, token, source)


def _is_used_up(job: ImportJob) -> bool:
    """Whether the archive went when the job was done, so that only what is stored can be tried again."""
    return not Path(job.location).exists() and job.items.exists()


def _draw_samples(job: ImportJob, token: str) -> None:
    _check(service.start_listing(job_id=job.pk, token=token))
    draw(Path(job.location))


def _list(job: ImportJob, token: str, source: Source) -> None:
    _check(service.start_listing(job_id=job.pk, token=token))
    files = source.files()
    while some := list(islice(files, LISTED_AT_ONCE)):
        errors = {listed.path: listed.error for listed in some if listed.error}
        paths = [listed.path for listed in some]
        _check(service.add_items(job_id=job.pk, token=token, paths=paths, errors=errors))
    if not job.items.exists():
        raise SourceUnusable(_("There are no pictures or clips in it."))
    _check(service.finish_listing(job_id=job.pk, token=token, left_out=source.left_out))


def _store_slice(job: ImportJob, token: str, source: Source) -> int:
    deadline, count = time.monotonic() + SLICE_SECONDS, 0
    for item in pending_items(job, limit=SLICE_ITEMS):
        _take_in(job, token, source, item)
        count += 1
        if time.monotonic() > deadline:
            break
    return count


def _take_in(job: ImportJob, token: str, source: Source, item: ImportItem) -> None:
    path = library_path(job, item)
    try:
        check_path(path)
        stored = store(_watched(job, token, source, item), max_bytes=settings.SIGHTLINE.max_upload_bytes)
    except StorageFull:
        raise
    except (UnusableFile, StorageError) as error:
        _check(service.fail_item(job_id=job.pk, token=token, item_id=item.pk, error=str(error)))
        return
    except OSError as error:
        words = _("The file cannot be read: %(error)s.") % {"error": error.strerror or error}
        _check(service.fail_item(job_id=job.pk, token=token, item_id=item.pk, error=words))
        return
    content = service.store_item(
        job=job, token=token, item_id=item.pk, stored=stored, path=path, labels=_labels(job, source, item)
    )
    if content is None:
        raise Stopped
    if content.status == Content.Status.PENDING:
        describe_content.delay_on_commit(content.pk)


def _watched(job: ImportJob, token: str, source: Source, item: ImportItem) -> Iterator[bytes]:
    """The bytes of a file; a large one is left in the middle when the job is stopped."""
    checked = time.monotonic()
    for chunk in source.chunks(item.path):
        if time.monotonic() - checked > 1.0:
            checked = time.monotonic()
            _check(service.is_held(job_id=job.pk, token=token))
        yield chunk


def _labels(job: ImportJob, source: Source, item: ImportItem) -> tuple[str, ...]:
    label = source.label(item.path) if job.labels_from_folders else ""
    return (label,) if label else ()


def _hand_on(job_id: int, token: str, stored: int) -> None:
    if not service.release_import(job_id=job_id, token=token):
        return
    job = get_job(job_id)
    if pending_items(job, limit=1):
        run_import.delay_on_commit(job_id)
    elif service.settle_job(job_id=job_id):
        sync_index.delay_on_commit()
    elif not stored:
        for content_id in undescribed_contents(job, limit=RESENT_AT_ONCE):
            describe_content.delay_on_commit(content_id)


def _check(is_held: bool) -> None:
    if not is_held:
        raise Stopped
