"""How well found segments agree with true ones, for one query.

A *box* is a range of the query and the range of a reference it comes from. The precision and recall
of segments follow the VCSL benchmark (He et al., 2022); the hits within ``t`` seconds follow the iQIYI task
of CCF BDCI 2019.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Interval: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Seconds ``query`` of a query that are seconds ``reference`` of the clip ``content_id``."""

    content_id: int
    query: Interval
    reference: Interval

    @property
    def times(self) -> tuple[float, float, float, float]:
        """Query start and end, reference start and end."""
        return (*self.query, *self.reference)


@dataclass(frozen=True, slots=True)
class PairScore:
    """Precision and recall (0..1) for one query and one reference; ``None`` where they are not defined."""

    precision: float | None
    recall: float | None


def pair_scores(truth: Sequence[Box], found: Sequence[Box]) -> dict[int, PairScore]:
    """The VCSL scores of a query with every reference that is in ``truth`` or in ``found``.

    For a found box, on each axis: the length of the union of the projections of its intersections with true
    boxes. Precision on an axis is their sum over the *sum* of found lengths; recall likewise for true
    boxes; a pair's precision and recall are the products over both axes. A true pair with nothing found has
    recall 0 and no precision; a pair found without truth has precision 0 and no recall.
    """
    references = {box.content_id for box in (*truth, *found)}
    return {
        reference: _pair_score(_of(truth, reference), _of(found, reference))
        for reference in sorted(references)
    }


def _of(boxes: Iterable[Box], reference: int) -> list[Box]:
    return [box for box in boxes if box.content_id == reference]


def _pair_score(truth: list[Box], found: list[Box]) -> PairScore:
    if not found:
        return PairScore(None, 0.0)
    if not truth:
        return PairScore(0.0, None)
    return PairScore(_covered_share(found, truth), _covered_share(truth, found))


def _covered_share(boxes: list[Box], others: list[Box]) -> float:
    """The product over both axes of the share of the summed lengths that ``others`` cover."""
    on_query = on_reference = 0.0
    for box in boxes:
        common = [_intersection(box, other) for other in others]
        on_query += union_length([both[0] for both in common if both])
        on_reference += union_length([both[1] for both in common if both])
    query_length = sum(_length(box.query) for box in boxes)
    reference_length = sum(_length(box.reference) for box in boxes)
    if query_length <= 0 or reference_length <= 0:
        return 0.0
    return on_query / query_length * (on_reference / reference_length)


def _intersection(one: Box, two: Box) -> tuple[Interval, Interval] | None:
    query, reference = _common(one.query, two.query), _common(one.reference, two.reference)
    return (query, reference) if _length(query) > 0 and _length(reference) > 0 else None


def _common(one: Interval, two: Interval) -> Interval:
    return max(one[0], two[0]), min(one[1], two[1])


def _length(interval: Interval) -> float:
    return interval[1] - interval[0]


def union_length(intervals: Iterable[Interval]) -> float:
    """Seconds covered by at least one of the intervals."""
    total, reached = 0.0, -np.inf
    for start, end in sorted(intervals):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return float(total)


def hits_within(truth: Sequence[Box], found: Sequence[Box], seconds: float) -> int:
    """How many true boxes have a found one of their own: the right clip, and all four times within
    ``seconds``. The closest pairs are taken first."""
    distances = [
        (_worst_error(true, guess), row, column)
        for row, true in enumerate(truth)
        for column, guess in enumerate(found)
        if true.content_id == guess.content_id
    ]
    return len(_one_to_one([pair for pair in distances if pair[0] <= seconds + 1e-9]))


def boundary_errors(truth: Sequence[Box], found: Sequence[Box]) -> list[tuple[float, float, float, float]]:
    """The four absolute errors in seconds of each true box that a found one overlaps on both axes; each found
    box counts for the one it overlaps most."""
    overlaps = [
        (-_length(both[0]) * _length(both[1]), row, column)
        for row, true in enumerate(truth)
        for column, guess in enumerate(found)
        if true.content_id == guess.content_id and (both := _intersection(true, guess))
    ]
    return [_errors(truth[row], found[column]) for row, column in _one_to_one(overlaps)]


def _errors(true: Box, guess: Box) -> tuple[float, float, float, float]:
    first, second, third, fourth = (abs(a - b) for a, b in zip(true.times, guess.times, strict=True))
    return first, second, third, fourth


def _worst_error(true: Box, guess: Box) -> float:
    return max(_errors(true, guess))


def _one_to_one(weighted: list[tuple[float, int, int]]) -> list[tuple[int, int]]:
    """Pairs of rows and columns, the lowest weight first, each row and column once."""
    rows: set[int] = set()
    columns: set[int] = set()
    pairs: list[tuple[int, int]] = []
    for _, row, column in sorted(weighted):
        if row not in rows and column not in columns:
            pairs.append((row, column))
            rows.add(row)
            columns.add(column)
    return pairs
