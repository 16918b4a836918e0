"""The Celery application: queues, broker and how a message may fail.

Messages are hints. The rows say what is to be done, and :mod:`tasks.maintenance` sends again what no
worker holds, so a lost or repeated message costs time and nothing else.
"""

from __future__ import annotations

import logging
import os
from typing import Any

from celery import Celery
from celery.contrib.django.task import DjangoTask
from kombu import Queue
from kombu.exceptions import OperationalError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "webapp.settings")

from django.conf import settings

from tasks import file_broker

logger = logging.getLogger(__name__)

QUEUES = ("queries", "ingest", "index", "background")


class RowTask(DjangoTask[Any, Any]):
    """A task whose arguments are primary keys of rows that say the rest."""

    def delay_on_commit(self, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]  # the stubs are wrong
        """Send after the transaction commits. Without a broker the row waits for the next sweep."""
        from django.db import transaction

        transaction.on_commit(lambda: self._send(*args, **kwargs))

    def _send(self, *args: Any, **kwargs: Any) -> None:
        try:
            self.delay(*args, **kwargs)
        except (OperationalError, OSError):
            logger.warning("The broker is away; %s%r waits for the next sweep.", self.name, args)


def _broker() -> dict[str, Any]:
    environment = settings.SIGHTLINE
    if environment.redis_url:
        return {
            "broker_url": environment.redis_url,
            "broker_transport_options": {"socket_timeout": 5, "socket_connect_timeout": 2},
        }
    file_broker.register()
    return {
        "broker_url": f"{file_broker.SCHEME}://localhost//",
        "broker_transport_options": {
            "folder": str(environment.data_dir / "broker"),
            "polling_interval": environment.polling_interval,
        },
    }


app = Celery("sightline", task_cls=RowTask)
app.conf.update(
    _broker(),
    task_queues=[Queue(name) for name in QUEUES],
    task_default_queue="background",
    task_routes={
        "tasks.queries.*": {"queue": "queries"},
        "tasks.ingest.*": {"queue": "ingest"},
        "tasks.indexing.*": {"queue": "index"},
    },
    task_ignore_result=True,
    task_publish_retry_policy={"max_retries": 2, "interval_start": 0, "interval_step": 0.2},
    worker_prefetch_multiplier=1,
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    timezone="UTC",
    imports=[
        "tasks.queries",
        "tasks.ingest",
        "tasks.indexing",
        "tasks.imports",
        "tasks.duplicates",
        "tasks.maintenance",
        "tasks.warmup",
        "tasks.formats",
    ],
    beat_schedule={
        "sweep": {"task": "tasks.maintenance.sweep", "schedule": 30.0},
        "clean": {"task": "tasks.maintenance.clean", "schedule": 3600.0},
    },
    beat_schedule_filename=str(settings.DATA_DIR / "beat-schedule"),
)
