"""From a run on the grid to times in seconds: a robust line through the moments that fit best.

Each kept query frame looks for its best counterpart near the run; a line is fitted to those pairs by
iteratively reweighted least squares (Huber's weights), with the speed free or held at 1, whichever the pairs
ask for. That settles offsets to a fraction of the grid's step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.alignment.grid import SimilarityMap, Track
from search.alignment.temporal import Run
from search.types import Float64Array, Int64Array

# Counterparts are sought within so many seconds of the run.
_WINDOW = 1.0
# How sharply the best counterpart is preferred: a cosine this much lower weighs 1/e.
_SHARPNESS = 0.03
_HUBER = 0.15
_ROUNDS = 12
# A free speed needs pairs over a while, and must lower the cost by so much to be believed over speed 1, or
# over another speed of the vote.
_FREE_SECONDS = 3.0
_FREE_PAIRS = 5
_GAIN_OVER_NORMAL, _GAIN_OVER_OTHER = 0.75, 0.95
_NEAR_NORMAL = 0.11
_SLOWEST, _FASTEST = 0.45, 2.2
_SEARCHES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """``reference seconds = offset + speed * query seconds``."""

    offset: float
    speed: float

    def reference(self, query: float) -> float:
        """The reference moment of a query moment."""
        return self.offset + self.speed * query

    def query(self, reference: float) -> float:
        """The query moment of a reference moment."""
        return (reference - self.offset) / self.speed


@dataclass(frozen=True, slots=True)
class Pairs:
    """Moments that face each other: seconds, with weights; float64 [N] each."""

    query: Float64Array
    reference: Float64Array
    weights: Float64Array

    def __len__(self) -> int:
        return len(self.query)


def line_of(similarity: SimilarityMap, run: Run) -> Line:
    """The run as a line in seconds."""
    start = similarity.reference_time(run.reference(0))
    return Line(start - run.speed * similarity.query_origin, run.speed)


def run_of(similarity: SimilarityMap, line: Line) -> tuple[float, float]:
    """A line in seconds as offset and speed in grid cells: the inverse of :func:`line_of`."""
    start = line.reference(similarity.query_origin) - similarity.reference_origin
    return start / similarity.step, line.speed


def settle(similarity: SimilarityMap, run: Run, query: Track, reference: Track) -> Line:
    """The line through the best counterparts near a run; the run's own line if they are too few."""
    line = line_of(similarity, run)
    frames = np.unique(similarity.query_frames[run.first : run.last + 1])
    for _ in range(_SEARCHES):
        # Counterparts near a better line are better counterparts.
        pairs = _counterparts(query, reference, line, frames)
        if len(pairs) < 2:
            break
        better = _best_line(pairs, line)
        middle = float(pairs.query.mean())
        if abs(better.reference(middle) - line.reference(middle)) > _WINDOW:
            break
        line = better
    return line


def _best_line(pairs: Pairs, start: Line) -> Line:
    middle = float(pairs.query.mean())
    near_normal = abs(start.speed - 1) < _NEAR_NORMAL
    held = Line(start.reference(middle) - middle, 1.0) if near_normal else start
    held = _fitted(pairs, held, free=False)
    if len(pairs) >= _FREE_PAIRS and np.ptp(pairs.query) >= _FREE_SECONDS:
        free = _fitted(pairs, start, free=True)
        gain = _GAIN_OVER_NORMAL if near_normal else _GAIN_OVER_OTHER
        if _SLOWEST <= free.speed <= _FASTEST and _cost(pairs, free) < gain * _cost(pairs, held):
            return free
    return held


def _counterparts(query: Track, reference: Track, line: Line, frames: Int64Array) -> Pairs:
    """For each query frame, the reference moment near the line that looks most like it."""
    found: list[tuple[float, float, float]] = []
    times = reference.sequence.times
    for frame in frames.tolist():
        moment = float(query.sequence.times[frame])
        middle = line.reference(moment)
        low, high = np.searchsorted(times, [middle - _WINDOW, middle + _WINDOW])
        if high - low < 2:
            continue
        cosines = reference.sequence.vectors[low:high] @ query.sequence.vectors[frame]
        closeness = np.exp((cosines - cosines.max()) / _SHARPNESS)
        contrast = float(cosines.max() - cosines.mean())
        place = float((closeness * times[low:high]).sum() / closeness.sum())
        found.append((moment, place, contrast * float(query.weights[frame])))
    columns = np.array(found, np.float64).reshape(-1, 3)
    usable = columns[columns[:, 2] > 0]
    return Pairs(usable[:, 0], usable[:, 1], usable[:, 2])


def _fitted(pairs: Pairs, start: Line, *, free: bool) -> Line:
    line = start
    for _ in range(_ROUNDS):
        errors = np.abs(pairs.reference - line.offset - line.speed * pairs.query)
        weights = pairs.weights * np.minimum(1, _HUBER / np.maximum(errors, 1e-9))
        total = weights.sum()
        if total <= 0:
            return start
        mean_query = (weights * pairs.query).sum() / total
        mean_reference = (weights * pairs.reference).sum() / total
        speed = line.speed
        if free:
            away = pairs.query - mean_query
            variance = (weights * away**2).sum()
            if variance <= 1e-9:
                return start
            speed = float((weights * away * (pairs.reference - mean_reference)).sum() / variance)
        line = Line(float(mean_reference - speed * mean_query), speed)
    return line


def _cost(pairs: Pairs, line: Line) -> float:
    """Mean Huber loss, in seconds."""
    errors = np.abs(pairs.reference - line.offset - line.speed * pairs.query)
    losses = np.where(errors < _HUBER, errors**2 / (2 * _HUBER), errors - _HUBER / 2)
    return float((pairs.weights * losses).sum() / pairs.weights.sum())
