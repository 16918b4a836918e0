"""Abstract pictures: stained glass, marble, a quilt, circles, brush strokes, contour lines."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from search.samples.canvas import (
    Colour,
    Generator,
    Size,
    blended,
    colour,
    contrasted,
    drawn,
    finished,
    gradient,
    mixed,
    noise,
    over,
    paint,
    shaded,
)
from search.types import Float32Array

PALETTES = [
    ["264653", "2a9d8f", "e9c46a", "f4a261", "e76f51"],
    ["03045e", "0077b6", "00b4d8", "90e0ef", "ffb703"],
    ["5f0f40", "9a031e", "fb8b24", "e36414", "0f4c5c"],
    ["606c38", "283618", "fefae0", "dda15e", "bc6c25"],
    ["3d348b", "7678ed", "f7b801", "f18701", "f35b04"],
    ["22223b", "4a4e69", "9a8c98", "c9ada7", "f2e9e4"],
]


def palette(random: Generator) -> list[Colour]:
    """Five colours that go together, in a random order."""
    chosen = PALETTES[int(random.integers(0, len(PALETTES)))]
    return [colour(chosen[at]) for at in random.permutation(len(chosen))]


def stained_glass(random: Generator, size: Size) -> Image.Image:
    """Cells around scattered points, each lit in its own colour, with lead between them."""
    width, height = size
    colours = palette(random)
    points = random.random((70, 2)) * (width, height)
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    nearest = np.full((height, width), np.inf, np.float32)
    second, owner = nearest.copy(), np.zeros((height, width), np.int64)
    for number, (x, y) in enumerate(points):
        distance = np.hypot(columns - np.float32(x), rows - np.float32(y))
        closer = distance < nearest
        second = np.where(closer, nearest, np.minimum(second, distance))
        nearest = np.where(closer, distance, nearest)
        owner[closer] = number
    fills = [mixed(colours[number % 5], (1, 1, 1), random.uniform(0, 0.35)) for number in range(len(points))]
    picture = shaded(np.asarray(fills, np.float32)[owner], noise(random, size, 10, 6, 0.7), 0.45)
    lead = 1 - contrasted(second - nearest, 2.0, 6.0)
    return finished(blended(picture, (0.06, 0.06, 0.08), lead), random)


def marble(random: Generator, size: Size) -> Image.Image:
    """Veins of colour folded into each other."""
    colours = palette(random)
    field = noise(random, size, 3, 6) + 0.35 * noise(random, size, 9, 5)
    veins = 0.5 + 0.5 * np.sin(field * 40 + np.linspace(0, random.uniform(4, 12), size[0])[None, :])
    picture = np.broadcast_to(np.asarray(colours[0], np.float32), (size[1], size[0], 3))
    for number, paint_colour in enumerate(colours[1:]):
        band = contrasted(np.asarray(veins, np.float32), 0.18 * number, 0.18 * number + 0.16)
        picture = blended(np.asarray(picture, np.float32), paint_colour, band * np.float32(0.85))
    return finished(shaded(picture, noise(random, size, 30, 5, 0.75), 0.3), random)


def quilt(random: Generator, size: Size) -> Image.Image:
    """Patches of uneven size, each with a motif of its own."""
    colours = palette(random)

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        y = 0.0
        while y < size[1]:
            tall, x = size[1] * random.uniform(0.12, 0.24), 0.0
            while x < size[0]:
                wide = size[0] * random.uniform(0.07, 0.18)
                _patch(random, pen, (x * k, y * k, (x + wide) * k, (y + tall) * k), colours)
                x += wide
            y += tall

    picture = over(gradient(size, [colours[0], colours[1]]), drawn(size, draw))
    return finished(shaded(picture, noise(random, size, 50, 4, 0.8), 0.25), random, 0.02)


def _patch(
    random: Generator, pen: ImageDraw.ImageDraw, box: tuple[float, float, float, float], colours: list[Colour]
) -> None:
    left, top, right, foot = box
    first, second, third = (paint(colours[at]) for at in random.permutation(5)[:3])
    pen.rectangle(box, first)
    middle_x, middle_y = random.uniform(left, right), random.uniform(top, foot)
    kind = int(random.integers(0, 4))
    if kind == 0:
        pen.polygon([(left, top), (right, top), (middle_x, middle_y)], second)
        pen.polygon([(left, foot), (right, foot), (middle_x, middle_y)], third)
    elif kind == 1:
        pen.ellipse([left, top, middle_x + 1, middle_y + 1], second)
        pen.ellipse([middle_x - 1, middle_y - 1, right, foot], third)
    elif kind == 2:
        for step in np.linspace(0, 1, int(random.integers(4, 8))):
            pen.line([left, top + (foot - top) * step, right, foot - (foot - top) * step], second, 5)
    else:
        pen.rectangle([left, top, middle_x, middle_y], second)
        pen.rectangle([middle_x, middle_y, right, foot], third)


def circles(random: Generator, size: Size) -> Image.Image:
    """Rings and lines that cross, on paper."""
    colours = palette(random)
    width, height = size

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for _ in range(46):
            x, y = random.uniform(0, width), random.uniform(0, height)
            radius = height * random.uniform(0.02, 0.22) * random.uniform(0.3, 1)
            for ring in range(int(random.integers(1, 5))):
                reach = radius * (1 - ring * 0.24)
                fill = paint(colours[int(random.integers(0, 5))])
                pen.ellipse([(x - reach) * k, (y - reach) * k, (x + reach) * k, (y + reach) * k], fill)
        for _ in range(14):
            ends = [random.uniform(0, width) * k, random.uniform(0, height) * k,
                    random.uniform(0, width) * k, random.uniform(0, height) * k]  # fmt: skip
            pen.line(ends, paint(mixed(colours[0], (0, 0, 0), 0.6)), int(random.integers(2, 9)))

    picture = over(gradient(size, [(0.96, 0.93, 0.86), (0.9, 0.85, 0.76)]), drawn(size, draw))
    return finished(shaded(picture, noise(random, size, 60, 4, 0.8), 0.2), random, 0.02)


def strokes(random: Generator, size: Size) -> Image.Image:
    """Thousands of short brush strokes that follow a hidden current."""
    colours = palette(random)
    width, height = size
    current, shade = noise(random, size, 3, 3), noise(random, size, 4, 4)

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        for _ in range(4200):
            x, y = random.uniform(0, width - 1), random.uniform(0, height - 1)
            angle = float(current[int(y), int(x)]) * 14
            reach = random.uniform(5, 18)
            place = float(shade[int(y), int(x)]) * 4.2 + random.uniform(-0.5, 0.5)
            fill = mixed(colours[int(np.clip(place, 0, 4))], (1, 1, 1), random.uniform(0, 0.25))
            dx, dy = np.cos(angle) * reach, np.sin(angle) * reach
            ends = [(x - dx) * k, (y - dy) * k, (x + dx) * k, (y + dy) * k]
            pen.line(ends, paint(fill), int(random.integers(3, 9)))

    return finished(over(gradient(size, [colours[0], colours[3]]), drawn(size, draw)), random)


def contours(random: Generator, size: Size) -> Image.Image:
    """A map of hills: bands of height with thin lines between them."""
    colours = palette(random)
    field = contrasted(noise(random, size, 4, 5, 0.45), 0.2, 0.8)
    picture = _bands(field, colours)
    steps = field * 14
    line = 1 - contrasted(np.abs(steps - np.round(steps)), 0.03, 0.16)
    picture = blended(picture, mixed(colours[0], (0, 0, 0), 0.7), line * np.float32(0.8))
    return finished(shaded(picture, noise(random, size, 70, 4, 0.8), 0.18), random, 0.02)


def _bands(field: Float32Array, colours: list[Colour]) -> Float32Array:
    table = [mixed(colours[at // 3], colours[(at // 3 + 1) % 5], at % 3 / 3) for at in range(15)]
    bands: Float32Array = np.asarray(table, np.float32)[np.round(field * 14).astype(int)]
    return bands


PATTERNS: dict[str, Callable[[Generator, Size], Image.Image]] = {
    "stained-glass": stained_glass,
    "marble": marble,
    "quilt": quilt,
    "circles": circles,
    "brush-strokes": strokes,
    "contours": contours,
}
