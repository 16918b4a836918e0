"""Value objects to wire messages and back, each field checked on the way back."""

from __future__ import annotations

import dataclasses
import math
from datetime import datetime

import numpy as np

from search.config import DecodeLimits, KeyframeConfig, RenditionConfig
from search.embedding.base import InputSpec
from search.errors import DamagedMedia, DecodeAborted, MediaError, MediaTooLarge, UnsupportedMedia
from search.media.base import DecodedMedia, DecodeJob
from search.media.wire import Fields, Message, WireError
from search.types import DecodedFrame, LocalFeatures, MediaInfo, MediaKind, Region

FRAME = "frame"
DONE = "done"
ERROR = "error"

_ERRORS: dict[str, type[MediaError]] = {
    kind.__name__: kind for kind in (UnsupportedMedia, DamagedMedia, MediaTooLarge, DecodeAborted)
}
_DESCRIPTOR = 128
_MOST_TEXT = 2000
_MOST_WARNINGS = 20


def pack_job(job: DecodeJob) -> Fields:
    """A job as JSON values; paths that are not UTF-8 survive."""
    return dataclasses.asdict(job)


def read_job(fields: dict[str, dict[str, object]]) -> DecodeJob:
    """The inverse of :func:`pack_job`. Jobs come from the trusted side and are not checked."""
    spec = {key: tuple(v) if isinstance(v, list) else v for key, v in fields["input"].items()}
    region = fields["region"]
    return DecodeJob(
        path=str(fields["path"]),
        limits=DecodeLimits(**fields["limits"]),  # type: ignore[arg-type]
        keyframes=KeyframeConfig(**fields["keyframes"]),  # type: ignore[arg-type]
        renditions=RenditionConfig(**fields["renditions"]),  # type: ignore[arg-type]
        input=InputSpec(**spec),  # type: ignore[arg-type]
        region=None if region is None else Region(**region),  # type: ignore[arg-type]
    )


def pack_error(error: MediaError, trace: str = "") -> Message:
    """An error by its class name, its sentence and, for the log, where it came from."""
    return Message(ERROR, {"kind": type(error).__name__, "text": str(error), "trace": trace})


def read_error(message: Message) -> tuple[MediaError, str]:
    """The error to raise and the trace to log."""
    kind = _ERRORS.get(_text(message.fields, "kind"), DamagedMedia)
    return kind(_text(message.fields, "text")), str(message.fields.get("trace", ""))[: 4 * _MOST_TEXT]


def pack_frame(frame: DecodedFrame) -> Message:
    """A kept frame: six numbers, its model pixels and its picture."""
    names = ("position", "time", "start", "end", "phash", "detail")
    fields = {name: getattr(frame, name) for name in names}
    return Message(FRAME, fields, (frame.pixels.tobytes(), frame.picture))


def read_frame(message: Message, side: int) -> DecodedFrame:
    """The inverse of :func:`pack_frame`, for model pixels of ``side`` x ``side``."""
    pixels, picture = _parts(message, 2)
    if len(pixels) != side * side * 3:
        raise WireError("A frame has the wrong number of pixels.")
    return DecodedFrame(
        position=_whole(message.fields, "position"),
        time=_number(message.fields, "time"),
        start=_number(message.fields, "start"),
        end=_number(message.fields, "end"),
        phash=_whole(message.fields, "phash", (1 << 64) - 1),
        detail=_number(message.fields, "detail"),
        pixels=np.frombuffer(pixels, np.uint8).reshape(side, side, 3),
        picture=_webp(picture),
    )


def pack_media(media: DecodedMedia) -> Message:
    """The closing message: facts, warnings, renditions and features."""
    info = dataclasses.asdict(media.info)
    info["taken_at"] = media.info.taken_at.isoformat() if media.info.taken_at else None
    fields = {"info": info, "frame_count": media.frame_count, "warnings": media.warnings}
    parts = [media.thumbnail, media.view or b""]
    if media.features is not None:
        features = media.features
        fields["features"] = {"width": features.width, "height": features.height}
        parts += [features.points.astype(np.float32).tobytes(), features.descriptors.tobytes()]
    return Message(DONE, fields, tuple(parts))


def read_media(message: Message) -> DecodedMedia:
    """The inverse of :func:`pack_media`."""
    described = message.fields.get("features")
    thumbnail, view, *points = _parts(message, 2 if described is None else 4)
    warnings = message.fields.get("warnings")
    if not isinstance(warnings, list):
        raise WireError("The warnings are no list.")
    return DecodedMedia(
        info=_info(_mapping(message.fields, "info")),
        frame_count=_whole(message.fields, "frame_count"),
        thumbnail=_webp(thumbnail),
        view=_webp(view) if view else None,
        features=None if described is None else _features(_mapping(message.fields, "features"), points),
        warnings=tuple(str(warning)[:_MOST_TEXT] for warning in warnings[:_MOST_WARNINGS]),
    )


def _info(fields: Fields) -> MediaInfo:
    moment = fields.get("taken_at")
    try:
        kind = MediaKind(_text(fields, "kind"))
        taken_at = None if moment is None else datetime.fromisoformat(str(moment))
    except ValueError as error:
        raise WireError("The facts of a file cannot be read.") from error
    return MediaInfo(
        kind=kind,
        mime=_text(fields, "mime")[:80],
        format=_text(fields, "format")[:40],
        codec=_text(fields, "codec")[:40],
        width=_whole(fields, "width"),
        height=_whole(fields, "height"),
        duration=None if fields.get("duration") is None else _number(fields, "duration"),
        frame_rate=None if fields.get("frame_rate") is None else _number(fields, "frame_rate"),
        has_audio=fields.get("has_audio") is True,
        taken_at=taken_at,
    )


def _features(fields: Fields, parts: list[bytes]) -> LocalFeatures:
    points, descriptors = parts
    count = len(descriptors) // _DESCRIPTOR
    if len(descriptors) != count * _DESCRIPTOR or len(points) != count * 8:
        raise WireError("The local features have the wrong size.")
    return LocalFeatures(
        points=np.frombuffer(points, np.float32).reshape(count, 2),
        descriptors=np.frombuffer(descriptors, np.uint8).reshape(count, _DESCRIPTOR),
        width=_whole(fields, "width"),
        height=_whole(fields, "height"),
    )


def _parts(message: Message, count: int) -> tuple[bytes, ...]:
    if len(message.parts) != count:
        raise WireError("A message has the wrong number of parts.")
    return message.parts


def _webp(data: bytes) -> bytes:
    if data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        raise WireError("A rendition is no WebP picture.")
    return data


def _mapping(fields: Fields, name: str) -> Fields:
    value = fields.get(name)
    if not isinstance(value, dict):
        raise WireError(f"{name} is no mapping.")
    return value


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise WireError(f"{name} is no text.")
    return value[:_MOST_TEXT]


def _number(fields: Fields, name: str) -> float:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise WireError(f"{name} is no number from 0.")
    return float(value)


def _whole(fields: Fields, name: str, most: int = (1 << 31) - 1) -> int:
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise WireError(f"{name} is no whole number in range.")
    return value
