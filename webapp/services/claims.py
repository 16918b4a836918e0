"""Taking a row for a while: conditional updates, leases, and what happens when the holder dies.

A claim swaps the row's ``lease_token`` for a fresh one, on condition that it still is the one that was
read: of several workers that try, one row changes for exactly one of them. Everything a holder writes
is again conditional on its token, so a slow worker whose lease was taken over writes nothing.

A token names the process that made it. On the same machine a claim of a process that no longer exists
is free at once; elsewhere it is free when the lease runs out.
"""

from __future__ import annotations

import contextlib
import logging
import secrets
import threading
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.db import DatabaseError, connection, models
from django.utils import timezone
from django.utils.translation import gettext as _

from webapp.services.processes import is_gone, this_process

logger = logging.getLogger(__name__)

MAX_ATTEMPTS = 3

Row = TypeVar("Row", bound=models.Model)


def new_token() -> str:
    """32 characters: the process (24) and a random part (8)."""
    return this_process() + secrets.token_hex(4)


def is_free(lease_token: str, lease_until: datetime | None) -> bool:
    """Whether nobody holds a row with these values any more."""
    return lease_until is None or lease_until <= timezone.now() or is_gone(lease_token[:24])


def claim(rows: models.QuerySet[Row], pk: Any, *, lease_seconds: float, **changes: Any) -> str | None:
    """Take the row ``pk`` of ``rows`` and return the token, or ``None`` if it cannot be had.

    ``rows`` says which rows may be worked on, e.g. those waiting or running. ``changes`` are set in the
    same update, e.g. ``status="running"``. A row that was tried :data:`MAX_ATTEMPTS` times is failed.
    """
    seen = rows.filter(pk=pk).values("lease_token", "lease_until", "attempts", "error").first()
    if seen is None or not is_free(seen["lease_token"], seen["lease_until"]):
        return None
    unchanged = rows.filter(pk=pk, lease_token=seen["lease_token"], lease_until=seen["lease_until"])
    if seen["attempts"] >= MAX_ATTEMPTS:
        reason = seen["error"] or _("The work was interrupted each time it was tried.")
        unchanged.update(status="failed", error=reason, lease_token="", lease_until=None)
        return None
    token = new_token()
    until = timezone.now() + timedelta(seconds=lease_seconds)
    taken = unchanged.update(
        lease_token=token, lease_until=until, attempts=models.F("attempts") + 1, **changes
    )
    return token if taken else None


def holds(rows: models.QuerySet[Row], pk: Any, *, token: str) -> bool:
    """Whether ``token`` still holds the row. In a transaction this locks the row where the database can."""
    held = rows.filter(pk=pk, lease_token=token)
    if connection.in_atomic_block:
        held = held.select_for_update()
    return held.values_list("pk").first() is not None


def renew(rows: models.QuerySet[Row], pk: Any, *, token: str, lease_seconds: float) -> bool:
    """Hold on for ``lease_seconds`` from now. False: the row was lost to somebody else."""
    until = timezone.now() + timedelta(seconds=lease_seconds)
    return rows.filter(pk=pk, lease_token=token).update(lease_until=until) > 0


def release(rows: models.QuerySet[Row], pk: Any, *, token: str, **changes: Any) -> bool:
    """Let go of the row and set ``changes``, if ``token`` still holds it."""
    return rows.filter(pk=pk, lease_token=token).update(lease_token="", lease_until=None, **changes) > 0


@contextlib.contextmanager
def kept(
    rows: models.QuerySet[Row], held: Iterable[tuple[Any, str]], *, lease_seconds: float
) -> Iterator[None]:
    """Renew the claims in ``held`` (pairs of key and token; it may change meanwhile) from a thread."""
    stop = threading.Event()
    keeper = threading.Thread(target=_keep, args=(rows, held, lease_seconds, stop), daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stop.set()
        keeper.join()


def _keep(
    rows: models.QuerySet[Row],
    held: Iterable[tuple[Any, str]],
    lease_seconds: float,
    stop: threading.Event,
) -> None:
    try:
        while not stop.wait(lease_seconds / 3):
            try:
                for pk, token in list(held):
                    renew(rows.all(), pk, token=token, lease_seconds=lease_seconds)
            except DatabaseError as error:
                logger.warning("Claims were not renewed; the next try is due soon. %s", error)
                connection.close()
    finally:
        connection.close()
