"""Animals of simple shapes in surroundings of their own. No two of a kind have the same proportions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

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
    faded,
    finished,
    glow,
    gradient,
    mixed,
    noise,
    over,
    paint,
    shaded,
)
from search.types import Float32Array

DARK: Colour = (0.09, 0.08, 0.11)
WHITE: Colour = (0.97, 0.96, 0.93)


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws in units of the animal's size around its middle; ``flip`` makes it look the other way."""

    draw: ImageDraw.ImageDraw
    x: float
    y: float
    unit: float
    flip: bool

    def at(self, x: float, y: float) -> tuple[float, float]:
        return self.x + (-x if self.flip else x) * self.unit, self.y + y * self.unit

    def oval(self, x: float, y: float, wide: float, tall: float, fill: Colour) -> None:
        (left, top), reach = self.at(x, y), (wide * self.unit, tall * self.unit)
        box = [left - reach[0], top - reach[1], left + reach[0], top + reach[1]]
        self.draw.ellipse(box, paint(fill))

    def shape(self, points: list[tuple[float, float]], fill: Colour) -> None:
        self.draw.polygon([self.at(x, y) for x, y in points], paint(fill))

    def stroke(self, points: list[tuple[float, float]], wide: float, fill: Colour) -> None:
        self.draw.line(
            [self.at(x, y) for x, y in points], paint(fill), max(1, round(wide * self.unit)), "curve"
        )

    def eye(self, x: float, y: float, size: float) -> None:
        self.oval(x, y, size, size, WHITE)
        self.oval(x + size * 0.2, y, size * 0.6, size * 0.6, DARK)
        self.oval(x + size * 0.35, y - size * 0.25, size * 0.2, size * 0.2, WHITE)


Animal = Callable[[Generator, Pen, Colour], None]


def spots(random: Generator, pen: Pen, area: tuple[float, float, float, float], fill: Colour) -> None:
    """Blotches inside an oval area ``(x, y, half width, half height)``: every animal has its own."""
    x, y, wide, tall = area
    for _ in range(int(random.integers(12, 22))):
        angle, reach = random.uniform(0, 6.28), random.uniform(0, 0.85)
        size = random.uniform(0.02, 0.075)
        place = (x + np.cos(angle) * reach * wide, y + np.sin(angle) * reach * tall)
        pen.oval(*place, size, size * random.uniform(0.6, 1.3), mixed(fill, DARK, random.uniform(0, 0.5)))


def fish(random: Generator, pen: Pen, fill: Colour) -> None:
    tall, tail = random.uniform(0.38, 0.62), random.uniform(0.3, 0.5)
    other = mixed(fill, WHITE, 0.55)
    pen.shape([(-0.8, 0), (-1.25, -tail), (-1.1, 0), (-1.25, tail)], mixed(fill, DARK, 0.25))
    pen.shape([(-0.3, -tall * 0.8), (0.1, -tall * 1.5), (0.5, -tall * 0.7)], mixed(fill, DARK, 0.2))
    pen.oval(0, 0, 0.95, tall, fill)
    for at in random.uniform(-0.6, 0.4, int(random.integers(2, 5))):
        reach = tall * np.sqrt(max(0.05, 1 - (at / 0.95) ** 2)) * 0.9
        pen.stroke([(at, -reach), (at + random.uniform(-0.1, 0.1), 0), (at, reach)], 0.09, other)
    spots(random, pen, (0.0, 0.0, 0.8, tall * 0.8), mixed(fill, DARK, 0.3))
    pen.eye(0.62, -tall * 0.25, 0.13)


def whale(random: Generator, pen: Pen, fill: Colour) -> None:
    tall = random.uniform(0.36, 0.48)
    pen.shape(
        [
            (-0.7, 0.1),
            (-1.35, -0.1),
            (-1.6, -0.5),
            (-1.3, -0.38),
            (-1.1, -0.62),
            (-1.12, -0.15),
            (-0.6, -0.3),
        ],
        fill,
    )
    pen.oval(0, 0, 1.05, tall, fill)
    pen.oval(0.1, tall * 0.42, 0.88, tall * 0.55, mixed(fill, WHITE, 0.7))
    for at in np.linspace(-0.5, 0.75, 8):
        pen.stroke([(at, tall * 0.5), (at + 0.06, tall * 0.85)], 0.02, mixed(fill, DARK, 0.2))
    pen.shape([(0.2, tall * 0.4), (0.0, tall * 1.5), (0.5, tall * 0.6)], mixed(fill, DARK, 0.3))
    spots(random, pen, (-0.1, -tall * 0.35, 0.7, tall * 0.4), mixed(fill, WHITE, 0.4))
    pen.eye(0.72, 0.02, 0.07)


def owl(random: Generator, pen: Pen, fill: Colour) -> None:
    wide, eyes = random.uniform(0.55, 0.7), random.uniform(0.2, 0.27)
    light = mixed(fill, WHITE, 0.5)
    pen.shape([(-wide * 0.9, -0.6), (-wide * 0.75, -1.15), (-0.1, -0.8)], fill)
    pen.shape([(wide * 0.9, -0.6), (wide * 0.75, -1.15), (0.1, -0.8)], fill)
    pen.oval(0, 0.1, wide, 0.98, fill)
    pen.oval(0, 0.4, wide * 0.7, 0.6, light)
    for row in range(5):
        for column in range(-2, 3):
            x, y = column * 0.19 + random.uniform(-0.03, 0.03), 0.1 + row * 0.17
            pen.stroke([(x - 0.07, y), (x, y + 0.08), (x + 0.07, y)], 0.035, mixed(fill, DARK, 0.3))
    pen.oval(-wide * 0.85, 0.2, 0.2, 0.6, mixed(fill, DARK, 0.3))
    pen.oval(wide * 0.85, 0.2, 0.2, 0.6, mixed(fill, DARK, 0.3))
    pen.eye(-0.27, -0.42, eyes)
    pen.eye(0.27, -0.42, eyes)
    pen.shape([(-0.09, -0.3), (0.09, -0.3), (0, -0.08)], colour("f4a261"))


def cat(random: Generator, pen: Pen, fill: Colour) -> None:
    wide, ear = random.uniform(0.6, 0.75), random.uniform(0.4, 0.65)
    stripe = mixed(fill, DARK, 0.5)
    pen.stroke([(0.5, 0.9), (1.15, 0.7), (1.2, 0.1), (0.95, -0.15)], 0.16, fill)
    pen.oval(0, 0.7, wide * 0.9, 0.62, fill)
    pen.shape([(-wide, -0.5), (-wide * 0.85, -0.6 - ear), (-0.15, -0.75)], fill)
    pen.shape([(wide, -0.5), (wide * 0.85, -0.6 - ear), (0.15, -0.75)], fill)
    pen.oval(0, -0.3, wide, 0.55, fill)
    for side in (-1, 1):
        for _ in range(3):
            y = random.uniform(-0.5, 0.0)
            pen.stroke(
                [(side * wide * 0.95, y), (side * wide * 0.5, y + random.uniform(-0.1, 0.1))], 0.06, stripe
            )
            pen.stroke([(side * 0.25, 0.02), (side * 0.95, random.uniform(-0.15, 0.2))], 0.02, WHITE)
        pen.eye(side * 0.28, -0.35, 0.15)
    pen.shape([(-0.08, -0.12), (0.08, -0.12), (0, -0.02)], colour("e5989b"))
    spots(random, pen, (0.0, 0.8, wide * 0.7, 0.4), stripe)


def butterfly(random: Generator, pen: Pen, fill: Colour) -> None:
    high, low = random.uniform(0.8, 1.1), random.uniform(0.5, 0.8)
    second = mixed(fill, colour("ffb703"), 0.6)
    for side in (-1, 1):
        pen.shape([(0, 0), (side * 0.4, -high), (side * 1.2, -high * 0.9), (side * 1.05, -0.1)], fill)
        pen.shape([(0, 0), (side * 0.95, 0.05), (side * 0.85, low), (side * 0.3, low * 1.2)], second)
        for _ in range(9):
            x, y = side * random.uniform(0.25, 0.9), random.uniform(-high * 0.75, low * 0.8)
            size = random.uniform(0.04, 0.13)
            pen.oval(x, y, size, size, mixed(DARK, second, random.uniform(0, 0.6)))
            pen.oval(x, y, size * 0.5, size * 0.5, WHITE)
        pen.stroke([(0, -0.4), (side * 0.2, -0.8), (side * 0.35, -0.95)], 0.03, DARK)
    pen.oval(0, 0.05, 0.1, 0.55, DARK)


def penguin(random: Generator, pen: Pen, fill: Colour) -> None:
    wide, belly = random.uniform(0.5, 0.66), random.uniform(0.6, 0.8)
    dark = mixed(fill, DARK, 0.7)
    pen.shape([(-wide, -0.2), (-wide - 0.35, 0.6), (-wide * 0.7, 0.4)], dark)
    pen.shape([(wide, -0.2), (wide + 0.35, 0.5), (wide * 0.7, 0.4)], dark)
    pen.oval(0, 0.2, wide, 0.85, dark)
    pen.oval(0, -0.65, wide * 0.72, 0.42, dark)
    pen.oval(0, 0.32, wide * belly, 0.66, WHITE)
    pen.oval(-0.16, -0.6, 0.2, 0.25, WHITE)
    pen.oval(0.16, -0.6, 0.2, 0.25, WHITE)
    pen.eye(-0.15, -0.65, 0.1)
    pen.eye(0.15, -0.65, 0.1)
    pen.shape([(-0.12, -0.5), (0.12, -0.5), (0, -0.32)], colour("f4a261"))
    pen.oval(-0.25, 1.03, 0.22, 0.09, colour("f4a261"))
    pen.oval(0.25, 1.03, 0.22, 0.09, colour("f4a261"))
    spots(random, pen, (0.0, 0.4, wide * belly * 0.8, 0.5), mixed(WHITE, fill, 0.5))


ANIMALS: dict[str, tuple[Animal, str]] = {
    "fish": (fish, "sea"), "whale": (whale, "sea"), "owl": (owl, "night"), "cat": (cat, "garden"),
    "butterfly": (butterfly, "garden"), "penguin": (penguin, "snow"),
}  # fmt: skip
COATS = ["e76f51", "f4a261", "2a9d8f", "e9c46a", "8d99ae", "b56576", "457b9d", "9c6644", "cdb4db"]
GROUNDS = {
    "sea": ("48cae4", "0077b6", "023e8a"),
    "night": ("0b132b", "1c2541", "3a506b"),
    "garden": ("cfe8c9", "74b36b", "2d6a4f"),
    "snow": ("8ecae6", "dceefb", "f8fbff"),
}


def animal(random: Generator, size: Size, name: str) -> Image.Image:
    """One of :data:`ANIMALS` where it lives."""
    animal_drawing, home = ANIMALS[name]
    picture = _surroundings(random, size, home)
    layer = drawn(size, lambda pen, k: _place(random, pen, k, size, animal_drawing))
    picture = over(picture, layer)
    return finished(faded(shaded(picture, noise(random, size, 45, 4, 0.8), 0.2), 0.25), random)


def _place(
    random: Generator, draw: ImageDraw.ImageDraw, k: float, size: Size, animal_drawing: Animal
) -> None:
    unit = min(size) * random.uniform(0.24, 0.31)
    x, y = size[0] * random.uniform(0.38, 0.62), size[1] * random.uniform(0.46, 0.58)
    coat = mixed(colour(str(random.choice(COATS))), WHITE, random.uniform(0, 0.2))
    animal_drawing(random, Pen(draw, x * k, y * k, unit * k, bool(random.random() < 0.5)), coat)


def _surroundings(random: Generator, size: Size, home: str) -> Float32Array:
    picture = gradient(size, [colour(stop) for stop in GROUNDS[home]])
    picture = blended(
        picture, (1.0, 0.98, 0.9), 0.4 * glow(size, (size[0] * random.random(), 0), size[1] * 0.5)
    )
    clumps = contrasted(noise(random, size, 7, 6, 0.65), 0.5, 0.75)
    picture = blended(picture, mixed(colour(GROUNDS[home][2]), DARK, 0.3), clumps * np.float32(0.6))
    return over(picture, drawn(size, lambda pen, k: _plants(random, pen, k, size, home)))


def _plants(random: Generator, pen: ImageDraw.ImageDraw, k: float, size: Size, home: str) -> None:
    """Weeds, flowers, stars, flakes: small things scattered about, different in every picture."""
    width, height = size
    accents = {"sea": "caf0f8", "night": "ffe8a3", "garden": "ff7096", "snow": "ffffff"}
    for _ in range(110):
        x, y, reach = random.uniform(0, width), random.uniform(0, height), random.uniform(1.5, 7)
        fill = paint(mixed(colour(accents[home]), colour(GROUNDS[home][1]), random.uniform(0, 0.6)))
        pen.ellipse([(x - reach) * k, (y - reach) * k, (x + reach) * k, (y + reach) * k], fill)
    if home in {"night", "snow"}:
        return
    stem = mixed(colour(GROUNDS[home][2]), DARK, 0.35)
    for _ in range(34):
        x, tall = random.uniform(0, width), height * random.uniform(0.08, 0.34)
        lean = random.uniform(-30, 30)
        points = [(x * k, height * k), ((x + lean) * k, (height - tall * 0.6) * k),
                  ((x - lean * 0.3) * k, (height - tall) * k)]  # fmt: skip
        pen.line(points, paint(mixed(stem, colour("74b36b"), random.uniform(0, 0.5))), round(5 * k), "curve")
