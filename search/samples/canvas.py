"""Tools to draw with: soft noise, gradients, ridges and antialiased shapes, all from a seeded generator.

Pictures under construction are float32 [H, W, 3] with values 0..1; colours are triples of 0..1.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image, ImageDraw

from search.types import Float32Array

Colour: TypeAlias = tuple[float, float, float]
Size: TypeAlias = tuple[int, int]
Generator: TypeAlias = np.random.Generator
Paint: TypeAlias = tuple[int, int, int]

# Shapes are drawn this much larger and scaled down, which smooths their edges.
OVERSAMPLE = 2


def floats(values: ArrayLike) -> Float32Array:
    """Anything array-like as float32."""
    array: Float32Array = np.asarray(values, np.float32)
    return array


def colour(text: str) -> Colour:
    """A colour from ``rrggbb``."""
    red, green, blue = (int(text[at : at + 2], 16) / 255 for at in (0, 2, 4))
    return red, green, blue


def paint(value: Colour) -> Paint:
    """The same colour as bytes, for Pillow."""
    red, green, blue = (round(255 * min(max(part, 0.0), 1.0)) for part in value)
    return red, green, blue


def mixed(first: Colour, second: Colour, share: float) -> Colour:
    """A colour between two: 0 gives the first, 1 the second."""
    red, green, blue = (a + (b - a) * share for a, b in zip(first, second, strict=True))
    return red, green, blue


def noise(random: Generator, size: Size, cells: int, octaves: int = 5, keep: float = 0.55) -> Float32Array:
    """Fractal value noise, float32 [H, W] with mean 0.5 and values within 0..1.

    ``cells``: blobs across the width in the coarsest octave; each further one has twice as many and
    ``keep`` times the strength.
    """
    width, height = size
    total = np.zeros((height, width), np.float32)
    strength, sum_of_strengths = 1.0, 0.0
    for octave in range(octaves):
        across = min(cells * 2**octave + 1, width)
        down = max(2, min(round(across * height / width), height))
        grid = random.random((down, across), dtype=np.float32)
        smooth = Image.fromarray(grid).resize(size, Image.Resampling.BICUBIC)
        total += strength * np.asarray(smooth, np.float32)
        sum_of_strengths += strength
        strength *= keep
    return floats(np.clip(total / np.float32(sum_of_strengths), 0, 1))


def contrasted(field: Float32Array, low: float, high: float) -> Float32Array:
    """``field`` stretched so that ``low`` becomes 0 and ``high`` 1, with a soft shoulder."""
    straight = np.clip((field - low) / (high - low), 0, 1)
    return floats(straight * straight * (3 - 2 * straight))


def gradient(size: Size, stops: list[Colour]) -> Float32Array:
    """Colours from top to bottom, evenly spaced."""
    width, height = size
    at = np.linspace(0, 1, len(stops))
    rows = np.linspace(0, 1, height)
    channels = [np.interp(rows, at, [stop[channel] for stop in stops]) for channel in range(3)]
    column = np.stack(channels, axis=-1).astype(np.float32)
    return floats(np.repeat(column[:, None, :], width, axis=1))


def blended(below: Float32Array, above: Float32Array | Colour, share: Float32Array) -> Float32Array:
    """``above`` laid over ``below`` where ``share`` (float32 [H, W]) says so."""
    top = np.asarray(above, np.float32)
    return floats(below + (top - below) * share[..., None])


def ridge(random: Generator, width: int, *, roughness: float = 0.5, cells: int = 3) -> Float32Array:
    """A mountain line: float32 [width], heights 0..1."""
    total = np.zeros(width, np.float64)
    strength = 1.0
    for octave in range(8):
        points = cells * 2**octave + 2
        values = random.random(points)
        total += strength * np.interp(np.linspace(0, points - 1, width), np.arange(points), values)
        strength *= roughness
    total -= total.min()
    return floats(total / total.max())


def below_line(size: Size, line: Float32Array) -> Float32Array:
    """1 under the line (float32 [W], pixels from the top), 0 above it, one soft pixel between."""
    rows = np.arange(size[1], dtype=np.float32)[:, None]
    return floats(np.clip(rows - line[None, :] + 0.5, 0, 1))


def glow(size: Size, centre: tuple[float, float], radius: float) -> Float32Array:
    """A round light that fades away, float32 [H, W], 1 in the centre."""
    rows, columns = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float32)
    squared = (columns - centre[0]) ** 2 + (rows - centre[1]) ** 2
    return floats(np.exp(-squared / np.float32(2 * radius * radius)))


def drawn(size: Size, draw: Callable[[ImageDraw.ImageDraw, float], None]) -> Image.Image:
    """An RGBA layer with smooth edges. ``draw`` gets the pen and the factor for its coordinates."""
    layer = Image.new("RGBA", (size[0] * OVERSAMPLE, size[1] * OVERSAMPLE), (0, 0, 0, 0))
    draw(ImageDraw.Draw(layer), float(OVERSAMPLE))
    return layer.resize(size, Image.Resampling.BOX)


def over(picture: Float32Array, layer: Image.Image) -> Float32Array:
    """Lay an RGBA layer over a picture."""
    values = floats(np.asarray(layer) / 255)
    return blended(picture, values[..., :3], values[..., 3])


def shaded(picture: Float32Array, field: Float32Array, strength: float) -> Float32Array:
    """Darken and lighten by a field around 0.5."""
    return floats(picture * (1 + strength * (field - 0.5) * 2)[..., None])


def finished(picture: Float32Array, random: Generator, grain: float = 0.012) -> Image.Image:
    """The picture with a little film grain, as bytes."""
    height, width = picture.shape[:2]
    grains = random.standard_normal((height, width, 1), dtype=np.float32) * np.float32(grain)
    return Image.fromarray((np.clip(picture + grains, 0, 1) * 255).astype(np.uint8))


def faded(picture: Float32Array, share: float) -> Float32Array:
    """Darken towards the corners, by ``share`` at the very corner."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    fall = 1 - share * np.clip(rows**2 + columns**2, 0, 2) / 2
    return floats(picture * fall[..., None])
