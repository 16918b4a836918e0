"""What the clock starts: sending again what nobody works on, keeping the index in step, and cleaning up.

The rows say what is to be done and messages are hints, so a sweep repairs whatever a lost message, a dead
worker or a broker that was away left behind.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, cast

from celery.signals import worker_ready, worker_shutdown
from django.conf import settings
from django.db import models
from django.utils import timezone

from tasks.celery import RowTask, app
from tasks.heartbeat import Heartbeat
from tasks.indexing import clear_garbage, sync_index
from webapp.models import Content, DuplicateReport, ImportJob, IndexState, Media, Query, WorkerSeen
from webapp.selectors.index import waiting_changes
from webapp.services import claims, contents, library

logger = logging.getLogger(__name__)

# A worker that is behind gets each round only as many reminders as it can do meanwhile.
SENT_AT_ONCE = 200
GRACE_SECONDS = 5.0
STALE_INCOMING_SECONDS = 24 * 3600.0
ORPHAN_SECONDS = 24 * 3600.0
FORGOTTEN_WORKER_SECONDS = 24 * 3600.0


@app.task
def sweep() -> None:
    """Send a message for every row that waits, or whose worker died; and sync what the index missed."""
    before = timezone.now() - timedelta(seconds=GRACE_SECONDS)
    in_library = Content.objects.filter(pk__in=Media.objects.values("content_id"))
    _send("tasks.ingest.describe_content", _free(in_library, {"pending", "processing"}, before))
    _send("tasks.queries.run_query", _free(Query.objects, {"pending", "running"}, before))
    _send("tasks.imports.run_import", _free(ImportJob.objects, {"pending", "listing", "running"}, before))
    _send("tasks.duplicates.build_report", _free(DuplicateReport.objects, {"pending", "running"}, before))
    if waiting_changes(1)[0]:
        sync_index.delay_on_commit()


@app.task
def clean() -> None:
    """Remove what nobody needs any more: old queries, old trash, orphans, leftovers of killed processes."""
    now, given = timezone.now(), settings.SIGHTLINE
    Query.objects.filter(created_at__lt=now - timedelta(days=given.query_days)).delete()
    WorkerSeen.objects.filter(seen_at__lt=now - timedelta(seconds=FORGOTTEN_WORKER_SECONDS)).delete()
    while library.purge_trash(trashed_before=now - timedelta(days=given.trash_days)):
        pass
    while contents.delete_orphans(before=now - timedelta(seconds=ORPHAN_SECONDS)):
        pass
    _remove_stale(Path(settings.DATA_DIR) / "incoming", older_than=time.time() - STALE_INCOMING_SECONDS)
    for key in IndexState.objects.values_list("model_key", flat=True):
        clear_garbage(model_key=key)
    if waiting_changes(1)[0]:
        sync_index.delay_on_commit()


def _free(rows: Any, statuses: set[str], before: Any) -> list[Any]:
    """Keys of rows that wait for a worker, the oldest first, without those that were made just now."""
    found: models.QuerySet[Any] = rows.filter(status__in=statuses, created_at__lt=before).order_by(
        "created_at", "pk"
    )
    held = found.values_list("pk", "lease_token", "lease_until").iterator(chunk_size=SENT_AT_ONCE)
    free = (pk for pk, token, until in held if claims.is_free(token, until))
    return [pk for pk, _ in zip(free, range(SENT_AT_ONCE), strict=False)]


def _send(task: str, keys: Iterable[Any]) -> None:
    import_module(task.rpartition(".")[0])
    row_task = cast(RowTask, app.tasks[task])
    for key in keys:
        row_task.delay_on_commit(key if isinstance(key, int) else str(key))


def _remove_stale(folder: Path, *, older_than: float) -> None:
    for path in folder.iterdir():
        try:
            if path.is_file() and path.stat().st_mtime < older_than:
                path.unlink()
        except FileNotFoundError:
            continue


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
