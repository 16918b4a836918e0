"""What people do to pictures before they post them again."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFont, ImageOps

from search.types import UInt8Array


def mirrored(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image)


def cropped(image: Image.Image, share: float = 0.6) -> Image.Image:
    """A part of the picture off its middle: ``share`` of each side."""
    width, height = image.size
    left, top = width * (1 - share) * 0.35, height * (1 - share) * 0.6
    return image.crop((round(left), round(top), round(left + width * share), round(top + height * share)))


def letterboxed(image: Image.Image) -> Image.Image:
    """Black bars above and below."""
    bar = image.height // 6
    return ImageOps.expand(image, (0, bar, 0, bar), "black")


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def sepia(image: Image.Image) -> Image.Image:
    """Brown tones in a cream frame."""
    toned = ImageOps.colorize(image.convert("L"), "#2b1a0e", "#fff0d4", mid="#a47148")
    return ImageOps.expand(toned, image.width // 24, "#fdf6e3")


def captioned(image: Image.Image, text: str) -> Image.Image:
    """Big words across the lower part."""
    changed = image.copy()
    font = ImageFont.load_default(size=image.height // 9)
    place = (image.width / 2, image.height * 0.84)
    pen = ImageDraw.Draw(changed)
    pen.text(place, text, "white", font=font, anchor="mm", stroke_width=4, stroke_fill="black")
    return changed


def quarter_turn(image: Image.Image) -> Image.Image:
    return image.transpose(Image.Transpose.ROTATE_90)


def inset(image: Image.Image, background: Image.Image) -> Image.Image:
    """Picture in picture: ``image`` small with a white edge over another one."""
    changed = background.copy()
    small = ImageOps.contain(image, (background.width * 11 // 20, background.height * 11 // 20))
    framed = ImageOps.expand(small, 5, "white")
    changed.paste(framed, (background.width // 14, background.height // 10))
    return changed


def brightened(image: Image.Image) -> Image.Image:
    """More light, more contrast, and a little off every side."""
    bright = ImageEnhance.Brightness(ImageEnhance.Contrast(image).enhance(1.25)).enhance(1.2)
    return cropped(bright, 0.9)


def halved(image: Image.Image) -> Image.Image:
    return image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS)


def collage(images: list[Image.Image]) -> Image.Image:
    """Up to four pictures in a square of two by two."""
    side = min(min(image.size) for image in images)
    sheet = Image.new("RGB", (side, side), "white")
    for number, image in enumerate(images):
        part = ImageOps.fit(image, (side // 2 - 4, side // 2 - 4))
        sheet.paste(part, (number % 2 * (side // 2) + 2, number // 2 * (side // 2) + 2))
    return sheet


def flipped_frame(pixels: UInt8Array) -> UInt8Array:
    """A frame of a clip, left and right exchanged."""
    return np.ascontiguousarray(pixels[:, ::-1])
