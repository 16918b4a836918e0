"""A library of clips in memory, for searches that leave nothing behind."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from search.index.base import IndexRows
from search.matching.query import QueryDescription
from search.types import FrameDescription, FrameSequence, LocalFeatures, MediaDescription, MediaKind


def sequence_of(frames: Sequence[FrameDescription], *, first_id: int) -> FrameSequence:
    """Described frames as a sequence with ids ``first_id``, ``first_id + 1``, ..."""
    vectors = np.array([frame.vector for frame in frames], np.float32)
    return FrameSequence(
        ids=first_id + np.arange(len(frames), dtype=np.int64),
        times=np.array([frame.time for frame in frames], np.float64),
        starts=np.array([frame.start for frame in frames], np.float64),
        ends=np.array([frame.end for frame in frames], np.float64),
        vectors=vectors.reshape(len(frames), -1 if frames else 0),
        hashes=np.array([frame.phash for frame in frames], np.uint64),
        details=np.array([frame.detail for frame in frames], np.float32),
    )


def query_of(description: MediaDescription, frames: Sequence[FrameDescription]) -> QueryDescription:
    """A described clip as a query whose bytes nobody knows."""
    return QueryDescription(
        kind=description.info.kind,
        content_id=None,
        sequence=sequence_of(frames, first_id=0),
        pictures=tuple(frame.picture for frame in frames),
        features=description.features,
    )


class ClipLibrary:
    """Clips with their frames; implements :class:`search.matching.query.Library`."""

    def __init__(self) -> None:
        self.sequences: dict[int, FrameSequence] = {}
        self._pictures: list[bytes] = []
        self._times: list[float] = []

    def add(self, content_id: int, frames: Sequence[FrameDescription]) -> None:
        """Take in a clip. Frame ids are given out from 0 on."""
        self.sequences[content_id] = sequence_of(frames, first_id=len(self._pictures))
        self._pictures += [frame.picture for frame in frames]
        self._times += [frame.time for frame in frames]

    def index_rows(self, *, least_detail: float) -> IndexRows:
        """What the index of this library holds: frames with at least so much detail."""
        parts = [
            (owner, sequence, np.flatnonzero(sequence.details >= least_detail))
            for owner, sequence in self.sequences.items()
        ]
        return IndexRows(
            ids=np.concatenate([sequence.ids[kept] for _, sequence, kept in parts]),
            owners=np.concatenate([np.full(len(kept), owner, np.int64) for owner, _, kept in parts]),
            vectors=np.concatenate([sequence.vectors[kept] for _, sequence, kept in parts]).astype(
                np.float16
            ),
            hashes=np.concatenate([sequence.hashes[kept] for _, sequence, kept in parts]),
        )

    def kinds(self, content_ids: Sequence[int]) -> dict[int, MediaKind]:
        return {one: MediaKind.VIDEO for one in content_ids if one in self.sequences}

    def sequence(self, content_id: int) -> FrameSequence:
        return self.sequences[content_id]

    def features(self, content_id: int) -> LocalFeatures | None:
        return None

    def frame_picture(self, frame_id: int) -> bytes | None:
        return self._pictures[frame_id]

    def picture(self, content_id: int) -> bytes | None:
        return None

    def frame_times(self, frame_ids: Sequence[int]) -> dict[int, float]:
        return {one: self._times[one] for one in frame_ids}

    def labels(self, content_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        return {}
