"""What is searched for, in the engine's words: from a stored content, or from a file or region at once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.query import QueryDescription
from search.types import FrameDescription, FrameSequence, MediaDescription, MediaKind, Region
from tasks import runtime
from tasks.library import load_frames, stored_features
from webapp.models import Content
from webapp.services.storage import frame_picture_name, original_path, read_rendition


def query_of_content(content: Content, *, model_key: str) -> QueryDescription:
    """A described content as a query; nothing is decoded unless its vectors are of another model."""
    frames = load_frames([content.pk], model_key=model_key)[content.pk]
    if not len(frames.sequence):
        return query_of_file(original_path(content.sha256), content_id=content.pk)
    names = [frame_picture_name(position) for position in frames.positions.tolist()]
    return QueryDescription(
        kind=MediaKind(content.kind),
        content_id=content.pk,
        sequence=frames.sequence,
        pictures=tuple(read_rendition(content.sha256, name) or b"" for name in names),
        features=None if content.is_video else stored_features(content.sha256),
    )


def query_of_file(
    path: Path, *, content_id: int | None = None, region: Region | None = None
) -> QueryDescription:
    """Describe a file, or a part of a picture, for one search. Nothing is stored.

    Raises:
        MediaError: it cannot be read, with the reason in words.
    """
    frames: list[FrameDescription] = []
    description = runtime.describer().describe(path, frames.append, region=region)
    return query_of_frames(description, frames, content_id=content_id, region=region)


def query_of_frames(
    description: MediaDescription,
    frames: Sequence[FrameDescription],
    *,
    content_id: int | None,
    region: Region | None,
) -> QueryDescription:
    return QueryDescription(
        kind=description.info.kind,
        content_id=content_id,
        sequence=_sequence(frames),
        pictures=tuple(frame.picture for frame in frames),
        features=description.features,
        region=region,
    )


def _sequence(frames: Sequence[FrameDescription]) -> FrameSequence:
    # Negative ids: these frames are in no table and in no index.
    vectors = np.array([frame.vector for frame in frames], dtype=np.float32)
    return FrameSequence(
        ids=-1 - np.arange(len(frames), dtype=np.int64),
        times=np.array([frame.time for frame in frames], dtype=np.float64),
        starts=np.array([frame.start for frame in frames], dtype=np.float64),
        ends=np.array([frame.end for frame in frames], dtype=np.float64),
        vectors=vectors.reshape(len(frames), -1 if frames else 0),
        hashes=np.array([frame.phash for frame in frames], dtype=np.uint64),
        details=np.array([frame.detail for frame in frames], dtype=np.float32),
    )
