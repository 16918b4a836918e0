"""Answering searches."""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable

from django.utils.translation import gettext as _

from search.errors import SearchError
from search.matching.query import QueryDescription
from search.types import SearchResult
from tasks import runtime
from tasks.celery import app
from tasks.ingest import describe_now
from tasks.library import DatabaseLibrary
from tasks.query_input import query_of_content, query_of_file
from webapp.models import Content, Query
from webapp.selectors.queries import get_query, region_of
from webapp.services import claims
from webapp.services import queries as service
from webapp.services.storage import StorageError, original_path

logger = logging.getLogger(__name__)

LEASE_SECONDS = 60.0
PROGRESS_SECONDS = 0.2
DESCRIBED = 40  # per cent of the bar when the search itself begins

Progress = Callable[[str, int], None]


class QueryFailed(Exception):
    """The search cannot be answered. ``str(error)`` is a sentence for the person who asked."""


# Their texts are sentences for the person who asked.
KNOWN = (QueryFailed, SearchError, StorageError, TimeoutError, runtime.IndexUnavailable)


@app.task
def run_query(query_id: str) -> None:
    """Answer one search and save its result, or the reason why there is none."""
    open_states = [Query.Status.PENDING, Query.Status.RUNNING]
    rows = Query.objects.filter(status__in=open_states)
    token = claims.claim(rows, query_id, lease_seconds=LEASE_SECONDS, status=Query.Status.RUNNING)
    if token is None:
        return
    with claims.kept(Query.objects.all(), [(query_id, token)], lease_seconds=LEASE_SECONDS):
        _answer(query_id, token)


def _answer(query_id: str, token: str) -> None:
    try:
        _search_and_save(get_query(query_id), token)
    except KNOWN as error:
        service.fail_query(query_id=query_id, token=token, error=str(error))
    except Exception:
        logger.exception("The search %s failed.", query_id)
        words = _("Something went wrong on the server. Please try again.")
        service.fail_query(query_id=query_id, token=token, error=words)


def _search_and_save(query: Query, token: str) -> None:
    progress = _Progress(query.pk, token)
    progress(_("Looking at the file"), 5)
    started = time.perf_counter()
    described = _describe(query)
    timings = {"describe": time.perf_counter() - started}
    result = search(described, lambda stage, percent: progress(stage, _share(percent)))
    timings["total"] = time.perf_counter() - started
    service.save_result(
        query_id=query.pk, token=token, result=result, model_key=runtime.model_key(), timings=timings
    )


def search(described: QueryDescription, progress: Progress) -> SearchResult:
    """Search the library with what is loaded in this process.

    Raises:
        IndexUnavailable: there is nothing to search yet.
    """
    from search.matching.searcher import Searcher

    reader = runtime.reader()
    library = DatabaseLibrary(reader.model_key)
    return Searcher(runtime.config(), runtime.embedder(), reader, library).search(described, progress)


def _describe(query: Query) -> QueryDescription:
    content, region = _described(query.content), region_of(query)
    if region is not None:
        # A part has no bytes of its own, so no exact match: it is a picture of unknown origin.
        return query_of_file(original_path(content.sha256), region=region)
    return query_of_content(content, model_key=runtime.model_key())


def _described(content: Content) -> Content:
    if content.status != Content.Status.READY:
        content = describe_now(content.pk)
    if content.status != Content.Status.READY:
        raise QueryFailed(content.error or _("The file is still being read. Please try again in a moment."))
    return content


def _share(percent: int) -> int:
    return DESCRIBED + percent * (99 - DESCRIBED) // 100


class _Progress:
    """Writes the stage to the row, but not more often than a person can see."""

    def __init__(self, query_id: uuid.UUID, token: str) -> None:
        self.query_id, self.token = query_id, token
        self.written = float("-inf")

    def __call__(self, stage: str, percent: int) -> None:
        now = time.monotonic()
        if now - self.written >= PROGRESS_SECONDS:
            self.written = now
            service.report_progress(query_id=self.query_id, token=self.token, stage=stage, percent=percent)
