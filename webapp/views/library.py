"""The library: browsing, one entry, its labels, and the trash."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django.views.decorators.vary import vary_on_headers

from webapp.forms.library import LabelsForm, LibraryFilterForm
from webapp.models import Content, Media
from webapp.selectors import library as selector
from webapp.services import library as service
from webapp.views.access import editor_required, may_edit, search_access
from webapp.views.neighbours import neighbours_context
from webapp.views.undo import next_address, offer_restore


def _id(request: HttpRequest, name: str) -> int | None:
    value = request.GET.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None


@require_GET
@search_access
@vary_on_headers("HX-Request", "HX-Target")
def library(request: HttpRequest) -> HttpResponse:
    form = LibraryFilterForm(request.GET)
    chosen = form.chosen()
    page = selector.media_page(chosen, after=_id(request, "after"), before=_id(request, "before"))
    kept = {name: request.GET[name] for name in form.fields if request.GET.get(name)}
    context = {
        "page": page,
        "form": form,
        "chosen": chosen,
        "newer": _link("library", kept, before=page.first_id) if page.has_newer else "",
        "older": _link("library", kept, after=page.last_id) if page.has_older else "",
    }
    target = request.headers.get("HX-Target")
    if target == "more":
        return render(request, "library/_cards.html", context)
    count, has_more = selector.count_up_to(selector.filtered_media(chosen))
    context |= {
        "count": count,
        "has_more": has_more,
        "is_empty": chosen.is_empty and not page.rows,
        "may_edit": may_edit(request),
    }
    if target == "results":
        return render(request, "library/_results.html", context)
    return render(request, "library/library.html", context | {"label_names": selector.label_names()})


def _link(name: str, kept: dict[str, str], **cursor: Any) -> str:
    return f"{reverse(name)}?{urlencode({**kept, **cursor})}"


def _visible_media(request: HttpRequest, pk: int) -> Media:
    """Entries in the trash exist for editors only."""
    media = selector.get_media(pk)
    if media is None or (media.trashed_at and not may_edit(request)):
        raise Http404(_("There is no such entry in the library."))
    return media


@require_GET
@search_access
def media_detail(request: HttpRequest, pk: int) -> HttpResponse:
    media = _visible_media(request, pk)
    return render(request, "library/media.html", _media_context(request, media))


def _media_context(request: HttpRequest, media: Media, form: LabelsForm | None = None) -> dict[str, Any]:
    labels = [label.name for label in media.labels.all()]
    edits = may_edit(request)
    shows_neighbours = media.trashed_at is None and media.content.status == Content.Status.READY
    context = neighbours_context(media) if shows_neighbours else {}
    return context | {
        "media": media,
        "content": media.content,
        "strip": selector.frame_strip(media) if media.content.is_video else None,
        "copies": selector.exact_copies(media, with_trash=edits),
        "searches": selector.recent_searches(media),
        "labels": labels,
        "may_edit": edits,
        "labels_form": form or LabelsForm(initial={"labels": ", ".join(labels)}),
        "label_names": selector.label_names() if edits else [],
        "days_left": selector.trash_days_left(media),
    }


@require_POST
@editor_required
def media_trash(request: HttpRequest, pk: int) -> HttpResponse:
    media = get_object_or_404(Media, pk=pk)
    if service.trash_media(media_ids=[media.pk], actor=request.user):
        words = _("“%(name)s” is in the trash.") % {"name": media.name}
        offer_restore(request, words=words, media_ids=[media.pk], back=reverse("media", args=[media.pk]))
    return redirect(next_address(request, reverse("library")))


@require_POST
@editor_required
def media_restore(request: HttpRequest, pk: int) -> HttpResponse:
    get_object_or_404(Media, pk=pk)
    ids = {
        pk,
        *(int(value) for value in request.POST.getlist("media") if value.isascii() and value.isdigit()),
    }
    _restore(request, sorted(ids))
    return redirect(next_address(request, reverse("media", args=[pk])))


def _restore(request: HttpRequest, ids: list[int]) -> None:
    restored = service.restore_media(media_ids=ids, actor=request.user)
    if restored:
        words = ngettext(
            "%(count)s entry is back in the library.", "%(count)s entries are back in the library.", restored
        )
        messages.success(request, words % {"count": restored})
    kept = Media.objects.filter(pk__in=ids).exclude(trashed_at=None).count()
    if kept:
        words = ngettext(
            "%(count)s entry stays in the trash: the library already has the same file at the same place.",
            "%(count)s entries stay in the trash: the library already has the same files at the same places.",
            kept,
        )
        messages.warning(request, words % {"count": kept})


@require_POST
@editor_required
def media_labels(request: HttpRequest, pk: int) -> HttpResponse:
    media = _visible_media(request, pk)
    form = LabelsForm(request.POST)
    if not form.is_valid():
        return render(request, "library/media.html", _media_context(request, media, form), status=422)
    service.set_labels(media=media, names=form.cleaned_data["labels"], actor=request.user)
    messages.success(request, _("The labels are saved."))
    return redirect("media", pk=pk)


@require_http_methods(["GET", "POST"])
@editor_required
def trash(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        ids = [int(value) for value in request.POST.getlist("media") if value.isascii() and value.isdigit()]
        if ids:
            _restore(request, ids)
        else:
            messages.warning(request, _("Choose at least one entry to restore."))
        return redirect("trash")
    page = selector.trash_page(after=_moment_and_id(request))
    now = timezone.now()
    rows = [(media, selector.trash_days_left(media, now=now)) for media in page.rows]
    older = _trash_link(page.rows[-1]) if page.has_older else ""
    context = {"page": page, "rows": rows, "older": older, "trash_days": settings.SIGHTLINE.trash_days}
    return render(request, "library/trash.html", context)


def _moment_and_id(request: HttpRequest) -> tuple[datetime, int] | None:
    pk = _id(request, "after")
    try:
        moment = parse_datetime(request.GET.get("at", ""))
    except ValueError:
        return None
    return (moment, pk) if moment and moment.tzinfo and pk else None


def _trash_link(media: Media) -> str:
    moment = media.trashed_at.isoformat() if media.trashed_at else ""
    return _link("trash", {"at": moment}, after=media.pk)
