"""Posters: a few big words on a drawn ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from search.samples.canvas import Generator, Size, drawn, finished, mixed, noise, over, paint, shaded
from search.samples.patterns import contours, palette, strokes

TEXTS = (
    ("JAZZ", "at the harbour", "Friday 8 pm"),
    ("SLOW", "food market", "every Sunday morning"),
    ("MARS", "an exhibition", "Hall 4, until May"),
    ("RIDE", "the night train", "from coast to coast"),
)


def poster(random: Generator, size: Size, number: int) -> Image.Image:
    """The poster with the ``number``-th of :data:`TEXTS`."""
    ground = (np.asarray((contours if number % 2 else strokes)(random, size)) / 255).astype(np.float32)
    colours = palette(random)
    light, dark = mixed(colours[0], (1, 1, 1), 0.85), mixed(colours[1], (0, 0, 0), 0.75)

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        width, height = size
        top = height * random.uniform(0.48, 0.55)
        slope = height * random.uniform(-0.06, 0.06)
        field = [(0, top), (width, top - slope), (width, height), (0, height)]
        pen.polygon([(x * k, y * k) for x, y in field], paint(dark))
        lines = zip(TEXTS[number], (0.19, 0.065, 0.045), (0.08, 0.29, 0.37), strict=True)
        for text, tall, down in lines:
            font = ImageFont.load_default(size=round(height * tall * k))
            pen.text((width * 0.08 * k, (top + height * down) * k), text, paint(light), font=font)

    picture = over(ground, drawn(size, draw))
    return finished(shaded(picture, noise(random, size, 55, 4, 0.8), 0.12), random)
