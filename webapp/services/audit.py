"""The trail of who changed what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from webapp.models import AuditEntry

Actor = User | AnonymousUser | None


def record(
    *, actor: Actor, action: str, subject: object, details: dict[str, Any] | None = None
) -> AuditEntry:
    """Write one entry. Call it inside the transaction of the change it tells of."""
    entry = _entry(actor, action, subject, details or {})
    entry.save()
    return entry


def record_all(*, actor: Actor, action: str, subjects: Iterable[tuple[object, dict[str, Any]]]) -> None:
    """Write one entry for each of many subjects, given with their details."""
    entries = [_entry(actor, action, subject, details) for subject, details in subjects]
    AuditEntry.objects.bulk_create(entries, batch_size=200)


def _entry(actor: Actor, action: str, subject: object, details: dict[str, Any]) -> AuditEntry:
    user = actor if isinstance(actor, User) else None
    return AuditEntry(actor=user, action=action, subject=str(subject)[:200], details=details)
