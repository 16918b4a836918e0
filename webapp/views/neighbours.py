"""The part of a media page that tells where else in the library its content occurs, and what resembles it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers
from django.views.decorators.http import require_http_methods

from tasks.queries import run_query
from webapp.models import Content, Frame, Match, Media
from webapp.selectors import neighbours as selector
from webapp.selectors.neighbours import ContentSearches
from webapp.services.neighbours import search_for_neighbours
from webapp.views.access import search_access
from webapp.views.coverage import Coverage, coverage
from webapp.views.results import Clip, clips_of, progress_context

PICTURES = 8


@dataclass(frozen=True, slots=True)
class Neighbours:
    """What the latest finished search found; of a clip with ``coverage``, frames ``along`` it."""

    copies: list[Match]
    copy_count: int
    clips: list[Clip]
    coverage: Coverage | None
    along: list[Frame]
    similar: list[Match]
    similar_count: int


def neighbours_context(media: Media) -> dict[str, Any]:
    """Reads only: a search is started by :func:`neighbours` when it is posted to."""
    searches = selector.content_searches(media.content_id)
    context: dict[str, Any] = {"media": media, "content": media.content, "searches_of_it": searches}
    context["neighbours"] = _found(media.content, searches)
    if searches.running:
        context |= progress_context(searches.running)
    return context


def _found(content: Content, searches: ContentSearches) -> Neighbours | None:
    if searches.done is None:
        return None
    copies, similar = selector.copies(searches.done), selector.similar(searches.done)
    clips = clips_of(selector.shared_segments(searches.done))
    covered = coverage(content.duration, clips) if content.is_video and clips else None
    return Neighbours(
        copies=list(copies[: selector.SHOWN]),
        copy_count=copies.count(),
        clips=clips,
        coverage=covered,
        along=selector.frames_along(content.pk, length=covered.length, count=PICTURES) if covered else [],
        similar=list(similar[: selector.SHOWN]),
        similar_count=similar.count(),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@search_access
def neighbours(request: HttpRequest, pk: int) -> HttpResponseBase:
    """GET: the news of a search under way, for the page that asks. POST: start one, if none serves."""
    if request.method == "GET" and Media.objects.filter(pk=pk).exclude(trashed_at=None).exists():
        return HttpResponse(status=204)  # it went to the trash while the page was asking: no more news
    ready = Media.objects.filter(trashed_at=None, content__status=Content.Status.READY)
    media = get_object_or_404(ready.select_related("content"), pk=pk)
    if request.method == "POST":
        _start(request, media)
    if request.headers.get("HX-Request") != "true":
        return redirect(f"{reverse('media', args=[pk])}#neighbours")
    response = _section(request, media) if request.method == "POST" else _news(request, media)
    add_never_cache_headers(response)
    return response


def _start(request: HttpRequest, media: Media) -> None:
    query, is_new = search_for_neighbours(media=media, again="again" in request.POST, user=request.user)
    if is_new:
        run_query.delay_on_commit(str(query.pk))


def _news(request: HttpRequest, media: Media) -> HttpResponse:
    """While it runs, only the progress is sent; then the whole section takes the place of what is shown."""
    if running := selector.content_searches(media.content_id).running:
        context = {"media": media} | progress_context(running, asked=request.GET.get("asked", ""))
        return render(request, "library/_neighbours_progress.html", context)
    response = _section(request, media)
    response.headers["HX-Retarget"] = "#neighbours"
    return response


def _section(request: HttpRequest, media: Media) -> HttpResponse:
    return render(request, "library/_neighbours.html", neighbours_context(media))
