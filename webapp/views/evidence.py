"""Why a match is a match: agreeing points of two pictures, or matching seconds of two clips."""

from __future__ import annotations

import uuid
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_safe

from search.types import Band
from webapp.models import Content, Match, Query
from webapp.selectors.queries import get_match, live_matches
from webapp.services.storage import original_path
from webapp.views.access import search_access
from webapp.views.sniffing import inline_type
from webapp.views.timelines import lane, segment_rows

IDENTITY = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)


@require_safe
@search_access
def evidence(request: HttpRequest, pk: uuid.UUID, match_pk: int) -> HttpResponseBase:
    query = get_object_or_404(Query.objects.select_related("content"), pk=pk)
    try:
        match = get_match(query, match_pk)
    except Match.DoesNotExist:
        raise Http404 from None
    context = {"query": query, "match": match, "media": match.media, "reference": match.media.content}
    if match.section == Match.Section.SEGMENT:
        return render(request, "search/timeline.html", context | _timeline(query, match))
    return render(request, "search/comparison.html", context | _comparison(query, match))


def _comparison(query: Query, match: Match) -> dict[str, Any]:
    evidence: dict[str, Any] = match.evidence or {}
    exact = match.band == Band.EXACT
    return {
        "query_picture": _picture(query.content, reverse("query-file", args=[query.pk])),
        "reference_picture": _picture(match.media.content, reverse("media-file", args=[match.media_id])),
        "compared": evidence.get("matches"),
        "evidence_data": {
            "pairs": evidence.get("pairs", []),
            "homography": evidence.get("homography") or (IDENTITY if exact else None),
            "region": query.region,
        },
        "others": _neighbours(query, match),
    }


def _picture(content: Content, original: str) -> str:
    """The largest version of a picture that a browser can show."""
    mime = inline_type(content, original_path(content.sha256)) or ""
    if mime.startswith("image/"):
        return original
    return reverse("rendition", args=[content.sha256, "view.webp" if content.has_view else "thumb.webp"])


def _neighbours(query: Query, match: Match) -> dict[str, Match | None]:
    """The matches before and after this one in its section, so that evidence can be leafed through."""
    section = live_matches(query, match.section)
    return {
        "previous": section.filter(rank__lt=match.rank).last(),
        "next": section.filter(rank__gt=match.rank).first(),
    }


def _timeline(query: Query, match: Match) -> dict[str, Any]:
    media = match.media
    found = live_matches(query, Match.Section.SEGMENT).filter(media=media)
    segments = list(found.order_by("reference_start", "pk"))
    rows = segment_rows(segments)
    chosen = next(index for index, segment in enumerate(segments) if segment.pk == match.pk)
    query_spans = [(row["q0"], row["q1"]) for row in rows if row["q0"] is not None and row["q1"] is not None]
    reference_spans = [(row["r0"], row["r1"]) for row in rows]
    return {
        "segments": segments,
        "timeline_data": {
            "query": lane(query.content, reverse("query-file", args=[query.pk]), query_spans),
            "reference": lane(media.content, reverse("media-file", args=[media.pk]), reference_spans),
            "segments": rows,
            "chosen": chosen,
        },
    }
