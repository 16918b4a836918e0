"""Mountains and lakes at different hours of the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from search.samples.canvas import (
    Colour,
    Generator,
    Size,
    below_line,
    blended,
    colour,
    contrasted,
    drawn,
    faded,
    finished,
    glow,
    gradient,
    mixed,
    noise,
    over,
    paint,
    ridge,
)
from search.types import Float32Array


@dataclass(frozen=True, slots=True)
class Light:
    """Colours of one hour: the sky from top to horizon, far and near ground, the sun or moon."""

    sky: tuple[str, ...]
    far: str
    near: str
    sun: str
    sun_height: float
    clouds: float
    stars: bool = False


LIGHTS = {
    "dawn": Light(("2b3a67", "b56576", "eaac8b", "ffd9a0"), "a97c8c", "2c2338", "fff1c9", 0.42, 0.5),
    "noon": Light(("2f80c9", "79b8e8", "d6ecf8"), "9db8cf", "2e5a34", "fffbe8", 0.14, 0.75),
    "dusk": Light(("1f1b45", "6b2d5c", "d1495b", "f79256"), "8c4a63", "1b1226", "ffcf8f", 0.5, 0.6),
    "night": Light(("05070f", "0d1b3d", "1d3563"), "22375f", "060a14", "f4f1de", 0.2, 0.35, stars=True),
    "mist": Light(("aebfc6", "cfd9db", "eceae2"), "c3ccd0", "51645f", "ffffff", 0.25, 0.2),
    "autumn": Light(("5b9bd5", "a8cbe8", "f3e3c3"), "a9937c", "6d3a15", "fff6d6", 0.2, 0.55),
}


def landscape(random: Generator, size: Size, light: str, *, lake: bool, trees: bool = True) -> Image.Image:
    """A valley between mountains in one of :data:`LIGHTS`, with a lake in front where asked for."""
    hour = LIGHTS[light]
    picture = sky(random, size, hour)
    picture = _mountains(random, picture, hour, trees=trees)
    if lake:
        picture = _with_lake(random, picture, hour)
    return finished(faded(picture, 0.25), random)


def sky(random: Generator, size: Size, hour: Light) -> Float32Array:
    """Sky with sun or moon, clouds and, at night, stars."""
    width, height = size
    picture = gradient(size, [colour(stop) for stop in hour.sky])
    if hour.stars:
        picture = _with_stars(random, picture)
    sun = (width * random.uniform(0.15, 0.85), height * hour.sun_height)
    radius = height * random.uniform(0.035, 0.06)
    picture = blended(picture, colour(hour.sun), 0.55 * glow(size, sun, radius * 5))
    picture = over(picture, _disc(size, sun, radius, colour(hour.sun)))
    return _with_clouds(random, picture, hour)


def _with_stars(random: Generator, picture: Float32Array) -> Float32Array:
    height, width = picture.shape[:2]
    for _ in range(260):
        x, y = int(random.integers(0, width)), int(random.integers(0, height * 3 // 5))
        picture[y, x] += random.uniform(0.2, 0.9)
    return picture


def _disc(size: Size, centre: tuple[float, float], radius: float, fill: Colour) -> Image.Image:
    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        x, y = centre
        pen.ellipse([(x - radius) * k, (y - radius) * k, (x + radius) * k, (y + radius) * k], paint(fill))

    return drawn(size, draw)


def _with_clouds(random: Generator, picture: Float32Array, hour: Light) -> Float32Array:
    height, width = picture.shape[:2]
    # Noise of a picture half as high, stretched: clouds are wider than high.
    field = noise(random, (width, height * 2), 5, 6)[::2]
    share = contrasted(field, 0.48, 0.72) * np.float32(hour.clouds)
    lit = mixed(colour(hour.sun), colour(hour.sky[-1]), 0.35)
    return blended(picture, lit, share)


def _mountains(random: Generator, picture: Float32Array, hour: Light, *, trees: bool) -> Float32Array:
    height, width = picture.shape[:2]
    count = int(random.integers(4, 6))
    for number in range(count):
        depth = number / (count - 1)
        top = height * (0.32 + 0.42 * depth) - height * 0.02
        rise = height * (0.3 - 0.16 * depth)
        line = top + rise * (0.5 - ridge(random, width, roughness=0.5 - 0.06 * depth))
        ground = mixed(colour(hour.far), colour(hour.near), depth**0.8)
        picture = _hill(random, picture, line.astype(np.float32), ground, snow=depth < 0.4)
        if trees and depth > 0.45:
            picture = over(picture, _trees(random, (width, height), line, ground, depth))
    return picture


def _hill(
    random: Generator, picture: Float32Array, line: Float32Array, ground: Colour, *, snow: bool
) -> Float32Array:
    height, width = picture.shape[:2]
    size = (width, height)
    rocks = noise(random, size, 14, 6, 0.7)
    surface = np.asarray(ground, np.float32) * (0.45 + 1.1 * rocks[..., None])
    if snow:
        depth = np.arange(height, dtype=np.float32)[:, None] - line[None, :]
        cap = contrasted(rocks, 0.42, 0.62) * np.clip(1 - depth / (height * 0.12), 0, 1)
        surface = blended(surface, (0.95, 0.96, 1.0), cap.astype(np.float32) * 0.8)
    return blended(picture, surface.astype(np.float32), below_line(size, line))


def _trees(random: Generator, size: Size, line: Float32Array, ground: Colour, depth: float) -> Image.Image:
    width, height = size
    tall = height * 0.075 * depth**1.5

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for _ in range(int(70 * depth)):
            x = random.uniform(0, width)
            foot = float(line[min(int(x), width - 1)]) + random.uniform(0, height * 0.12)
            fill = paint(mixed(ground, (0.0, 0.03, 0.02), random.uniform(0.25, 0.8)))
            _fir(pen, k, (x, foot), tall * random.uniform(0.5, 1.25), fill)

    return drawn(size, draw)


def _fir(
    pen: ImageDraw.ImageDraw, k: float, foot: tuple[float, float], tall: float, fill: tuple[int, int, int]
) -> None:
    x, y = foot
    for tier in range(3):
        low, high = y - tall * 0.27 * tier, y - tall * (0.46 + 0.27 * tier)
        half = tall * (0.24 - 0.055 * tier)
        pen.polygon([((x - half) * k, low * k), ((x + half) * k, low * k), (x * k, high * k)], fill)


def _with_lake(random: Generator, picture: Float32Array, hour: Light) -> Float32Array:
    """The lower part becomes water that mirrors what is above, broken by ripples."""
    height, width = picture.shape[:2]
    shore = round(height * random.uniform(0.66, 0.74))
    deep = height - shore
    ripples = noise(random, (width, deep * 4), 16, 4)[::4] - 0.5
    reach = np.linspace(2, 14, deep)[:, None]
    rows = np.clip(shore - 1 - np.arange(deep)[:, None] * 1.6 + ripples * reach * 4, 0, shore - 1)
    columns = np.clip(np.arange(width)[None, :] + ripples * reach * 2, 0, width - 1)
    mirror = picture[rows.astype(int), columns.astype(int)]
    water = mixed(colour(hour.sky[0]), colour(hour.near), 0.4)
    tint = np.broadcast_to(np.linspace(0.15, 0.55, deep, dtype=np.float32)[:, None], (deep, width))
    picture[shore:] = blended(mirror, water, tint) + ripples[..., None] * 0.16
    return picture
