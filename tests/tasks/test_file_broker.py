"""The folder broker: whole messages, each delivered once, in order, however many read and write."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from kombu import Connection
from kombu.simple import SimpleQueue

from tasks import file_broker, health
from tasks.celery import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    file_broker.register()
    return tmp_path / "broker"


@pytest.fixture
def connection(folder: Path) -> Iterator[Connection]:
    with _connect(folder) as connection:
        yield connection


def _connect(folder: Path) -> Connection:
    options = {"folder": str(folder), "polling_interval": 0.005}
    return Connection(f"{file_broker.SCHEME}://", transport_options=options)


def _send(connection: Connection, *bodies: Any, queue: str = "ingest") -> None:
    producer = connection.Producer(serializer="json")
    for body in bodies:
        producer.publish(body, exchange="", routing_key=queue)


def _receive(queue: SimpleQueue) -> Any:
    message = queue.get(timeout=2)
    message.ack()
    return message.payload


def test_messages_come_in_the_order_they_were_sent(connection: Connection) -> None:
    _send(connection, *range(30))
    with connection.SimpleQueue("ingest") as queue:
        assert [_receive(queue) for _ in range(30)] == list(range(30))


def test_a_queue_takes_only_its_own_messages(connection: Connection) -> None:
    _send(connection, "a", queue="queries")
    with connection.SimpleQueue("ingest") as queue, pytest.raises(queue.Empty):
        queue.get(timeout=0.1)
    with connection.SimpleQueue("queries") as queue:
        assert _receive(queue) == "a"


def test_another_process_sees_what_was_sent_before_it_came(folder: Path) -> None:
    with _connect(folder) as sender:
        _send(sender, "early")
    with _connect(folder) as receiver, receiver.SimpleQueue("ingest") as queue:
        assert len(queue) == 1
        assert _receive(queue) == "early"


def test_a_message_that_is_half_written_is_not_seen(connection: Connection, folder: Path) -> None:
    _send(connection, "whole")
    (folder / "ingest" / "00000000000000000001-x.part").write_text('{"body": "ha')
    with connection.SimpleQueue("ingest") as queue:
        assert len(queue) == 1
        assert _receive(queue) == "whole"


def test_a_message_not_acknowledged_goes_back_when_its_worker_stops_in_order(folder: Path) -> None:
    with _connect(folder) as first:
        _send(first, "again")
        first.SimpleQueue("ingest").get(timeout=2)
    with _connect(folder) as second, second.SimpleQueue("ingest") as queue:
        assert _receive(queue) == "again"


def test_purge_says_how_many_it_removed(connection: Connection) -> None:
    _send(connection, 1, 2, 3)
    with connection.SimpleQueue("ingest") as queue:
        assert queue.clear() == 3
        assert len(queue) == 0


def test_many_writers_and_readers_lose_nothing_and_repeat_nothing(folder: Path) -> None:
    writers, readers, each = 3, 3, 150
    received: list[int] = []

    def write(number: int) -> None:
        with _connect(folder) as connection:
            _send(connection, *range(number * each, (number + 1) * each))

    def read() -> None:
        with _connect(folder) as connection, connection.SimpleQueue("ingest") as queue:
            while len(received) < writers * each:
                try:
                    message = queue.get(timeout=0.3)
                except queue.Empty:
                    continue
                received.append(message.payload)
                message.ack()

    threads = [threading.Thread(target=write, args=[number]) for number in range(writers)]
    threads += [threading.Thread(target=read) for _ in range(readers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert sorted(received) == list(range(writers * each))


def test_a_message_that_a_power_failure_tore_is_left_out(connection: Connection, folder: Path) -> None:
    _send(connection, "first", "second")
    first = min((folder / "ingest").iterdir())
    first.write_text("")
    with connection.SimpleQueue("ingest") as queue:
        assert _receive(queue) == "second"


def test_waiting_messages_are_counted(monkeypatch: pytest.MonkeyPatch, connection: Connection) -> None:
    monkeypatch.setattr(app, "connection_for_write", lambda **_: connection.clone())
    assert health.messages_waiting("ingest") == 0
    _send(connection, 1, 2, 3)
    assert health.messages_waiting("ingest") == 3
