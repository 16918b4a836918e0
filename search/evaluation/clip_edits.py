"""What people do to the frames of a clip before they post it again, one edit a name.

An edit is made once for a clip with a random generator, so that its colours and places hold still, and
then applied to every frame: uint8 [H, W, 3] RGB and the moment in seconds, to uint8 [H', W', 3].
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from search.types import Float32Array, UInt8Array

FrameEdit: TypeAlias = Callable[[UInt8Array, float], UInt8Array]
Maker: TypeAlias = Callable[[np.random.Generator], FrameEdit]

_WORDS = (
    "WAIT FOR IT",
    "part two",
    "SO TRUE 100 %",
    "follow for more",
    "BREAKING NEWS",
    "看到最后",
    "when it works",
)
_CROPPED_AREA = 0.5


class _Layer:
    """A drawing over every frame; drawn when the size of the frames is known."""

    def __init__(self, draw: Callable[[ImageDraw.ImageDraw, int, int], None], opacity: float = 1.0) -> None:
        self._draw, self._opacity = draw, opacity
        self._colours: Float32Array | None = None
        self._alpha: Float32Array = np.zeros(0, np.float32)

    def __call__(self, picture: UInt8Array, moment: float) -> UInt8Array:
        if self._colours is None or self._colours.shape != picture.shape:
            layer = Image.new("RGBA", (picture.shape[1], picture.shape[0]))
            self._draw(ImageDraw.Draw(layer), *layer.size)
            drawn = np.asarray(layer, np.float32)
            self._alpha = np.asarray(drawn[..., 3:] / 255 * self._opacity, np.float32)
            self._colours = np.asarray(drawn[..., :3] * self._alpha, np.float32)
        return np.asarray(picture * (1 - self._alpha) + self._colours, np.uint8)


def _colour(random: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in random.integers(0, 256, 3))
    return red, green, blue


def _font(height: float) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=max(8, round(height)))


def _text(random: np.random.Generator) -> FrameEdit:
    words = str(random.choice(_WORDS[:5]))
    place = random.uniform(0.1, 0.85)

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        font = _font(height / 9)
        pen.text((width / 2, height * place), words, "white", font=font, anchor="mm",
                 stroke_width=max(1, height // 90), stroke_fill="black")  # fmt: skip

    return _Layer(draw)


def _logo(random: np.random.Generator) -> FrameEdit:
    corner = random.integers(0, 2, 2)
    first, second = _colour(random), _colour(random)

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        side = height * 0.18
        x = (width - side) * (0.04 + 0.92 * corner[0])
        y = (height - side) * (0.05 + 0.9 * corner[1])
        pen.ellipse((x, y, x + side, y + side), fill=first)
        pen.polygon([(x + side * 0.3, y + side * 0.2), (x + side * 0.8, y + side / 2),
                     (x + side * 0.3, y + side * 0.8)], fill=second)  # fmt: skip

    return _Layer(draw)


def _watermark(random: np.random.Generator) -> FrameEdit:
    name = f"@{''.join(chr(97 + int(letter)) for letter in random.integers(0, 26, 7))}"

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        font = _font(height / 12)
        for row in range(4):
            for column in range(3):
                x = width * ((column + 0.5 * (row % 2)) / 2.5)
                pen.text((x, height * (row + 0.5) / 4), name, "white", font=font, anchor="mm")

    return _Layer(draw, opacity=0.4)


def _template(random: np.random.Generator) -> FrameEdit:
    """The picture at 72 % of its size on a coloured page with a title."""
    colour, words = _colour(random), str(random.choice(_WORDS[:5]))

    def draw(pen: ImageDraw.ImageDraw, width: int, height: int) -> None:
        pen.text((width / 2, height * 0.12), words, "white", font=_font(height / 10), anchor="mm",
                 stroke_width=2, stroke_fill="black")  # fmt: skip

    title = _Layer(draw)

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        height, width = picture.shape[:2]
        page = np.full_like(picture, colour)
        small = cv2.resize(picture, (round(width * 0.72), round(height * 0.72)), interpolation=cv2.INTER_AREA)
        x, y = (width - small.shape[1]) // 2, round(height * 0.24)
        page[y : y + small.shape[0], x : x + small.shape[1]] = small
        return title(page, moment)

    return edit


def _animation(random: np.random.Generator) -> FrameEdit:
    """A face that bounces through the picture."""
    pace, phase = random.uniform(0.7, 1.6, 2), random.uniform(0, 6, 2)

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        height, width = picture.shape[:2]
        swing = 0.5 + 0.4 * np.sin(pace * moment + phase)
        x, y, radius = round(width * swing[0]), round(height * swing[1]), round(height * 0.1)
        drawn = picture.copy()
        cv2.circle(drawn, (x, y), radius, (250, 210, 40), -1, cv2.LINE_AA)
        for side in (-1, 1):
            cv2.circle(drawn, (x + side * radius // 3, y - radius // 4), radius // 7, (40, 30, 10), -1)
        cv2.ellipse(drawn, (x, y + radius // 5), (radius // 2, radius // 3), 0, 0, 180, (40, 30, 10), 2)
        return drawn

    return edit


def _blur(random: np.random.Generator) -> FrameEdit:
    share = random.uniform(0.006, 0.012)
    return lambda picture, _moment: _u8(cv2.GaussianBlur(picture, (0, 0), share * picture.shape[0]))


def _contrast(random: np.random.Generator) -> FrameEdit:
    gain = random.uniform(0.5, 0.7) if random.random() < 0.5 else random.uniform(1.4, 1.8)
    shift = 128 - 128 * gain + random.uniform(-20, 20)
    levels = np.clip(np.arange(256) * gain + shift, 0, 255).astype(np.uint8)
    return lambda picture, _moment: levels[picture]


def _grey(random: np.random.Generator) -> FrameEdit:
    return lambda picture, _moment: _u8(np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, 2))


def _resolution(random: np.random.Generator) -> FrameEdit:
    """Down to about a quarter of each side."""
    share = random.uniform(0.2, 0.3)

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        height, width = (max(32, round(side * share)) for side in picture.shape[:2])
        return _u8(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))

    return edit


def _crop(random: np.random.Generator) -> FrameEdit:
    """Half of the area, anywhere in the picture."""
    place, share = random.uniform(0, 1, 2), _CROPPED_AREA**0.5

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        height, width = (round(side * share) for side in picture.shape[:2])
        y, x = round((picture.shape[0] - height) * place[0]), round((picture.shape[1] - width) * place[1])
        return np.ascontiguousarray(picture[y : y + height, x : x + width])

    return edit


def _letterbox(random: np.random.Generator) -> FrameEdit:
    """Black bars above and below, 15 % of the height each, or at the sides."""
    upright = bool(random.random() < 0.7)

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        bar = round(picture.shape[0 if upright else 1] * 0.15)
        above, beside = (bar, 0) if upright else (0, bar)
        return np.pad(picture, ((above, above), (beside, beside), (0, 0)))

    return edit


def _rotation(random: np.random.Generator) -> FrameEdit:
    """Tilted by 5 to 12 degrees, with black corners."""
    angle = random.uniform(5, 12) * random.choice([-1, 1])

    def edit(picture: UInt8Array, moment: float) -> UInt8Array:
        height, width = picture.shape[:2]
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), angle, 1.0)
        return _u8(cv2.warpAffine(picture, turn, (width, height), flags=cv2.INTER_LINEAR))

    return edit


def _turn(random: np.random.Generator) -> FrameEdit:
    turns = int(random.choice([1, 3]))
    return lambda picture, _moment: np.ascontiguousarray(np.rot90(picture, turns))


def _mirror(random: np.random.Generator) -> FrameEdit:
    return lambda picture, _moment: np.ascontiguousarray(picture[:, ::-1])


def _u8(picture: object) -> UInt8Array:
    return np.asarray(picture, np.uint8)


OVERLAYS: dict[str, Maker] = {
    "template": _template,
    "text": _text,
    "logo": _logo,
    "watermark": _watermark,
    "animation": _animation,
}
QUALITY: dict[str, Maker] = {
    "blur": _blur,
    "contrast": _contrast,
    "grey": _grey,
    "resolution": _resolution,
}
GEOMETRY: dict[str, Maker] = {
    "crop": _crop,
    "letterbox": _letterbox,
    "rotation": _rotation,
    "turn": _turn,
    "mirror": _mirror,
}
PICTURE_EDITS: dict[str, Maker] = {**GEOMETRY, **QUALITY, **OVERLAYS}
"""Every edit of single frames by name. Geometry comes first: words and logos are put on at the end."""
