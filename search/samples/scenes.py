"""Moving scenes: a camera that travels over a drawn backdrop while things cross in front of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from search.samples.animals import COATS, GROUNDS, Pen, fish, whale
from search.samples.canvas import (
    Colour,
    Generator,
    Size,
    blended,
    colour,
    contrasted,
    drawn,
    finished,
    glow,
    gradient,
    mixed,
    noise,
    paint,
)
from search.types import UInt8Array

FRAME_SIZE = (640, 360)
FRAME_RATE = 15
# The backdrop is this much larger than what the camera sees of it.
MARGIN = 1.5


@dataclass(frozen=True, slots=True)
class Camera:
    """Where the view's middle is (fractions of the room to move) and how wide it is, first and last."""

    start: tuple[float, float, float]
    end: tuple[float, float, float]

    def box(self, moved: float, size: Size) -> tuple[float, float, float, float]:
        """The part of a backdrop of ``size`` seen at ``moved`` (0..1), eased at both ends."""
        eased = moved * moved * (3 - 2 * moved) * 0.6 + moved * 0.4
        x, y, share = (a + (b - a) * eased for a, b in zip(self.start, self.end, strict=True))
        width, height = size[0] * share, size[1] * share
        left, top = (size[0] - width) * x, (size[1] - height) * y
        return left, top, left + width, top + height


@dataclass(frozen=True, slots=True)
class Sprite:
    """A small picture that crosses the view. ``path``: seconds to pixels of its upper left corner."""

    image: Image.Image
    path: Callable[[float], tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scene:
    backdrop: Image.Image
    camera: Camera
    sprites: tuple[Sprite, ...]
    seconds: float

    def frames(self) -> Iterator[UInt8Array]:
        """uint8 [H, W, 3] frames of :data:`FRAME_SIZE` at :data:`FRAME_RATE`."""
        count = round(self.seconds * FRAME_RATE)
        for number in range(count):
            box = self.camera.box(number / max(count - 1, 1), self.backdrop.size)
            view = self.backdrop.resize(FRAME_SIZE, Image.Resampling.BILINEAR, box)
            for sprite in self.sprites:
                x, y = sprite.path(number / FRAME_RATE)
                view.paste(sprite.image, (round(x), round(y)), sprite.image)
            yield np.asarray(view)


def backdrop_size() -> Size:
    return round(FRAME_SIZE[0] * MARGIN), round(FRAME_SIZE[1] * MARGIN)


def camera(random: Generator) -> Camera:
    """A slow travel across the backdrop, closer or farther on the way."""
    share = 1 / MARGIN
    left_to_right = random.random() < 0.5
    start = (0.0 if left_to_right else 1.0, random.uniform(0.3, 1), random.uniform(share * 0.9, share * 1.2))
    end = (1.0 - start[0], random.uniform(0.3, 1), random.uniform(share * 0.9, share * 1.2))
    return Camera(start, end)


def across(random: Generator, image: Image.Image, height: tuple[float, float], speed: float) -> Sprite:
    """Cross the view at ``speed`` pixels a second (negative: to the left), bobbing a little."""
    y = FRAME_SIZE[1] * random.uniform(*height)
    begin = random.uniform(-0.2, 0.8) * FRAME_SIZE[0]
    swing, pace, span = random.uniform(3, 12), random.uniform(1, 3), FRAME_SIZE[0] + 2 * image.width

    def path(seconds: float) -> tuple[float, float]:
        x = (begin + speed * seconds + image.width) % span - image.width
        return x, y + swing * math.sin(seconds * pace)

    return Sprite(image, path)


def birds(random: Generator, count: int = 5) -> tuple[Sprite, ...]:
    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        points = [(2, 12), (9, 4), (16, 10), (23, 4), (30, 12)]
        pen.line([(x * k, y * k) for x, y in points], (20, 20, 30), round(2.5 * k), "curve")

    image = drawn((32, 16), draw)
    return tuple(across(random, image, (0.05, 0.4), random.uniform(25, 60)) for _ in range(count))


def cars(random: Generator, count: int = 6) -> tuple[Sprite, ...]:
    """Lights that pass along the river bank."""

    def light(shade: Colour) -> Image.Image:
        def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
            pen.rounded_rectangle([2 * k, 3 * k, 30 * k, 12 * k], 4 * k, paint(mixed(shade, (0, 0, 0), 0.6)))
            pen.ellipse([24 * k, 4 * k, 32 * k, 11 * k], paint(shade))

        return drawn((34, 14), draw)

    shades = [colour("fff3b0"), colour("ff595e"), colour("8ac926"), colour("4cc9f0")]
    return tuple(
        across(random, light(shades[number % 4]), (0.84, 0.93), random.uniform(60, 150))
        for number in range(count)
    )


def shoal(random: Generator, count: int = 7) -> tuple[Sprite, ...]:
    """Fish of different kinds, and one whale behind them."""
    swimmers = [_swimmer(random, whale, 60)] + [
        _swimmer(random, fish, random.uniform(18, 40)) for _ in range(count)
    ]
    return tuple(swimmers)


def _swimmer(random: Generator, animal: Callable[[Generator, Pen, Colour], None], unit: float) -> Sprite:
    to_the_left = bool(random.random() < 0.5)
    coat = colour(str(random.choice(COATS)))
    size = (round(unit * 3.6), round(unit * 2.2))

    def draw(pen: ImageDraw.ImageDraw, k: float) -> None:
        animal(random, Pen(pen, size[0] / 2 * k, size[1] / 2 * k, unit * k, to_the_left), coat)

    speed = random.uniform(30, 90) * (-1 if to_the_left else 1)
    return across(random, drawn(size, draw), (0.05, 0.75), speed)


def deep_sea(random: Generator) -> Image.Image:
    """Water with rays of light, rocks on the ground."""
    size = backdrop_size()
    picture = gradient(size, [colour(stop) for stop in GROUNDS["sea"]])
    rays = contrasted(noise(random, (size[0], 8), 14, 4)[0:1].repeat(size[1], 0), 0.5, 0.8)
    fall = np.linspace(0.5, 0, size[1], dtype=np.float32)[:, None]
    picture = blended(picture, (0.8, 0.97, 1.0), (rays * fall).astype(np.float32))
    rocks = noise(random, size, 8, 6, 0.65) * np.linspace(0.4, 1.5, size[1], dtype=np.float32)[:, None] ** 2
    picture = blended(picture, (0.03, 0.12, 0.2), contrasted(rocks, 0.5, 0.9) * np.float32(0.85))
    light = glow(size, (size[0] * random.random(), 0), size[1] * 0.4)
    return finished(blended(picture, (0.9, 1.0, 1.0), light * np.float32(0.5)), random)
