"""Edits that move pixels."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageOps

from search.evaluation.edits.base import Tools

_SMALLEST = 16


def crop(picture: Image.Image, kept: float, tools: Tools) -> Image.Image:
    """A part anywhere in the picture, of about its shape; ``kept``: share of the area."""
    stretch = tools.between(0.87, 1.15)
    width = min(1.0, math.sqrt(kept) * stretch)
    height = min(1.0, kept / width)
    left, top = tools.between(0, 1 - width), tools.between(0, 1 - height)
    box = (left, top, left + width, top + height)
    sides = (picture.width, picture.height) * 2
    return picture.crop(tuple(round(edge * side) for edge, side in zip(box, sides, strict=True)))  # type: ignore[arg-type]


def scale(picture: Image.Image, factor: float, _: Tools) -> Image.Image:
    """Smaller by ``factor`` on both sides."""
    return _resized(picture, picture.width * factor, picture.height * factor)


def aspect(picture: Image.Image, factor: float, tools: Tools) -> Image.Image:
    """Squeezed by ``factor`` along one side."""
    if tools.coin():
        return _resized(picture, picture.width / factor, picture.height)
    return _resized(picture, picture.width, picture.height / factor)


def mirror(picture: Image.Image, _: float, __: Tools) -> Image.Image:
    """Left and right exchanged; there is only one strength."""
    return ImageOps.mirror(picture)


def rotation(picture: Image.Image, degrees: float, tools: Tools) -> Image.Image:
    """Turned either way, half of the time with the corners left over, half of the time without them."""
    angle = degrees * tools.sign()
    if tools.coin():
        filled = tools.colour() if tools.coin() else (0, 0, 0)
        return picture.rotate(angle, Image.Resampling.BICUBIC, expand=True, fillcolor=filled)
    turned = picture.rotate(angle, Image.Resampling.BICUBIC)
    width, height = inner_size(*picture.size, math.radians(degrees))
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    return turned.crop((math.ceil(left), math.ceil(top), int(left + width), int(top + height)))


def inner_size(width: float, height: float, angle: float) -> tuple[float, float]:
    """Sides of the largest box of the same shape inside a rectangle that is turned around their common
    centre by ``angle`` (radians, 0 to a quarter turn)."""
    cosine, sine = math.cos(angle), math.sin(angle)
    factor = min(width / (width * cosine + height * sine), height / (width * sine + height * cosine))
    return width * factor, height * factor


def quarter_turn(picture: Image.Image, _: float, tools: Tools) -> Image.Image:
    """A quarter turn either way, or upside down; there is only one strength."""
    ways = (Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_270, Image.Transpose.ROTATE_180)
    return picture.transpose(ways[int(tools.random.integers(len(ways)))])


def perspective(picture: Image.Image, shift: float, tools: Tools) -> Image.Image:
    """Seen from the side: each corner of the result comes from up to ``shift`` of the sides further in."""
    width, height = picture.size
    inward = tools.random.uniform(0.2, 1, (4, 2)) * shift
    corners = np.array([(0, 0), (0, 1), (1, 1), (1, 0)], float)
    taken = (corners + np.where(corners == 0, inward, -inward)) * (width, height)
    data = tuple(taken.ravel().tolist())
    return picture.transform(picture.size, Image.Transform.QUAD, data, Image.Resampling.BICUBIC)


def _resized(picture: Image.Image, width: float, height: float) -> Image.Image:
    size = (max(_SMALLEST, round(width)), max(_SMALLEST, round(height)))
    return picture.resize(size, Image.Resampling.LANCZOS)
