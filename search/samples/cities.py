"""Skylines by day, at dusk and at night."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from search.samples.canvas import (
    Colour,
    Generator,
    Size,
    blended,
    colour,
    drawn,
    faded,
    finished,
    mixed,
    noise,
    over,
    paint,
    shaded,
)
from search.samples.landscapes import LIGHTS, Light, sky
from search.types import Float32Array

FACADES = ["7d5a50", "5c6b73", "8a7f72", "4a5859", "9c6b4e", "6d6875", "3d5a80", "a26769", "566246", "b08968"]
WINDOW_LIGHTS = ["ffd97d", "ffe8b8", "ffb347", "fff4d6", "cfe8ff"]


def skyline(random: Generator, size: Size, light: str) -> Image.Image:
    """Houses and towers behind a river."""
    hour = LIGHTS[light]
    picture = sky(random, size, hour)
    water = round(size[1] * random.uniform(0.8, 0.86))
    for depth in (0.0, 0.5, 1.0):
        picture = over(picture, _street(random, size, hour, depth, water))
    picture = shaded(picture, noise(random, size, 60, 3, 0.8), 0.1)
    return finished(faded(_with_river(random, picture, hour, water), 0.2), random)


def _street(random: Generator, size: Size, hour: Light, depth: float, foot: int) -> Image.Image:
    width, height = size
    haze = mixed(colour(hour.sky[-1]), colour(hour.far), 0.5)

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        x = -random.uniform(0, width * 0.05)
        while x < width:
            wide = width * random.uniform(0.045, 0.11)
            tall = height * random.uniform(0.22, 0.62) * (1.05 - 0.5 * depth)
            dark = 0.75 if hour.stars else 0.45 if hour.sun_height > 0.4 else 0.1
            base = mixed(colour(str(random.choice(FACADES))), (0.03, 0.04, 0.09), dark)
            fill = mixed(base, haze, 0.7 * (1 - depth))
            _house(random, pen, k, (x, foot - tall, x + wide, foot), fill, lit=dark, clear=depth)
            x += wide * random.uniform(0.85, 1.2)

    return drawn(size, draw)


def _house(
    random: Generator, pen: ImageDraw.ImageDraw, k: float, box: tuple[float, float, float, float],
    fill: Colour, *, lit: float, clear: float,
) -> None:  # fmt: skip
    left, top, right, foot = box
    pen.rectangle([left * k, top * k, right * k, foot * k], paint(fill))
    shadow = left + (right - left) * random.uniform(0.6, 0.85)
    pen.rectangle([shadow * k, top * k, right * k, foot * k], paint(mixed(fill, (0, 0, 0), 0.25)))
    _roof(random, pen, k, box, fill)
    if clear > 0.2:
        _windows(random, pen, k, box, fill, lit)


def _roof(
    random: Generator,
    pen: ImageDraw.ImageDraw,
    k: float,
    box: tuple[float, float, float, float],
    fill: Colour,
) -> None:
    left, top, right, _ = box
    wide, kind = right - left, int(random.integers(0, 5))
    dark = paint(mixed(fill, (0, 0, 0), 0.35))
    if kind == 0:
        peak = top - wide * random.uniform(0.3, 0.7)
        pen.polygon([(left * k, top * k), (right * k, top * k), ((left + right) / 2 * k, peak * k)], dark)
    elif kind == 1:
        at = left + wide * random.uniform(0.3, 0.7)
        pen.line([at * k, top * k, at * k, (top - wide * random.uniform(0.6, 1.4)) * k], dark, round(2 * k))
    elif kind == 2:
        inset = wide * random.uniform(0.15, 0.3)
        pen.rectangle([(left + inset) * k, (top - wide * 0.3) * k, (right - inset) * k, top * k], dark)
    elif kind == 3:
        pen.pieslice([left * k, (top - wide / 2) * k, right * k, (top + wide / 2) * k], 180, 360, dark)


def _windows(
    random: Generator, pen: ImageDraw.ImageDraw, k: float, box: tuple[float, float, float, float],
    fill: Colour, lit: float,
) -> None:  # fmt: skip
    left, top, right, foot = box
    across, down = random.uniform(8, 17), random.uniform(11, 22)
    share, tall = random.uniform(0.4, 0.65), random.uniform(0.45, 0.7)
    y = top + down * 0.6
    while y + down < foot:
        x = left + across * 0.5
        while x + across * share < right - across * 0.2:
            on = random.random() < lit * 0.8
            light = colour(str(random.choice(WINDOW_LIGHTS))) if on else mixed(fill, (0.05, 0.08, 0.12), 0.55)
            pane = mixed(light, fill, random.uniform(0, 0.4))
            if random.random() < 0.93:
                pen.rectangle([x * k, y * k, (x + across * share) * k, (y + down * tall) * k], paint(pane))
            x += across * random.uniform(0.92, 1.1)
        y += down * random.uniform(0.95, 1.08)


def _with_river(random: Generator, picture: Float32Array, hour: Light, shore: int) -> Float32Array:
    height, width = picture.shape[:2]
    deep = height - shore
    waves = noise(random, (width, deep * 6), 20, 4)[::6] - 0.5
    rows = np.clip(shore - 1 - np.arange(deep)[:, None] * 2.2 + waves * 30, 0, shore - 1).astype(int)
    columns = np.clip(np.arange(width)[None, :] + waves * 18, 0, width - 1).astype(int)
    water = mixed(colour(hour.sky[0]), (0.02, 0.05, 0.08), 0.35)
    share = np.full((deep, width), 0.45, np.float32)
    picture[shore:] = blended(picture[rows, columns], water, share) + waves[..., None] * 0.2
    return picture
