"""The worker's sign of life: a thread that renews one row, and goes with the worker."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable

from django.db import DatabaseError, connection
from django.utils import timezone

from webapp.models import WorkerSeen

logger = logging.getLogger(__name__)

SECONDS = 5.0


class Heartbeat:
    def __init__(self, name: str, queues: Iterable[str], *, seconds: float = SECONDS) -> None:
        self.name, self.queues, self.seconds = name[:200], ",".join(sorted(queues))[:200], seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop, and take the row away: this worker is not missing, it ended."""
        self._stop.set()
        self._thread.join(timeout=self.seconds)

    def _run(self) -> None:
        try:
            self._beat()
            while not self._stop.wait(self.seconds):
                self._beat()
            WorkerSeen.objects.filter(name=self.name).delete()
        except DatabaseError as error:
            logger.warning("The last sign of life was not taken back: %s", error)
        finally:
            connection.close()

    def _beat(self) -> None:
        seen = {"queues": self.queues, "seen_at": timezone.now()}
        try:
            WorkerSeen.objects.update_or_create(name=self.name, defaults=seen)
        except DatabaseError as error:
            logger.warning("No sign of life could be written; the next one is due soon. %s", error)
            connection.close()
