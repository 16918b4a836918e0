"""All segments that two clips have in common."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.alignment import temporal
from search.alignment.grid import SimilarityMap, Track, similarity_map
from search.alignment.refine import Line, run_of, settle
from search.alignment.temporal import Run
from search.types import Float32Array, Int64Array, SegmentMatch

# Shorter than this, a segment says nothing that a single frame does not.
MIN_SECONDS = 1.0
_MAX_SEGMENTS = 8
_MAX_VAIN = 3
# Frames' worth of evidence at which the score reaches 63 %.
_SUPPORT_SCALE = 2.0
# Two segments contradict each other when they share so much of the shorter one on both axes.
_SHARED = 0.3
# A moment of one clip may also be found a second time in the other, but only where it stands out nearly as
# it did the first time, and at that speed: slow and static scenes resemble themselves everywhere.
_REPEAT_CONTRAST = 0.85
_LEAST_REPEAT_CONTRAST = 1.0
_REPEAT_LIKENESS = 0.05
_REPEAT_SPEED = 0.15


@dataclass(slots=True)
class _Hypotheses:
    """One similarity map with what has not yet been explained of it."""

    query: Track
    similarity: SimilarityMap
    mirrored: bool
    evidence: Float32Array
    run: Run | None = None


@dataclass(frozen=True, slots=True)
class _Finding:
    """A segment with the likeness and contrast of each of its query cells, which start at ``first``."""

    segment: SegmentMatch
    first: int
    likeness: Float32Array
    contrast: Float32Array

    def over(self, first: int, last: int) -> tuple[float, float]:
        """Mean likeness and contrast of the query cells ``first..last`` (exclusive) of the whole query."""
        cells = slice(first - self.first, last - self.first)
        return float(self.likeness[cells].mean()), float(self.contrast[cells].mean())


def align(
    query: Track,
    reference: Track,
    *,
    content_id: int,
    mirrored: Track | None = None,
    min_score: float = 0.5,
) -> tuple[SegmentMatch, ...]:
    """The segments of ``query`` that appear in ``reference``, best first; empty for unrelated clips.

    ``mirrored``: the query's frames flipped left to right, tried beside the plain ones. ``content_id`` is the
    reference's and goes into the result. A segment's score (0..1) grows with the number of different frames
    that agree, their coverage of the range, and how clearly they agree.
    """
    if len(query.sequence) == 0 or len(reference.sequence) == 0:
        return ()
    attempts = [_hypotheses(query, reference, False)]
    if mirrored is not None and len(mirrored.sequence) > 0:
        attempts.append(_hypotheses(mirrored, reference, True))
    found: list[_Finding] = []
    vain = 0
    while vain < _MAX_VAIN:
        best = max(attempts, key=lambda attempt: attempt.run.total if attempt.run else 0.0)
        if best.run is None or len(found) >= _MAX_SEGMENTS:
            break
        finding = _finding(best, reference, content_id)
        if finding is None or finding.segment.score < min_score:
            # Runs come in falling order of evidence, but a short clear one may follow a long vague one.
            if best.run.total < 1.0:
                break
            vain += 1
        elif not any(_repeats(finding, earlier) for earlier in found):
            found.append(finding)
            vain = 0
        else:
            vain += 1
        _explain(attempts, best.run)
    return tuple(sorted((finding.segment for finding in found), key=lambda segment: -segment.score))


def _hypotheses(query: Track, reference: Track, mirrored: bool) -> _Hypotheses:
    similarity = similarity_map(query, reference)
    evidence = temporal.evidence_of(similarity)
    return _Hypotheses(query, similarity, mirrored, evidence, temporal.best_run(evidence))


def _explain(attempts: list[_Hypotheses], run: Run) -> None:
    margin = 4
    for attempt in attempts:
        temporal.erase(attempt.evidence, run, margin=margin)
        attempt.run = temporal.best_run(attempt.evidence)


def _finding(attempt: _Hypotheses, reference: Track, content_id: int) -> _Finding | None:
    run = attempt.run
    if run is None:
        return None
    line = settle(attempt.similarity, run, attempt.query, reference)
    run = temporal.run_on(attempt.evidence, *run_of(attempt.similarity, line)) or run
    times = _times(attempt, run, line, reference)
    if times[1] - times[0] < MIN_SECONDS or times[3] - times[2] < MIN_SECONDS * 0.5:
        return None
    gate = temporal.line_values(attempt.similarity.gate, run)
    contrast = temporal.line_values(attempt.similarity.contrast, run)
    coverage = float((gate > 0).mean())
    segment = SegmentMatch(
        content_id=content_id,
        score=_score(attempt.similarity, run, gate, coverage),
        query_start=times[0],
        query_end=times[1],
        reference_start=times[2],
        reference_end=times[3],
        speed=line.speed,
        mirrored=attempt.mirrored,
        coverage=coverage,
    )
    likeness = temporal.line_values(attempt.similarity.likeness, run)
    return _Finding(segment, run.first, likeness, contrast)


def _times(attempt: _Hypotheses, run: Run, line: Line, reference: Track) -> tuple[float, float, float, float]:
    """Query start and end, reference start and end, all inside their clips."""
    sequence, similarity = attempt.query.sequence, attempt.similarity
    start, end = similarity.query_time(run.first), similarity.query_time(run.last + 1)
    # A kept frame starts where the picture changed, which is more exact than the grid.
    first = float(sequence.starts[similarity.query_frames[run.first]])
    last = float(sequence.ends[similarity.query_frames[run.last]])
    start = first if abs(first - start) <= similarity.step or run.first == 0 else start
    end = last if abs(last - end) <= similarity.step else end
    low, high = float(reference.sequence.starts[0]), reference.end
    start = max(start, line.query(low))
    end = min(end, line.query(high))
    return start, end, max(low, line.reference(start)), min(high, line.reference(end))


def _score(similarity: SimilarityMap, run: Run, gate: Float32Array, coverage: float) -> float:
    """0..1. Cells that show the same kept frame are one piece of evidence, on either side."""
    agreeing = np.maximum(gate, 0)
    cells = np.arange(run.first, run.last + 1)
    columns = temporal.faced(cells, run.offset, run.speed)
    columns = np.clip(columns, 0, len(similarity.reference_frames) - 1)
    support = min(
        _per_frame(similarity.query_frames[cells], agreeing),
        _per_frame(similarity.reference_frames[columns], agreeing),
    )
    strength = float(agreeing[gate > 0].mean()) if coverage > 0 else 0.0
    return (1 - float(np.exp(-support / _SUPPORT_SCALE))) * coverage * (0.5 + 0.5 * strength)


def _per_frame(frames: Int64Array, agreeing: Float32Array) -> float:
    best: dict[int, float] = {}
    for frame, value in zip(frames.tolist(), agreeing.tolist(), strict=True):
        best[frame] = max(value, best.get(frame, 0.0))
    return sum(best.values())


def _repeats(later: _Finding, earlier: _Finding) -> bool:
    """Whether a finding adds nothing to an earlier one."""
    one, two = later.segment, earlier.segment
    on_query = _shared(_query_range(one), _query_range(two))
    on_reference = _shared(_reference_range(one), _reference_range(two))
    if max(on_query, on_reference) < _SHARED:
        return False
    if min(on_query, on_reference) >= _SHARED:
        return True
    if abs(np.log(one.speed / two.speed)) > _REPEAT_SPEED:
        return True
    first = max(later.first, earlier.first)
    last = min(later.first + len(later.contrast), earlier.first + len(earlier.contrast))
    if last <= first:  # the query shows one moment of the reference twice
        return float(later.contrast.mean()) < _LEAST_REPEAT_CONTRAST
    again, before = later.over(first, last), earlier.over(first, last)
    least_contrast = max(_LEAST_REPEAT_CONTRAST, _REPEAT_CONTRAST * before[1])
    return again[0] < before[0] - _REPEAT_LIKENESS or again[1] < least_contrast


def _query_range(segment: SegmentMatch) -> tuple[float, float]:
    return segment.query_start or 0.0, segment.query_end or 0.0


def _reference_range(segment: SegmentMatch) -> tuple[float, float]:
    return segment.reference_start, segment.reference_end


def _shared(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Length in common as a share of the shorter range."""
    common = min(one[1], two[1]) - max(one[0], two[0])
    shorter = min(one[1] - one[0], two[1] - two[0])
    return common / shorter if common > 0 and shorter > 0 else 0.0
