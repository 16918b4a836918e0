"""Opening video files with FFmpeg (through PyAV), and the facts their headers state."""

from __future__ import annotations

import os
from datetime import datetime
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Disposition
from av.video.stream import VideoStream

from search.errors import DamagedMedia, UnsupportedMedia
from search.media.sniff import AVI, MPEG_PS, MPEG_TS, FileFormat

MICROSECOND = Fraction(1, 1_000_000)
_MOST_THREADS = 4
_DEFAULT_RATE = Fraction(25)
_MOST_RATE = 1000
# Recorders without a clock write the zero of their epoch.
_FIRST_YEAR = 1980

_CODECS = {
    "h264": "H.264",
    "hevc": "H.265",
    "av1": "AV1",
    "libdav1d": "AV1",
    "vp8": "VP8",
    "vp9": "VP9",
    "mpeg4": "MPEG-4",
    "mpeg1video": "MPEG-1",
    "mpeg2video": "MPEG-2",
    "theora": "Theora",
    "mjpeg": "Motion JPEG",
    "prores": "ProRes",
    "msmpeg4v3": "MPEG-4 v3",
    "wmv2": "WMV 8",
    "wmv3": "WMV 9",
    "vc1": "VC-1",
    "flv1": "Sorenson H.263",
    "ffv1": "FFV1",
}


def open_container(path: str, form: FileFormat) -> InputContainer:
    """Open with the one demuxer that fits the sniffed format; it may read this file and nothing else.

    Raises:
        DamagedMedia: the structure cannot be read.
    """
    try:
        container = av.open(
            "file:" + str(Path(path).absolute()),
            format=form.decoder,
            container_options={"protocol_whitelist": "file"},
            metadata_errors="replace",
        )
    except MemoryError:
        raise
    except (FFmpegError, ValueError) as error:
        raise DamagedMedia(
            f"The file looks like {form.name}, but its structure is damaged or incomplete."
        ) from error
    return container


def picture_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is not a cover picture.

    Raises:
        UnsupportedMedia: there is none, or no decoder for it.
    """
    for stream in container.streams.video:
        if stream.disposition & Disposition.attached_pic:
            continue
        if stream.codec_context is None:
            raise UnsupportedMedia("The video is compressed in a way that cannot be read here.")
        return stream
    raise UnsupportedMedia("This file holds sound but no moving picture.")


def limit_decoder(stream: VideoStream, max_pixels: int, *, key_frames_only: bool) -> None:
    """Settings that must be made before the first packet is decoded."""
    context = stream.codec_context
    context.options = {"max_pixels": str(max_pixels)}
    context.thread_type = "AUTO"
    context.thread_count = min(_MOST_THREADS, len(os.sched_getaffinity(0)))
    if key_frames_only:
        context.skip_frame = "NONKEY"


def frame_rate(stream: VideoStream) -> Fraction | None:
    """The average frame rate the header states, if it is believable."""
    for rate in (stream.average_rate, stream.guessed_rate):
        if rate and 0 < rate <= _MOST_RATE:
            return Fraction(rate)
    return None


def nominal_step(stream: VideoStream) -> Fraction:
    """Seconds between frames, for frames that state no time."""
    return 1 / (frame_rate(stream) or _DEFAULT_RATE)


def origin(container: InputContainer, stream: VideoStream) -> Fraction:
    """The moment a player calls 0, in the stream's seconds.

    Sound that starts a little before 0 (encoder delay) does not move it; pictures that do, do.
    """
    own = Fraction(stream.start_time or 0) * Fraction(stream.time_base or 0)
    whole = Fraction(container.start_time or 0) * MICROSECOND
    return own if own < 0 else max(Fraction(0), min(whole, own))


def has_display_times(form: FileFormat) -> bool:
    """Whether packets state when they are displayed. AVI numbers them in decoding order instead."""
    return form is not AVI


def stated_duration(container: InputContainer, stream: VideoStream) -> float | None:
    """Seconds according to the header, or ``None``."""
    lengths = []
    if container.duration and container.duration > 0:
        lengths.append(container.duration * MICROSECOND)
    if stream.duration and stream.duration > 0 and stream.time_base:
        lengths.append(stream.duration * Fraction(stream.time_base))
    return float(max(lengths)) if lengths else None


def scanned_duration(path: str, form: FileFormat) -> float:
    """Seconds found by reading every packet without decoding it; 0 for a file without timestamps."""
    latest, earliest = 0.0, None
    with open_container(path, form) as container:
        stream = picture_stream(container)
        step = float(nominal_step(stream))
        try:
            for packet in container.demux(stream):
                if packet.pts is None or packet.time_base is None:
                    continue
                time = float(packet.pts * packet.time_base)
                length = float((packet.duration or 0) * packet.time_base) or step
                earliest = time if earliest is None else min(earliest, time)
                latest = max(latest, time + length)
        except FFmpegError:
            pass  # a file cut short lasts as long as what was read of it
    return latest - (earliest or 0.0)


def codec_words(stream: VideoStream) -> str:
    """The codec's usual name."""
    name = stream.codec_context.name
    return _CODECS.get(name, name.upper())[:40]


def created_at(container: InputContainer, stream: VideoStream) -> datetime | None:
    """The creation time in the metadata, if it is a believable date."""
    stated = container.metadata.get("creation_time") or stream.metadata.get("creation_time")
    text = container.metadata.get("com.apple.quicktime.creationdate") or stated or ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.year >= _FIRST_YEAR else None


def is_broadcast(form: FileFormat) -> bool:
    """Whether recordings of this format are commonly cut together without mending the timestamps."""
    return form in (MPEG_TS, MPEG_PS)
