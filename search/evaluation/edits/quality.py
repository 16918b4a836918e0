"""Edits that lose detail."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageFilter

from search.evaluation.edits.base import Tools, array_of, picture_of


def jpeg(picture: Image.Image, quality: float, _: Tools) -> Image.Image:
    """Saved as JPEG with this quality and read back."""
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=int(quality))
    return Image.open(stream).convert("RGB")


def blur(picture: Image.Image, radius: float, _: Tools) -> Image.Image:
    """Gaussian blur; ``radius``: deviation as a share of the short side."""
    return picture.filter(ImageFilter.GaussianBlur(radius * min(picture.size)))


def noise(picture: Image.Image, levels: float, tools: Tools) -> Image.Image:
    """Grain with a deviation of so many ``levels`` of 255, grey or coloured."""
    channels = 1 if tools.coin() else 3
    grain = tools.random.normal(0, levels, (picture.height, picture.width, channels))
    return picture_of(array_of(picture) + grain.astype(np.float32))


def pixelate(picture: Image.Image, blocks: float, _: Tools) -> Image.Image:
    """Squares of one colour, so many ``blocks`` along the short side."""
    factor = blocks / min(picture.size)
    small = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.resize(small, Image.Resampling.BOX).resize(picture.size, Image.Resampling.NEAREST)


def half_tone(picture: Image.Image, pitch: float, tools: Tools) -> Image.Image:
    """Printed in dots, each channel in a grid at an angle of its own; ``pitch``: distance of dots as a share
    of the short side."""
    values = array_of(picture.filter(ImageFilter.GaussianBlur(pitch * min(picture.size) / 3))) / 255
    down, across = np.mgrid[: picture.height, : picture.width].astype(np.float32)
    step = 2 * np.pi / max(2.5, pitch * min(picture.size))
    channels = []
    for channel, degrees in enumerate((15, 75, 0)):
        angle = np.radians(degrees + tools.between(-5, 5))
        along = np.cos(step * (across * np.cos(angle) + down * np.sin(angle)))
        aside = np.cos(step * (down * np.cos(angle) - across * np.sin(angle)))
        # The product of the waves is the height of a dot; the darker the picture, the more of it shows.
        screen = 0.5 + 0.5 * along * aside
        channels.append(255 / (1 + np.exp(-12 * (values[:, :, channel] - screen))))
    return picture_of(np.stack(channels, axis=2))
