"""Search by a still picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from search.config import SearchConfig
from search.landmarks import Witness
from search.matching.candidates import Candidate
from search.matching.evidence import Evidence, grey_of
from search.matching.query import Library, QueryDescription
from search.ranking import Background, probability
from search.types import (
    Band,
    CopyMatch,
    FrameSequence,
    Int64Array,
    MediaKind,
    SegmentMatch,
    Verification,
)
from search.verification import flat
from search.verification.geometric import Relation, in_whole_picture

# Candidates this likely are always looked at; after so many weaker ones in a row came to nothing, the rest
# are not: the list falls, and each look costs milliseconds.
_LIKELY = 0.5
_PATIENCE = 8
# Without key points, the embedding must be this sure before the pixels are asked.
_FLAT_SCORE = 0.9
# A frame of a clip is asked for its pixels when its score is at least this, in at most so many places.
_FRAME_SCORE = 0.3
_MAX_MOMENTS = 6
# Frames around a verified one show the same picture while their cosine stays within this of its own.
_SAME_MOMENT = 0.12
# Moments this close (seconds) are one.
_GAP = 0.5


@dataclass(frozen=True, slots=True)
class PictureFindings:
    """What was proven about the candidates of one picture."""

    copies: tuple[CopyMatch, ...]
    segments: tuple[SegmentMatch, ...]
    witnesses: tuple[Witness, ...]

    def joined(self, other: PictureFindings) -> PictureFindings:
        """Both findings together."""
        return PictureFindings(
            self.copies + other.copies, self.segments + other.segments, self.witnesses + other.witnesses
        )

    @property
    def nothing(self) -> bool:
        """Whether neither a copy nor a moment was found."""
        return not self.copies and not self.segments


class PictureSearch:
    """Verifies the candidates of one still picture. One object serves one search.

    ``flat_copies``: accept pictures without key points by their pixels; not for a part of a picture, which
    may be any piece of sky.
    """

    def __init__(
        self,
        config: SearchConfig,
        background: Background,
        library: Library,
        query: QueryDescription,
        *,
        flat_copies: bool = True,
    ) -> None:
        self._config, self._background, self._library, self._query = config, background, library, query
        self._flat_copies = flat_copies
        self._evidence = Evidence(config, library)
        self._side = self._evidence.query(query.pictures[0], query.features)
        self._copies: list[CopyMatch] = []
        self._segments: list[SegmentMatch] = []
        self._witnesses: list[Witness] = []

    def verify(self, candidates: list[Candidate], kinds: dict[int, MediaKind]) -> PictureFindings:
        """Look at the best candidates (best first) until further ones are hopeless."""
        misses = 0
        for candidate in candidates[: self._config.match.verify]:
            if misses >= _PATIENCE and candidate.rank < _LIKELY:
                break
            proven = self._check(candidate, kinds[candidate.content_id])
            misses = 0 if proven else misses + 1
        return PictureFindings(tuple(self._copies), tuple(self._segments), tuple(self._witnesses))

    def _check(self, candidate: Candidate, kind: MediaKind) -> bool:
        if kind is MediaKind.VIDEO:
            return self._check_clip(candidate)
        relation = self._evidence.with_picture(self._side, candidate.content_id)
        if relation is not None:
            self._testify(candidate, relation)
        if relation is not None and relation.is_copy:
            verification = self._in_whole(relation.verification)
            score = copy_score(verification.score, candidate.score)
            self._copies.append(CopyMatch(candidate.content_id, Band.COPY, score, verification))
            return True
        if relation is None and self._is_flat_copy(candidate):
            self._copies.append(CopyMatch(candidate.content_id, Band.COPY, candidate.score))
            return True
        return False

    def _testify(self, candidate: Candidate, relation: Relation) -> None:
        found = relation.verification
        self._witnesses.append(
            Witness(candidate.content_id, candidate.score, found.score, found.inliers, relation.is_copy)
        )

    def _in_whole(self, verification: Verification) -> Verification:
        region = self._query.region
        return in_whole_picture(verification, region) if region is not None else verification

    def _is_flat_copy(self, candidate: Candidate) -> bool:
        if not self._flat_copies or candidate.score < _FLAT_SCORE:
            return False
        query, reference = self._side.grey(), grey_of(self._library.picture(candidate.content_id))
        return query is not None and reference is not None and flat.same_pixels(query, reference)

    def _check_clip(self, candidate: Candidate) -> bool:
        if candidate.rank < _FRAME_SCORE:
            return False
        sequence = self._library.sequence(candidate.content_id)
        if len(sequence) == 0:
            return False
        moments = _moments(self._frame_scores(sequence, candidate))
        found = [segment for moment in moments for segment in self._check_moment(candidate, sequence, moment)]
        self._segments.extend(_merged(found))
        return bool(found)

    def _frame_scores(self, sequence: FrameSequence, candidate: Candidate) -> Moments:
        vector = self._query.sequence.vectors[:1]
        cosines = (vector @ sequence.vectors.T)[0]
        scores = probability(self._background.normalised(cosines[None], vector))[0]
        # Another variant of the query (turned, trimmed) or its hash may have found the frame.
        best = np.flatnonzero(sequence.ids == candidate.frame_id)
        scores[best] = np.maximum(scores[best], candidate.rank)
        return Moments(np.asarray(cosines, np.float32), np.asarray(scores, np.float32))

    def _check_moment(
        self, candidate: Candidate, sequence: FrameSequence, moment: Moment
    ) -> list[SegmentMatch]:
        """The moment as a segment, if its best frame is a copy."""
        relation = self._evidence.with_frame(self._side, int(sequence.ids[moment.best]))
        if relation is None or not relation.is_copy:
            return []
        self._testify(candidate, relation)
        return [
            SegmentMatch(
                content_id=candidate.content_id,
                score=copy_score(relation.verification.score, moment.score),
                query_start=None,
                query_end=None,
                reference_start=float(sequence.starts[moment.first]),
                reference_end=float(sequence.ends[moment.last]),
                mirrored=relation.verification.mirrored,
            )
        ]


def copy_score(geometry: float, similarity: float) -> float:
    """0..1: the geometry's score, raised by what the embedding says; exact matches alone have 1."""
    return min(0.999, 1 - (1 - geometry) * (1 - 0.5 * similarity))


@dataclass(frozen=True, slots=True)
class Moments:
    """Per kept frame of a clip: cosine with the query, and score 0..1; float32 [N] each."""

    cosines: np.ndarray[tuple[int], np.dtype[np.float32]]
    scores: np.ndarray[tuple[int], np.dtype[np.float32]]


@dataclass(frozen=True, slots=True)
class Moment:
    """A run of kept frames ``first..last`` that look alike; ``best`` is the closest."""

    first: int
    last: int
    best: int
    score: float


def _moments(frames: Moments) -> list[Moment]:
    """The best runs of frames that may show the picture, best first."""
    taken = np.zeros(len(frames.scores), bool)
    found: list[Moment] = []
    for best in np.argsort(-frames.scores, kind="stable").tolist():
        if frames.scores[best] < _FRAME_SCORE or len(found) >= _MAX_MOMENTS:
            break
        if taken[best]:
            continue
        alike = (frames.cosines >= frames.cosines[best] - _SAME_MOMENT) & ~taken
        first, last = _run_around(alike, best)
        taken[first : last + 1] = True
        found.append(Moment(first, last, best, float(frames.scores[best])))
    return found


def _merged(segments: list[SegmentMatch]) -> list[SegmentMatch]:
    """Segments of one clip without gaps between them become one, with the best score."""
    merged: list[SegmentMatch] = []
    for segment in sorted(segments, key=lambda one: one.reference_start):
        last = merged[-1] if merged else None
        if last is None or segment.reference_start > last.reference_end + _GAP:
            merged.append(segment)
            continue
        best = max(last, segment, key=lambda one: one.score)
        end = max(last.reference_end, segment.reference_end)
        merged[-1] = replace(best, reference_start=last.reference_start, reference_end=end)
    return merged


def _run_around(flags: np.ndarray[tuple[int], np.dtype[np.bool_]], place: int) -> tuple[int, int]:
    gaps: Int64Array = np.flatnonzero(~flags)
    before, after = gaps[gaps < place], gaps[gaps > place]
    return (int(before[-1]) + 1 if len(before) else 0), (int(after[0]) - 1 if len(after) else len(flags) - 1)
