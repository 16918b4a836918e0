"""Loading what a search needs when a worker starts, so that the first person does not wait for it."""

from __future__ import annotations

import logging
import threading
from typing import Any

from celery.signals import worker_process_init
from django.db import connection

from search.errors import SearchError
from tasks import runtime
from tasks.celery import app

logger = logging.getLogger(__name__)


@worker_process_init.connect
def _worker_process_starts(**_: Any) -> None:
    # In a thread, since the worker should take its first message at once: whoever needs the model waits for
    # the same lock. Never before a fork: this signal comes in the process that will do the work.
    if "queries" in app.amqp.queues.consume_from:
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()


def warm_up() -> None:
    """Load the model and the index. A failure is left to the first search, which says it in words."""
    try:
        import search.matching.searcher  # noqa: F401

        runtime.embedder()
        runtime.reader()
    except (SearchError, runtime.IndexUnavailable, OSError) as error:
        logger.warning("Not everything could be loaded ahead of the first search: %s", error)
    finally:
        connection.close()
