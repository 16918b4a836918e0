"""Perceptual hashes, compared by how many bits differ."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from PIL import Image

from search.errors import EvaluationError
from search.evaluation.methods.base import Method
from search.hashing.perceptual import hamming, phash
from search.types import Float32Array, UInt8Array, UInt64Array

PDQ_QUALITY = 50
"""Hashes of less quality are not to be compared, says the description of PDQ (Facebook, "The TMK+PDQF
Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", 2019)."""


class HashMethod(Method):
    """Minus the number of differing bits. ``make``: uint8 [H, W, 3] to 64-bit words, uint64 [W], or ``None``
    where the picture has too little structure; such pictures are proposed for nothing."""

    def __init__(self, name: str, detail: str, make: Callable[[UInt8Array], UInt64Array | None]) -> None:
        self.name, self.detail, self._make = name, detail, make
        self._references: list[UInt64Array | None] = []

    def add(self, pictures: Sequence[Image.Image]) -> None:
        self._references += self._hashes(pictures)

    def scores(self, pictures: Sequence[Image.Image]) -> Float32Array:
        usable = np.array([one is not None for one in self._references], np.bool_)
        found = np.full((len(pictures), len(self._references)), -np.inf, np.float32)
        hashes = [one for one in self._references if one is not None]
        if not hashes:
            return found
        words = np.stack(hashes)
        for row, query in zip(found, self._hashes(pictures), strict=True):
            if query is not None:
                row[usable] = -hamming(words, query).sum(axis=1)
        return found

    def _hashes(self, pictures: Sequence[Image.Image]) -> list[UInt64Array | None]:
        return [self._make(np.asarray(picture)) for picture in pictures]


def phash_method() -> HashMethod:
    """The 64-bit cosine hash, as :mod:`search.hashing.perceptual` makes it."""
    return HashMethod("phash", "64 bits", lambda pixels: np.array([phash(pixels)], np.uint64))


def pdq_method() -> HashMethod:
    """PDQ, from the package ``pdqhash``.

    Raises:
        EvaluationError: the package is not installed.
    """
    try:
        library = importlib.import_module("pdqhash")
    except ImportError as error:
        raise EvaluationError("PDQ needs a package: pip install pdqhash") from error
    return HashMethod("pdq", f"256 bits, quality {PDQ_QUALITY} or more", partial(_pdq, library))


def _pdq(library: Any, pixels: UInt8Array) -> UInt64Array | None:
    bits, quality = library.compute(np.ascontiguousarray(pixels))
    if quality < PDQ_QUALITY:
        return None
    return np.packbits(np.asarray(bits, np.uint8)).view(np.uint64)
