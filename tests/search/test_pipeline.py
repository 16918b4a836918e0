"""Describing one file and many: order, batches, errors, memory, and giving up half-way."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from search.config import SearchConfig
from search.embedding.base import Embedder, InputSpec, ModelSpec
from search.embedding.registry import load
from search.errors import DamagedMedia, DecoderUnavailable, MediaError
from search.media.base import DecodedMedia, FrameSink
from search.media.sandbox import Sandbox
from search.pipeline import Described, Describer
from search.types import (
    DecodedFrame,
    Float32Array,
    FrameDescription,
    MediaInfo,
    MediaKind,
    Region,
    UInt8Array,
)
from tests.media import picture

SIDE = 8
INFO = MediaInfo(MediaKind.VIDEO, "video/mp4", "MP4", "H.264", 64, 48, duration=1.0)
SPEC = ModelSpec("mean", "1", "", "", InputSpec(SIDE, "squash"), 3, "", "")


class MeanEmbedder(Embedder):
    """A picture's mean colour, and the sizes of the batches it came in."""

    def __init__(self) -> None:
        self.spec = SPEC
        self.batches: list[int] = []
        self.threads: set[int] = set()

    def embed(self, pixels: UInt8Array) -> Float32Array:
        self.batches.append(len(pixels))
        self.threads.add(threading.get_ident())
        means: Float32Array = pixels.mean(axis=(1, 2), dtype=np.float32) + 1
        lengths: Float32Array = np.sqrt((means**2).sum(axis=1, keepdims=True))
        return means / lengths

    @property
    def background(self) -> Float32Array:
        return np.empty((0, 3), np.float32)


class ScriptedDecoder:
    """Files named ``<frames>`` give so many frames; ``bad<frames>`` fails after them; others are bugs."""

    def __init__(self, *, pause: float = 0.0) -> None:
        self.pause = pause
        self.lock = threading.Lock()
        self.decoding = self.most_at_once = self.sent = self.stopped = 0
        self.regions: list[Region | None] = []

    def decode(self, source: Path, on_frame: FrameSink, *, region: Region | None = None) -> DecodedMedia:
        with self.lock:
            self.regions.append(region)
            self.decoding += 1
            self.most_at_once = max(self.most_at_once, self.decoding)
        try:
            return self._decode(source.name, on_frame)
        finally:
            with self.lock:
                self.decoding -= 1

    def _decode(self, name: str, on_frame: FrameSink) -> DecodedMedia:
        if name == "down":
            raise DecoderUnavailable("No helper.")
        count = int(name.removeprefix("bad"))
        for position in range(count):
            time.sleep(self.pause)
            self._send(position, on_frame)
        if name.startswith("bad"):
            raise DamagedMedia(f"{name} is damaged.")
        return DecodedMedia(INFO, count, b"thumb", None, None, (f"{count} frames",))

    def _send(self, position: int, on_frame: FrameSink) -> None:
        pixels = np.full((SIDE, SIDE, 3), position % 256, np.uint8)
        try:
            on_frame(DecodedFrame(position, position / 4, position / 4, position / 4, 7, 0.5, pixels, b"p"))
        except BaseException:
            self.stopped += 1
            raise
        with self.lock:
            self.sent += 1


class Kept:
    """Collects frames by file."""

    def __init__(self) -> None:
        self.frames: dict[int, list[FrameDescription]] = {}

    def __call__(self, index: int, frame: FrameDescription) -> None:
        self.frames.setdefault(index, []).append(frame)

    def positions(self, index: int) -> list[int]:
        return [frame.position for frame in self.frames.get(index, [])]


def describer(
    decoder: ScriptedDecoder | None = None, embedder: Embedder | None = None, *, batch: int = 4
) -> Describer:
    config = replace(SearchConfig(), batch_size=batch)
    return Describer(config, embedder or MeanEmbedder(), decoder or ScriptedDecoder())


def paths(*names: object) -> list[Path]:
    return [Path(str(name)) for name in names]


class TestOneFile:
    def test_every_frame_comes_in_order_with_its_vector(self) -> None:
        frames: list[FrameDescription] = []
        description = describer().describe(Path("11"), frames.append)
        assert [frame.position for frame in frames] == list(range(11))
        assert (description.frame_count, description.model_key) == (11, "mean@1")
        assert (description.info, description.thumbnail) == (INFO, b"thumb")
        assert description.warnings == ("11 frames",)
        for frame in frames:
            assert (frame.time, frame.phash, frame.detail, frame.picture) == (
                frame.position / 4,
                7,
                0.5,
                b"p",
            )
            assert frame.vector.dtype == np.float16
            assert float(np.linalg.norm(frame.vector.astype(np.float32))) == pytest.approx(1, abs=1e-3)

    def test_frames_are_embedded_in_batches_in_the_callers_thread(self) -> None:
        embedder = MeanEmbedder()
        describer(embedder=embedder).describe(Path("11"), lambda frame: None)
        assert embedder.batches == [4, 4, 3]
        assert embedder.threads == {threading.get_ident()}

    def test_a_bad_file_raises_its_own_error(self) -> None:
        with pytest.raises(DamagedMedia, match="bad2 is damaged"):
            describer().describe(Path("bad2"), lambda frame: None)

    def test_the_region_reaches_the_decoder(self) -> None:
        decoder, region = ScriptedDecoder(), Region(0, 0, 0.5, 0.5)
        describer(decoder).describe(Path("1"), lambda frame: None, region=region)
        assert decoder.regions == [region]

    def test_a_failing_callback_stops_the_decoding(self) -> None:
        decoder = ScriptedDecoder(pause=0.001)

        def full(frame: FrameDescription) -> None:
            raise OSError("disk full")

        with pytest.raises(OSError, match="disk full"):
            describer(decoder).describe(Path("100000"), full)
        assert (decoder.decoding, decoder.stopped) == (0, 1)

    def test_memory_does_not_grow_with_the_length(self) -> None:
        decoder = ScriptedDecoder()
        ahead = 0

        def slow(frame: FrameDescription) -> None:
            nonlocal ahead
            time.sleep(0.0005)
            ahead = max(ahead, decoder.sent - frame.position)

        describer(decoder).describe(Path("300"), slow)
        assert 0 < ahead <= 4 * 4

    def test_no_thread_is_left(self) -> None:
        before = threading.active_count()
        describer().describe(Path("9"), lambda frame: None)
        assert threading.active_count() == before


class TestManyFiles:
    def run(self, *names: object, workers: int = 3) -> tuple[dict[int, Described], Kept]:
        kept = Kept()
        decoder = ScriptedDecoder()
        outcomes = describer(decoder).describe_many(paths(*names), kept, workers=workers)
        return {outcome.index: outcome for outcome in outcomes}, kept

    def test_each_file_is_reported_once_with_its_own_frames(self) -> None:
        names = [1, 7, 0, 3, 12, 1, 1, 5]
        outcomes, kept = self.run(*names)
        assert sorted(outcomes) == list(range(8))
        for index, count in enumerate(names):
            assert kept.positions(index) == list(range(count))
            description = outcomes[index].description
            assert description is not None
            assert description.frame_count == count
            assert outcomes[index].source == Path(str(count))

    def test_a_bad_file_does_not_stop_the_others(self) -> None:
        outcomes, kept = self.run(2, "bad0", 3, "bad5", 1)
        assert {index for index, outcome in outcomes.items() if outcome.error} == {1, 3}
        assert str(outcomes[3].error) == "bad5 is damaged."
        assert outcomes[3].description is None
        assert kept.positions(4) == [0]

    def test_all_frames_of_a_file_come_before_its_report(self) -> None:
        kept = Kept()
        for outcome in describer(batch=5).describe_many(paths(3, 1, 4, 1, 5, 9, 2, 6), kept):
            assert kept.positions(outcome.index) == list(range(int(outcome.source.name)))

    def test_pictures_share_batches(self) -> None:
        embedder = MeanEmbedder()
        list(describer(embedder=embedder, batch=8).describe_many(paths(*[1] * 64), Kept(), workers=2))
        assert sum(embedder.batches) == 64
        assert len(embedder.batches) <= 16

    def test_a_finished_picture_does_not_wait_for_a_long_clip(self) -> None:
        decoder = ScriptedDecoder(pause=0.01)
        outcomes = describer(decoder, batch=64).describe_many(paths(150, 1), Kept(), workers=2)
        assert [outcome.index for outcome in outcomes] == [1, 0]

    def test_only_so_many_decode_at_once_and_sources_are_read_as_needed(self) -> None:
        decoder = ScriptedDecoder(pause=0.002)
        taken = 0

        def sources() -> Iterator[Path]:
            nonlocal taken
            for _ in range(40):
                taken += 1
                yield Path("2")

        for done, _ in enumerate(describer(decoder).describe_many(sources(), Kept(), workers=3), 1):
            assert taken <= done + 3 + 4
        assert taken == 40
        assert 1 < decoder.most_at_once <= 3

    def test_a_decoder_that_is_down_ends_the_run(self) -> None:
        with pytest.raises(DecoderUnavailable):
            self.run(1, "down", *[1] * 50)

    def test_giving_up_stops_the_decoding_soon(self) -> None:
        decoder = ScriptedDecoder(pause=0.001)
        names = paths(1, 100_000, 100_000)
        before = threading.active_count()
        with closing(describer(decoder).describe_many(names, Kept(), workers=3)) as outcomes:
            assert next(outcomes).index == 0
            started = time.monotonic()
        assert time.monotonic() - started < 2
        assert decoder.decoding == 0
        assert threading.active_count() == before

    def test_nothing_to_do_is_fine(self) -> None:
        outcomes, kept = self.run()
        assert (outcomes, kept.frames) == ({}, {})


class TestTheRealParts:
    @pytest.fixture(scope="class")
    @classmethod
    def real(cls) -> Iterator[Describer]:
        config, embedder = SearchConfig(), load("sightline@0", device="cpu")
        with Sandbox(config, embedder.spec.input) as sandbox:
            yield Describer(config, embedder, sandbox)

    def test_pictures_are_described_and_a_broken_one_is_explained(
        self, real: Describer, tmp_path: Path
    ) -> None:
        for seed in range(4):
            picture(seed).save(tmp_path / f"{seed}.png")
        (tmp_path / "broken.png").write_bytes(b"no picture at all")
        kept = Kept()
        names = [*(tmp_path / f"{seed}.png" for seed in range(4)), tmp_path / "broken.png", tmp_path / "gone"]
        outcomes = {outcome.index: outcome for outcome in real.describe_many(names, kept)}
        assert sorted(outcomes) == list(range(6))
        for index in range(4):
            description = outcomes[index].description
            assert description is not None
            assert (description.info.width, description.info.height) == (320, 240)
            assert description.features is not None
            (frame,) = kept.frames[index]
            assert frame.vector.shape == (256,)
        for index in (4, 5):
            assert isinstance(outcomes[index].error, MediaError)
            assert len(str(outcomes[index].error)) > 10

    def test_a_region_gets_another_vector_than_the_whole(self, real: Describer, tmp_path: Path) -> None:
        picture(1).save(tmp_path / "p.png")
        vectors = []
        for region in (None, Region(0.5, 0.5, 0.4, 0.4)):
            keep: Callable[[FrameDescription], None] = lambda frame: vectors.append(frame.vector)  # noqa: E731
            real.describe(tmp_path / "p.png", keep, region=region)
        first, second = (vector.astype(np.float32) for vector in vectors)
        assert float(first @ second) < 0.99
