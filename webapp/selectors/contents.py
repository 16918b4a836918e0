"""Reading contents: what waits to be described, and what nobody needs."""

from __future__ import annotations

from datetime import datetime

from django.db.models import QuerySet

from webapp.models import Content


def claimable() -> QuerySet[Content]:
    """Contents that still have to be described: waiting, or with a worker that may have died."""
    return Content.objects.filter(status__in=[Content.Status.PENDING, Content.Status.PROCESSING])


def orphans(*, before: datetime) -> QuerySet[Content]:
    """Contents older than ``before`` that no library entry and no query needs."""
    return Content.objects.filter(created_at__lt=before, media=None, queries=None)


def described(*, after: int = 0, limit: int = 500) -> list[Content]:
    """Some described contents by their keys; ``after``: the last key of those before."""
    return list(Content.objects.filter(status=Content.Status.READY, pk__gt=after).order_by("pk")[:limit])


def count_described() -> int:
    return Content.objects.filter(status=Content.Status.READY).count()
