"""The sweep sends again what nobody works on, the cleaning clears up, and workers say they live."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError
from django.utils import timezone

from tasks import indexing, maintenance, runtime
from tasks.heartbeat import Heartbeat
from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import (
    Content,
    DuplicateReport,
    ImportJob,
    IndexChange,
    Media,
    Query,
    WorkerSeen,
)
from webapp.services import contents, storage
from webapp.services import library as entries

OLD = timedelta(days=365)


def age(model: Any, by: timedelta = timedelta(minutes=1), **which: Any) -> None:
    model.objects.filter(**which).update(created_at=timezone.now() - by)


def swept(sent_tasks: SentTasks) -> list[tuple[str, Any]]:
    sent_tasks.clear()
    with sent_tasks.committing():
        maintenance.sweep()
    return [(sent.name.removeprefix("tasks."), *sent.args) for sent in sent_tasks]


def stored_long_ago(sha256: str) -> None:
    os.utime(storage.original_path(sha256), (1, 1))


def waiting_content(number: int, **fields: Any) -> Content:
    content = Content.objects.create(sha256=f"{number:064x}", byte_size=1, **fields)
    Media.objects.create(content=content, path=f"{number}.jpg")
    return content


@pytest.mark.django_db
def test_everything_that_waits_is_sent_again(sent_tasks: SentTasks) -> None:
    content = waiting_content(1)
    query = Query.objects.create(content=content, name="a")
    job = ImportJob.objects.create(source="folder", location="/", name="b")
    report = DuplicateReport.objects.create()
    for model in (Content, Query, ImportJob, DuplicateReport):
        age(model)
    IndexChange.objects.create(content_id=content.pk)

    assert swept(sent_tasks) == [
        ("ingest.describe_content", content.pk),
        ("queries.run_query", str(query.pk)),
        ("imports.run_import", job.pk),
        ("duplicates.build_report", report.pk),
        ("indexing.sync_index",),
    ]


@pytest.mark.django_db
def test_what_was_made_just_now_is_finished_held_or_paused_is_left_alone(sent_tasks: SentTasks) -> None:
    waiting_content(1)
    held = waiting_content(2)
    waiting_content(3, status="ready")
    waiting_content(4, status="failed")
    Content.objects.create(sha256="f" * 64, byte_size=1)  # of a query, which describes it by itself
    ImportJob.objects.create(source="folder", location="/", name="a", status="paused")
    Query.objects.create(content=held, name="b", status="done")
    contents.claim_content(content_id=held.pk)
    for model in (ImportJob, Query):
        age(model)
    age(Content, sha256__gt=f"{1:064x}")

    assert swept(sent_tasks) == []


@pytest.mark.django_db
def test_a_dead_workers_work_is_sent_again_when_its_lease_ends(sent_tasks: SentTasks) -> None:
    content = waiting_content(1)
    contents.claim_content(content_id=content.pk)
    age(Content)
    assert swept(sent_tasks) == []

    Content.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert swept(sent_tasks) == [("ingest.describe_content", content.pk)]


@pytest.mark.django_db
def test_a_worker_far_behind_gets_the_oldest_rows_only(
    sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(maintenance, "REMINDERS", 3)
    made = [waiting_content(number) for number in range(8)]
    age(Content)
    contents.claim_content(content_id=made[0].pk)

    assert [pk for _, pk in swept(sent_tasks)] == [content.pk for content in made[1:4]]


@pytest.mark.django_db
def test_a_queue_that_is_full_gets_no_more_reminders(
    sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        waiting_content(number)
    age(Content)
    queues = {"ingest": maintenance.REMINDERS - 1, "queries": None, "background": 10**6}
    monkeypatch.setattr(maintenance, "messages_waiting", queues.get)

    assert len(swept(sent_tasks)) == 1


@pytest.mark.django_db
def test_old_queries_go_with_their_files_but_not_what_the_library_needs(library: LibraryMaker) -> None:
    media = library.picture(1)
    stored = storage.store([b"a query's upload"], max_bytes=100)
    upload = contents.get_or_create_content(stored=stored)
    for content in (upload, media.content):
        Query.objects.create(content=content, name="old")
    recent = Query.objects.create(content=media.content, name="recent")
    age(Query, OLD, name="old")
    age(Content, OLD)
    stored_long_ago(stored.sha256)

    maintenance.clean()

    assert list(Query.objects.all()) == [recent]
    assert list(Content.objects.all()) == [media.content]
    assert not storage.original_path(stored.sha256).exists()
    assert storage.original_path(media.content.sha256).exists()


@pytest.mark.django_db
def test_an_upload_whose_query_was_never_made_goes_after_a_day() -> None:
    young = contents.get_or_create_content(stored=storage.store([b"young"], max_bytes=100))
    old = contents.get_or_create_content(stored=storage.store([b"old"], max_bytes=100))
    age(Content, timedelta(days=2), pk=old.pk)

    maintenance.clean()

    assert list(Content.objects.all()) == [young]


@pytest.mark.django_db
def test_trash_past_its_days_is_purged_and_leaves_the_index(
    library: LibraryMaker, sent_tasks: SentTasks
) -> None:
    media, other = library.picture(1), library.picture(2)
    IndexChange.objects.bulk_create(
        [IndexChange(content_id=pk) for pk in (media.content_id, other.content_id)]
    )
    indexing.sync(wait_seconds=0)
    entries.trash_media(media_ids=[media.pk], actor=None)
    Media.objects.filter(pk=media.pk).update(trashed_at=timezone.now() - OLD)
    age(Content, OLD)

    with sent_tasks.committing():
        maintenance.clean()

    assert sent_tasks.run() == ["tasks.indexing.sync_index"]
    assert list(Content.objects.all()) == [other.content]
    assert runtime.reader().ids().tolist() == [other.content.frames.get().pk]
    assert indexing.check().is_good


@pytest.mark.django_db
def test_leftovers_of_killed_processes_are_removed_after_a_day() -> None:
    incoming = settings.DATA_DIR / "incoming"
    stale, fresh = incoming / "stale.part", incoming / "fresh.part"
    message = settings.DATA_DIR / "broker" / "ingest" / "stale.part"
    message.parent.mkdir(parents=True, exist_ok=True)
    long_ago = time.time() - 2 * maintenance.STALE_SECONDS
    for path in (stale, fresh, message):
        path.write_bytes(b"half")
    for path in (stale, message):
        os.utime(path, (long_ago, long_ago))

    maintenance.clean()

    assert not stale.exists()
    assert not message.exists()
    assert fresh.exists()


@pytest.mark.django_db
def test_index_files_that_nobody_reads_are_removed(library: LibraryMaker) -> None:
    for seed in (1, 2):
        IndexChange.objects.create(content_id=library.picture(seed).content_id)
        indexing.sync(wait_seconds=0)
    indexing.rebuild(wait_seconds=0)
    folder = runtime.index_folder("sightline@0")
    before = [path for path in folder.rglob("*") if path.is_file()]
    for path in [folder, *folder.rglob("*")]:
        os.utime(path, (1, 1))

    maintenance.clean()

    after = [path for path in folder.rglob("*") if path.is_file()]
    assert 0 < len(after) < len(before)
    assert indexing.check().is_good


@pytest.mark.django_db(transaction=True)
def test_a_worker_gives_signs_of_life_until_it_ends(sent_tasks: SentTasks) -> None:
    consumer = SimpleNamespace(
        hostname="one@here",
        task_consumer=SimpleNamespace(queues=[SimpleNamespace(name="ingest"), SimpleNamespace(name="index")]),
    )
    maintenance._worker_is_ready(sender=consumer)
    try:
        seen = eventually_seen("one@here")
        assert seen.queues == "index,ingest"
        assert timezone.now() - seen.seen_at < timedelta(seconds=5)
        assert sent_tasks.names() == ["tasks.maintenance.sweep"]
    finally:
        maintenance._worker_stops()
    assert not WorkerSeen.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_for_a_moment_does_not_end_the_heartbeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = WorkerSeen.objects.update_or_create
    failures: list[int] = []

    def fails_once(**values: Any) -> Any:
        if not failures:
            failures.append(1)
            raise DatabaseError("database is locked")
        return write(**values)

    monkeypatch.setattr(WorkerSeen.objects, "update_or_create", fails_once)
    heartbeat = Heartbeat("two@here", ["queries"], seconds=0.05)
    heartbeat.start()
    try:
        assert eventually_seen("two@here")
        assert failures
    finally:
        heartbeat.stop()


def eventually_seen(name: str) -> WorkerSeen:
    for _ in range(200):
        if seen := WorkerSeen.objects.filter(name=name).first():
            return seen
        time.sleep(0.01)
    raise AssertionError(f"{name} was never seen")
