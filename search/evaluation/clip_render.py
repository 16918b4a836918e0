"""Edited queries as files: frames of the planned pieces, edited, and encoded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from search.evaluation.clip_edits import PICTURE_EDITS, FrameEdit
from search.evaluation.clip_plans import Piece, Plan, Source
from search.types import UInt8Array

LONG_SIDE = 480
"""Pixels of a query's long side before edits that change it: small files, quickly made."""

PIP_WIDTH = 0.4
"""Width of a picture in picture as a share of the whole."""

_MICROSECONDS = 1_000_000
_SAME_MOMENT = 1e-6
_ENCODER = {"preset": "superfast", "crf": "26"}


def render(plan: Plan, path: Path) -> None:
    """Write the query as H.264 without sound. Frame ``i`` is on show from ``i / plan.rate`` seconds on, and
    shows what a player shows of the source at the moment the plan says."""
    random = np.random.default_rng(plan.seed)
    edits = [make(random) for name, make in PICTURE_EDITS.items() if name in plan.edits]
    place = random.uniform(0, 1, 2)
    frames = (
        frame for piece in plan.pieces for frame in _piece_frames(piece, canvas(plan), plan.rate, place)
    )
    encode(path, _edited(frames, edits, plan.rate), plan.rate)


def canvas(plan: Plan) -> tuple[int, int]:
    """Width and height of the unedited query: the shape of its first copied clip, else of its first clip."""
    copied = [piece.source for piece in plan.pieces if piece.source.content_id is not None]
    aspect = (copied or [plan.pieces[0].source])[0].aspect
    return (LONG_SIDE, _even(LONG_SIDE / aspect)) if aspect >= 1 else (_even(LONG_SIDE * aspect), LONG_SIDE)


def probe(path: Path, content_id: int | None) -> Source:
    """The facts of a clip: how long its picture lasts and its shape. Decodes it.

    Raises:
        ValueError: there is no picture in it.
    """
    last, step, aspect = -1.0, 0.0, 1.0
    for moment, frame in shown(path):
        step = moment - last if last >= 0 else 0.0
        last, aspect = (
            moment,
            frame.height / frame.width if frame.rotation % 180 else frame.width / frame.height,
        )
    if last < 0:
        raise ValueError(f"{path.name} has no moving picture.")
    return Source(path, content_id, last + step, aspect)


def shown(path: Path, start: float = 0.0) -> Iterator[tuple[float, Any]]:
    """Frames in the order of time, from the one that is on show at ``start`` on: seconds as a player counts
    them, and what PyAV decoded."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "NONE"
        origin = Fraction(container.start_time or 0, _MICROSECONDS)
        # Always from the beginning: in some files a jump lands where frames cannot be decoded.
        waiting: tuple[float, Any] | None = None
        for frame in container.decode(stream):
            if frame.pts is None or frame.time_base is None:
                continue
            moment = float(frame.pts * frame.time_base - origin)
            if waiting is not None and moment > start + _SAME_MOMENT:
                yield waiting
            waiting = (moment, frame)
        if waiting is not None:
            yield waiting


def upright(frame: Any) -> UInt8Array:
    """A decoded frame as a player turns it: RGB."""
    picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
    return np.ascontiguousarray(np.rot90(picture, frame.rotation // 90)) if frame.rotation else picture


def fitted(picture: UInt8Array, size: tuple[int, int]) -> UInt8Array:
    """The whole picture in a frame of ``size`` (width, height), with black bars where the shapes differ."""
    width, height = size
    scale = min(width / picture.shape[1], height / picture.shape[0])
    inner = min(width, round(picture.shape[1] * scale)), min(height, round(picture.shape[0] * scale))
    if abs(inner[0] - width) <= 2 and abs(inner[1] - height) <= 2:
        inner = size
    small = cv2.resize(picture, inner, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    framed = np.zeros((height, width, 3), np.uint8)
    x, y = (width - inner[0]) // 2, (height - inner[1]) // 2
    framed[y : y + inner[1], x : x + inner[0]] = small
    return framed


def _piece_frames(piece: Piece, size: tuple[int, int], rate: int, place: np.ndarray) -> Iterator[UInt8Array]:
    count = round(piece.length * rate)
    moments = [piece.start + number / rate * piece.speed for number in range(count)]
    if piece.behind is None:
        yield from _at(piece.source, moments, size)
        return
    filler, begin = piece.behind
    width = min(size[0] * PIP_WIDTH, 0.9 * size[1] * piece.source.aspect)
    inner = _even(width), _even(width / piece.source.aspect)
    backs = _at(filler, [begin + number / rate for number in range(count)], size)
    for back, front in zip(backs, _at(piece.source, moments, inner), strict=True):
        y, x = round((size[1] - inner[1]) * place[0]), round((size[0] - inner[0]) * place[1])
        back[y : y + inner[1], x : x + inner[0]] = front
        yield back


def _at(source: Source, moments: list[float], size: tuple[int, int]) -> Iterator[UInt8Array]:
    """What is on show at each of the rising moments; the last frame stays when the clip is over."""
    frames = shown(source.path, moments[0])
    current = fitted(upright(next(frames)[1]), size)
    following = next(frames, None)
    for moment in moments:
        latest = None
        while following is not None and following[0] <= moment + _SAME_MOMENT:
            latest, following = following[1], next(frames, None)
        if latest is not None:
            current = fitted(upright(latest), size)
        yield current.copy()


def _edited(frames: Iterable[UInt8Array], edits: list[FrameEdit], rate: int) -> Iterator[UInt8Array]:
    for number, frame in enumerate(frames):
        for edit in edits:
            frame = edit(frame, number / rate)
        yield frame


def encode(path: Path, frames: Iterable[UInt8Array], rate: int) -> None:
    """Encode RGB frames of one size as H.264, sides cut to even numbers."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        for number, picture in enumerate(frames):
            height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options=_ENCODER)
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.thread_count = 1
            cut = np.ascontiguousarray(picture[:height, :width])
            frame = av.VideoFrame.from_ndarray(cut, format="rgb24")
            frame.time_base, frame.pts = Fraction(1, rate), number
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))


def _even(value: float) -> int:
    return max(2, round(value / 2) * 2)
