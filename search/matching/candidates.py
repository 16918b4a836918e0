"""Which contents of the library are worth a closer look, from the index alone."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.hashing.perceptual import hamming
from search.index.base import HashMatches, Neighbours
from search.index.reader import IndexReader
from search.ranking import Background, probability
from search.types import Float32Array, FrameSequence, UInt64Array

NO_HASH = 65
_HASH_BITS = 24


@dataclass(slots=True)
class Candidate:
    """A content and its best frame. ``score``: 0..1 by embedding. ``distance``: fewest differing bits of a
    hash, ``NO_HASH`` if none was within the radius. ``frame_id``: the frame that is closest."""

    content_id: int
    frame_id: int
    score: float = 0.0
    distance: int = NO_HASH

    @property
    def rank(self) -> float:
        """The better of both witnesses, 0..1: the order in which candidates are looked at."""
        return max(self.score, hash_score(self.distance))

    @classmethod
    def of_pair(
        cls, content_id: int, first: FrameSequence, second: FrameSequence, background: Background
    ) -> Candidate:
        """The content of the single frame ``second`` as a candidate for that of ``first``."""
        cosines = first.vectors[:1] @ second.vectors[:1].T
        score = float(probability(background.normalised(cosines, first.vectors[:1]))[0, 0])
        distance = int(hamming(first.hashes[:1], second.hashes[:1])[0])
        return cls(content_id, int(second.ids[0]), score, distance)


def hash_score(distance: int) -> float:
    """What a Hamming distance says on the scale of scores: 1 at 0 bits, .58 at 10, 0 for ``NO_HASH``."""
    return max(0.0, 1 - distance / _HASH_BITS)


def propose(
    reader: IndexReader,
    background: Background,
    vectors: Float32Array,
    hashes: UInt64Array,
    *,
    neighbours: int,
    radius: int,
) -> list[Candidate]:
    """Contents near any of the vectors (float32 [Q, D]) or hashes (uint64 [H]), best first."""
    found: dict[int, Candidate] = {}
    if len(reader) == 0:
        return []
    _add_neighbours(found, scored(reader, background, vectors, neighbours))
    _add_hashes(found, reader.search_hashes(hashes, radius))
    return sorted(found.values(), key=lambda candidate: (-candidate.rank, candidate.content_id))


def scored(reader: IndexReader, background: Background, vectors: Float32Array, k: int) -> Neighbours:
    """Nearest rows with scores 0..1 in place of cosines; 0 where an answer is short."""
    answer = reader.search(vectors, min(k, max(1, len(reader))))
    return Neighbours(answer.ids, answer.owners, probability(background.normalised(answer.scores, vectors)))


def _add_neighbours(found: dict[int, Candidate], answer: Neighbours) -> None:
    # Best first: what comes later for a content is never better.
    order = np.argsort(-answer.scores, axis=None, kind="stable")
    ids, owners = answer.ids.ravel()[order].tolist(), answer.owners.ravel()[order].tolist()
    for frame_id, owner, score in zip(ids, owners, answer.scores.ravel()[order].tolist(), strict=True):
        if frame_id >= 0 and owner not in found:
            found[owner] = Candidate(owner, frame_id, score)


def _add_hashes(found: dict[int, Candidate], matches: HashMatches) -> None:
    rows = zip(matches.ids.tolist(), matches.owners.tolist(), matches.distances.tolist(), strict=True)
    for frame_id, owner, distance in rows:
        candidate = found.setdefault(owner, Candidate(owner, frame_id))
        if distance < candidate.distance:
            candidate.distance = distance
            if candidate.rank > candidate.score:
                candidate.frame_id = frame_id
