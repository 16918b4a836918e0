"""Lines of agreement through a similarity map: a Hough vote over offset and speed, run by run.

Every line ``reference = offset + speed * query`` collects the evidence along it. On each line the run
with the largest sum counts (Kadane's maximum-sum subarray): evidence below zero ends a run, so that the
ends of a segment are where the pictures stop agreeing. Voting over offset *and* speed follows the Hough
alignments of Douze et al. (2010) and of the VCSL benchmark (He et al., 2022), whose votes are counts over a
threshold; sums keep working when a whole clip is over it, as with a camera that does not move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.alignment.grid import SimilarityMap
from search.types import Float32Array, Int64Array

SPEEDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.45, 1.65, 2.0)
# Weight of contrast (at three times its usual spread) beside the gate. It only counts where the gate
# passes, so it chooses among lines and never makes one.
_CONTRAST = 0.75
# Another speed than 1 must explain so much more (share of the sum): most copies are not sped up, and a wrong
# slope moves both ends of a long segment.
_PREFER_NORMAL = 1.02


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of one line. Query cells ``first..last`` (inclusive) face reference position
    ``offset + speed * cell``; ``total`` is the sum of evidence."""

    offset: float
    speed: float
    first: int
    last: int
    total: float

    @property
    def length(self) -> int:
        """Query cells covered."""
        return self.last - self.first + 1

    def reference(self, cell: float) -> float:
        """The reference position (cells) opposite a query position."""
        return self.offset + self.speed * cell


# A run does not bridge so many cells without any agreement: a steep line through two pieces that belong to
# different lines can collect more than either.
_MAX_GAP = 10
_MAX_BREAKS = 3


def best_run(evidence: Float32Array) -> Run | None:
    """The best unbroken run over all offsets and speeds, or ``None`` if nothing is above zero.

    ``evidence``: float32 [Q, R], as :func:`evidence_of` makes it. A run with long gaps is broken up, and the
    query cells of its densest stretch may choose their own line.
    """
    run = _best_over_speeds(evidence)
    for _ in range(_MAX_BREAKS):
        if run is None:
            return None
        stretches = _stretches(line_values(evidence, run))
        if len(stretches) < 2:
            break
        alone = evidence.copy()
        densest = max(stretches, key=lambda stretch: stretch[2])
        for first, last, _total in stretches:
            if first != densest[0]:
                alone[run.first + first : run.first + last + 1] = -1
        run = _best_over_speeds(alone)
    return run


def _stretches(values: Float32Array) -> list[tuple[int, int, float]]:
    """First and last cell and sum of each part of a line without a long gap."""
    agreeing = np.flatnonzero(values > 0)
    if len(agreeing) == 0:
        return []
    breaks = np.flatnonzero(np.diff(agreeing) > _MAX_GAP)
    firsts = agreeing[np.concatenate([[0], breaks + 1])]
    lasts = agreeing[np.concatenate([breaks, [len(agreeing) - 1]])]
    pairs = zip(firsts.tolist(), lasts.tolist(), strict=True)
    return [(first, last, float(values[first : last + 1].sum())) for first, last in pairs]


def _best_over_speeds(evidence: Float32Array) -> Run | None:
    runs = [run for speed in SPEEDS if (run := _best_at_speed(evidence, speed)) is not None]
    if not runs:
        return None
    best = max(runs, key=lambda run: run.total)
    normal = next((run for run in runs if run.speed == 1.0), None)
    if normal is not None and normal.total * _PREFER_NORMAL >= best.total:
        return normal
    return best


def run_on(evidence: Float32Array, offset: float, speed: float) -> Run | None:
    """The run with the largest sum on one given line, in cells."""
    rows, columns = evidence.shape
    cells = np.arange(rows)
    facing = faced(cells, offset, speed)
    inside = (facing >= 0) & (facing < columns)
    values = np.where(inside, evidence[cells, np.clip(facing, 0, columns - 1)], -1)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    lowest = np.minimum.accumulate(sums[:-1])
    last = int((sums[1:] - lowest).argmax())
    total = float(sums[last + 1] - lowest[last])
    if total <= 0:
        return None
    first = int(np.flatnonzero(sums[: last + 1] == lowest[last])[-1])
    return Run(offset, speed, first, last, total)


def evidence_of(similarity: SimilarityMap) -> Float32Array:
    """What is summed along lines: float32 [Q, R]."""
    passed = similarity.gate > 0
    bonus = _CONTRAST * np.clip(similarity.contrast / 3, -1, 1)
    return np.asarray(similarity.gate + np.where(passed, bonus, 0), np.float32)


def line_values(values: Float32Array, run: Run) -> Float32Array:
    """The values of a map along a run, float32 [run.length]; cells outside the reference are -1."""
    cells = np.arange(run.first, run.last + 1)
    columns = faced(cells, run.offset, run.speed)
    inside = (columns >= 0) & (columns < values.shape[1])
    found = values[cells, np.clip(columns, 0, values.shape[1] - 1)]
    return np.where(inside, found, -1).astype(np.float32)


def faced(cells: Int64Array, offset: float, speed: float) -> Int64Array:
    """The reference cell (int64 [N], maybe outside the clip) opposite the middle of each query cell."""
    return np.asarray(np.floor(offset + speed * (cells + 0.5)), np.int64)


def erase(evidence: Float32Array, run: Run, *, margin: int) -> None:
    """Make the band round a run useless for further runs, in place."""
    cells = np.arange(max(0, run.first - margin), min(len(evidence), run.last + margin + 1))
    middle = faced(cells, run.offset, run.speed)
    for row, column in zip(cells.tolist(), middle.tolist(), strict=True):
        evidence[row, max(0, column - margin) : max(0, column + margin + 1)] = -1


def _best_at_speed(evidence: Float32Array, speed: float) -> Run | None:
    """Kadane's scan down the query for every offset (whole cells) at once."""
    rows, columns = evidence.shape
    lowest = -int(np.ceil(speed * rows))
    count = columns - lowest
    # Shifting a padded row by whole cells reads the same speed line for every offset.
    padded = np.full(columns + 2 * (count + 1), -1, np.float32)
    running, best = np.zeros(count, np.float32), np.zeros(count, np.float32)
    starts = np.zeros(count, np.int32)
    firsts, lasts = np.zeros(count, np.int32), np.full(count, -1, np.int32)
    for row in range(rows):
        padded[count + 1 : count + 1 + columns] = evidence[row]
        begin = count + 1 + lowest + int(np.floor(speed * (row + 0.5)))
        restarted = running <= 0
        starts[restarted] = row
        running = np.where(restarted, 0, running) + padded[begin : begin + count]
        better = running > best
        best[better] = running[better]
        firsts[better] = starts[better]
        lasts[better] = row
    winner = int(best.argmax())
    if best[winner] <= 0:
        return None
    return Run(float(lowest + winner), speed, int(firsts[winner]), int(lasts[winner]), float(best[winner]))
