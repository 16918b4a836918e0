"""Whether the parts behind the web process are there: the broker and the files of the index.

Light enough for the web process: no network and no index is loaded.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _
from kombu.exceptions import ChannelError, OperationalError

from search.errors import SearchIndexError
from tasks.celery import app
from tasks.runtime import index_folder
from webapp.models import IndexState

BROKER_SECONDS = 2.0


def broker_problem() -> str:
    """Why no message can be sent now, in words; empty if one can."""
    folder = app.conf.broker_transport_options.get("folder")
    return _folder_problem(Path(folder)) if folder else _server_problem()


def _folder_problem(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return ""
    except OSError as error:
        return _("The folder for messages cannot be written: %(reason)s.") % {"reason": error.strerror}


def _server_problem() -> str:
    try:
        with app.connection_for_write(connect_timeout=int(BROKER_SECONDS)) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=int(BROKER_SECONDS))
            return ""
    except (OperationalError, OSError):
        return _("The message broker does not answer. Is the server of REDIS_URL running?")


def messages_waiting(queue: str) -> int | None:
    """How many messages lie in a queue; ``None`` if the broker cannot be asked."""
    try:
        with app.connection_for_write(connect_timeout=int(BROKER_SECONDS)) as connection:
            connection.ensure_connection(max_retries=1, interval_start=0, timeout=int(BROKER_SECONDS))
            channel: Any = connection.default_channel
            return int(channel.queue_declare(queue=queue, passive=True).message_count)
    except ChannelError:  # the queue is made with its first message
        return 0
    except (OperationalError, OSError):
        return None


def index_problem(state: IndexState) -> str:
    """Why the generation in force cannot be read, in words; empty if its files are whole.

    Sizes are compared, contents are not: this is asked every few seconds.
    """
    from search.index.manifest import read_manifest

    folder = index_folder(state.model_key)
    try:
        manifest = read_manifest(folder / "manifests", state.manifest)
        for segment in manifest.segments:
            for entry in segment.files:
                entry.check(folder / "segments" / segment.name, content=False)
            if segment.removed_file:
                segment.removed_file.check(folder / "removed", content=False)
    except SearchIndexError as error:
        return str(error)
    return ""
