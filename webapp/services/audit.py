"""The trail of who changed what."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser, User

from webapp.models import AuditEntry

Actor = User | AnonymousUser | None


def record(
    *, actor: Actor, action: str, subject: object, details: dict[str, Any] | None = None
) -> AuditEntry:
    """Write one entry. Call it inside the transaction of the change it tells of."""
    user = actor if isinstance(actor, User) else None
    return AuditEntry.objects.create(
        actor=user, action=action, subject=str(subject)[:200], details=details or {}
    )
