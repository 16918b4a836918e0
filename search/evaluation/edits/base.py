"""What an edit is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from PIL import Image

from search.types import UInt8Array

Colour: TypeAlias = tuple[int, int, int]


class Strength(StrEnum):
    """How much an edit changes."""

    LIGHT = "light"
    MEDIUM = "medium"
    STRONG = "strong"


class Group(StrEnum):
    """What an edit touches. A chain takes at most one edit of each group, in this order."""

    GEOMETRY = "geometry"
    COLOUR = "colour"
    OVERLAY = "overlay"
    FRAME = "frame"
    COMPOSITION = "composition"
    QUALITY = "quality"


@dataclass(frozen=True, slots=True)
class Tools:
    """What an edit may use besides the picture: chance, and other pictures that the library does not hold.

    ``other()`` gives one of those, RGB, of any size.
    """

    random: np.random.Generator
    other: Callable[[], Image.Image]

    def colour(self) -> Colour:
        """Any colour."""
        red, green, blue = self.random.integers(0, 256, 3).tolist()
        return red, green, blue

    def coin(self, share: float = 0.5) -> bool:
        """True in this ``share`` of cases."""
        return bool(self.random.random() < share)

    def sign(self) -> int:
        """1 or -1."""
        return 1 if self.coin() else -1

    def between(self, low: float, high: float) -> float:
        """A number of this range, all equally likely."""
        return float(self.random.uniform(low, high))


Apply: TypeAlias = Callable[[Image.Image, float, Tools], Image.Image]
"""Takes an RGB picture, how much, and tools; gives a new RGB picture and leaves the old one alone."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One way to change a picture. ``amounts``: what ``apply`` gets at each strength, from light to strong;
    the unit is the edit's own and stands in its docstring."""

    name: str
    group: Group
    apply: Apply
    light: float
    medium: float
    strong: float

    def amount(self, strength: Strength) -> float:
        """How much at this strength."""
        return {Strength.LIGHT: self.light, Strength.MEDIUM: self.medium, Strength.STRONG: self.strong}[
            strength
        ]


def array_of(picture: Image.Image) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The picture as float32 [H, W, 3], 0..255."""
    return np.asarray(picture, np.float32)


def picture_of(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> Image.Image:
    """Float values [H, W, 3] as a picture, rounded and clipped to 0..255."""
    pixels: UInt8Array = np.clip(np.rint(values), 0, 255).astype(np.uint8)
    return Image.fromarray(pixels)
