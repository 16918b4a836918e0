"""Imports as rows: a job and an item a file. Each function is one transaction: a job can stop anywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.models import Content, ImportItem, ImportJob
from webapp.selectors.imports import OPEN_JOBS, import_roots
from webapp.services import claims
from webapp.services.audit import Actor, record
from webapp.services.contents import retry_content
from webapp.services.library import get_or_create_collection, take_in
from webapp.services.manifest import Facts
from webapp.services.storage import StoredFile
from webapp.services.uploads import drop_archive

LEASE_SECONDS = 120.0
ARCHIVES = (ImportJob.Source.ZIP, ImportJob.Source.FILES)

Item = ImportItem.Status
Job = ImportJob.Status


class ImportRefused(Exception):
    """The import cannot start. ``str(error)`` is a sentence for a person."""


def create_import(
    *,
    source: str,
    location: str | Path = "",
    name: str = "",
    collection_name: str = "",
    labels_from_folders: bool = False,
    user: Actor = None,
    trusted: bool = False,
) -> ImportJob:
    """Ask for an import. The caller sends ``tasks.imports.run_import``.

    ``location``: folder or archive on the server; the sample library needs none. ``trusted``: asked for
    on the command line by whoever runs the server, so any folder is allowed.

    Raises:
        ImportRefused: the place does not exist or may not be imported from.
    """
    place = samples_folder() if source == ImportJob.Source.SAMPLES else _checked(location, source, trusted)
    with transaction.atomic():
        collection = get_or_create_collection(name=collection_name) if collection_name.strip() else None
        job = ImportJob.objects.create(
            source=source, location=str(place), name=(name or place.name)[-255:], collection=collection,
            labels_from_folders=labels_from_folders or source == ImportJob.Source.SAMPLES,
            created_by_id=user.pk if user is not None and user.is_authenticated else None,
        )  # fmt: skip
        record(actor=user, action="import.create", subject=job.name, details={"location": str(place)})
    return job


def samples_folder() -> Path:
    """Where the sample library is drawn before it is imported."""
    return Path(settings.DATA_DIR) / "samples"


def _checked(location: str | Path, source: str, trusted: bool) -> Path:
    given = Path(location).expanduser()
    if not given.is_absolute() and not trusted:
        raise ImportRefused(_("Give the whole path, from the root of the server."))
    place = given.resolve()  # from here on no symbolic link can lead out of the allowed folders
    if not trusted and not any(place.is_relative_to(root.resolve()) for root in import_roots()):
        allowed = ", ".join(str(root) for root in import_roots())
        raise ImportRefused(
            _("Only folders under %(allowed)s may be imported. Add others with SIGHTLINE_IMPORT_ROOTS.")
            % {"allowed": allowed}
        )
    if source in ARCHIVES and not place.is_file():
        raise ImportRefused(_("There is no file %(place)s on the server.") % {"place": place})
    if source == ImportJob.Source.FOLDER and not place.is_dir():
        raise ImportRefused(_("There is no folder %(place)s on the server.") % {"place": place})
    return place


def pause_import(*, job: ImportJob) -> ImportJob:
    """Stop after the file at hand. What is stored is described all the same."""
    return _turn(job, OPEN_JOBS, Job.PAUSED)


def resume_import(*, job: ImportJob) -> ImportJob:
    """Go on with a job that was paused, failed or cancelled. The caller sends the task."""
    return _turn(job, (Job.PAUSED, Job.FAILED, Job.CANCELLED), Job.PENDING)


def cancel_import(*, job: ImportJob) -> ImportJob:
    """Stop. Files that were taken in stay in the library."""
    return _turn(job, (*OPEN_JOBS, Job.PAUSED, Job.FAILED), Job.CANCELLED)


def retry_failed(*, job: ImportJob) -> ImportJob:
    """Try the failed files again. The caller sends the task."""
    with transaction.atomic():
        failed = ImportItem.objects.filter(job=job, status=Item.FAILED)
        for content_id in set(failed.exclude(media=None).values_list("media__content_id", flat=True)):
            retry_content(content_id=content_id)
        if Path(job.location).exists():
            failed.update(status=Item.PENDING, error="")
        else:  # an uploaded archive is gone, but the bytes of files that became entries are in the store
            failed.exclude(media=None).update(status=Item.STORED, error="")
        return _turn(job, (Job.DONE, Job.FAILED, Job.CANCELLED, Job.PAUSED), Job.PENDING)


def _turn(job: ImportJob, allowed: Sequence[str], status: str) -> ImportJob:
    """Taking the token away is what stops a worker: nothing it writes finds its row any more."""
    ended = timezone.now() if status == Job.CANCELLED else None
    ImportJob.objects.filter(pk=job.pk, status__in=allowed).update(
        status=status, lease_token="", lease_until=None, attempts=0, error="", finished_at=ended
    )
    job.refresh_from_db()
    return job


def claim_import(*, job_id: int) -> str | None:
    return claims.claim(ImportJob.objects.filter(status__in=OPEN_JOBS), job_id, lease_seconds=LEASE_SECONDS)


def start_listing(*, job_id: int, token: str) -> bool:
    return _held(job_id, token).update(status=Job.LISTING) == 1


def add_items(*, job_id: int, token: str, paths: Sequence[str], errors: Mapping[str, str]) -> bool:
    """Take note of files of the job; those that are known already stay as they are."""
    with transaction.atomic():
        if not _made_progress(job_id, token):
            return False
        rows = [_new_item(job_id, path, errors.get(path, "")) for path in paths]
        ImportItem.objects.bulk_create(rows, ignore_conflicts=True, batch_size=200)
    return True


def _new_item(job_id: int, path: str, error: str) -> ImportItem:
    status = Item.FAILED if error else Item.PENDING
    return ImportItem(job_id=job_id, path=path, status=status, error=error)


def finish_listing(*, job_id: int, token: str, left_out: int) -> bool:
    """From here on files are taken in. ``left_out``: how many are no pictures or clips by their names."""
    return _held(job_id, token).update(status=Job.RUNNING, attempts=0, left_out=left_out) == 1


def store_item(
    *, job: ImportJob, token: str, item_id: int, stored: StoredFile, path: str, labels: tuple[str, ...]
) -> Content | None:
    """Turn a stored file into a library entry and tick off its item, both or neither.

    Returns the content, or ``None`` if the job was paused, cancelled or taken over: then stop.
    """
    with transaction.atomic():
        if not _made_progress(job.pk, token):
            return None
        taken = take_in(stored=stored, path=path, facts=Facts(labels=labels), collection=job.collection)
        item = ImportItem.objects.filter(pk=item_id)
        if taken.media is None:
            _settle(item, Item.SKIPPED, _("It is in the trash. Restore it there if you want it back."))
            return taken.content
        known = not taken.is_new and not item.exclude(media=None).exists()
        is_ready = taken.content.status == Content.Status.READY
        status = Item.SKIPPED if known and is_ready else _outcome(taken.content)
        error = taken.content.error if status == Item.FAILED else ""
        item.update(status=status, error=error, media=taken.media)
    return taken.content


def _outcome(content: Content) -> str:
    outcomes = {Content.Status.READY: Item.DONE, Content.Status.FAILED: Item.FAILED}
    return outcomes.get(Content.Status(content.status), Item.STORED)


def fail_item(*, job_id: int, token: str, item_id: int, error: str) -> bool:
    """Record why a file cannot be taken in; the others go on."""
    with transaction.atomic():
        if not _made_progress(job_id, token):
            return False
        _settle(ImportItem.objects.filter(pk=item_id), Item.FAILED, error)
    return True


def release_import(*, job_id: int, token: str) -> bool:
    """Let go of a job that made progress; the next task goes on with it."""
    return claims.release(ImportJob.objects.all(), job_id, token=token, attempts=0)


def suspend_import(*, job_id: int, token: str, error: str) -> bool:
    """Wait for a person, e.g. to free some space; then the job can be resumed."""
    return claims.release(
        ImportJob.objects.all(), job_id, token=token, status=Job.PAUSED, error=error, attempts=0
    )


def fail_import(*, job_id: int, token: str, error: str) -> bool:
    """The whole job cannot go on, e.g. its folder is gone."""
    ended = timezone.now()
    return claims.release(
        ImportJob.objects.all(), job_id, token=token, status=Job.FAILED, error=error, finished_at=ended
    )


def settle_items(*, content_id: int) -> list[int]:
    """A content was described or failed: so are its items. Returns the keys of jobs that ended with it."""
    items = ImportItem.objects.filter(status=Item.STORED, media__content_id=content_id)
    jobs = set(items.order_by().values_list("job_id", flat=True))
    if not jobs:
        return []
    with transaction.atomic():
        content = Content.objects.get(pk=content_id)
        outcome = _outcome(content)
        if outcome != Item.STORED:
            _settle(items, outcome, content.error if outcome == Item.FAILED else "")
        return [job_id for job_id in sorted(jobs) if finish_import(job_id=job_id)]


def settle_job(*, job_id: int) -> bool:
    """Finish all items whose contents are finished, and the job if nothing is left. True: it is done now."""
    with transaction.atomic():
        stored = ImportItem.objects.filter(job=job_id, status=Item.STORED)
        _settle(stored.filter(media__content__status=Content.Status.READY), Item.DONE)
        _settle(stored.filter(media=None), Item.FAILED, _("It was removed from the library meanwhile."))
        failed = stored.filter(media__content__status=Content.Status.FAILED)
        for pk, error in failed.values_list("pk", "media__content__error"):
            _settle(ImportItem.objects.filter(pk=pk), Item.FAILED, error)
        return finish_import(job_id=job_id)


def finish_import(*, job_id: int) -> bool:
    """Close a job in which no file waits. One that a worker holds is closed by that worker."""
    with transaction.atomic():
        if ImportItem.objects.filter(job=job_id, status__in=[Item.PENDING, Item.STORED]).exists():
            return False
        open_job = ImportJob.objects.filter(pk=job_id, status=Job.RUNNING, lease_token="")
        if not open_job.update(status=Job.DONE, finished_at=timezone.now(), error=""):
            return False
        location = ImportJob.objects.values_list("location", flat=True).get(pk=job_id)
        transaction.on_commit(lambda: drop_archive(location))
    return True


def _settle(items: QuerySet[ImportItem], status: str, error: str = "") -> None:
    items.update(status=status, error=error)


def is_held(*, job_id: int, token: str) -> bool:
    """Whether the job is still this worker's to go on with."""
    return _held(job_id, token).exists()


def _held(job_id: int, token: str) -> QuerySet[ImportJob]:
    return ImportJob.objects.filter(pk=job_id, lease_token=token, status__in=OPEN_JOBS)


def _made_progress(job_id: int, token: str) -> bool:
    """Hold on to the job, and forget earlier attempts: only deaths without any progress count."""
    until = timezone.now() + timedelta(seconds=LEASE_SECONDS)
    return _held(job_id, token).update(lease_until=until, attempts=0) == 1
