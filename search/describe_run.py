"""One run over many files: several decode at a time, their frames are embedded together.

Decoding happens in threads that only wait for the sandbox's processes. Everything else (the network, the
caller's callbacks) happens in the caller's own thread, so a callback may use thread-bound things such as
database connections. Frames travel through a bounded queue: memory does not grow with the length of a
clip or the number of files.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from queue import Empty, Full, Queue
from threading import Event
from typing import Protocol

import numpy as np

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.errors import MediaError
from search.media.base import DecodedMedia, FrameSink
from search.types import (
    DecodedFrame,
    Float16Array,
    FrameDescription,
    MediaDescription,
    Region,
    UInt8Array,
)

BATCH_SECONDS = 0.25
"""How long a frame waits for others to share a batch with, while further files are being decoded."""

STOP_SECONDS = 0.1
"""How soon a blocked decoding thread notices that its caller has given up."""


class Decoder(Protocol):
    """What is needed of :class:`search.media.sandbox.Sandbox`; must be safe to use from several threads."""

    def decode(self, source: Path, on_frame: FrameSink, *, region: Region | None = None) -> DecodedMedia:
        """Decode ``source``, giving each kept frame to ``on_frame``; raises :class:`MediaError`."""


@dataclass(frozen=True, slots=True)
class Described:
    """What became of one of many files: a description, or the reason why there is none.

    ``index`` counts the sources from 0.
    """

    index: int
    source: Path
    description: MediaDescription | None
    error: MediaError | None


@dataclass(frozen=True, slots=True)
class _Frame:
    index: int
    frame: DecodedFrame


@dataclass(frozen=True, slots=True)
class _End:
    index: int
    source: Path
    media: DecodedMedia | None
    error: MediaError | None
    failure: Exception | None = None


class _Stopped(Exception):
    """The caller has given up; raised inside decoding threads only."""


class DescribeRun:
    """One call of :meth:`search.pipeline.Describer.describe_many`, which documents it."""

    def __init__(
        self,
        config: SearchConfig,
        embedder: Embedder,
        sandbox: Decoder,
        on_frame: Callable[[int, FrameDescription], None],
        *,
        workers: int,
        region: Region | None,
    ) -> None:
        self._embedder, self._sandbox, self._region = embedder, sandbox, region
        self._on_frame = on_frame
        self._batch_size, self._workers = config.batch_size, workers
        self._events: Queue[_Frame | _End] = Queue(maxsize=2 * config.batch_size)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="decode")
        self._stopped = Event()
        self._batch: list[_Frame] = []
        self._batch_since = 0.0
        self._pending: Counter[int] = Counter()
        self._ended: list[_End] = []

    def outcomes(self, sources: Iterator[tuple[int, Path]]) -> Iterator[Described]:
        """Start decoding, and embed and report what comes back, until all is done."""
        active = 0
        while True:
            active += self._start(islice(sources, self._workers - active))
            if active == 0:
                self._embed_batch()
                yield from self._finished()
                return
            active -= self._take_event()
            yield from self._finished()

    def stop(self) -> None:
        """End the decoding threads; returns when they are gone."""
        self._stopped.set()
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _start(self, sources: Iterator[tuple[int, Path]]) -> int:
        started = [self._threads.submit(self._decode, index, source) for index, source in sources]
        return len(started)

    def _decode(self, index: int, source: Path) -> None:
        try:
            end = self._decoded(index, source)
            self._put(end)
        except _Stopped:
            return

    def _decoded(self, index: int, source: Path) -> _End:
        try:
            media = self._sandbox.decode(
                source, lambda frame: self._put(_Frame(index, frame)), region=self._region
            )
        except _Stopped:
            raise
        except MediaError as error:
            return _End(index, source, None, error)
        except Exception as error:  # noqa: BLE001  raised again in the caller's thread
            return _End(index, source, None, None, error)
        return _End(index, source, media, None)

    def _put(self, event: _Frame | _End) -> None:
        while not self._stopped.is_set():
            try:
                return self._events.put(event, timeout=STOP_SECONDS)
            except Full:
                continue
        raise _Stopped

    def _take_event(self) -> int:
        """Handle one event, or a batch that has waited long enough; returns how many files it ended."""
        try:
            event = self._events.get(timeout=self._patience())
        except Empty:
            self._embed_batch()
            return 0
        if isinstance(event, _Frame):
            self._add(event)
            return 0
        if event.failure is not None:
            raise event.failure
        self._ended.append(event)
        return 1

    def _patience(self) -> float | None:
        if not self._batch:
            return None
        return max(0.0, self._batch_since + BATCH_SECONDS - time.monotonic())

    def _add(self, event: _Frame) -> None:
        if not self._batch:
            self._batch_since = time.monotonic()
        self._batch.append(event)
        self._pending[event.index] += 1
        if len(self._batch) >= self._batch_size:
            self._embed_batch()

    def _embed_batch(self) -> None:
        batch, self._batch = self._batch, []
        if not batch:
            return
        pixels: UInt8Array = np.stack([item.frame.pixels for item in batch])
        vectors = self._embedder.embed(pixels).astype(np.float16)
        for item, vector in zip(batch, vectors, strict=True):
            self._on_frame(item.index, described_frame(item.frame, vector))
            self._pending[item.index] -= 1

    def _finished(self) -> Iterator[Described]:
        """Report the files that are decoded and whose frames were all handed over."""
        done = [end for end in self._ended if self._pending[end.index] == 0]
        self._ended = [end for end in self._ended if self._pending[end.index] > 0]
        for end in done:
            del self._pending[end.index]
            yield self._described(end)

    def _described(self, end: _End) -> Described:
        if end.media is None:
            return Described(end.index, end.source, None, end.error)
        return Described(end.index, end.source, self._description(end.media), None)

    def _description(self, media: DecodedMedia) -> MediaDescription:
        return MediaDescription(
            info=media.info,
            frame_count=media.frame_count,
            thumbnail=media.thumbnail,
            view=media.view,
            features=media.features,
            model_key=self._embedder.spec.key,
            warnings=media.warnings,
        )


def described_frame(frame: DecodedFrame, vector: Float16Array) -> FrameDescription:
    """The frame with its vector (float16 [D]) in place of its pixels."""
    return FrameDescription(
        position=frame.position,
        time=frame.time,
        start=frame.start,
        end=frame.end,
        phash=frame.phash,
        detail=frame.detail,
        vector=vector,
        picture=frame.picture,
    )
