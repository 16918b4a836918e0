"""Edits of light and colour."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from search.evaluation.edits.base import Tools, array_of, picture_of


def brightness(picture: Image.Image, change: float, tools: Tools) -> Image.Image:
    """All values times one plus or minus ``change``."""
    return ImageEnhance.Brightness(picture).enhance(1 + change * tools.sign())


def contrast(picture: Image.Image, change: float, tools: Tools) -> Image.Image:
    """Differences from the mean stronger by twice ``change``, or weaker by ``change``."""
    return ImageEnhance.Contrast(picture).enhance(1 + change * (2 if tools.coin() else -1))


def saturation(picture: Image.Image, change: float, tools: Tools) -> Image.Image:
    """Colours stronger by three times ``change``, or weaker by ``change``."""
    return ImageEnhance.Color(picture).enhance(1 + change * (3 if tools.coin() else -1))


def grey(picture: Image.Image, share: float, _: Tools) -> Image.Image:
    """This ``share`` of the colour taken out."""
    return ImageEnhance.Color(picture).enhance(1 - share)


def sepia(picture: Image.Image, share: float, _: Tools) -> Image.Image:
    """Brown tones, mixed with the picture by ``share``."""
    toned = ImageOps.colorize(picture.convert("L"), "#20130a", "#fff2d8", mid="#a5764c")
    return Image.blend(picture, toned, share)


def invert(picture: Image.Image, _: float, __: Tools) -> Image.Image:
    """The negative; there is only one strength."""
    return ImageOps.invert(picture)


def gamma(picture: Image.Image, exponent: float, tools: Tools) -> Image.Image:
    """Values 0..1 to the power of ``exponent``, or of one over it."""
    power = exponent if tools.coin() else 1 / exponent
    values = (array_of(picture) / 255) ** np.float32(power)
    return picture_of(np.asarray(255 * values, np.float32))


def colour_cast(picture: Image.Image, change: float, tools: Tools) -> Image.Image:
    """Each channel times a factor of its own, up to ``change`` off one."""
    factors = 1 + change * tools.random.permutation([-1.0, tools.between(-0.5, 0.5), 1.0])
    return picture_of(array_of(picture) * factors.astype(np.float32))
