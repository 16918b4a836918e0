"""What is searched for, in the engine's words: from a stored content, or from a file or region at once."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from django.conf import settings

from search.matching.query import FetchedPictures, QueryDescription
from search.types import FrameDescription, FrameSequence, MediaKind, Region
from tasks import runtime
from tasks.library import load_frames, stored_features
from webapp.models import Content
from webapp.services.storage import frame_picture_name, original_path, read_rendition


def query_of_content(content: Content, *, model_key: str) -> QueryDescription:
    """A described content as a query; nothing is decoded unless its vectors are of another model."""
    frames = load_frames([content.pk], model_key=model_key)[content.pk]
    if not len(frames.sequence):
        return query_of_file(original_path(content.sha256), content_id=content.pk)

    def fetch(place: int) -> bytes:
        return read_rendition(content.sha256, frame_picture_name(int(frames.positions[place]))) or b""

    return QueryDescription(
        kind=MediaKind(content.kind),
        content_id=content.pk,
        sequence=frames.sequence,
        pictures=FetchedPictures(len(frames.sequence), fetch),
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
    spool = _Spool()

    def keep(frame: FrameDescription) -> None:
        spool.append(frame.picture)
        frames.append(replace(frame, picture=b""))

    description = runtime.describer().describe(path, keep, region=region)
    return QueryDescription(
        kind=description.info.kind,
        content_id=content_id,
        sequence=_sequence(frames),
        pictures=FetchedPictures(len(frames), spool.read),
        features=description.features,
        region=region,
    )


class _Spool:
    """Pictures on the disk, in a file without a name, which goes with this object."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile(dir=settings.FILE_UPLOAD_TEMP_DIR)  # noqa: SIM115  closed with it
        self._ends = [0]

    def append(self, picture: bytes) -> None:
        self._file.seek(self._ends[-1])
        self._file.write(picture)
        self._ends.append(self._ends[-1] + len(picture))

    def read(self, place: int) -> bytes:
        start, end = self._ends[place], self._ends[place + 1]
        self._file.seek(start)
        return self._file.read(end - start)


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
