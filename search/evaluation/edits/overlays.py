"""Edits that put something on top of the picture."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from search.evaluation.edits.base import Tools, array_of, picture_of
from search.evaluation.edits.marks import badge, face, heart, star

PHRASES = (
    "when you see it", "SALE 50% OFF", "Guten Morgen!", "me on Monday", "LOOK AT THIS", "part 2?",
    "no way this is real", "Feliz lunes", "share with a friend", "BREAKING NEWS", "wait for it", "#throwback",
)  # fmt: skip


def phrase(tools: Tools) -> str:
    """Something that people write on pictures."""
    return PHRASES[int(tools.random.integers(len(PHRASES)))]


def text(picture: Image.Image, lines: float, tools: Tools) -> Image.Image:
    """So many ``lines`` of big words with an outline, anywhere."""
    changed = picture.copy()
    pen = ImageDraw.Draw(changed)
    for _ in range(int(lines)):
        words = phrase(tools)
        font = fitting_font(words, picture.width * tools.between(0.55, 0.95), picture.height * 0.2)
        place = (picture.width * tools.between(0.4, 0.6), picture.height * tools.between(0.1, 0.9))
        fill = "white" if tools.coin(0.6) else tools.colour()
        width = max(1, int(font.size / 14))
        pen.text(place, words, fill, font=font, anchor="mm", stroke_width=width, stroke_fill="black")
    return changed


def fitting_font(words: str, width: float, height: float) -> ImageFont.FreeTypeFont:
    """The built-in font in the size in which ``words`` fill the width, or the height if that is less."""
    font = _font(32)
    return _font(max(6.0, min(32 * width / max(1.0, font.getlength(words)), height)))


def _font(size: float) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size)
    if not isinstance(font, ImageFont.FreeTypeFont):  # Pillow without FreeType
        raise OSError("Pillow was built without FreeType, so no text can be drawn.")
    return font


def shapes(picture: Image.Image, count: float, tools: Tools) -> Image.Image:
    """So many faces, hearts and stars, each a fifth to a third of the short side."""
    changed = picture.copy()
    for _ in range(int(count)):
        side = round(min(picture.size) * tools.between(0.2, 0.34))
        draw = (face, heart, star)[int(tools.random.integers(3))]
        mark = draw(side, tools)
        mark = mark.rotate(tools.between(-30, 30), Image.Resampling.BICUBIC)
        x, y = tools.between(0, picture.width - side), tools.between(0, picture.height - side)
        changed.paste(mark, (round(x), round(y)), mark)
    return changed


def logo(picture: Image.Image, share: float, tools: Tools) -> Image.Image:
    """A badge in a corner; ``share`` of the short side."""
    side = round(min(picture.size) * share)
    mark, edge = badge(side, tools), round(side * 0.15)
    x = edge if tools.coin() else picture.width - side - edge
    y = edge if tools.coin() else picture.height - side - edge
    changed = picture.copy()
    changed.paste(mark, (x, y), mark)
    return changed


def watermark(picture: Image.Image, opacity: float, tools: Tools) -> Image.Image:
    """Slanted words all over, as strong as ``opacity``."""
    words = phrase(tools).upper() + "     "
    size = min(picture.size) * tools.between(0.07, 0.11)
    font, reach = _font(max(7.0, size)), round(math.hypot(*picture.size))
    sheet = Image.new("L", (reach, reach))
    pen = ImageDraw.Draw(sheet)
    repeated = words * (1 + int(reach / max(1.0, font.getlength(words))))
    for row in range(0, reach, max(1, round(3 * size))):
        pen.text((-(row * 0.7 % reach) / 4, row), repeated, fill=round(255 * opacity), font=font)
    sheet = sheet.rotate(tools.between(20, 40), Image.Resampling.BICUBIC)
    left, top = (reach - picture.width) // 2, (reach - picture.height) // 2
    mask = sheet.crop((left, top, left + picture.width, top + picture.height))
    changed = picture.copy()
    changed.paste("white" if tools.coin() else "black", (0, 0, *picture.size), mask)
    return changed


def gradient(picture: Image.Image, opacity: float, tools: Tools) -> Image.Image:
    """A colour that fades in across the picture, up to ``opacity``."""
    direction = tools.between(0, 2 * math.pi)
    across = np.linspace(-1, 1, picture.width, dtype=np.float32)[None]
    down = np.linspace(-1, 1, picture.height, dtype=np.float32)[:, None]
    ramp = across * np.float32(math.cos(direction)) + down * np.float32(math.sin(direction))
    share = opacity * (ramp - ramp.min()) / (ramp.max() - ramp.min())
    values = array_of(picture)
    colour = np.array(tools.colour(), np.float32)
    return picture_of(values + share[:, :, None] * (colour - values))
