"""The query picture as an edit may have left it: each variant asks the index once more.

The network hardly minds mirroring, but a quarter turn or a wide border changes everything it sees.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from search.embedding.base import Embedder
from search.hashing.perceptual import phash_dihedral
from search.media.pixels import decode_webp, model_input
from search.types import Float32Array, UInt8Array, UInt64Array

# A line of pixels belongs to a border if its grey values differ by less (standard deviation, of 255) and it
# is as dark or bright as the line at the edge.
_BORDER_SPREAD = 5.0
_BORDER_STEP = 10.0
# Less than this share cut off is not worth another question; more than the other leaves no picture.
_LEAST_BORDER, _MOST_BORDER = 0.04, 0.85


@dataclass(frozen=True, slots=True)
class Variants:
    """``vectors``: float32 [V, D], the plain query first. ``hashes``: uint64 [H], its own, those
    of its eight orientations, and those without the border where there is one."""

    vectors: Float32Array
    hashes: UInt64Array


def of_picture(plain: Float32Array, phash: int, picture: bytes, embedder: Embedder) -> Variants:
    """Variants of a still picture: its own vector, float32 [D], its own hash, and the WebP of it."""
    pixels = decode_webp(picture)
    inner = without_border(pixels)
    pictures = [np.ascontiguousarray(pixels[:, ::-1]), *(np.rot90(pixels, turns) for turns in (1, 2, 3))]
    hashes = [phash, *phash_dihedral(pixels)]
    if inner is not None:
        pictures.append(inner)
        hashes += phash_dihedral(inner)
    spec = embedder.spec.input
    inputs = np.stack([model_input(Image.fromarray(np.ascontiguousarray(one)), spec) for one in pictures])
    vectors = np.concatenate([plain[None], embedder.embed(inputs)])
    return Variants(vectors.astype(np.float32), np.array(hashes, np.uint64))


def without_border(pixels: UInt8Array) -> UInt8Array | None:
    """The picture without plain bars at its sides, or ``None`` if it has none worth cutting off."""
    grey = np.asarray(Image.fromarray(pixels).convert("L"), np.float32)
    top, bottom = _bars(grey)
    left, right = _bars(grey[top : len(grey) - bottom].T)
    height, width = grey.shape
    kept = (height - top - bottom) * (width - left - right) / grey.size
    if not 1 - _MOST_BORDER <= kept <= 1 - _LEAST_BORDER:
        return None
    return np.ascontiguousarray(pixels[top : height - bottom, left : width - right])


def _bars(lines: Float32Array) -> tuple[int, int]:
    """How many lines at the start and at the end are plain and alike."""
    plain = lines.std(axis=1) < _BORDER_SPREAD
    means = lines.mean(axis=1)
    return _leading(plain & (np.abs(means - means[0]) < _BORDER_STEP)), _leading(
        (plain & (np.abs(means - means[-1]) < _BORDER_STEP))[::-1]
    )


def _leading(flags: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    """How many of the first flags are set; 0 if all are (a plain picture has no border)."""
    return 0 if flags.all() else int(flags.argmin())
