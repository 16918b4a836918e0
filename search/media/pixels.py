"""From a displayed RGB picture to everything that is stored of it; the same for stills and clips.

Every function takes a Pillow picture in mode RGB. Resizing is antialiased bilinear throughout.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from search.config import RenditionConfig
from search.embedding.base import InputSpec
from search.hashing.perceptual import phash
from search.types import Region, UInt8Array

_WEBP_QUALITY = 75
_WEBP_METHOD = 1
_DETAIL_SIDE = 64
# Mean gradient, in grey levels a pixel at 64x64, that counts as half-way to full detail. Compression
# noise on black gives about 0.3; photographs give 6 to 25.
_DETAIL_HALF = 8.0
# Pictures are made from a copy at least this much larger than the largest of them.
_HEADROOM = 1.5


@dataclass(frozen=True, slots=True)
class Needs:
    """The smallest working copy that still serves every rendition, sides in pixels."""

    long_side: int
    short_side: int

    def reduction(self, width: float, height: float) -> float:
        """How many times (at least 1) a picture of this size may be reduced."""
        return max(1.0, min(max(width, height) / self.long_side, min(width, height) / self.short_side))


@dataclass(frozen=True, slots=True)
class FramePixels:
    """What is kept of one frame; the fields are those of :class:`search.types.DecodedFrame`."""

    phash: int
    detail: float
    pixels: UInt8Array
    picture: bytes


def needs(renditions: RenditionConfig, spec: InputSpec, *longest: int) -> Needs:
    """The needs of a frame; ``longest`` adds further renditions by their long sides."""
    long_side = max(renditions.frame_px, renditions.thumbnail_px, *longest)
    return Needs(round(_HEADROOM * long_side), round(_HEADROOM * spec.size))


def describe_frame(picture: Image.Image, renditions: RenditionConfig, spec: InputSpec) -> FramePixels:
    """Hash, measure and shrink one frame."""
    small = fit(picture, renditions.frame_px)
    return FramePixels(
        phash=phash(np.asarray(small)),
        detail=detail(small),
        pixels=model_input(picture, spec),
        picture=encode_webp(small),
    )


def model_input(picture: Image.Image, spec: InputSpec) -> UInt8Array:
    """The picture as a model wants to see it, uint8 [S, S, 3]; see :class:`InputSpec` for the rules."""
    size = (spec.size, spec.size)
    if spec.resize == "squash":
        return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    side = min(picture.size)
    left, top = (picture.width - side) / 2, (picture.height - side) / 2
    box = (left, top, left + side, top + side)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR, box=box))


def detail(picture: Image.Image) -> float:
    """How much structure a picture shows: 0 (one flat colour) towards 1 (busy all over).

    ``g / (g + 8)`` where ``g`` is the mean gradient in grey levels a pixel of the picture squashed to
    64x64. Black, flat and softly shaded pictures stay below 0.1; photographs lie at 0.4 to 0.75.
    """
    squashed = picture.convert("L").resize((_DETAIL_SIDE, _DETAIL_SIDE), Image.Resampling.BILINEAR)
    grey = np.asarray(squashed, dtype=np.float32)
    across, down = np.diff(grey, axis=1)[:-1], np.diff(grey, axis=0)[:, :-1]
    gradient = float(np.hypot(across, down).mean())
    return gradient / (gradient + _DETAIL_HALF)


def fit(picture: Image.Image, long_side: int) -> Image.Image:
    """The picture shrunk so that its longer side is at most ``long_side``; never enlarged."""
    scale = long_side / max(picture.size)
    if scale >= 1:
        return picture
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    return picture.resize(size, Image.Resampling.BILINEAR)


def crop(picture: Image.Image, region: Region | None) -> Image.Image:
    """The region of a displayed picture, at least one pixel; all of it for ``None``."""
    if region is None:
        return picture
    left = min(round(region.x * picture.width), picture.width - 1)
    top = min(round(region.y * picture.height), picture.height - 1)
    right = max(left + 1, round((region.x + region.width) * picture.width))
    bottom = max(top + 1, round((region.y + region.height) * picture.height))
    return picture.crop((left, top, min(right, picture.width), min(bottom, picture.height)))


def encode_webp(picture: Image.Image) -> bytes:
    """The picture as lossy WebP, set for speed rather than the last byte."""
    stream = io.BytesIO()
    picture.save(stream, "WEBP", quality=_WEBP_QUALITY, method=_WEBP_METHOD)
    return stream.getvalue()


def decode_webp(data: bytes) -> UInt8Array:
    """Decode one of our own renditions to uint8 [H, W, 3] RGB.

    Raises:
        OSError: the bytes are not a WebP picture.
    """
    with Image.open(io.BytesIO(data), formats=["WEBP"]) as picture:
        return np.asarray(picture.convert("RGB"))
