"""Simple methods to compare with, on the same kept frames: what a day's work with perceptual hashes gives.

Both take frames whose 64-bit DCT hashes differ by at most 10 bits for the same picture, on uniform grids of
the kept frames (each stands for its interval), and leave out frames without detail, as PDQ's quality does.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from search.alignment.grid import frames_at
from search.evaluation.segment_metrics import Box
from search.hashing.perceptual import hamming
from search.types import Float64Array, FrameSequence

RADIUS = 10
OFFSET_STEP = 0.25
"""Seconds between the grid points of fixed-offset voting, and half the width of the band it accepts."""

VPDQ_STEP = 1.0
"""Seconds between compared frames, as vPDQ hashes by default."""

_DETAIL = 0.05
_MAX_GAP = 2.0
_LEAST_FRAMES = 3
_MAX_SEGMENTS = 4


def fixed_offset(query: FrameSequence, library: Mapping[int, FrameSequence]) -> tuple[Box, ...]:
    """Equal frames vote for ``reference time - query time`` in steps of a quarter of a second, each query
    frame with one vote in all; the frames near the best offset, without gaps over 2 s, are a segment if there
    are at least 3. Then the next offset, up to four times a reference. Speed is always 1."""
    boxes: list[Box] = []
    for content_id, reference in library.items():
        pairs = _equal_frames(query, reference, OFFSET_STEP)
        for _ in range(_MAX_SEGMENTS):
            box, pairs = _best_offset(content_id, pairs)
            if box is None:
                break
            boxes.append(box)
    return tuple(boxes)


def vpdq_like(query: FrameSequence, library: Mapping[int, FrameSequence]) -> tuple[Box, ...]:
    """One frame a second; a reference matches where at least 3 query frames, without gaps over 2 s, have an
    equal frame in it. The segment is from the first to the last of them, on both sides: vPDQ itself says
    only which videos match, so this is the least that can be read from its matches."""
    boxes: list[Box] = []
    for content_id, reference in library.items():
        pairs = _equal_frames(query, reference, VPDQ_STEP)
        boxes += [box for run in _runs(pairs) if (box := _box(content_id, run, VPDQ_STEP)) is not None]
    return tuple(boxes)


def _equal_frames(query: FrameSequence, reference: FrameSequence, step: float) -> Float64Array:
    """Pairs of moments with equal pictures, by query time: float64 [N, 2] seconds."""
    if len(query) == 0 or len(reference) == 0:
        return np.empty((0, 2))
    rows, columns = frames_at(query, step), frames_at(reference, step)
    equal = hamming(query.hashes[rows][:, None], reference.hashes[columns][None, :]) <= RADIUS
    equal &= (query.details[rows] >= _DETAIL)[:, None] & (reference.details[columns] >= _DETAIL)[None, :]
    found = np.argwhere(equal)
    origins = np.array([query.starts[0], reference.starts[0]])
    return np.asarray(origins + (found + 0.5) * step, np.float64)


def _best_offset(content_id: int, pairs: Float64Array) -> tuple[Box | None, Float64Array]:
    """The segment at the offset with most votes, and the pairs that are left."""
    if len(pairs) == 0:
        return None, pairs
    bins = np.round((pairs[:, 1] - pairs[:, 0]) / OFFSET_STEP).astype(np.int64)
    _, which, counts = np.unique(pairs[:, 0], return_inverse=True, return_counts=True)
    votes = np.bincount(bins - bins.min(), weights=1 / counts[which])
    near = np.abs(bins - bins.min() - int(votes.argmax())) <= 1
    boxes = [_box(content_id, run, OFFSET_STEP) for run in _runs(pairs[near])]
    longest = max((box for box in boxes if box), key=lambda box: box.query[1] - box.query[0], default=None)
    if longest is None:
        return None, pairs
    inside = (pairs[:, 0] >= longest.query[0]) & (pairs[:, 0] <= longest.query[1])
    return longest, pairs[~(near | inside)]


def _runs(pairs: Float64Array) -> list[Float64Array]:
    """Pairs split where the query has no match for longer than the gap."""
    if len(pairs) == 0:
        return []
    breaks = np.flatnonzero(np.diff(pairs[:, 0]) > _MAX_GAP) + 1
    return list(np.split(pairs, breaks))


def _box(content_id: int, run: Float64Array, step: float) -> Box | None:
    if len(np.unique(run[:, 0])) < _LEAST_FRAMES:
        return None
    low, high = run.min(axis=0) - step / 2, run.max(axis=0) + step / 2
    return Box(content_id, (float(low[0]), float(high[0])), (float(low[1]), float(high[1])))
