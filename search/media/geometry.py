"""How a decoded video frame is scaled, coloured and turned to what a player displays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from av import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, VideoReformatter
from av.video.stream import VideoStream
from PIL import Image

from search.keyframes.base import GLIMPSE_SIDE
from search.media.pixels import Needs, crop
from search.types import Region, UInt8Array

_UNSPECIFIED = 2
# Players take pictures of at least this height without a stated matrix for high definition (BT.709).
_HD_HEIGHT = 720
_WIDEST_ASPECT = 16.0


@dataclass(frozen=True, slots=True)
class Turn:
    """A quarter turn or mirroring: transpose first, then reverse rows and columns."""

    transposed: bool = False
    flip_rows: bool = False
    flip_columns: bool = False

    def apply(self, pixels: UInt8Array) -> UInt8Array:
        """The pixels [H, W, 3] as displayed, contiguous."""
        shown = pixels.transpose(1, 0, 2) if self.transposed else pixels
        shown = shown[:: -1 if self.flip_rows else 1, :: -1 if self.flip_columns else 1]
        return np.ascontiguousarray(shown)


def turn_of(frame: VideoFrame) -> Turn:
    """What the display matrix of a frame asks for, to the nearest quarter turn.

    The matrix (nine int32) maps stored x, y to displayed ``a x + c y``, ``b x + d y``.
    """
    side_data: Any = frame.side_data.get("DISPLAYMATRIX")  # a buffer, though typed as an object
    if side_data is None:
        return Turn()
    a, b, _, c, d = np.frombuffer(bytes(side_data), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Turn(False, flip_rows=d < 0, flip_columns=a < 0)
    return Turn(True, flip_rows=b < 0, flip_columns=c < 0)


def square_size(stream: VideoStream) -> tuple[int, int]:
    """Width and height in square pixels, before turning; like browsers, grow rather than shrink."""
    width, height = stream.codec_context.width, stream.codec_context.height
    aspect = float(stream.sample_aspect_ratio or 1)
    if not 1 / _WIDEST_ASPECT <= aspect <= _WIDEST_ASPECT:
        return width, height
    return (round(width * aspect), height) if aspect >= 1 else (width, round(height / aspect))


class FrameRenderer:
    """Makes working pictures and glimpses from frames; keeps its scalers, so one serves one clip."""

    def __init__(self, size: tuple[int, int], turn: Turn, region: Region | None, need: Needs) -> None:
        self._turn = turn
        self._region = region
        self._small = VideoReformatter()
        self._large = VideoReformatter()
        self.displayed = (size[1], size[0]) if turn.transposed else size
        part = (region.width, region.height) if region else (1.0, 1.0)
        shown = (max(1.0, self.displayed[0] * part[0]), max(1.0, self.displayed[1] * part[1]))
        factor = need.reduction(*shown)
        self._working = (max(1, round(size[0] / factor)), max(1, round(size[1] / factor)))

    def grey(self, frame: VideoFrame) -> UInt8Array:
        """The whole frame as stored, squashed to uint8 [32, 32] grey; costs a fraction of decoding."""
        small = self._small.reformat(
            frame, GLIMPSE_SIDE, GLIMPSE_SIDE, "gray", interpolation="AREA", threads=1
        )
        return _plane(small, 1)[:, :, 0]

    def picture(self, frame: VideoFrame) -> Image.Image:
        """The displayed frame, RGB, at working size, cropped to the region."""
        matrix, span = _colours(frame)
        scaled = self._large.reformat(
            frame,
            *self._working,
            "rgb24",
            src_colorspace=matrix,
            src_color_range=span,
            interpolation="AREA",
            threads=1,
        )
        return crop(Image.fromarray(self._turn.apply(_plane(scaled, 3))), self._region)


def _plane(frame: VideoFrame, channels: int) -> UInt8Array:
    plane = frame.planes[0]
    rows: UInt8Array = np.frombuffer(memoryview(plane), np.uint8).reshape(frame.height, plane.line_size)
    return rows[:, : frame.width * channels].reshape(frame.height, frame.width, channels).copy()


def _colours(frame: VideoFrame) -> tuple[int | None, int | None]:
    """Matrix and range to convert with; ``None`` where FFmpeg knows by itself."""
    if frame.format.is_rgb:
        return None, None
    matrix: int | None = None
    if frame.colorspace in (_UNSPECIFIED, 0):
        matrix = int(Colorspace.ITU709 if frame.height >= _HD_HEIGHT else Colorspace.ITU601)
    full = frame.format.name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
    return matrix, int(ColorRange.JPEG if full else ColorRange.MPEG)
