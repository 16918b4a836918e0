"""Contents (bytes, processed once), their frames and embeddings, and the entries that point at them."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from search.types import MediaKind
from webapp.models.claims import Claimable
from webapp.models.collections import Collection, Label

KIND_CHOICES = [(MediaKind.IMAGE.value, _("Picture")), (MediaKind.VIDEO.value, _("Video"))]


class Content(Claimable):
    """A distinct run of bytes, by SHA-256. A query's upload is a content without library entries."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        PROCESSING = "processing", _("In progress")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Could not be read")

    sha256 = models.CharField(max_length=64, unique=True)
    byte_size = models.BigIntegerField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PENDING)
    kind = models.CharField(max_length=8, choices=KIND_CHOICES, blank=True)
    mime = models.CharField(max_length=80, blank=True)
    format = models.CharField(max_length=40, blank=True)
    codec = models.CharField(max_length=40, blank=True)
    width = models.PositiveIntegerField(default=0)
    height = models.PositiveIntegerField(default=0)
    duration = models.FloatField(null=True, blank=True)
    frame_rate = models.FloatField(null=True, blank=True)
    frame_count = models.PositiveIntegerField(default=0)
    has_audio = models.BooleanField(default=False)
    has_view = models.BooleanField(default=False)
    taken_at = models.DateTimeField(null=True, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    described_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["status", "lease_until"])]

    def __str__(self) -> str:
        return self.sha256[:12]

    @property
    def is_video(self) -> bool:
        return self.kind == MediaKind.VIDEO


class Frame(models.Model):
    """A kept frame; a still picture has one at time 0. Its id is the vector's id in the index.

    ``phash`` holds the unsigned 64-bit hash as a signed integer (two's complement), which is what
    databases store.
    """

    content = models.ForeignKey(Content, models.CASCADE, related_name="frames")
    position = models.PositiveIntegerField()
    time = models.FloatField()
    start = models.FloatField()
    end = models.FloatField()
    phash = models.BigIntegerField()
    detail = models.FloatField()

    class Meta:
        ordering = ["content_id", "position"]
        constraints = [models.UniqueConstraint(fields=["content", "position"], name="frame_unique_position")]

    def __str__(self) -> str:
        return f"{self.content_id} @ {self.time:.2f} s"


class Embedding(models.Model):
    """One frame's vector under one model: float16 bytes, never changed once written."""

    frame = models.ForeignKey(Frame, models.CASCADE, related_name="embeddings")
    model_key = models.CharField(max_length=80)
    vector = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["frame", "model_key"], name="embedding_unique_model")]

    def __str__(self) -> str:
        return f"{self.model_key} of frame {self.frame_id}"


class Media(models.Model):
    """A library entry: a name, a place and labels for some content. Trashed entries keep everything."""

    content = models.ForeignKey(Content, models.PROTECT, related_name="media")
    path = models.CharField(max_length=1024, help_text=_("The path given at ingest."))
    collection = models.ForeignKey(Collection, models.PROTECT, null=True, blank=True, related_name="media")
    labels = models.ManyToManyField(Label, blank=True, related_name="media")
    description = models.TextField(blank=True)
    link = models.URLField(max_length=500, blank=True)
    latitude = models.FloatField(null=True, blank=True)
    longitude = models.FloatField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    trashed_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        verbose_name_plural = "media"
        constraints = [
            models.UniqueConstraint(
                fields=["path", "content"], condition=models.Q(trashed_at=None), name="media_unique_live_path"
            )
        ]
        indexes = [models.Index(fields=["trashed_at", "-id"])]

    def __str__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]
