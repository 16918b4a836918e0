"""A broker that is a folder: one message is one small file, so a fresh machine needs no server.

kombu's own file-system transport lets a reader see a message that is still being written; the reader
then dies of it and the message is lost. Here a message appears under its name only when it is whole,
and whoever removes the file owns the message. A message that a killed worker held is lost: rows say
what is to be done, and the sweep sends it again.
"""

from __future__ import annotations

import contextlib
import logging
import time
import uuid
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, virtual
from kombu.utils.json import dumps, loads

logger = logging.getLogger(__name__)

SCHEME = "folder"
SUFFIX = ".json"


class Channel(virtual.Channel):
    """Queues as folders. ``folder`` in the transport options says where."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._listed: dict[str, deque[str]] = {}

    def _folder(self, queue: str) -> Path:
        options: dict[str, Any] = self.connection.client.transport_options  # type: ignore[union-attr,assignment]
        return Path(options["folder"]) / queue

    def _put(self, queue: str, message: dict[str, Any], **_: Any) -> None:
        folder = self._folder(queue)
        name = f"{time.time_ns():020d}-{uuid.uuid4().hex}"
        part = folder / f"{name}.part"
        try:
            part.write_text(dumps(message))
        except FileNotFoundError:
            folder.mkdir(parents=True, exist_ok=True)
            part.write_text(dumps(message))
        part.rename(folder / f"{name}{SUFFIX}")

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        names = self._listed.setdefault(queue, deque())
        if not names:
            names.extend(self._names(queue))
        while names:
            message = self._take(self._folder(queue) / names.popleft())
            if message is not None:
                return message
        raise Empty

    @staticmethod
    def _take(path: Path) -> Any:
        try:
            text = path.read_text()
            path.unlink()
        except FileNotFoundError:  # another worker was quicker
            return None
        try:
            return loads(text)
        except ValueError:  # torn by a power failure: its row is still there, and the sweep sends again
            logger.warning("A message was damaged and is left out: %s", path.name)
            return None

    def _names(self, queue: str) -> list[str]:
        """Whole messages, oldest first."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(path.name for path in self._folder(queue).iterdir() if path.suffix == SUFFIX)
        return []

    def _size(self, queue: str) -> int:
        return len(self._names(queue))

    def _has_queue(self, queue: str, **_: Any) -> bool:
        return self._folder(queue).is_dir()

    def _new_queue(self, queue: str, **_: Any) -> None:
        self._folder(queue).mkdir(parents=True, exist_ok=True)

    def _purge(self, queue: str) -> int:
        taken = [self._take(self._folder(queue) / name) for name in self._names(queue)]
        return sum(message is not None for message in taken)


class Transport(virtual.Transport):
    Channel = Channel
    driver_type = driver_name = SCHEME
    # Each process has queues of its own in memory; what they share is the folder.
    global_state = virtual.BrokerState()

    def driver_version(self) -> str:
        return "1"


def register() -> None:
    """Let ``folder://`` name this transport in a broker URL."""
    TRANSPORT_ALIASES[SCHEME] = f"{__name__}:Transport"
