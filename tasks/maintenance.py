"""What the clock starts: sending again what nobody works on, keeping the index in step, and cleaning up.

The rows say what is to be done and messages are hints, so a sweep repairs whatever a lost message, a dead
worker or a broker that was away left behind.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any, cast

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import models
from django.utils import timezone

from tasks.celery import RowTask, app
from tasks.health import messages_waiting
from tasks.heartbeat import Heartbeat
from tasks.indexing import clear_garbage, sync_index
from webapp.models import Content, DuplicateReport, ImportJob, IndexState, Media, Query, WorkerSeen
from webapp.selectors.index import waiting_changes
from webapp.services import claims, contents, library, queries, uploads

logger = logging.getLogger(__name__)

# No more reminders than this lie in a queue: a worker that is behind knows what to do, and those that are
# in the queue when a row is done already are read for nothing.
REMINDERS = 200
GRACE_SECONDS = 5.0
STALE_SECONDS = 24 * 3600.0
ORPHAN_SECONDS = 24 * 3600.0
FORGOTTEN_WORKER_SECONDS = 24 * 3600.0


@app.task
def sweep() -> None:
    """Send a message for every row that waits, or whose worker died; and sync what the index missed."""
    in_library = Content.objects.filter(pk__in=Media.objects.values("content_id"))
    _remind("tasks.ingest.describe_content", in_library, {"pending", "processing"})
    _remind("tasks.queries.run_query", Query.objects, {"pending", "running"})
    _remind("tasks.imports.run_import", ImportJob.objects, {"pending", "listing", "running"})
    _remind("tasks.duplicates.build_report", DuplicateReport.objects, {"pending", "running"})
    if waiting_changes(1)[0]:
        sync_index.delay_on_commit()


@app.task
def clean() -> None:
    """Remove what nobody needs any more: old queries, old trash, orphans, leftovers of killed processes."""
    now, given = timezone.now(), settings.SIGHTLINE
    while queries.delete_old_queries(before=now - timedelta(days=given.query_days)):
        pass
    WorkerSeen.objects.filter(seen_at__lt=now - timedelta(seconds=FORGOTTEN_WORKER_SECONDS)).delete()
    while library.purge_trash(trashed_before=now - timedelta(days=given.trash_days)):
        pass
    while contents.delete_orphans(before=now - timedelta(seconds=ORPHAN_SECONDS)):
        pass
    uploads.drop_forgotten_archives()
    for path in _unfinished_files():
        _remove_stale(path, older_than=time.time() - STALE_SECONDS)
    for key in IndexState.objects.values_list("model_key", flat=True):
        clear_garbage(model_key=key)
    if waiting_changes(1)[0]:
        sync_index.delay_on_commit()


def _remind(task: str, rows: Any, statuses: set[str]) -> None:
    """Send messages for rows that wait for a worker, the oldest first, as far as the queue has room."""
    import_module(task.rpartition(".")[0])
    row_task = cast(RowTask, app.tasks[task])
    waiting = messages_waiting(app.amqp.router.route({}, task)["queue"].name)
    room = 0 if waiting is None else max(REMINDERS - waiting, 0)
    for key in islice(_free(rows, statuses), room):
        row_task.delay_on_commit(key if isinstance(key, int) else str(key))


def _free(rows: Any, statuses: set[str]) -> Iterator[Any]:
    """Keys of rows that nobody holds, without those that were made just now."""
    before = timezone.now() - timedelta(seconds=GRACE_SECONDS)
    found: models.QuerySet[Any] = rows.filter(status__in=statuses, created_at__lt=before)
    held = found.order_by("created_at", "pk").values_list("pk", "lease_token", "lease_until")
    for pk, token, until in held.iterator(chunk_size=REMINDERS):
        if claims.is_free(token, until):
            yield pk


def _unfinished_files() -> Iterator[Path]:
    """What somebody is writing, or was writing when it was killed."""
    yield from (Path(settings.DATA_DIR) / "incoming").iterdir()
    yield from (Path(settings.DATA_DIR) / "broker").glob("*/*.part")


def _remove_stale(path: Path, *, older_than: float) -> None:
    with contextlib.suppress(FileNotFoundError):
        if path.is_file() and path.stat().st_mtime < older_than:
            path.unlink()


_heartbeats: list[Heartbeat] = []


@worker_ready.connect
def _worker_is_ready(sender: Any, **_: Any) -> None:
    queues = [queue.name for queue in sender.task_consumer.queues]
    heartbeat = Heartbeat(str(sender.hostname), queues)
    heartbeat.start()
    _heartbeats.append(heartbeat)
    sweep.delay_on_commit()


@worker_shutdown.connect
def _worker_stops(**_: Any) -> None:
    while _heartbeats:
        _heartbeats.pop().stop()
