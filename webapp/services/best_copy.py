"""Which of several copies to keep, by rules that a person can follow, and the deciding rule in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.template.defaultfilters import filesizeformat
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from webapp.models import Media

# Differences smaller than these are within what saving a file again changes by itself.
MORE_PIXELS = 1.02
BIGGER_FILE = 1.05
LONGER_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class BestCopy:
    media: Media
    reason: str


Rule = Callable[[Media, Media], str]


def choose_best(members: Sequence[Media]) -> BestCopy:
    """The copy worth keeping and why. The reason compares it with the runner-up.

    Rules in order: more pixels, less compressed, taken earlier, longer, in the library first. When only
    the last one tells two copies apart, the reason says that the choice is open.
    """
    if len({media.content_id for media in members}) == 1:
        best = min(members, key=lambda media: (media.created_at, media.pk))
        return BestCopy(best, _("All files are the same bytes; this one came into the library first."))
    best = _strongest(members)
    runner_up = _strongest([media for media in members if media is not best and not _same_bytes(media, best)])
    reason = _reason(best, runner_up) or _("These copies are equally good: you choose.")
    return BestCopy(best, reason)


def _strongest(members: Sequence[Media]) -> Media:
    best, *others = sorted(members, key=lambda media: media.pk)
    for other in others:
        if _reason(other, best):
            best = other
    return best


def _same_bytes(first: Media, second: Media) -> bool:
    return first.content_id == second.content_id


def _reason(better: Media, worse: Media) -> str:
    """The first rule that prefers ``better``, in words; empty when none does or the opposite wins first."""
    for rule in RULES:
        if words := rule(better, worse):
            return words
        if rule(worse, better):
            return ""
    return ""


def _more_pixels(better: Media, worse: Media) -> str:
    a, b = better.content, worse.content
    if a.width * a.height < MORE_PIXELS * b.width * b.height:
        return ""
    sizes = {"a": f"{a.width} × {a.height}", "b": f"{b.width} × {b.height}"}
    return _("It has the most pixels: %(a)s, the next has %(b)s.") % sizes


def _less_compressed(better: Media, worse: Media) -> str:
    a, b = better.content, worse.content
    if a.byte_size < BIGGER_FILE * b.byte_size:
        return ""
    sizes = {"a": filesizeformat(a.byte_size), "b": filesizeformat(b.byte_size)}
    return _("It is the least compressed: %(a)s, the next is %(b)s at the same size in pixels.") % sizes


def _taken_earlier(better: Media, worse: Media) -> str:
    a, b = better.content.taken_at, worse.content.taken_at
    if a is None or (b is not None and a >= b):
        return ""
    if b is None:
        return _("It is the only one that says when it was taken: %(a)s.") % {"a": _date(a)}
    return _("It has the older date: %(a)s, the next says %(b)s.") % {"a": _date(a), "b": _date(b)}


def _longer(better: Media, worse: Media) -> str:
    a, b = better.content.duration or 0.0, worse.content.duration or 0.0
    if a < b + LONGER_SECONDS:
        return ""
    return _("It is the longest: %(a).1f s, the next has %(b).1f s.") % {"a": a, "b": b}


def _date(moment: datetime) -> str:
    return date_format(moment, "Y-m-d H:i")


RULES: tuple[Rule, ...] = (_more_pixels, _less_compressed, _taken_earlier, _longer)
