"""Django's administration: every model can be looked at; what code keeps true is read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from webapp import models
from webapp.services.library import restore_media, trash_media

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Any]
    _TabularInline = admin.TabularInline[Any, Any]
else:
    _ModelAdmin, _TabularInline = admin.ModelAdmin, admin.TabularInline

admin.site.site_header = _("Sightline administration")
admin.site.site_title = "Sightline"
admin.site.index_title = _("Rows of the database")


class ReadOnlyAdmin(_ModelAdmin):
    """Nothing here is changed by hand: the rows depend on files, on the index or on each other."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyInline(_TabularInline):
    extra = 0
    max_num = 0
    can_delete = False
    show_change_link = True

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(models.Media)
class MediaAdmin(_ModelAdmin):
    """Texts may be edited; trash and restore go through the service, which tells the index."""

    list_display = ["path", "kind", "collection", "created_at", "trashed_at"]
    list_filter = [
        ("trashed_at", admin.EmptyFieldListFilter),
        "content__kind",
        "content__status",
        "collection",
    ]
    list_select_related = ["content", "collection"]
    search_fields = ["path", "content__sha256"]
    readonly_fields = ["content", "path", "created_at", "trashed_at"]
    autocomplete_fields = ["collection", "labels"]
    show_full_result_count = False
    actions = ["move_to_trash", "bring_back"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: models.Media | None = None) -> bool:
        return False

    @admin.display(description=_("Kind"), ordering="content__kind")
    def kind(self, media: models.Media) -> str:
        return media.content.get_kind_display() or media.content.get_status_display()

    @admin.action(description=_("Move to the trash"), permissions=["change"])
    def move_to_trash(self, request: HttpRequest, chosen: QuerySet[models.Media]) -> None:
        trash_media(media_ids=list(chosen.values_list("pk", flat=True)), actor=request.user)

    @admin.action(description=_("Restore from the trash"), permissions=["change"])
    def bring_back(self, request: HttpRequest, chosen: QuerySet[models.Media]) -> None:
        restore_media(media_ids=list(chosen.values_list("pk", flat=True)), actor=request.user)


@admin.register(models.Collection)
class CollectionAdmin(_ModelAdmin):
    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(models.Label)
class LabelAdmin(_ModelAdmin):
    list_display = ["name"]
    search_fields = ["name"]


@admin.register(models.Content)
class ContentAdmin(ReadOnlyAdmin):
    list_display = [
        "__str__",
        "status",
        "kind",
        "format",
        "width",
        "height",
        "duration",
        "byte_size",
        "attempts",
    ]
    list_filter = ["status", "kind", "format"]
    search_fields = ["sha256", "error"]


@admin.register(models.Frame)
class FrameAdmin(ReadOnlyAdmin):
    list_display = ["pk", "content", "position", "time", "start", "end", "detail"]
    list_select_related = ["content"]
    search_fields = ["content__sha256"]
    ordering = ["-pk"]


@admin.register(models.Embedding)
class EmbeddingAdmin(ReadOnlyAdmin):
    list_display = ["pk", "frame", "model_key"]
    list_select_related = ["frame"]
    ordering = ["-pk"]


class MatchInline(ReadOnlyInline):
    model = models.Match
    fields = ["section", "rank", "media", "band", "score", "inliers", "reference_start", "reference_end"]
    show_change_link = False


@admin.register(models.Query)
class QueryAdmin(ReadOnlyAdmin):
    list_display = ["name", "source", "status", "best_score", "generation", "created_at", "finished_at"]
    list_filter = ["status", "source"]
    search_fields = ["name"]
    ordering = ["-created_at"]
    inlines = [MatchInline]


@admin.register(models.Match)
class MatchAdmin(ReadOnlyAdmin):
    list_display = ["query", "section", "rank", "media", "band", "score"]
    list_select_related = ["query", "media"]
    list_filter = ["section", "band"]
    ordering = ["-pk"]


@admin.register(models.DuplicateReport)
class DuplicateReportAdmin(ReadOnlyAdmin):
    list_display = ["pk", "collection", "status", "stage", "group_count", "reclaimable_bytes", "created_at"]
    list_filter = ["status"]
    ordering = ["-pk"]


class MemberInline(ReadOnlyInline):
    model = models.DuplicateMember
    fields = ["media", "score"]
    show_change_link = False


@admin.register(models.DuplicateGroup)
class DuplicateGroupAdmin(ReadOnlyAdmin):
    list_display = ["pk", "report", "relation", "best", "member_count", "reclaimable_bytes", "score"]
    list_select_related = ["report", "best"]
    list_filter = ["relation"]
    ordering = ["-pk"]
    inlines = [MemberInline]


@admin.register(models.DuplicateMember)
class DuplicateMemberAdmin(ReadOnlyAdmin):
    list_display = ["group", "media", "score"]
    list_select_related = ["group", "media"]
    ordering = ["-pk"]


@admin.register(models.PairCheck)
class PairCheckAdmin(ReadOnlyAdmin):
    list_display = ["first", "second", "model_key", "is_copy", "score", "inliers", "checked_at"]
    list_select_related = ["first", "second"]
    list_filter = ["is_copy", "model_key"]
    ordering = ["-pk"]


@admin.register(models.Dismissal)
class DismissalAdmin(ReadOnlyAdmin):
    list_display = ["__str__", "actor", "note", "created_at"]
    list_select_related = ["actor"]
    search_fields = ["first", "second", "note"]
    ordering = ["-pk"]


@admin.register(models.ImportJob)
class ImportJobAdmin(ReadOnlyAdmin):
    list_display = [
        "name",
        "source",
        "location",
        "status",
        "collection",
        "created_by",
        "created_at",
        "finished_at",
    ]
    list_select_related = ["collection", "created_by"]
    list_filter = ["status", "source"]
    search_fields = ["name", "location"]
    ordering = ["-pk"]


@admin.register(models.ImportItem)
class ImportItemAdmin(ReadOnlyAdmin):
    list_display = ["path", "job", "status", "error"]
    list_select_related = ["job"]
    list_filter = ["status"]
    search_fields = ["path"]
    ordering = ["-pk"]


@admin.register(models.IndexState)
class IndexStateAdmin(ReadOnlyAdmin):
    list_display = ["model_key", "generation", "manifest", "vectors", "synced_at", "lease_until"]


@admin.register(models.ActiveModel)
class ActiveModelAdmin(ReadOnlyAdmin):
    list_display = ["model_key", "updated_at"]


@admin.register(models.IndexChange)
class IndexChangeAdmin(ReadOnlyAdmin):
    list_display = ["pk", "content_id", "created_at"]
    ordering = ["-pk"]


@admin.register(models.WorkerSeen)
class WorkerSeenAdmin(ReadOnlyAdmin):
    list_display = ["name", "queues", "seen_at"]
    ordering = ["-seen_at"]


@admin.register(models.AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "actor", "action", "subject"]
    list_select_related = ["actor"]
    list_filter = ["action"]
    search_fields = ["subject", "actor__username"]
    date_hierarchy = "created_at"
    ordering = ["-pk"]
