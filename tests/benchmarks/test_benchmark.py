"""The benchmark measures what it says, on a library of its own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.stack import Stack
from webapp.management.benchmarking.browser import PANEL, Visitor

pytestmark = pytest.mark.slow


@pytest.mark.timeout(300)
def test_the_benchmark_prints_every_figure_and_leaves_the_library_alone(real_worker: Stack) -> None:
    figures = json.loads(real_worker.manage("benchmark", "--pictures=60", "--searches=3", "--json"))
    assert figures["pictures"] == 60
    assert figures["searches"] == 3
    assert 0 < figures["search_p50"] <= figures["search_p95"] < 60
    assert 10 < figures["web_memory_mb"] < 200, "the web process loads no network"
    assert figures["web_memory_mb"] <= figures["web_memory_after_mb"] < 300
    assert figures["search_worker_memory_mb"] > figures["web_memory_after_mb"]
    assert min(figures["web_start"], figures["ingest_per_second"], figures["rebuild"]) > 0
    assert real_worker.rows("SELECT count(*) FROM webapp_content") == [(0,)]


@pytest.mark.django_db(transaction=True)
def test_the_visitor_waits_for_the_page_as_a_browser_does(live_server: object, tmp_path: Path) -> None:
    from tests import media

    visitor = Visitor("127.0.0.1", live_server.thread.port)  # type: ignore[attr-defined]
    page = visitor.open("/")
    assert page.status == 200
    form = visitor._form(media.encoded(media.picture(3)), "three.jpg")
    posted = visitor.open("/search/", *form, method="POST")
    assert posted.status == 302
    assert PANEL.search(visitor.open(posted.location).text), "the page says whom to ask and when"
