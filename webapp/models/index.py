"""Which model and index generation are in force, and what the index has not seen yet."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class ActiveModel(models.Model):
    """The single row that names the model whose vectors are searched."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    model_key = models.CharField(max_length=80)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="active_model_single_row")]

    def __str__(self) -> str:
        return self.model_key


class IndexState(models.Model):
    """The pointer row of one model's index. Changing ``generation`` and ``manifest`` is the commit point."""

    model_key = models.CharField(max_length=80, unique=True)
    generation = models.PositiveIntegerField(default=0)
    manifest = models.CharField(max_length=200, blank=True)
    vectors = models.PositiveBigIntegerField(default=0)
    synced_at = models.DateTimeField(null=True, blank=True)
    lease_token = models.CharField(max_length=32, blank=True, default="")
    lease_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.model_key} generation {self.generation}"


class IndexChange(models.Model):
    """A content whose place in the index may have changed; removed by the sync that took it in."""

    content_id = models.BigIntegerField(db_index=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"content {self.content_id}"


class WorkerSeen(models.Model):
    """The last sign of life of a worker process."""

    name = models.CharField(max_length=200, unique=True)
    queues = models.CharField(max_length=200)
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = _("worker")

    def __str__(self) -> str:
        return self.name
