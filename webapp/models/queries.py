"""A search is a row with a shareable address; its results are rows as well."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from search.types import Band
from webapp.models.claims import Claimable
from webapp.models.media import Content, Frame, Media


class Query(Claimable):
    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        RUNNING = "running", _("Searching")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")

    class Source(models.TextChoices):
        UPLOAD = "upload", _("Uploaded file")
        URL = "url", _("Web address")
        MEDIA = "media", _("Library entry")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    content = models.ForeignKey(Content, models.PROTECT, related_name="queries")
    name = models.CharField(max_length=255)
    source = models.CharField(max_length=8, choices=Source.choices, default=Source.UPLOAD)
    region = models.JSONField(null=True, blank=True)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    stage = models.CharField(max_length=200, blank=True)
    progress = models.PositiveSmallIntegerField(default=0)
    model_key = models.CharField(max_length=80, blank=True)
    generation = models.PositiveIntegerField(null=True, blank=True)
    best_score = models.FloatField(null=True, blank=True)
    timings = models.JSONField(default=dict, blank=True)
    landmarks = models.JSONField(default=list, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "queries"
        indexes = [models.Index(fields=["status", "lease_until"])]

    def __str__(self) -> str:
        return self.name

    @property
    def is_finished(self) -> bool:
        return self.status in {self.Status.DONE, self.Status.FAILED}


class Match(models.Model):
    """One result of a query, in one of the three sections, ranked from 0."""

    class Section(models.TextChoices):
        COPY = "copy", _("Copies")
        SIMILAR = "similar", _("Similar")
        SEGMENT = "segment", _("In video")

    query = models.ForeignKey(Query, models.CASCADE, related_name="matches")
    section = models.CharField(max_length=8, choices=Section.choices)
    rank = models.PositiveIntegerField()
    media = models.ForeignKey(Media, models.CASCADE, related_name="+")
    frame = models.ForeignKey(Frame, models.SET_NULL, null=True, blank=True, related_name="+")
    band = models.CharField(max_length=8, choices=[(band.value, band.value) for band in Band])
    score = models.FloatField()
    inliers = models.PositiveIntegerField(null=True, blank=True)
    time = models.FloatField(null=True, blank=True)
    query_start = models.FloatField(null=True, blank=True)
    query_end = models.FloatField(null=True, blank=True)
    reference_start = models.FloatField(null=True, blank=True)
    reference_end = models.FloatField(null=True, blank=True)
    speed = models.FloatField(null=True, blank=True)
    mirrored = models.BooleanField(default=False)
    coverage = models.FloatField(null=True, blank=True)
    # {"homography": [9 numbers], "pairs": [[[xq, yq], [xr, yr]], ...], "matches": n, "agreement": x or null}
    evidence = models.JSONField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "matches"
        ordering = ["section", "rank"]
        constraints = [models.UniqueConstraint(fields=["query", "section", "rank"], name="match_unique_rank")]

    def __str__(self) -> str:
        return f"{self.section} {self.rank}: {self.score:.2f}"
