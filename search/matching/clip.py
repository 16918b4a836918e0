"""Search by a clip."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from search.alignment.align import align
from search.alignment.grid import Track
from search.config import SearchConfig
from search.index.reader import IndexReader
from search.matching.candidates import Candidate, hash_score, scored
from search.matching.evidence import Evidence
from search.matching.query import Library, QueryDescription
from search.ranking import Background
from search.types import (
    Band,
    CopyMatch,
    Float32Array,
    FrameSequence,
    Int64Array,
    MediaKind,
    SegmentMatch,
)
from search.verification.geometric import Relation

# Query frames asked of the index, spread evenly; longer clips are long enough to be found by some of them.
_MAX_ASKED = 240
_MAX_CLIPS = 20
_MAX_PICTURES = 12
# A neighbour this likely counts as a vote for its content.
_VOTE = 0.3
# A frame that so many contents share (a black frame, an intro) starts to weigh less.
_COMMON = 4
# Frames with less detail than the first prove nothing, from the second on everything.
_NO_DETAIL, _FULL_DETAIL = 0.03, 0.1
# When the pixels of no frame pair agree, a segment must be that much clearer to be believed.
_UNSEEN = 0.75
_LOOKS = 3
# A clip is a copy as a whole when one segment covers so much of both.
_WHOLE = 0.8


@dataclass(frozen=True, slots=True)
class Votes:
    """What the index says about a clip. ``candidates``: best first. ``weights``: float32 [N], per query
    frame. ``best_frames``: the query frame that is closest to each content."""

    candidates: list[Candidate]
    weights: Float32Array
    best_frames: dict[int, int]

    @classmethod
    def of_pair(cls, query: FrameSequence) -> Votes:
        """No candidates, and frames weighed by their detail alone: for comparing two given clips."""
        return cls([], _detail_weights(query), {})


@dataclass(frozen=True, slots=True)
class ClipFindings:
    """What was proven about the candidates of one clip."""

    segments: tuple[SegmentMatch, ...]
    copies: tuple[CopyMatch, ...]


def vote(config: SearchConfig, reader: IndexReader, background: Background, query: FrameSequence) -> Votes:
    """Let every (or every n-th) query frame name the contents it may come from."""
    weights = _detail_weights(query)
    if len(query) == 0 or len(reader) == 0:
        return Votes([], weights, {})
    asked = np.unique(np.linspace(0, len(query) - 1, min(len(query), _MAX_ASKED)).astype(np.int64))
    answer = scored(reader, background, query.vectors[asked], config.match.candidates)
    best: dict[int, dict[int, tuple[float, int]]] = {}
    for row, frame in enumerate(asked.tolist()):
        seen = zip(
            answer.ids[row].tolist(), answer.owners[row].tolist(), answer.scores[row].tolist(), strict=True
        )
        for frame_id, owner, score in seen:
            if frame_id >= 0:
                _keep_best(best, owner, frame, score, frame_id)
    matches = reader.search_hashes(query.hashes[asked], config.match.hash_distance)
    rows = zip(
        *(column.tolist() for column in (matches.queries, matches.ids, matches.owners, matches.distances)),
        strict=True,
    )
    for row, frame_id, owner, distance in rows:
        _keep_best(best, owner, int(asked[row]), hash_score(distance), frame_id)
    weights = weights * _rarity(best, len(query))
    return _tally(best, weights)


class ClipSearch:
    """Aligns and verifies the candidates of one clip. One object serves one search."""

    def __init__(
        self,
        config: SearchConfig,
        background: Background,
        library: Library,
        query: QueryDescription,
        votes: Votes,
        *,
        proof: bool = False,
    ) -> None:
        """``proof``: believe no segment of which no frame pair agrees pixel by pixel."""
        self._config, self._background, self._library, self._query = config, background, library, query
        self._votes = votes
        self._unseen = 0.0 if proof else _UNSEEN
        self._evidence = Evidence(config, library)
        self._track = Track(query.sequence, background.levels(query.sequence.vectors), votes.weights)

    def verify(self, candidates: list[Candidate], kinds: dict[int, MediaKind]) -> ClipFindings:
        """Segments of the best clips among the candidates, and pictures that appear in the query."""
        segments: list[SegmentMatch] = []
        copies: list[CopyMatch] = []
        clips = [one for one in candidates if kinds[one.content_id] is MediaKind.VIDEO][:_MAX_CLIPS]
        for candidate in clips:
            found = self.align_with(candidate.content_id)
            segments.extend(found)
            copies.extend(self._whole_copies(found))
        pictures = [
            one for one in candidates if kinds[one.content_id] is MediaKind.IMAGE and one.rank >= _VOTE
        ]
        for candidate in pictures[:_MAX_PICTURES]:
            copies.extend(self._picture(candidate))
        return ClipFindings(tuple(segments), tuple(copies))

    def align_with(self, content_id: int) -> list[SegmentMatch]:
        """The segments that the query shares with one clip, best first."""
        sequence = self._library.sequence(content_id)
        if len(sequence) == 0:
            return []
        reference = Track(sequence, np.zeros(len(sequence), np.float32), np.ones(len(sequence), np.float32))
        lowest = self._config.match.segment_score
        found = align(self._track, reference, content_id=content_id, min_score=lowest)
        looked = [self._looked_at(segment, sequence) for segment in found]
        return [segment for segment in looked if segment.score >= lowest]

    def _looked_at(self, segment: SegmentMatch, reference: FrameSequence) -> SegmentMatch:
        """The segment after a look at a few pairs of its frames."""
        for query_frame, reference_frame in frame_pairs(segment, self._query.sequence, reference):
            relation = self._relation(query_frame, int(reference.ids[reference_frame]))
            if relation is not None and relation.is_copy:
                return replace(segment, mirrored=relation.verification.mirrored)
        return replace(segment, score=segment.score * self._unseen)

    def _relation(self, query_frame: int, frame_id: int) -> Relation | None:
        picture = self._query.pictures[query_frame]
        return self._evidence.with_frame(self._evidence.query(picture), frame_id) if picture else None

    def _picture(self, candidate: Candidate) -> list[CopyMatch]:
        picture = self._query.pictures[self._votes.best_frames[candidate.content_id]]
        if not picture:
            return []
        relation = self._evidence.with_picture(self._evidence.query(picture), candidate.content_id)
        if relation is None or not relation.is_copy:
            return []
        return [
            CopyMatch(candidate.content_id, Band.COPY, relation.verification.score, relation.verification)
        ]

    def _whole_copies(self, segments: list[SegmentMatch]) -> list[CopyMatch]:
        """One copy of the clip whose segments these are, if one of them is all of it."""
        query = self._query.sequence
        for segment in segments:
            if is_whole(segment, query, self._library.sequence(segment.content_id)):
                return [CopyMatch(segment.content_id, Band.COPY, min(0.999, segment.score))]
        return []


def is_whole(segment: SegmentMatch, query: FrameSequence, reference: FrameSequence) -> bool:
    """Whether a segment covers most of both clips: then one is a copy of the other, not only a part."""
    in_query = (segment.query_end or 0.0) - (segment.query_start or 0.0)
    in_reference = segment.reference_end - segment.reference_start
    return in_query >= _WHOLE * _length(query) and in_reference >= _WHOLE * _length(reference)


def _keep_best(
    best: dict[int, dict[int, tuple[float, int]]], owner: int, frame: int, score: float, frame_id: int
) -> None:
    frames = best.setdefault(owner, {})
    if score > frames.get(frame, (-1.0, 0))[0]:
        frames[frame] = (score, frame_id)


def _detail_weights(query: FrameSequence) -> Float32Array:
    share = (query.details - _NO_DETAIL) / (_FULL_DETAIL - _NO_DETAIL)
    return np.asarray(np.clip(share, 0, 1), np.float32)


def _rarity(best: dict[int, dict[int, tuple[float, int]]], count: int) -> Float32Array:
    """Per query frame, 1 while few contents share it, then falling: float32 [N]."""
    shared = np.zeros(count, np.float32)
    for frames in best.values():
        for frame, (score, _) in frames.items():
            shared[frame] += score >= _VOTE
    return np.asarray(np.minimum(1, _COMMON / np.maximum(shared, 1)), np.float32)


def _tally(best: dict[int, dict[int, tuple[float, int]]], weights: Float32Array) -> Votes:
    """Candidates by the sum of their frames' votes; their score is that of the best three frames."""
    totals: dict[int, float] = {}
    candidates: list[Candidate] = []
    best_frames: dict[int, int] = {}
    for owner, frames in best.items():
        totals[owner] = sum(score * float(weights[frame]) for frame, (score, _) in frames.items())
        strongest = sorted(frames, key=lambda frame: -frames[frame][0])[:3]
        best_frames[owner] = strongest[0]
        mean = sum(frames[frame][0] for frame in strongest) / len(strongest)
        candidates.append(Candidate(owner, frames[strongest[0]][1], mean))
    candidates.sort(key=lambda candidate: (-totals[candidate.content_id], candidate.content_id))
    return Votes(candidates, weights, best_frames)


def frame_pairs(
    segment: SegmentMatch, query: FrameSequence, reference: FrameSequence
) -> list[tuple[int, int]]:
    """A few pairs of kept frames that face each other, spread over the segment, the closest in time."""
    start, end = segment.query_start or 0.0, segment.query_end or 0.0
    pairs: list[tuple[int, int]] = []
    for share in np.linspace(0.2, 0.8, _LOOKS).tolist():
        moment = start + share * (end - start)
        facing = segment.reference_start + (moment - start) * segment.speed
        pairs.append((_frame_at(query.starts, moment), _frame_at(reference.starts, facing)))
    return list(dict.fromkeys(pairs))


def _frame_at(starts: np.ndarray[tuple[int], np.dtype[np.float64]], moment: float) -> int:
    found: Int64Array = np.searchsorted(starts, [moment], side="right") - 1
    return max(0, int(found[0]))


def _length(sequence: FrameSequence) -> float:
    return float(sequence.ends[-1] - sequence.starts[0]) if len(sequence) else 0.0
