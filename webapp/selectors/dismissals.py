"""Reading which contents are no duplicates because a person said so."""

from __future__ import annotations

from collections.abc import Collection as Group
from dataclasses import dataclass

from django.db.models import F, OuterRef, Subquery

from webapp.models import Content, Dismissal, Media
from webapp.selectors.library import Page

PAGE_SIZE = 40
AT_ONCE = 500
Apart = dict[str, set[str]]


@dataclass(frozen=True, slots=True)
class Side:
    """One content of a pair: its digest, and what the library still has of it."""

    digest: str
    content: Content | None
    media: Media | None


@dataclass(frozen=True, slots=True)
class DismissedPair:
    dismissal: Dismissal
    first: Side
    second: Side


def apart_within(digests: Group[str]) -> Apart:
    """For each of these digests the others that it is no duplicate of."""
    inside, ordered = set(digests), sorted(digests)
    apart: Apart = {}
    for start in range(0, len(ordered), AT_ONCE):
        rows = Dismissal.objects.filter(first__in=ordered[start : start + AT_ONCE]).order_by()
        for first, second in rows.values_list("first", "second").iterator(chunk_size=10_000):
            if second in inside:
                apart.setdefault(first, set()).add(second)
                apart.setdefault(second, set()).add(first)
    return apart


def dismissed_digests() -> set[str]:
    """Every digest that is no duplicate of some other."""
    rows = Dismissal.objects.order_by()
    return {digest for name in ("first", "second") for digest in rows.values_list(name, flat=True).distinct()}


def dismissed_contents() -> set[tuple[int, int]]:
    """Every dismissed pair of which both contents are here, by their keys, the lower first."""

    def key_of(name: str) -> Subquery:
        return Subquery(Content.objects.filter(sha256=OuterRef(name)).values("pk"))

    rows = Dismissal.objects.annotate(one=key_of("first"), two=key_of("second")).order_by()
    there = rows.filter(one__isnull=False, two__isnull=False).values_list("one", "two")
    return {(min(pair), max(pair)) for pair in there.iterator(chunk_size=10_000)}


def dismissed_count() -> int:
    return Dismissal.objects.count()


def dismissed_page(*, after: int | None = None, limit: int = PAGE_SIZE) -> Page[Dismissal]:
    """The last said first. ``after``: key of the last pair of the page before."""
    rows = Dismissal.objects.select_related("actor").order_by("-pk")
    if after is not None:
        rows = rows.filter(pk__lt=after)
    found = list(rows[: limit + 1])
    return Page(found[:limit], has_newer=after is not None, has_older=len(found) > limit)


def with_sides(dismissals: Group[Dismissal]) -> list[DismissedPair]:
    """What the library has of each pair, in a fixed number of questions."""
    digests = {digest for one in dismissals for digest in (one.first, one.second)}
    contents = {content.sha256: content for content in Content.objects.filter(sha256__in=digests)}
    entries: dict[int, Media] = {}
    found = Media.objects.filter(content__in=[content.pk for content in contents.values()])
    for media in found.order_by(F("trashed_at").asc(nulls_first=True), "pk"):
        entries.setdefault(media.content_id, media)

    def side(digest: str) -> Side:
        content = contents.get(digest)
        return Side(digest, content, entries.get(content.pk) if content else None)

    return [DismissedPair(one, side(one.first), side(one.second)) for one in dismissals]
