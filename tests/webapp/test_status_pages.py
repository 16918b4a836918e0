"""The status page and the two addresses for machines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from kombu import Connection

from tasks.celery import QUEUES, app
from tests.library import LibraryMaker
from webapp.models import Content, IndexChange, IndexState, WorkerSeen

pytestmark = pytest.mark.django_db
# Django logs every answer of the 500s as an error.
expects_503 = pytest.mark.usefixtures("expected_errors")
MODEL = settings.SIGHTLINE.model


@pytest.fixture
def worker() -> WorkerSeen:
    return WorkerSeen.objects.create(name="one@here", queues=",".join(QUEUES), seen_at=timezone.now())


@pytest.fixture
def index(library: LibraryMaker) -> IndexState:
    """A library of one picture, and a real generation of its index."""
    from search.index.base import IndexRows
    from tasks.runtime import index_store
    from webapp.models import Embedding

    embedding = Embedding.objects.get(frame__content=library.picture(1).content)
    vector = np.frombuffer(embedding.vector, dtype=np.float16)
    rows = IndexRows(
        ids=np.array([embedding.frame_id]), owners=np.array([embedding.frame.content_id]),
        vectors=vector.reshape(1, -1), hashes=np.zeros(1, dtype=np.uint64),
    )  # fmt: skip
    manifest = index_store(MODEL).commit("", additions=[rows], removals=np.empty(0, dtype=np.int64))
    return IndexState.objects.create(
        model_key=MODEL,
        generation=manifest.generation,
        manifest=manifest.name,
        vectors=1,
        synced_at=timezone.now(),
    )


def ask(client: Client) -> tuple[int, list[str], dict[str, dict[str, object]]]:
    answer = client.get(reverse("status-ready"))
    document = json.loads(answer.content)
    return answer.status_code, document["failing"], document["checks"]


def test_live_answers_whatever_else_is_broken(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", broken)
    answer = client.get(reverse("status-live"))
    assert (answer.status_code, answer.json()) == (200, {"status": "live"})


def test_ready_with_worker_and_index(client: Client, worker: WorkerSeen, index: IndexState) -> None:
    code, failing, checks = ask(client)
    assert (code, failing) == (200, [])
    assert set(checks) == {"database", "storage", "broker", "worker", "index"}
    assert "1 vectors" in str(checks["index"]["message"])


def test_an_empty_library_is_ready_without_an_index(client: Client, worker: WorkerSeen) -> None:
    assert ask(client)[:2] == (200, [])


@expects_503
def test_entries_without_an_index_are_not_ready(
    client: Client, worker: WorkerSeen, library: LibraryMaker
) -> None:
    library.picture(1)
    assert ask(client)[:2] == (503, ["index"])


@expects_503
def test_a_lost_manifest_or_torn_segment_is_not_ready(
    client: Client, worker: WorkerSeen, index: IndexState
) -> None:
    from tasks.runtime import index_folder

    segment = max((path for path in (index_folder(MODEL) / "segments").rglob("*") if path.is_file()),
                  key=lambda path: path.stat().st_size)  # fmt: skip
    whole = segment.read_bytes()
    segment.write_bytes(whole[:-1])
    assert ask(client)[:2] == (503, ["index"])
    segment.write_bytes(whole)
    assert ask(client)[:2] == (200, [])
    next((index_folder(MODEL) / "manifests").glob("*.json")).unlink()
    code, failing, checks = ask(client)
    assert (code, failing) == (503, ["index"]) and "missing" in str(checks["index"]["message"])


@expects_503
def test_a_worker_that_fell_silent_is_missed(client: Client, worker: WorkerSeen) -> None:
    WorkerSeen.objects.update(seen_at=timezone.now() - timedelta(seconds=59))
    assert ask(client)[:2] == (200, [])
    WorkerSeen.objects.update(seen_at=timezone.now() - timedelta(seconds=61))
    assert ask(client)[:2] == (503, ["worker"])


@expects_503
def test_a_queue_that_nobody_serves_is_named(client: Client) -> None:
    WorkerSeen.objects.create(name="half", queues="queries,ingest", seen_at=timezone.now())
    code, failing, checks = ask(client)
    assert (code, failing) == (503, ["worker"])
    assert "index, background" in str(checks["worker"]["message"])


@pytest.fixture
def no_broker_folder(tmp_path: Path) -> Iterator[None]:
    options = app.conf.broker_transport_options
    (tmp_path / "file").write_text("in the way")
    before = options["folder"]
    options["folder"] = str(tmp_path / "file" / "below")
    yield
    options["folder"] = before


@expects_503
def test_a_broker_that_takes_no_messages_is_named(
    client: Client, worker: WorkerSeen, no_broker_folder: None
) -> None:
    assert ask(client)[:2] == (503, ["broker"])


@expects_503
def test_a_redis_that_does_not_answer_is_named_within_seconds(
    client: Client, worker: WorkerSeen, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(app.conf, "broker_transport_options", {"socket_connect_timeout": 1})
    monkeypatch.setattr(
        app, "connection_for_write", lambda **more: Connection("redis://127.0.0.1:1/0", **more)
    )
    code, failing, checks = ask(client)
    assert (code, failing) == (503, ["broker"])
    assert "REDIS_URL" in str(checks["broker"]["message"])


@expects_503
def test_a_database_that_does_not_answer_is_named(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(connection, "cursor", broken)
    code, failing, checks = ask(client)
    assert (code, failing) == (503, ["database"])
    assert "gone" not in str(checks)


def test_the_page_tells_rows_against_vectors_waiting_work_and_workers(
    client: Client, editor: Client, worker: WorkerSeen, index: IndexState, library: LibraryMaker
) -> None:
    library.picture(2)
    waiting = Content.objects.create(sha256="0" * 64, byte_size=1)
    Content.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(minutes=7))
    IndexChange.objects.create(content_id=waiting.pk)
    page = client.get(reverse("status")).content.decode()
    assert "<dt>Frames in the library</dt><dd>2</dd>" in page
    assert "<dt>Vectors in the index</dt><dd>1</dd>" in page
    assert '<span class="badge badge--warning">1</span>' in page
    assert "1 · oldest 7\xa0minutes" in page
    assert "Everything works." in page
    assert "one@here" not in page and "Versions" not in page
    mine = editor.get(reverse("status")).content.decode()
    assert "one@here" in mine and "Django" in mine


def test_the_page_is_shown_even_when_things_are_missing(
    client: Client, library: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    library.picture(1)
    page = client.get(reverse("status")).content.decode()
    assert "2 things need attention." in page
    assert "No worker has given a sign of life" in page and "there is no index of them yet" in page
    assert "Not run yet." in page


def test_the_self_test_of_the_formats_is_shown(client: Client) -> None:
    results = [
        {"name": "JPEG", "state": "ok", "words": ""},
        {"name": "HEIC", "state": "failed", "words": "The decoder is missing."},
    ]
    path = settings.DATA_DIR / "formats.json"
    path.write_text(json.dumps({"checked_at": timezone.now().isoformat(), "results": results}))
    page = client.get(reverse("status")).content.decode()
    assert "JPEG" in page and "HEIC: The decoder is missing." in page
    path.write_text("{torn")
    assert "Not run yet." in client.get(reverse("status")).content.decode()


def test_with_public_search_off_the_page_needs_an_account_but_machines_do_not(
    private_search: None, client: Client, worker: WorkerSeen
) -> None:
    assert client.get(reverse("status"))["Location"].startswith(reverse("login"))
    assert client.get(reverse("status-live")).status_code == 200
    assert client.get(reverse("status-ready")).status_code == 200
