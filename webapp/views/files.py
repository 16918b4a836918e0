"""Originals and renditions. Addresses carry digests or keys, never a path."""

from __future__ import annotations

import uuid
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp.models import Content, Media, Query
from webapp.services.storage import original_path, rendition_path
from webapp.views.access import may_edit, search_access
from webapp.views.ranges import ranged_file
from webapp.views.sniffing import inline_type

FOREVER = "private, max-age=31536000, immutable"
# Originals are hidden once their entry is trashed, so a browser asks again (and mostly gets a 304).
REVALIDATE = "private, no-cache"
# An uploaded file must never act as a page of this site, whatever it contains.
SANDBOX = "default-src 'none'; media-src 'self'; img-src 'self'; style-src 'unsafe-inline'; sandbox"


@require_safe
@search_access
def rendition(request: HttpRequest, sha256: str, name: str) -> HttpResponseBase:
    path = rendition_path(sha256, name)
    if not path.is_file():
        return _placeholder(request)
    etag = f'"{sha256}/{name}"'
    response = ranged_file(request, path, content_type="image/webp", etag=etag)
    response.headers["Cache-Control"] = FOREVER
    return response


@require_safe
@search_access
def media_file(request: HttpRequest, pk: int) -> HttpResponseBase:
    visible = Media.objects.all() if may_edit(request) else Media.objects.filter(trashed_at=None)
    media = get_object_or_404(visible.select_related("content"), pk=pk)
    return _original(request, media.content, media.name)


@require_safe
@search_access
def query_file(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    query = get_object_or_404(Query.objects.select_related("content"), pk=pk)
    return _original(request, query.content, query.name)


def _original(request: HttpRequest, content: Content, name: str) -> HttpResponseBase:
    path = original_path(content.sha256)
    if not path.is_file():
        raise Http404
    mime = inline_type(content, path)
    response = ranged_file(
        request, path, content_type=mime or "application/octet-stream", etag=f'"{content.sha256}"'
    )
    download = mime is None or "download" in request.GET
    disposition = content_disposition_header(as_attachment=download, filename=Path(name).name)
    response.headers["Content-Disposition"] = disposition or "attachment"
    response.headers["Content-Security-Policy"] = SANDBOX
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = REVALIDATE
    return response


@never_cache
def _placeholder(request: HttpRequest) -> HttpResponseBase:
    """A quiet picture in place of one that is not made yet, so that no page shows a broken image."""
    path = finders.find("img/placeholder.svg")
    if not path:
        return HttpResponse(status=404)
    return FileResponse(Path(path).open("rb"), content_type="image/svg+xml", status=404)
