"""What the status page tells: workers, the index beside the database, waiting work, disk and versions."""

from __future__ import annotations

import json
import platform
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Count, Min, QuerySet
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from webapp.models import (
    Content,
    DuplicateReport,
    ImportJob,
    IndexChange,
    IndexState,
    Media,
    Query,
    WorkerSeen,
)
from webapp.selectors.duplicates import OPEN_REPORTS
from webapp.selectors.imports import OPEN_JOBS
from webapp.selectors.index import active_model_key, indexable_frames, library_contents

SEEN_WITHIN = timedelta(seconds=60)
# Below this the next clip may not fit, and a database that cannot grow refuses every change.
LOW_DISK_BYTES = 500 * 1024 * 1024
PACKAGES = (
    "sightline",
    "Django",
    "celery",
    "torch",
    "torchvision",
    "faiss-cpu",
    "av",
    "Pillow",
    "pillow-heif",
)


@dataclass(frozen=True, slots=True)
class Worker:
    name: str
    queues: list[str]
    seen_at: datetime
    is_alive: bool


@dataclass(frozen=True, slots=True)
class IndexReport:
    """``rows``: frames that belong in the index. ``vectors``: what its generation in force holds."""

    model_key: str
    state: IndexState | None
    rows: int
    vectors: int
    waiting: int
    oldest_waiting: datetime | None

    @property
    def difference(self) -> int:
        return abs(self.rows - self.vectors)


@dataclass(frozen=True, slots=True)
class Backlog:
    """Work of one kind that has not ended: how much, and since when the oldest of it waits."""

    name: str
    count: int
    oldest: datetime | None


@dataclass(frozen=True, slots=True)
class FormatsReport:
    """The latest self-test of the decoders: name, state (ok, failed, untested) and words for each format."""

    checked_at: datetime | None
    results: list[dict[str, str]]

    @property
    def failed(self) -> list[dict[str, str]]:
        return [result for result in self.results if result["state"] == "failed"]


@dataclass(frozen=True, slots=True)
class Disk:
    free: int
    total: int

    @property
    def is_low(self) -> bool:
        return self.free < LOW_DISK_BYTES


def workers() -> list[Worker]:
    """Workers with a row, the latest sign of life first."""
    now = timezone.now()
    return [
        Worker(seen.name, seen.queues.split(","), seen.seen_at, now - seen.seen_at <= SEEN_WITHIN)
        for seen in WorkerSeen.objects.order_by("-seen_at")[:50]
    ]


def served_queues() -> set[str]:
    """Queues that a worker which was seen lately takes work from."""
    return {queue for worker in workers() if worker.is_alive for queue in worker.queues}


def index_report() -> IndexReport:
    model_key, state = active_model_key(), current_index()
    waiting = IndexChange.objects.aggregate(count=Count("id"), oldest=Min("created_at"))
    return IndexReport(
        model_key=model_key,
        state=state,
        rows=indexable_frames(model_key).count(),
        vectors=state.vectors if state else 0,
        waiting=waiting["count"],
        oldest_waiting=waiting["oldest"],
    )


def current_index() -> IndexState | None:
    """The pointer row of the model in force."""
    return IndexState.objects.filter(model_key=active_model_key()).first()


def has_searchable_content() -> bool:
    return library_contents().exists()


def backlogs() -> list[Backlog]:
    searches = Query.objects.filter(status__in=[Query.Status.PENDING, Query.Status.RUNNING])
    contents = Content.objects.filter(status__in=[Content.Status.PENDING, Content.Status.PROCESSING])
    return [
        _backlog("searches", searches),
        _backlog("files", contents),
        _backlog("imports", ImportJob.objects.filter(status__in=OPEN_JOBS)),
        _backlog("reports", DuplicateReport.objects.filter(status__in=OPEN_REPORTS)),
    ]


def _backlog(name: str, rows: QuerySet[Any]) -> Backlog:
    found = rows.order_by().aggregate(count=Count("pk"), oldest=Min("created_at"))
    return Backlog(name, found["count"], found["oldest"])


def library_counts() -> dict[str, int]:
    """Live entries by the state of their content; ``total`` of them."""
    rows = (
        Media.objects.filter(trashed_at=None).order_by().values_list("content__status").annotate(Count("id"))
    )
    counts = dict.fromkeys(Content.Status.values, 0) | dict(rows)
    return counts | {"total": sum(counts.values())}


def formats_path() -> Path:
    return Path(settings.DATA_DIR) / "formats.json"


def formats_report() -> FormatsReport | None:
    """What a worker found when it last tested itself; ``None`` if none did yet."""
    try:
        document = json.loads(formats_path().read_text())
        return FormatsReport(parse_datetime(document["checked_at"]), list(document["results"]))
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):  # written by an older version: the next start writes it anew
        return None


def disk() -> Disk:
    usage = shutil.disk_usage(settings.DATA_DIR)
    return Disk(usage.free, usage.total)


def versions() -> dict[str, str]:
    """Of what runs here. Packages are asked for their number, not loaded."""
    database = f"SQLite {sqlite3.sqlite_version}" if connection.vendor == "sqlite" else connection.vendor
    found = {"Python": platform.python_version(), "Database": database}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
