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
from search.types import Float32Array, Float64Array, Int64Array

SPEEDS = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.45, 1.65, 2.0)
# Weight of contrast (at three times its usual spread) beside the gate. It only counts where the gate
# passes, so it chooses among lines and never makes one.
_CONTRAST = 0.75
# Another speed than 1 must agree so much better: most copies are not sped up, and a wrong slope moves both
# ends of a long segment.
_PREFER_NORMAL = 1.02
# Lines that explain this share of the most that any explains are compared by how well their moments agree.
_NEARLY = 0.75


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

    @property
    def explained(self) -> float:
        """The evidence, counted once for each cell of the clip that has fewer of them in the run."""
        return self.total * min(1.0, self.speed)

    def reference(self, cell: float) -> float:
        """The reference position (cells) opposite a query position."""
        return self.offset + self.speed * cell


# A run does not bridge so many cells without any agreement: a steep line through two pieces that belong to
# different lines can collect more than either.
_MAX_GAP = 10
_MAX_BREAKS = 3
_LINES_AT_ONCE = 128


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
    """Of the lines that explain nearly as much of both clips as any, the one whose moments agree best.

    The largest sum alone would prefer flat lines through scenes that change slowly: they are longer, as
    several query cells face the same reference cell, and agree a little everywhere.
    """
    passing = np.nonzero(evidence > 0)
    if len(passing[0]) == 0:
        return None
    runs: list[Run] = []
    most = 0.0
    for speed in sorted(SPEEDS, key=lambda speed: speed != 1.0):
        least = _NEARLY * most / min(1.0, speed)
        run = _best_at_speed(evidence, passing, speed, above=least)
        if run is not None:
            runs.append(run)
            most = max(most, run.explained)
    nearly = [run for run in runs if run.explained >= _NEARLY * most]
    return max(nearly, key=_agreement, default=None)


def _agreement(run: Run) -> float:
    return run.total / run.length * (_PREFER_NORMAL if run.speed == 1.0 else 1.0)


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


def _best_at_speed(
    evidence: Float32Array, passing: tuple[Int64Array, ...], speed: float, *, above: float
) -> Run | None:
    """The best run of one speed over all offsets (whole cells), if its sum is more than ``above``.

    ``passing``: rows and columns of what is above zero. Its sum on a line bounds every run on it, so lines
    are scanned by falling bound until none is left that could win: few, unless a whole clip looks alike.
    """
    rows, columns = passing
    steps = faced(np.arange(len(evidence)), 0.0, speed)
    offsets = columns - steps[rows]
    lowest = int(offsets.min())
    bounds = np.bincount(offsets - lowest, weights=evidence[rows, columns])
    order = np.argsort(-bounds, kind="stable")
    winner: int | None = None
    for start in range(0, len(order), _LINES_AT_ONCE):
        some = order[start : start + _LINES_AT_ONCE]
        if bounds[some[0]] <= above:
            break
        totals = _run_totals(evidence, steps, some + lowest)
        place = int(totals.argmax())
        if totals[place] > above:
            above, winner = float(totals[place]), int(some[place]) + lowest
    return run_on(evidence, float(winner), speed) if winner is not None else None


def _run_totals(evidence: Float32Array, steps: Int64Array, offsets: Int64Array) -> Float64Array:
    """The sum of the best run on each line, float64 [offsets]: Kadane's scan by running sums."""
    columns = steps[:, None] + offsets[None, :]
    inside = (columns >= 0) & (columns < evidence.shape[1])
    rows = np.arange(len(evidence))[:, None]
    values = np.where(inside, evidence[rows, np.clip(columns, 0, evidence.shape[1] - 1)], -1)
    sums = np.zeros((len(evidence) + 1, len(offsets)))
    np.cumsum(values, axis=0, out=sums[1:])
    return np.asarray((sums - np.minimum.accumulate(sums, axis=0)).max(axis=0), np.float64)
