"""Rows that a worker takes by a conditional update and holds for a while."""

from __future__ import annotations

from django.db import models


class Claimable(models.Model):
    """A unit of work: whoever changes ``lease_token`` from the old value owns it until ``lease_until``."""

    attempts = models.PositiveSmallIntegerField(default=0)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        abstract = True
