"""Bulk imports: a job, and one row an item, so that nothing is lost when a worker dies."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from webapp.models.claims import Claimable
from webapp.models.collections import Collection
from webapp.models.media import Media


class ImportJob(Claimable):
    class Source(models.TextChoices):
        FOLDER = "folder", _("Folder on the server")
        ZIP = "zip", _("Zip archive")
        FILES = "files", _("Uploaded files")
        SAMPLES = "samples", _("Sample library")

    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        LISTING = "listing", _("Looking for files")
        RUNNING = "running", _("In progress")
        PAUSED = "paused", _("Paused")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    source = models.CharField(max_length=8, choices=Source.choices)
    location = models.CharField(max_length=1024, help_text=_("Folder or archive on the server."))
    name = models.CharField(max_length=255)
    collection = models.ForeignKey(Collection, models.SET_NULL, null=True, blank=True)
    labels_from_folders = models.BooleanField(default=False)
    left_out = models.PositiveIntegerField(
        default=0, help_text=_("Files that are no pictures or clips by their names.")
    )
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PENDING)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class ImportItem(models.Model):
    """One file of a job. STORED: its bytes are safe and a library entry exists; description follows."""

    class Status(models.TextChoices):
        PENDING = "pending", _("Waiting")
        STORED = "stored", _("Stored")
        DONE = "done", _("Done")
        SKIPPED = "skipped", _("Already in the library")
        FAILED = "failed", _("Failed")

    job = models.ForeignKey(ImportJob, models.CASCADE, related_name="items")
    path = models.CharField(max_length=1024)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    error = models.TextField(blank=True, default="")
    media = models.ForeignKey(Media, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job", "path"], name="import_item_unique_path")]
        indexes = [models.Index(fields=["job", "status"])]

    def __str__(self) -> str:
        return self.path
