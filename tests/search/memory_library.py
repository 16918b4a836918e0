"""A library in memory, described with the real pipeline parts and indexed in a real index."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.index.base import IndexRows
from search.index.reader import IndexReader
from search.index.segments import IndexStore
from search.keyframes.mixture import mean_difference
from search.matching.query import QueryDescription
from search.media.pixels import crop, describe_frame, fit
from search.types import FrameSequence, LocalFeatures, MediaKind, Region
from search.verification import local_features
from tests.media import Pixels

Timed = tuple[float, Image.Image]


class MemoryLibrary:
    """Implements :class:`search.matching.query.Library`. Content ids are 1, 2, ...; frame ids go by 1000."""

    def __init__(self, config: SearchConfig, embedder: Embedder) -> None:
        self.config, self.embedder = config, embedder
        self.queries: dict[int, QueryDescription] = {}
        self.trashed: set[int] = set()
        self.labelled: dict[int, tuple[str, ...]] = {}

    def add_picture(self, picture: Image.Image, *labels: str) -> int:
        content_id = len(self.queries) + 1
        self.labelled[content_id] = labels
        return self._keep(content_id, self.picture_query(picture))

    def add_clip(self, frames: Iterable[Timed], duration: float) -> int:
        return self._keep(len(self.queries) + 1, self.clip_query(frames, duration))

    def picture_query(
        self, picture: Image.Image, *, content_id: int | None = None, region: Region | None = None
    ) -> QueryDescription:
        part = crop(picture.convert("RGB"), region)
        sequence, pictures = self._described([(0.0, part)], 0.0)
        features = local_features.extract(
            np.asarray(fit(part, self.config.renditions.features_px)), self.config.renditions.features_max
        )
        return QueryDescription(MediaKind.IMAGE, content_id, sequence, pictures, features, region)

    def clip_query(
        self, frames: Iterable[Timed], duration: float, *, content_id: int | None = None
    ) -> QueryDescription:
        sequence, pictures = self._described(_without_repeats(frames), duration)
        return QueryDescription(MediaKind.VIDEO, content_id, sequence, pictures)

    def reader(self, folder: Path) -> IndexReader:
        spec = self.embedder.spec
        store = IndexStore(folder, model_key=spec.key, dimension=spec.dimension)
        rows = [
            IndexRows(
                query.sequence.ids,
                np.full(len(query.sequence), content_id, np.int64),
                query.sequence.vectors.astype(np.float16),
                query.sequence.hashes,
            )
            for content_id, query in self.queries.items()
        ]
        manifest = store.commit("", additions=rows, removals=np.zeros(0, np.int64))
        return store.open(manifest.name)

    def kinds(self, content_ids: Sequence[int]) -> dict[int, MediaKind]:
        living = set(content_ids) & set(self.queries) - self.trashed
        return {content_id: self.queries[content_id].kind for content_id in living}

    def sequence(self, content_id: int) -> FrameSequence:
        return self.queries[content_id].sequence

    def features(self, content_id: int) -> LocalFeatures | None:
        return self.queries[content_id].features

    def frame_picture(self, frame_id: int) -> bytes | None:
        return self.queries[frame_id // 1000].pictures[frame_id % 1000]

    def picture(self, content_id: int) -> bytes | None:
        return self.queries[content_id].pictures[0]

    def frame_times(self, frame_ids: Sequence[int]) -> dict[int, float]:
        return {one: float(self.queries[one // 1000].sequence.times[one % 1000]) for one in frame_ids}

    def labels(self, content_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        return {one: self.labelled[one] for one in content_ids if self.labelled.get(one)}

    def _keep(self, content_id: int, query: QueryDescription) -> int:
        ids = 1000 * content_id + np.arange(len(query.sequence), dtype=np.int64)
        self.queries[content_id] = replace(query, sequence=replace(query.sequence, ids=ids))
        return content_id

    def _described(self, frames: Sequence[Timed], duration: float) -> tuple[FrameSequence, tuple[bytes, ...]]:
        spec = self.embedder.spec.input
        kept = [describe_frame(picture, self.config.renditions, spec) for _, picture in frames]
        times = np.array([time for time, _ in frames], np.float64)
        sequence = FrameSequence(
            ids=-1 - np.arange(len(kept), dtype=np.int64),
            times=times,
            starts=times.copy(),
            ends=np.append(times[1:], duration),
            # The database stores float16; a query comes from it as well.
            vectors=self.embedder.embed(np.stack([one.pixels for one in kept]))
            .astype(np.float16)
            .astype(np.float32),
            hashes=np.array([one.phash for one in kept], np.uint64),
            details=np.array([one.detail for one in kept], np.float32),
        )
        return sequence, tuple(one.picture for one in kept)


def timed(frames: Iterable[Pixels], *, rate: float, start: float = 0.0, speed: float = 1.0) -> list[Timed]:
    """Frames with the times a clip would show them at; ``start`` seconds are skipped."""
    return [
        ((index / rate - start) / speed, Image.fromarray(pixels))
        for index, pixels in enumerate(frames)
        if index / rate >= start
    ]


def _without_repeats(frames: Iterable[Timed]) -> list[Timed]:
    kept: list[Timed] = []
    last = None
    for time, picture in frames:
        grey = np.asarray(picture.convert("L").resize((32, 32)))
        if last is None or time - kept[-1][0] >= 5 or mean_difference(last, grey) >= 0.008:
            kept.append((time, picture))
            last = grey
    return kept
