"""The search box, the page of one search, and what it polls."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from tasks.queries import run_query
from webapp.forms.search import ACCEPTED, RegionForm, SearchForm
from webapp.models import ImportJob, Media, Query
from webapp.selectors.library import library_is_empty
from webapp.services.fetch import FetchError, fetch_to_store
from webapp.services.queries import create_query, create_query_from_media, create_region_query, retry_query
from webapp.services.storage import StorageError, store
from webapp.views.access import search_access
from webapp.views.results import query_context, result_context, similar_context

RECENT = 8
SESSION_KEY = "recent_searches"
LISTING = (ImportJob.Status.PENDING, ImportJob.Status.LISTING, ImportJob.Status.RUNNING)


@require_safe
@search_access
def home(request: HttpRequest) -> HttpResponseBase:
    return _home(request, SearchForm())


def _home(request: HttpRequest, form: SearchForm, status: int = 200) -> HttpResponse:
    empty = library_is_empty()
    context = {
        "form": form,
        "accepted": ACCEPTED,
        "fetch_max_bytes": settings.SIGHTLINE.fetch_max_bytes,
        "library_is_empty": empty,
        "running_import": ImportJob.objects.filter(status__in=LISTING).first() if empty else None,
        "recent": _recent(request),
    }
    return render(request, "search/home.html", context, status=status)


@require_POST
@search_access
def create(request: HttpRequest) -> HttpResponseBase:
    form = SearchForm(request.POST, request.FILES)
    if form.is_valid() and (made := _create_from(form, request.user)):
        return _started(request, made)
    if _wants_json(request):
        return JsonResponse({"errors": form.errors.get_json_data()}, status=422)
    return _home(request, form, status=422)


def _create_from(form: SearchForm, user: AbstractBaseUser | AnonymousUser) -> Query | None:
    """The new query, or ``None`` with the reason beside the field it belongs to."""
    try:
        if upload := form.upload:
            stored = store(upload.chunks(), max_bytes=settings.SIGHTLINE.max_upload_bytes)
            return create_query(stored=stored, name=upload.name or "", source=Query.Source.UPLOAD, user=user)
        stored, name = fetch_to_store(form.address)
        return create_query(stored=stored, name=name, source=Query.Source.URL, user=user)
    except (StorageError, FetchError) as error:
        form.add_error("file" if form.upload else "url", str(error))
        return None


@require_safe
@search_access
def query(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    found = _get(pk)
    if found.is_finished:
        context = query_context(found) | result_context(found, request.GET)
    else:
        context = query_context(found)
    return render(request, "search/query.html", context)


@require_safe
@search_access
def panel(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """The part of the page that changes while the search runs; once finished it holds the results."""
    found = _get(pk)
    if not _is_htmx(request):
        return redirect("query", pk)
    context = query_context(found, asked=request.GET.get("asked", "")) | {"fills_in": True}
    # The picture is sent again only if it could not be shown before: a part marked on it stays marked.
    context["card_changed"] = request.GET.get("shown", "") != context["preview"]
    if found.is_finished:
        context |= result_context(found, request.GET)
    response = render(request, "search/_panel.html", context)
    response.headers["Cache-Control"] = "no-store"
    return response


@require_safe
@search_access
def similar(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    found = _get(pk)
    address = reverse("query", args=[pk])
    if not _is_htmx(request):
        return redirect(f"{address}?{request.GET.urlencode()}#similar")
    context = {"query": found} | similar_context(found, request.GET)
    template = "search/_similar_more.html" if "offset" in request.GET else "search/_similar_list.html"
    response = render(request, template, context)
    if "offset" not in request.GET:
        response.headers["HX-Replace-Url"] = f"{address}?{context['filter_query']}".rstrip("?")
    return response


@require_POST
@search_access
def region(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    found = _get(pk)
    form = RegionForm(request.POST)
    if found.content.is_video:
        form.add_error("x", _("Only a still picture can be searched by a part of it."))
    if form.is_valid():
        return _started(request, create_region_query(query=found, region=form.region(), user=request.user))
    context = query_context(found) | {"region_form": form}
    if found.is_finished:
        context |= result_context(found, request.GET)
    return render(request, "search/query.html", context, status=422)


@require_POST
@search_access
def again(request: HttpRequest, pk: uuid.UUID) -> HttpResponseBase:
    """Search once more by the same picture: the library may have grown, or a worker may have died."""
    found = _get(pk)
    if found.is_finished:
        retry_query(query=found)
        run_query.delay_on_commit(str(found.pk))
    return redirect("query", pk)


@require_POST
@search_access
def similar_to(request: HttpRequest, pk: int) -> HttpResponseBase:
    media = get_object_or_404(Media.objects.select_related("content").filter(trashed_at=None), pk=pk)
    return _started(request, create_query_from_media(media=media, user=request.user))


def _started(request: HttpRequest, made: Query) -> HttpResponse:
    run_query.delay_on_commit(str(made.pk))
    recent = [str(made.pk), *request.session.get(SESSION_KEY, [])]
    request.session[SESSION_KEY] = recent[:RECENT]
    if _wants_json(request):
        return JsonResponse({"url": reverse("query", args=[made.pk])}, status=201)
    return redirect("query", made.pk)


def _get(pk: uuid.UUID) -> Query:
    return get_object_or_404(Query.objects.select_related("content"), pk=pk)


def _is_htmx(request: HttpRequest) -> bool:
    return request.headers.get("HX-Request") == "true"


def _wants_json(request: HttpRequest) -> bool:
    return request.get_preferred_type(["text/html", "application/json"]) == "application/json"


def _recent(request: HttpRequest) -> list[Query]:
    keys: list[Any] = request.session.get(SESSION_KEY, [])
    rows: QuerySet[Query] = Query.objects.select_related("content").filter(pk__in=keys)
    found = {str(row.pk): row for row in rows}
    return [found[key] for key in keys if key in found]
