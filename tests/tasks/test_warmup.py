"""Loading ahead: for workers that answer searches, and never at the cost of the worker."""

from __future__ import annotations

import logging
import threading
from types import SimpleNamespace

import pytest

from search.errors import ModelError
from tasks import runtime, warmup


@pytest.mark.parametrize(("queues", "loads"), [(["queries", "index"], True), (["index", "ingest"], False)])
def test_only_a_worker_that_answers_searches_loads_ahead(
    queues: list[str], loads: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = threading.Event()
    monkeypatch.setattr(warmup, "warm_up", loaded.set)
    monkeypatch.setattr(
        warmup, "app", SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=queues)))
    )
    warmup._worker_process_starts()
    assert loaded.wait(5.0 if loads else 0.1) == loads


@pytest.mark.django_db
def test_what_cannot_be_loaded_is_left_to_the_first_search(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail() -> None:
        raise ModelError("The weights are missing.")

    monkeypatch.setattr(runtime, "embedder", fail)
    monkeypatch.setattr(warmup, "connection", SimpleNamespace(close=lambda: None))
    with caplog.at_level(logging.WARNING):
        warmup.warm_up()
    assert "The weights are missing." in caplog.text
