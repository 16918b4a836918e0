"""Is everything there that a search needs? Each check says so in words, or why not."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tasks.celery import QUEUES
from tasks.health import broker_problem, index_problem
from webapp.selectors import status as selector


@dataclass(frozen=True, slots=True)
class Check:
    name: str
    ok: bool
    words: str


def run_checks() -> list[Check]:
    """All checks in a fixed order. Without a database the ones that read rows cannot be made."""
    database = _database()
    if not database.ok:
        return [database, _storage(), _broker()]
    return [database, _storage(), _broker(), _worker(), _index()]


def _check(name: str, problem: str, good: str) -> Check:
    return Check(name, not problem, problem or good)


def _database() -> Check:
    try:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except DatabaseError:
        return Check("database", False, _("The database does not answer."))
    problem = _("The database is older than the program. Run “manage.py migrate”.") if waiting else ""
    return _check("database", problem, _("It answers and is up to date."))


def _storage() -> Check:
    try:
        with tempfile.TemporaryFile(dir=settings.DATA_DIR):
            disk = selector.disk()
    except OSError as error:
        words = _("The data folder cannot be written: %(reason)s.") % {"reason": error.strerror}
        return Check("storage", False, words)
    free = _("%(free)s free.") % {"free": filesizeformat(disk.free)}
    return _check(
        "storage", _("The disk is nearly full: %(free)s") % {"free": free} if disk.is_low else "", free
    )


def _broker() -> Check:
    return _check("broker", broker_problem(), _("It takes messages."))


def _worker() -> Check:
    served = selector.served_queues()
    missing = [queue for queue in QUEUES if queue not in served]
    if not served:
        return Check("worker", False, _("No worker has given a sign of life in the last minute."))
    if missing:
        words = _("No worker takes work from: %(queues)s.") % {"queues": ", ".join(missing)}
        return Check("worker", False, words)
    alive = sum(worker.is_alive for worker in selector.workers())
    words = ngettext("%(count)s worker is alive.", "%(count)s workers are alive.", alive)
    return Check("worker", True, words % {"count": alive})


def _index() -> Check:
    """An empty library needs no index; with entries, the generation in force must be whole on the disk."""
    state = selector.current_index()
    if state is None or not state.manifest:
        if selector.has_searchable_content():
            return Check("index", False, _("The library has entries, but there is no index of them yet."))
        return Check("index", True, _("The library is empty, so there is nothing to index."))
    good = _("Generation %(generation)s with %(vectors)s vectors is in place.")
    words = good % {"generation": state.generation, "vectors": state.vectors}
    return _check("index", index_problem(state), words)


CHECK_TITLES: dict[str, Callable[[], str]] = {
    "database": lambda: _("Database"),
    "storage": lambda: _("Storage"),
    "broker": lambda: _("Messages"),
    "worker": lambda: _("Workers"),
    "index": lambda: _("Index"),
}
