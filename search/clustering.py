"""Groups of duplicates from verified pairs, without chaining strangers together."""

from __future__ import annotations

from collections.abc import Iterable

# A content joins a group when it is a verified copy of at least this share of the members.
MIN_LINKED = 0.5


def group(
    pairs: Iterable[tuple[int, int, float]],
    *,
    min_linked: float = MIN_LINKED,
    apart: Iterable[tuple[int, int]] = (),
) -> list[tuple[int, ...]]:
    """Gather pairs ``(content, content, score)`` into groups of two or more that hang together.

    Single links are not enough: a collage is a copy of both pictures on it, which are no copies of each
    other, and following every link would put them all into one group. So pairs are taken strongest first
    (agglomerative clustering with a threshold on average linkage over the *verified* pairs): two groups are
    joined by a pair only if at least ``min_linked`` of all pairs between them were verified. Each content
    ends in one group at most: the one it belongs to most strongly.

    ``apart``: pairs of contents that a person has said are no copies. They are no links, and two contents of
    such a pair are never in one group, however many others hold them together.

    Returns groups as ascending tuples of content ids, in ascending order; pairs of a content with itself are
    ignored, and of a pair given twice the higher score counts. Deterministic.
    """
    strangers = _strangers(apart)
    scores = {
        pair: score for pair, score in _strongest(pairs).items() if pair[1] not in strangers.get(pair[0], ())
    }
    linked: dict[int, set[int]] = {}
    for first, second in scores:
        linked.setdefault(first, set()).add(second)
        linked.setdefault(second, set()).add(first)
    groups = {content: {content} for content in linked}
    # Joining can make another join possible, so pairs that were refused are looked at again until none is.
    waiting = sorted(scores, key=lambda pair: (-scores[pair], pair))
    while waiting:
        refused = [pair for pair in waiting if not _join(groups, linked, strangers, pair, min_linked)]
        if len(refused) == len(waiting):
            break
        waiting = refused
    distinct = {min(members): members for members in groups.values()}
    return [tuple(sorted(distinct[first])) for first in sorted(distinct) if len(distinct[first]) > 1]


def _strangers(apart: Iterable[tuple[int, int]]) -> dict[int, set[int]]:
    strangers: dict[int, set[int]] = {}
    for first, second in apart:
        strangers.setdefault(first, set()).add(second)
        strangers.setdefault(second, set()).add(first)
    return strangers


def _join(
    groups: dict[int, set[int]],
    linked: dict[int, set[int]],
    strangers: dict[int, set[int]],
    pair: tuple[int, int],
    min_linked: float,
) -> bool:
    first, second = groups[pair[0]], groups[pair[1]]
    if first is second:
        return True
    small, large = sorted((first, second), key=len)
    between = sum(len(linked[content] & large) for content in small)
    if between < min_linked * len(small) * len(large):
        return False
    if any(not large.isdisjoint(strangers.get(content, ())) for content in small):
        return False
    large |= small
    for content in small:
        groups[content] = large
    return True


def _strongest(pairs: Iterable[tuple[int, int, float]]) -> dict[tuple[int, int], float]:
    scores: dict[tuple[int, int], float] = {}
    for first, second, score in pairs:
        if first != second:
            key = (min(first, second), max(first, second))
            scores[key] = max(score, scores.get(key, score))
    return scores
