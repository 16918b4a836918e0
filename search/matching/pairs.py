"""Duplicates inside the library: which pairs to look at, and what a look says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from search.config import SearchConfig
from search.index.reader import IndexReader
from search.matching.candidates import Candidate
from search.matching.clip import ClipSearch, Votes, is_whole
from search.matching.picture import PictureSearch
from search.matching.query import FetchedPictures, Library, QueryDescription
from search.ranking import Background
from search.types import (
    Float32Array,
    FrameSequence,
    Int64Array,
    MediaKind,
    SegmentMatch,
    UInt64Array,
    Verification,
)

# A cosine below this is no reason to look: of the edits a duplicate report is about (see search.ranking), 1 %
# of the copies lie lower, and most strangers do.
_COSINE = 0.6
_BATCH = 512


@dataclass(frozen=True, slots=True)
class PairVerdict:
    """What a look at two contents says.

    ``is_copy``: they show the same pictures, from end to end if they are clips. ``score``: 0..1, 0 if nothing
    was found. ``inliers``: agreeing points of the best geometry, 0 without one. ``verification``: maps the
    first picture to the second. ``segments``: seconds that two clips share, whether or not they are copies
    as a whole; the first content is the query.
    """

    is_copy: bool
    score: float = 0.0
    inliers: int = 0
    verification: Verification | None = None
    segments: tuple[SegmentMatch, ...] = ()


def candidate_pairs(reader: IndexReader, config: SearchConfig) -> Iterator[tuple[int, int]]:
    """Pairs of contents ``(a, b)``, ``a < b``, each once, that have frames with near hashes or vectors.

    Every row asks the index for ``config.match.candidates`` neighbours and for hashes within
    ``config.match.hash_distance``; each row names at most so many contents by its hash, the nearest first,
    because a black frame is near to all black frames.
    """
    seen: set[tuple[int, int]] = set()
    for rows in reader.rows(_BATCH):
        near = _by_vector(reader, rows.owners, rows.vectors.astype(np.float32), config.match.candidates)
        alike = _by_hash(reader, rows.owners, rows.hashes, config)
        fresh = sorted((near | alike) - seen)
        seen.update(fresh)
        yield from fresh


def check_pair(
    library: Library, config: SearchConfig, background: Float32Array, first: int, second: int
) -> PairVerdict:
    """Compare two contents as a search for the first would compare it with the second.

    ``background``: the embedder's, float32 [M, D]. A picture and a clip are never duplicates of each other,
    and neither is anything that left the library.
    """
    kinds = library.kinds([first, second])
    if len(kinds) < 2 or kinds[first] is not kinds[second]:
        return PairVerdict(False)
    one, two = library.sequence(first), library.sequence(second)
    if len(one) == 0 or len(two) == 0:
        return PairVerdict(False)
    level = Background(background)
    if kinds[first] is MediaKind.VIDEO:
        return _clips(library, config, level, (first, one), (second, two))
    return _pictures(library, config, level, (first, one), (second, two))


def _pictures(
    library: Library,
    config: SearchConfig,
    background: Background,
    first: tuple[int, FrameSequence],
    second: tuple[int, FrameSequence],
) -> PairVerdict:
    picture = library.picture(first[0])
    if picture is None:
        return PairVerdict(False)
    query = QueryDescription(MediaKind.IMAGE, first[0], first[1], (picture,), library.features(first[0]))
    candidate = Candidate.of_pair(second[0], first[1], second[1], background)
    found = PictureSearch(config, background, library, query).verify(
        [candidate], {second[0]: MediaKind.IMAGE}
    )
    inliers = max((witness.inliers for witness in found.witnesses), default=0)
    if not found.copies:
        return PairVerdict(False, inliers=inliers)
    copy = found.copies[0]
    return PairVerdict(True, copy.score, inliers, copy.verification)


def _clips(
    library: Library,
    config: SearchConfig,
    background: Background,
    first: tuple[int, FrameSequence],
    second: tuple[int, FrameSequence],
) -> PairVerdict:
    ids = first[1].ids.tolist()
    pictures = FetchedPictures(len(ids), lambda place: library.frame_picture(ids[place]) or b"")
    query = QueryDescription(MediaKind.VIDEO, first[0], first[1], pictures)
    votes = Votes.of_pair(first[1])
    segments = ClipSearch(config, background, library, query, votes).align_with(second[0])
    whole = [segment for segment in segments if is_whole(segment, first[1], second[1])]
    best = max((segment.score for segment in whole or segments), default=0.0)
    return PairVerdict(bool(whole), best, segments=tuple(segments))


def _by_vector(
    reader: IndexReader, owners: Int64Array, vectors: Float32Array, neighbours: int
) -> set[tuple[int, int]]:
    answer = reader.search(vectors, min(neighbours, len(reader)))
    others, near = answer.owners, answer.scores >= _COSINE
    mine = np.broadcast_to(owners[:, None], others.shape)
    return _ordered(mine[near], others[near])


def _by_hash(
    reader: IndexReader, owners: Int64Array, hashes: UInt64Array, config: SearchConfig
) -> set[tuple[int, int]]:
    matches = reader.search_hashes(hashes, config.match.hash_distance)
    pairs: set[tuple[int, int]] = set()
    starts = np.searchsorted(matches.queries, np.arange(len(hashes) + 1))
    for row, owner in enumerate(owners.tolist()):
        others = matches.owners[starts[row] : starts[row + 1]]
        nearest = [other for other in dict.fromkeys(others.tolist()) if other != owner]
        pairs |= {_pair(owner, other) for other in nearest[: config.match.candidates]}
    return pairs


def _ordered(first: Int64Array, second: Int64Array) -> set[tuple[int, int]]:
    different = (first != second) & (second >= 0)
    columns = np.stack([first[different], second[different]], axis=1)
    columns.sort(axis=1)
    return {(a, b) for a, b in np.unique(columns, axis=0).tolist()}


def _pair(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)
