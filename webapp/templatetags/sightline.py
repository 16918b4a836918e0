"""How values are put into words and pictures on every page."""

from __future__ import annotations

from typing import Any

from django import template
from django.templatetags.static import static
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from search.types import Band
from webapp import messages_from_engine
from webapp.models import Content, Frame, Match

register = template.Library()
register.filter(messages_from_engine.translated)
TONES = 6  # base.css defines as many

BAND_WORDS = {
    Band.EXACT: lambda: pgettext("band", "Exact"),
    Band.COPY: lambda: pgettext("band", "Same picture, edited"),
    Band.SIMILAR: lambda: pgettext("band", "Similar"),
}
SECTIONS = {"home": ("home", "search", "query", "evidence"), "library": ("library", "media", "trash")}


@register.simple_tag
def icon(name: str, size: int = 20) -> SafeString:
    sprite = static("img/icons.svg")
    return format_html(
        '<svg class="icon" width="{0}" height="{0}" aria-hidden="true"><use href="{1}#{2}"></use></svg>',
        size,
        sprite,
        name,
    )


@register.simple_tag(takes_context=True)
def nav_link(context: dict[str, Any], name: str, words: str) -> SafeString:
    """A link of the main navigation; the page's own section is marked as current."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    here = match.url_name or "" if match else ""
    prefixes = SECTIONS.get(name, (name.rstrip("s"),))
    current = "page" if here.startswith(prefixes) else "false"
    return format_html('<a href="{}" aria-current="{}">{}</a>', reverse(name), current, words)


@register.filter
def timecode(seconds: float | None) -> str:
    """Seconds as people write them: 0:07.2, 12:05.0, 1:02:05.0."""
    if seconds is None:
        return ""
    tenths = max(0, round(seconds * 10))
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}" if hours else f"{minutes}"
    return f"{clock}:{tenths // 10:02d}.{tenths % 10}"


@register.filter
def length_words(seconds: float | None) -> str:
    """A whole duration; tenths are shown only where they matter."""
    if seconds is None:
        return ""
    return timecode(seconds if seconds < 10 else round(seconds)).removesuffix(".0")


@register.filter
def tone(number: int) -> int:
    """The colour of a segment by its place in a list: the same on every page."""
    return number % TONES


@register.filter
def unlocalized(value: object) -> str:
    """A number as form fields want it, whatever the language."""
    return f"{value:g}" if isinstance(value, float) else str(value)


@register.simple_tag
def bar_style(segment: Match, duration: float | None) -> str:
    """Where a segment lies in its clip, as the style of a positioned element."""
    start, end = segment.reference_start or 0.0, segment.reference_end or 0.0
    whole = max(duration or 0.0, end, 0.001)
    return f"left:{start / whole:.2%};width:{max((end - start) / whole, 0.006):.2%}"


@register.filter
def percent(score: float | None) -> str:
    """A score in whole percent; only a perfect one reads 100 %."""
    if score is None:
        return ""
    whole = 100 if score >= 1 else min(99, max(0, round(score * 100)))
    return _("%(whole)s %%") % {"whole": whole}


@register.filter
def band_words(match: Match) -> str:
    if match.section == Match.Section.SEGMENT and match.query.content.is_video:
        return pgettext("band", "Same footage")
    return BAND_WORDS[Band(match.band)]()


@register.simple_tag
def rendition(content: Content, name: str = "thumb.webp") -> str:
    return reverse("rendition", args=[content.sha256, name])


@register.simple_tag
def frame_picture(content: Content, frame: Frame) -> str:
    return reverse("rendition", args=[content.sha256, f"frames/{frame.position}.webp"])


@register.filter
def segment_length(segment: Match) -> str:
    return timecode((segment.reference_end or 0.0) - (segment.reference_start or 0.0))
