"""Video files: packets to frames, with what is damaged counted and skipped."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

from av import Packet, VideoFrame
from av.error import FFmpegError
from av.video.stream import VideoStream

from search.media import container as containers
from search.media.clip import ClipFrame, ClipReader, too_long
from search.media.geometry import FrameRenderer, Turn, square_size, turn_of
from search.media.image import too_many_pixels
from search.media.pixels import Needs
from search.media.sniff import FileFormat
from search.media.timeline import Timeline
from search.types import MediaInfo, MediaKind, Region

# So many read errors in a row and the rest of the file is given up.
_READ_ATTEMPTS = 50
# A duration overstated by more than this (seconds, and share) is replaced by the measured one.
_OFF_SECONDS = 1.0
_OFF_SHARE = 0.1


class VideoReader(ClipReader):
    """A video file opened by FFmpeg.

    ``key_frames_only``: decoders that can skip everything else do so (others return all frames).

    Raises:
        DamagedMedia: the file's structure cannot be read.
        MediaTooLarge: its frames or duration exceed the limits.
        UnsupportedMedia: it has no moving picture that can be decoded.
    """

    def __init__(
        self,
        path: str,
        form: FileFormat,
        *,
        max_pixels: int,
        max_duration: float,
        region: Region | None,
        need: Needs,
        key_frames_only: bool = False,
    ) -> None:
        self._path, self._format, self._need, self._region = path, form, need, region
        self._max_pixels, self._key_frames_only = max_pixels, key_frames_only
        self._packets = self._damaged_packets = self._damaged_frames = 0
        self._joints = 0
        self._container = containers.open_container(path, form)
        self._stream = containers.picture_stream(self._container)
        self._check_size()
        self._displayed = square_size(self._stream)
        self._stated = containers.stated_duration(self._container, self._stream)
        self._expected = self._find_duration(max_duration)

    def expected_duration(self) -> float:
        """Seconds by the header, or by looking at every packet where the header says nothing."""
        return self._expected

    def frames(self) -> Iterator[ClipFrame]:
        """All displayed frames. Those decoded with errors are left out, unless there are no others."""
        yielded = False
        for frame in self._displayed_frames(damaged_too=False):
            yielded = True
            yield frame
        if not yielded and self._damaged_frames:
            self._reopen()
            yield from self._displayed_frames(damaged_too=True)

    def end(self, seen: float) -> float:
        """The last key frame stands for what follows it, too."""
        return max(seen, self._expected) if self._key_frames_only else seen

    def info(self, end: float, frame_count: int) -> MediaInfo:
        """The facts; a duration or frame rate the header does not state (or not truly) is measured."""
        rate = containers.frame_rate(self._stream)
        if rate is None and end > 0:
            rate = Fraction(frame_count / end)
        return MediaInfo(
            kind=MediaKind.VIDEO,
            mime=self._format.mime,
            format=self._format.name,
            codec=containers.codec_words(self._stream),
            width=self._displayed[0],
            height=self._displayed[1],
            duration=self._true_duration(end),
            frame_rate=float(rate) if rate else None,
            has_audio=bool(self._container.streams.audio),
            taken_at=containers.created_at(self._container, self._stream),
        )

    def warnings(self) -> tuple[str, ...]:
        """Counts of what was damaged, in words."""
        found = []
        if self._damaged_packets:
            found.append(
                "Packets of the video that were damaged and skipped: "
                f"{self._damaged_packets} of {self._packets}."
            )
        if self._damaged_frames:
            found.append(f"Frames of the video that were decoded with errors: {self._damaged_frames}.")
        if self._joints:
            found.append("The video's clock jumps; times after a jump count on from the frame before.")
        return tuple(found)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _check_size(self) -> None:
        width, height = self._stream.codec_context.width, self._stream.codec_context.height
        if width * height > self._max_pixels:
            raise too_many_pixels(self._max_pixels, width, height)

    def _find_duration(self, limit: float) -> float:
        duration = self._stated
        if duration is None or duration > limit:  # a header may lie either way
            duration = containers.scanned_duration(self._path, self._format)
            self._stated = None
        if duration > limit:
            raise too_long(limit)
        return duration

    def _true_duration(self, end: float) -> float:
        """The header may count sound beyond the last picture; otherwise what was seen is believed."""
        stated = self._stated
        if stated is None or stated < end:
            return end
        overstated = stated - end > max(_OFF_SECONDS, _OFF_SHARE * stated)
        return end if overstated and not self._container.streams.audio else stated

    def _reopen(self) -> None:
        self._container.close()
        self._container = containers.open_container(self._path, self._format)
        self._stream = containers.picture_stream(self._container)
        self._packets = self._damaged_packets = self._damaged_frames = 0

    def _displayed_frames(self, *, damaged_too: bool) -> Iterator[ClipFrame]:
        containers.limit_decoder(self._stream, self._max_pixels, key_frames_only=self._key_frames_only)
        step = containers.nominal_step(self._stream)
        timeline = self._timeline(step)
        renderer: FrameRenderer | None = None
        for frame in self._decoded():
            self._damaged_frames += frame.is_corrupt
            time = timeline.place(self._stamp(frame))
            self._joints = timeline.joints
            if time is None or (frame.is_corrupt and not damaged_too):
                continue
            if renderer is None:
                renderer = self._renderer(turn_of(frame))
            yield ClipFrame(
                time,
                _length(frame) or float(step),
                bool(frame.key_frame),
                partial(renderer.grey, frame),
                partial(renderer.picture, frame),
            )

    def _timeline(self, step: Fraction) -> Timeline:
        ordered = containers.has_display_times(self._format)
        origin = containers.origin(self._container, self._stream) if ordered else None
        return Timeline(origin, step, broadcast=containers.is_broadcast(self._format))

    def _stamp(self, frame: VideoFrame) -> Fraction | None:
        ordered = containers.has_display_times(self._format)
        ticks = frame.pts if ordered and frame.pts is not None else frame.dts
        if ticks is None or frame.time_base is None:
            return None
        return ticks * Fraction(frame.time_base)

    def _renderer(self, turn: Turn) -> FrameRenderer:
        renderer = FrameRenderer(square_size(self._stream), turn, self._region, self._need)
        self._displayed = renderer.displayed
        return renderer

    def _decoded(self) -> Iterator[VideoFrame]:
        for packet in self._demuxed():
            try:
                yield from packet.decode()
            except MemoryError:
                raise
            except FFmpegError:
                self._damaged_packets += 1
                if packet.size == 0:
                    yield from self._flushed()

    def _flushed(self) -> Iterator[VideoFrame]:
        """What a decoder still holds after it reported damage at the end of the file."""
        for _ in range(_READ_ATTEMPTS):
            try:
                yield from self._stream.codec_context.decode(None)
            except EOFError:
                return
            except FFmpegError:
                continue
            return

    def _demuxed(self) -> Iterator[Packet[VideoStream]]:
        failures = 0
        while failures < _READ_ATTEMPTS:
            try:
                for packet in self._container.demux(self._stream):
                    failures = 0
                    self._packets += packet.size > 0
                    yield packet
            except MemoryError:
                raise
            except FFmpegError:
                failures += 1
                self._packets += 1
                self._damaged_packets += 1
            else:
                return


def _length(frame: VideoFrame) -> float:
    if not frame.duration or frame.time_base is None:
        return 0.0
    return float(frame.duration * frame.time_base)
