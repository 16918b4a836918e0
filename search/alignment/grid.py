"""Two clips on uniform time grids, and how alike they are at every pair of moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.hashing.perceptual import hamming
from search.types import Float32Array, FrameSequence, Int64Array

# Finest step in seconds, the densest that frames are kept at; longer clips get coarser grids so that a map
# never has more than so many points on a side.
FINEST_STEP = 0.25
_LONGEST_QUERY = 400
_LONGEST_REFERENCE = 6000

# A normalised cosine (see search.ranking) from here speaks for the same picture. Lower than for single
# pictures, because neighbours in time must agree with it; unrelated clips stay below .05 almost everywhere.
_COSINE_EVEN = 0.06
_COSINE_WIDTH = 0.05
# The hash says the same at so many bits; unrelated frames differ by 14 and more.
_HASH_EVEN = 11.0
_HASH_WIDTH = 3.0
_CLIP = 3.0
# Where only the order of moments is asked for, a hash that is nearer than chance adds so much cosine a bit.
_HASH_WEIGHT = 0.015
_HASH_CHANCE = 20


@dataclass(frozen=True, slots=True)
class Track:
    """A clip as alignment sees it.

    ``sequence``: its kept frames. ``levels``: float32 [N], what unrelated pictures reach with each frame
    (see :class:`search.ranking.Background`). ``weights``: float32 [N], 0..1, how much each frame can prove:
    little for dark frames and for intros that many clips share.
    """

    sequence: FrameSequence
    levels: Float32Array
    weights: Float32Array

    @property
    def end(self) -> float:
        """When the last kept frame stops standing for the clip, in seconds."""
        return float(self.sequence.ends[-1]) if len(self.sequence) else 0.0


@dataclass(frozen=True, slots=True)
class SimilarityMap:
    """Evidence at every pair of grid points.

    ``step``: seconds between grid points of both clips; point i is the moment ``(i + 1/2) * step`` after
    ``query_origin`` or ``reference_origin``. ``query_frames``, ``reference_frames``: int64, which kept frame
    stands for each point. ``gate``: float32 [Q, R] in -1..1, above 0 where the pictures may be the same,
    times the query frame's weight. ``likeness``: float32 [Q, R], the cosine, more where hashes are near.
    ``contrast``: float32 [Q, R], how much more alike a pair is than the same frames are with the rest of the
    other clip, in units of its spread; it tells moments of a static scene apart.
    """

    step: float
    query_origin: float
    reference_origin: float
    query_frames: Int64Array
    reference_frames: Int64Array
    gate: Float32Array
    likeness: Float32Array
    contrast: Float32Array

    def query_time(self, point: float) -> float:
        """The moment (seconds) at a query grid position; whole numbers are the starts of cells."""
        return self.query_origin + point * self.step

    def reference_time(self, point: float) -> float:
        """The moment (seconds) at a reference grid position."""
        return self.reference_origin + point * self.step


def similarity_map(query: Track, reference: Track) -> SimilarityMap:
    """Compare all kept frames, then spread the result over time grids. Both tracks must have frames."""
    one, two = query.sequence, reference.sequence
    origins = float(one.starts[0]), float(two.starts[0])
    spans = query.end - origins[0], reference.end - origins[1]
    step = max(FINEST_STEP, spans[0] / _LONGEST_QUERY, spans[1] / _LONGEST_REFERENCE)
    rows, columns = frames_at(one, step), frames_at(two, step)
    cosines = one.vectors @ two.vectors.T
    distances = hamming(one.hashes[:, None], two.hashes[None, :]).astype(np.float32)
    gate = _gate(cosines - query.levels[:, None], distances) * query.weights[:, None]
    ordering = np.asarray(cosines + _HASH_WEIGHT * np.maximum(_HASH_CHANCE - distances, 0), np.float32)
    cells = np.ix_(rows, columns)
    likeness = ordering[cells]
    return SimilarityMap(step, *origins, rows, columns, gate[cells], likeness, _centred(likeness))


def frames_at(sequence: FrameSequence, step: float) -> Int64Array:
    """For each cell of the grid, the kept frame that stands for its middle; int64 [cells], at least one."""
    origin, end = float(sequence.starts[0]), float(sequence.ends[-1])
    cells = max(1, round((end - origin) / step))
    moments = origin + (np.arange(cells) + 0.5) * step
    found = np.searchsorted(sequence.starts, moments, side="right") - 1
    return np.clip(found, 0, len(sequence) - 1).astype(np.int64)


def _gate(normalised: Float32Array, distances: Float32Array) -> Float32Array:
    """-1..1. Either witness is enough: hashes survive grey and contrast, vectors crops and captions."""
    by_vector = (normalised - _COSINE_EVEN) / _COSINE_WIDTH
    by_hash = (_HASH_EVEN - distances) / _HASH_WIDTH
    return np.asarray(np.clip(np.maximum(by_vector, by_hash), -_CLIP, _CLIP) / _CLIP, np.float32)


def _centred(values: Float32Array) -> Float32Array:
    """Values less their row's and column's means, in units of their own spread; zero if nothing varies."""
    rows = values.mean(axis=1, keepdims=True)
    columns = values.mean(axis=0, keepdims=True)
    centred = values - rows - columns + values.mean()
    spread = float(np.sqrt(np.mean(centred**2)))
    return np.asarray(centred / max(spread, 1e-4), np.float32)
