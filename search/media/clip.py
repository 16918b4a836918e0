"""What video files and animated pictures have in common: frames in order of time, and their description."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from PIL import Image

from search.errors import DamagedMedia, MediaTooLarge
from search.keyframes.base import Glimpse, KeyframeStrategy
from search.media.base import DecodeJob, FrameSink
from search.media.pixels import FramePixels, describe_frame, encode_webp, fit
from search.types import DecodedFrame, MediaInfo, UInt8Array

# A thumbnail is sought among the first frames that show something; after this many seconds the best wins.
_THUMBNAIL_SECONDS = 60.0
_THUMBNAIL_DETAIL = 0.4


@dataclass(frozen=True, slots=True)
class ClipFrame:
    """One displayed frame. ``time`` and ``duration`` in seconds; ``duration`` is 0 where it is not known.

    ``grey`` makes uint8 [32, 32]; ``picture`` makes the upright RGB frame at working size, cropped to the
    region. Both are valid only until the next frame is asked for.
    """

    time: float
    duration: float
    key: bool
    grey: Callable[[], UInt8Array]
    picture: Callable[[], Image.Image]


class ClipReader(ABC):
    """One opened clip."""

    @abstractmethod
    def expected_duration(self) -> float:
        """Seconds, from the header or by looking through the file."""

    @abstractmethod
    def frames(self) -> Iterator[ClipFrame]:
        """All displayed frames, times rising strictly. Damaged parts are skipped and counted."""

    def end(self, seen: float) -> float:
        """When the last frame ends (seconds), if the last one that was read ended at ``seen``."""
        return seen

    @abstractmethod
    def info(self, end: float, frame_count: int) -> MediaInfo:
        """The facts, once ``frame_count`` frames were read; ``end`` is that of :meth:`end`."""

    @abstractmethod
    def warnings(self) -> tuple[str, ...]:
        """Sentences about what was skipped; complete after the frames were read."""

    @abstractmethod
    def close(self) -> None:
        """Release the file."""


@dataclass(frozen=True, slots=True)
class ClipOutcome:
    """``end``: seconds. ``decoded`` frames were seen, ``frame_count`` of them kept."""

    end: float
    decoded: int
    frame_count: int
    thumbnail: bytes


def too_long(limit: float) -> MediaTooLarge:
    """The error for a clip over the limit, in words."""
    return MediaTooLarge(f"The clip is longer than the {limit / 60:.4g} minutes allowed.")


def describe_clip(
    reader: ClipReader, strategy: KeyframeStrategy, job: DecodeJob, sink: FrameSink
) -> ClipOutcome:
    """Stream a clip through a keyframe strategy into ``sink``; memory does not grow with its length.

    Raises:
        DamagedMedia: no frame could be decoded.
        MediaTooLarge: frames go on beyond the allowed duration.
    """
    intervals, thumbnail = _Intervals(sink), _Thumbnail(job.renditions.thumbnail_px)
    decoded, end = 0, 0.0
    for frame in reader.frames():
        if frame.time > job.limits.max_duration:
            raise too_long(job.limits.max_duration)
        decoded += 1
        end = max(end, frame.time + frame.duration)
        if strategy.keep(Glimpse(frame.time, frame.key, frame.grey)):
            picture = frame.picture()
            described = describe_frame(picture, job.renditions, job.input)
            intervals.add(frame.time, described)
            thumbnail.offer(frame.time, described.detail, picture)
    end = reader.end(end)
    intervals.finish(end)
    return ClipOutcome(end, decoded, intervals.count, thumbnail.encoded())


class _Intervals:
    """Holds the last kept frame back until it is known when the next one begins."""

    def __init__(self, sink: FrameSink) -> None:
        self._sink = sink
        self._waiting: tuple[float, FramePixels] | None = None
        self.count = 0

    def add(self, time: float, described: FramePixels) -> None:
        self.finish(time)
        self._waiting = (time, described)

    def finish(self, end: float) -> None:
        if self._waiting is None:
            return
        time, described = self._waiting
        self._waiting = None
        self._sink(
            DecodedFrame(
                position=self.count,
                time=time,
                start=time,
                end=max(time, end),
                phash=described.phash,
                detail=described.detail,
                pixels=described.pixels,
                picture=described.picture,
            )
        )
        self.count += 1


class _Thumbnail:
    """The first frame with plenty of detail, else the one with most: never a black opening frame."""

    def __init__(self, long_side: int) -> None:
        self._long_side = long_side
        self._detail = -1.0
        self._picture: Image.Image | None = None

    def offer(self, time: float, detail: float, picture: Image.Image) -> None:
        settled = self._detail >= _THUMBNAIL_DETAIL
        late = time > _THUMBNAIL_SECONDS and self._detail >= _THUMBNAIL_DETAIL / 4
        if not settled and not late and detail > self._detail:
            self._detail, self._picture = detail, fit(picture, self._long_side)

    def encoded(self) -> bytes:
        if self._picture is None:
            raise DamagedMedia("No picture could be decoded from this clip.")
        return encode_webp(self._picture)
