"""A library of still pictures in memory, described like the real one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.index.base import IndexRows
from search.matching.query import QueryDescription
from search.media.pixels import describe_frame, fit
from search.types import FrameSequence, LocalFeatures, MediaKind
from search.verification.local_features import extract


def describe(
    pictures: Sequence[Image.Image], numbers: Sequence[int], config: SearchConfig, embedder: Embedder
) -> list[QueryDescription]:
    """What the pipeline makes of RGB pictures; ``numbers`` become their frames' ids."""
    frames = [describe_frame(picture, config.renditions, embedder.spec.input) for picture in pictures]
    vectors = embedder.embed(np.stack([frame.pixels for frame in frames]))
    rounded = vectors.astype(np.float16).astype(np.float32)
    nought = np.zeros(1)
    return [
        QueryDescription(
            MediaKind.IMAGE,
            None,
            FrameSequence(
                np.array([number], np.int64),
                nought,
                nought,
                nought,
                vector[None],
                np.array([frame.phash], np.uint64),
                np.array([frame.detail], np.float32),
            ),
            (frame.picture,),
            extract(np.asarray(fit(picture, config.renditions.features_px)), config.renditions.features_max),
        )
        for picture, number, frame, vector in zip(pictures, numbers, frames, rounded, strict=True)
    ]


class PictureLibrary:
    """Implements :class:`search.matching.query.Library`. Contents and frames are numbered 0, 1, ... alike."""

    def __init__(self) -> None:
        self.contents: list[QueryDescription] = []

    def rows(self) -> IndexRows:
        """Everything, for the index."""
        sequences = [content.sequence for content in self.contents]
        ids = np.arange(len(sequences), dtype=np.int64)
        vectors = np.concatenate([sequence.vectors for sequence in sequences]).astype(np.float16)
        return IndexRows(ids, ids, vectors, np.concatenate([sequence.hashes for sequence in sequences]))

    def kinds(self, content_ids: Sequence[int]) -> dict[int, MediaKind]:
        """Every content is a picture."""
        return {one: MediaKind.IMAGE for one in content_ids if 0 <= one < len(self.contents)}

    def sequence(self, content_id: int) -> FrameSequence:
        """The single frame of a picture."""
        return self.contents[content_id].sequence

    def features(self, content_id: int) -> LocalFeatures | None:
        """Local features of a picture."""
        return self.contents[content_id].features

    def frame_picture(self, frame_id: int) -> bytes | None:
        """WebP of a picture."""
        return self.contents[frame_id].pictures[0]

    def picture(self, content_id: int) -> bytes | None:
        """WebP of a picture."""
        return self.contents[content_id].pictures[0]

    def frame_times(self, frame_ids: Sequence[int]) -> dict[int, float]:
        """Pictures have no times."""
        return dict.fromkeys(frame_ids, 0.0)

    def labels(self, _: Sequence[int]) -> dict[int, tuple[str, ...]]:
        """Nobody has labelled anything."""
        return {}
