"""Which seconds of a clip occur elsewhere in the library, laid out on one lane."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from webapp.models import Match
from webapp.views.results import Clip

MAX_TICKS = 6
TICKS = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
# A range is drawn at least this wide, in percent of the lane, so that it can be seen and chosen.
LEAST_WIDTH = 0.8


@dataclass(frozen=True, slots=True)
class CoveredRange:
    """A stretch of the clip that occurs in another one.

    ``left``, ``width``: percent of the lane; ``clip_index`` gives number and colour; ``track`` keeps
    stretches that overlap apart.
    """

    match: Match
    clip: Clip
    clip_index: int
    left: float
    width: float
    track: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Times in seconds; ``ticks``: each with its place in percent of the lane."""

    ranges: tuple[CoveredRange, ...]
    ticks: tuple[tuple[float, float], ...]
    length: float
    covered: float
    tracks: int

    @property
    def share(self) -> float:
        return self.covered / self.length


def coverage(duration: float | None, clips: Sequence[Clip]) -> Coverage:
    """``duration``: what the file's header says; it may say nothing, or too little."""
    placed = sorted(
        ((match, clip, index) for index, clip in enumerate(clips) for match in clip.segments),
        key=lambda found: (_span(found[0]), found[2]),
    )
    spans = [_span(match) for match, _, _ in placed]
    length = max(duration or 0.0, *(end for _, end in spans), 0.04)
    boxes = [_box(span, length) for span in spans]
    tracks = _tracks(boxes)
    return Coverage(
        ranges=tuple(
            CoveredRange(match, clip, index, left, width, track)
            for (match, clip, index), (left, width), track in zip(placed, boxes, tracks, strict=True)
        ),
        ticks=_ticks(length),
        length=length,
        covered=union_length(spans),
        tracks=max(tracks, default=0) + 1,
    )


def _span(match: Match) -> tuple[float, float]:
    return match.query_start or 0.0, match.query_end or 0.0


def _box(span: tuple[float, float], length: float) -> tuple[float, float]:
    start, end = (100 * min(max(time / length, 0.0), 1.0) for time in span)
    width = max(end - start, LEAST_WIDTH)
    return min(start, 100 - width), width


def _tracks(boxes: Iterable[tuple[float, float]]) -> list[int]:
    """The first track with room for each box; boxes come in the order of their starts."""
    ends: list[float] = []
    chosen: list[int] = []
    for left, width in boxes:
        track = next((index for index, end in enumerate(ends) if end <= left + 1e-6), len(ends))
        ends[track : track + 1] = [left + width]
        chosen.append(track)
    return chosen


def union_length(spans: Iterable[tuple[float, float]]) -> float:
    """How many seconds lie in at least one span."""
    total = 0.0
    reached = float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total


def _ticks(length: float) -> tuple[tuple[float, float], ...]:
    step = next((step for step in TICKS if length / step <= MAX_TICKS), TICKS[-1] * -(-length // TICKS[-1]))
    return tuple((step * count, 100 * step * count / length) for count in range(int(length / step) + 1))
