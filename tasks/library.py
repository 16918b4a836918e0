"""What matching needs to know of the library, read from the database and the rendition store.

One object serves one search. It trusts the database for what is visible, and keeps what never changes once
written - vectors and local features - in a cache of the process, bounded in bytes. Reads go ahead: a content
that is asked for brings the next ones of the same kind along, so that a search costs a handful of statements.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from typing import Generic, TypeVar

import numpy as np

from search.types import FrameSequence, Int64Array, LocalFeatures, MediaKind
from webapp.models import Content, Embedding, Frame, Label, Media
from webapp.selectors.portions import portions
from webapp.services.storage import FEATURES, frame_picture_name, read_rendition

MIB = 1024 * 1024
FRAMES_BYTES = 128 * MIB
FEATURES_BYTES = 64 * MIB
AHEAD_CONTENTS = 64
AHEAD_FRAMES = 2000

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class _Facts:
    sha256: str
    kind: MediaKind
    frame_count: int


@dataclass(frozen=True, slots=True)
class _Frames:
    sequence: FrameSequence
    positions: Int64Array


class BoundedCache(Generic[Value]):
    """Values by key; the least recently used go when all together exceed ``max_bytes``. Thread-safe."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.bytes = 0
        self._entries: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable) -> Value | None:
        with self._lock:
            if key not in self._entries:
                return None
            self._entries.move_to_end(key)
            return self._entries[key][0]

    def put(self, key: Hashable, value: Value, size: int) -> None:
        with self._lock:
            if key in self._entries:
                self.bytes -= self._entries.pop(key)[1]
            self._entries[key] = (value, size)
            self.bytes += size
            while self.bytes > self.max_bytes:
                self.bytes -= self._entries.popitem(last=False)[1][1]

    def __contains__(self, key: Hashable) -> bool:
        return key in self._entries

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()
            self.bytes = 0


frames_cache: BoundedCache[_Frames] = BoundedCache(FRAMES_BYTES)
features_cache: BoundedCache[LocalFeatures] = BoundedCache(FEATURES_BYTES)


class DatabaseLibrary:
    """The :class:`search.matching.searcher.Library` over the database, with the vectors of one model."""

    def __init__(self, model_key: str) -> None:
        self.model_key = model_key
        self._facts: dict[int, _Facts] = {}
        self._places: dict[int, tuple[int, int]] = {}  # frame id to content id and position

    def kinds(self, content_ids: Sequence[int]) -> dict[int, MediaKind]:
        self._learn(content_ids)
        return {pk: self._facts[pk].kind for pk in map(int, content_ids) if pk in self._facts}

    def sequence(self, content_id: int) -> FrameSequence:
        content_id = int(content_id)
        if not self._knows(content_id):
            return _frames([]).sequence
        found = frames_cache.get((self.model_key, content_id)) or self._load(content_id)
        places = zip(found.sequence.ids.tolist(), found.positions.tolist(), strict=True)
        self._places.update((frame_id, (content_id, position)) for frame_id, position in places)
        return found.sequence

    def features(self, content_id: int) -> LocalFeatures | None:
        content_id = int(content_id)
        if not self._knows(content_id) or self._facts[content_id].kind != MediaKind.IMAGE:
            return None
        found = features_cache.get(content_id)
        if found is None:
            found = stored_features(self._facts[content_id].sha256)
            if found is not None:
                features_cache.put(content_id, found, found.points.nbytes + found.descriptors.nbytes)
        return found

    def frame_picture(self, frame_id: int) -> bytes | None:
        place = self._place(int(frame_id))
        if place is None or not self._knows(place[0]):
            return None
        return read_rendition(self._facts[place[0]].sha256, frame_picture_name(place[1]))

    def picture(self, content_id: int) -> bytes | None:
        if not self._knows(int(content_id)):
            return None
        return read_rendition(self._facts[int(content_id)].sha256, frame_picture_name(0))

    def frame_times(self, frame_ids: Sequence[int]) -> dict[int, float]:
        times: dict[int, float] = {}
        for some in portions(frame_ids):
            times.update(Frame.objects.filter(pk__in=some).order_by().values_list("pk", "time"))
        return times

    def labels(self, content_ids: Sequence[int]) -> dict[int, tuple[str, ...]]:
        found: dict[int, list[str]] = {}
        for some in portions(content_ids):
            rows = Label.objects.filter(media__content_id__in=some, media__trashed_at=None)
            for content_id, name in rows.values_list("media__content_id", "name").order_by("name").distinct():
                found.setdefault(content_id, []).append(name)
        return {content_id: tuple(names) for content_id, names in found.items()}

    def _knows(self, content_id: int) -> bool:
        if content_id not in self._facts:
            self._learn([content_id])
        return content_id in self._facts

    def _learn(self, content_ids: Iterable[int]) -> None:
        live = Media.objects.filter(trashed_at=None).values("content_id")
        for some in portions(pk for pk in content_ids if int(pk) not in self._facts):
            rows = Content.objects.filter(pk__in=some, status=Content.Status.READY).filter(pk__in=live)
            for pk, sha256, kind, count in rows.values_list("pk", "sha256", "kind", "frame_count"):
                self._facts[pk] = _Facts(sha256, MediaKind(kind), count)

    def _load(self, content_id: int) -> _Frames:
        loaded = load_frames(list(self._ahead(content_id)), model_key=self.model_key)
        for pk, frames in loaded.items():
            if not len(frames.sequence):
                continue  # vectors of this model are still being made: look again next time
            frames_cache.put((self.model_key, pk), frames, _size(frames))
        return loaded[content_id]

    def _ahead(self, content_id: int) -> Iterator[int]:
        """The content itself and then others the search is likely to ask for next."""
        yield content_id
        budget = AHEAD_FRAMES - self._facts[content_id].frame_count
        for pk in islice(self._unread(content_id), AHEAD_CONTENTS - 1):
            budget -= self._facts[pk].frame_count
            if budget < 0:
                return
            yield pk

    def _unread(self, content_id: int) -> Iterator[int]:
        kind = self._facts[content_id].kind
        for pk, facts in self._facts.items():
            if pk != content_id and facts.kind == kind and (self.model_key, pk) not in frames_cache:
                yield pk

    def _place(self, frame_id: int) -> tuple[int, int] | None:
        if frame_id not in self._places:
            row = Frame.objects.filter(pk=frame_id).values_list("content_id", "position").first()
            if row is None:
                return None
            self._places[frame_id] = row
        return self._places[frame_id]


def load_frames(content_ids: Sequence[int], *, model_key: str) -> dict[int, _Frames]:
    """The frames (with vectors of the model) of several contents in one statement; every id has an answer."""
    rows = (
        Embedding.objects.filter(frame__content_id__in=content_ids, model_key=model_key)
        .order_by("frame__content_id", "frame__position")
        .values_list(
            "frame__content_id", "frame_id", "frame__position", "frame__time", "frame__start", "frame__end",
            "frame__phash", "frame__detail", "vector",
        )
    )  # fmt: skip
    found = {pk: _frames(list(some)) for pk, some in groupby(rows, key=lambda row: row[0])}
    return {pk: found.get(pk) or _frames([]) for pk in content_ids}


def stored_features(sha256: str) -> LocalFeatures | None:
    """Local features written when the picture was described."""
    from search.verification.local_features import from_bytes

    data = read_rendition(sha256, FEATURES)
    return None if data is None else from_bytes(data)


def _frames(
    rows: Sequence[tuple[int, int, int, float, float, float, int, float, bytes | memoryview]],
) -> _Frames:
    joined = b"".join(bytes(row[8]) for row in rows)
    sequence = FrameSequence(
        ids=np.array([row[1] for row in rows], dtype=np.int64),
        times=np.array([row[3] for row in rows], dtype=np.float64),
        starts=np.array([row[4] for row in rows], dtype=np.float64),
        ends=np.array([row[5] for row in rows], dtype=np.float64),
        vectors=np.frombuffer(joined, dtype="<f2").astype(np.float32).reshape(len(rows), -1 if rows else 0),
        hashes=np.array([row[6] for row in rows], dtype=np.int64).view(np.uint64),
        details=np.array([row[7] for row in rows], dtype=np.float32),
    )
    return _Frames(sequence, np.array([row[2] for row in rows], dtype=np.int64))


def _size(frames: _Frames) -> int:
    return frames.sequence.vectors.nbytes + 64 * len(frames.positions) + 500
