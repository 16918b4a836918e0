"""Duplicate reports. Verified pairs are rows of their own, so that a report can be resumed and extended."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.models.claims import Claimable
from webapp.models.collections import Collection
from webapp.models.media import Content, Media


class DuplicateReport(Claimable):
    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        RUNNING = "running", _("In progress")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    collection = models.ForeignKey(Collection, models.CASCADE, null=True, blank=True)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    stage = models.CharField(max_length=200, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    group_count = models.PositiveIntegerField(default=0)
    reclaimable_bytes = models.BigIntegerField(default=0)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"report {self.pk}"


class DuplicateGroup(models.Model):
    class Relation(models.TextChoices):
        EXACT = "exact", _("Exact: the same bytes")
        NEAR = "near", _("Near: the same picture or clip, edited")

    report = models.ForeignKey(DuplicateReport, models.CASCADE, related_name="groups")
    relation = models.CharField(max_length=6, choices=Relation.choices)
    best = models.ForeignKey(Media, models.CASCADE, related_name="+")
    reason = models.CharField(max_length=300)
    member_count = models.PositiveIntegerField()
    reclaimable_bytes = models.BigIntegerField()
    score = models.FloatField()
    # A group that dismissals have taken apart stays as it was found, for an undo; its parts stand for it.
    is_current = models.BooleanField(default=True)
    origin = models.ForeignKey("self", models.CASCADE, null=True, blank=True, related_name="parts")

    class Meta:
        ordering = ["-reclaimable_bytes", "-id"]
        indexes = [models.Index(fields=["report", "-reclaimable_bytes", "-id"])]

    def __str__(self) -> str:
        return f"group {self.pk}"


class DuplicateMember(models.Model):
    group = models.ForeignKey(DuplicateGroup, models.CASCADE, related_name="members")
    media = models.ForeignKey(Media, models.CASCADE, related_name="+")
    score = models.FloatField()

    class Meta:
        ordering = ["-score", "id"]
        constraints = [models.UniqueConstraint(fields=["group", "media"], name="member_unique_media")]

    def __str__(self) -> str:
        return str(self.media)


class PairCheck(models.Model):
    """The verdict on one pair of contents (``first_id < second_id``) under one model."""

    first = models.ForeignKey(Content, models.CASCADE, related_name="+")
    second = models.ForeignKey(Content, models.CASCADE, related_name="+")
    model_key = models.CharField(max_length=80)
    is_copy = models.BooleanField()
    score = models.FloatField()
    inliers = models.PositiveIntegerField(default=0)
    evidence = models.JSONField(null=True, blank=True)
    checked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second", "model_key"], name="pair_unique"),
            models.CheckConstraint(condition=models.Q(first__lt=models.F("second")), name="pair_ordered"),
        ]

    def __str__(self) -> str:
        return f"{self.first_id} - {self.second_id}"


class Dismissal(models.Model):
    """Two contents that a person has said are no duplicates, by SHA-256 (``first < second``).

    The digests outlive the contents: files that were deleted for good and are imported again stay apart.
    """

    first = models.CharField(max_length=64)
    second = models.CharField(max_length=64)
    decision = models.UUIDField(default=uuid.uuid4, db_index=True)  # shared by pairs dismissed together
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    note = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="dismissal_unique_pair"),
            models.CheckConstraint(
                condition=models.Q(first__lt=models.F("second")), name="dismissal_ordered"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.first[:12]} - {self.second[:12]}"
