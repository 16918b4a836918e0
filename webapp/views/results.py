"""What the page of a search shows, worked out from its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import QueryDict
from django.utils.translation import gettext as _

from webapp.forms.search import RegionForm, SimilarFilterForm
from webapp.models import Content, Frame, Match, Media, Query
from webapp.selectors.neighbours import stills
from webapp.selectors.queries import (
    PAGE,
    WEAK_SCORE,
    MediaSegments,
    count_matches,
    matches,
    segments_by_media,
)
from webapp.services.storage import original_path, rendition_path
from webapp.views.sniffing import inline_type

# How long the page waits before it asks again, by the number of questions asked so far.
POLL_MS = ((12, 150), (40, 300), (120, 1000))
POLL_SLOWLY_MS = 3000
WHOLE = {"x": 0, "y": 0, "width": 100, "height": 100}
SHOWN_COPIES = 100


@dataclass(frozen=True, slots=True)
class Clip:
    """A library clip with its matching stretches and a still from the best of them."""

    media: Media
    best: Match
    segments: tuple[Match, ...]
    still: Frame | None

    @property
    def more(self) -> int:
        return max(0, len(self.segments) - 3)


def query_context(query: Query, *, asked: str = "") -> dict[str, Any]:
    content = query.content
    shown_type = inline_type(content, original_path(content.sha256)) or ""
    return progress_context(query, asked=asked) | {
        "content": content,
        "preview": _preview(content, shown_type),
        "region_form": RegionForm(initial=_region_percent(query)),
        "region_percent": _region_percent(query) if query.region else None,
    }


def progress_context(query: Query, *, asked: str = "") -> dict[str, Any]:
    """``asked``: how often the page has asked for news so far, in its own words."""
    times = int(asked) if asked.isdecimal() and len(asked) < 7 else 0
    return {
        "query": query,
        "asked": times + 1,
        "poll_ms": poll_delay(times),
        "stage": query.stage or _waiting_words(query),
    }


def _preview(content: Content, shown_type: str) -> str:
    """How to show the query: ``video``, ``original``, ``view`` (a rendition), ``thumb`` or nothing yet."""
    if content.status == Content.Status.FAILED:
        return ""
    if shown_type.startswith("video/"):
        return "video"
    if shown_type:
        return "original"
    if content.has_view and not content.is_video:
        return "view"
    return "thumb" if rendition_path(content.sha256, "thumb.webp").is_file() else ""


def _region_percent(query: Query) -> dict[str, float]:
    if not query.region:
        return dict(WHOLE)
    return {side: round(value * 100, 2) for side, value in query.region.items()}


def _waiting_words(query: Query) -> str:
    return _("Searching") if query.status == Query.Status.RUNNING else _("Waiting for a free worker")


def poll_delay(asked: int) -> int:
    return next((delay for limit, delay in POLL_MS if asked < limit), POLL_SLOWLY_MS)


def result_context(query: Query, values: QueryDict) -> dict[str, Any]:
    copies = matches(query, Match.Section.COPY, limit=SHOWN_COPIES)
    clips = clips_of(segments_by_media(query))
    context = similar_context(query, values)
    return context | {
        "copies": copies,
        "copy_count": count_matches(query, Match.Section.COPY),
        "clips": clips,
        "nothing": not (copies or clips or context["similar_total"]),
    }


def clips_of(found: Sequence[MediaSegments]) -> list[Clip]:
    best = [max(entry.matches, key=lambda match: match.score) for entry in found]
    shown = stills(best)
    return [
        Clip(entry.media, match, entry.matches, shown.get(match.pk))
        for entry, match in zip(found, best, strict=True)
    ]


def similar_context(query: Query, values: QueryDict) -> dict[str, Any]:
    """A page of the similar results. The weak ones are only fetched when somebody asks for them."""
    form = SimilarFilterForm(values)
    chosen = form.chosen()
    offset = _offset(values)
    strong = count_matches(query, Match.Section.SIMILAR, min_score=WEAK_SCORE, **chosen)
    size = min(PAGE, strong - offset) if offset < strong else PAGE * ("offset" in values)
    found = matches(query, Match.Section.SIMILAR, offset=offset, limit=size + 1, **chosen)
    end = offset + size
    return {
        "similar": found[:size],
        "similar_total": count_matches(query, Match.Section.SIMILAR, min_score=WEAK_SCORE),
        "similar_count": strong,
        "next_offset": end if len(found) > size else None,
        "next_is_weak": end == strong,
        "filter_form": form,
        "filter_query": _filter_query(values),
    }


def _offset(values: QueryDict) -> int:
    text = values.get("offset", "")
    return int(text) if text.isdecimal() and len(text) < 7 else 0


def _filter_query(values: QueryDict) -> str:
    kept = QueryDict(mutable=True)
    for name in ("kind", "collection"):
        if values.get(name):
            kept[name] = str(values[name])
    return kept.urlencode()
