"""A 64-bit DCT perceptual hash, its eight flips and turns, and Hamming distances.

The picture is squashed to 32x32 grey; the 8x8 lowest frequencies of its cosine transform, each compared
with their median, are the 64 bits, row by row, first bit highest. This is the construction described by
Zauner, *Implementation and Benchmarking of Perceptual Image Hash Functions* (2010), with the median of
all 64 values as the threshold, so values agree with what most Python users know as ``phash``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from search.types import Float32Array, Int64Array, UInt8Array, UInt64Array

SIDE = 32
LOW = 8
_HALF = LOW * LOW // 2
_TOP_BIT = 1 << 63
_RANGE = 1 << 64


def _cosines() -> Float32Array:
    """The first rows of the type-II cosine transform, float32 [8, 32]."""
    frequency = np.arange(LOW)[:, None]
    position = np.arange(SIDE)[None, :]
    return np.cos(np.pi * frequency * (2 * position + 1) / (2 * SIDE)).astype(np.float32)


_COSINES = _cosines()
_ALTERNATE = np.where(np.arange(LOW) % 2, -1.0, 1.0).astype(np.float32)
_WEIGHTS = np.uint64(1) << np.arange(LOW * LOW, dtype=np.uint64)[::-1]


def phash(picture: UInt8Array) -> int:
    """The unsigned 64-bit hash of a picture, uint8 [H, W] grey or [H, W, 3] RGB, of any size."""
    return _bits(_low_frequencies(picture)[None])[0]


def phash_dihedral(picture: UInt8Array) -> tuple[int, ...]:
    """The hashes of the picture in its eight orientations, from a single transform.

    Index ``k`` (0..3) is the picture turned ``k`` quarter turns counter-clockwise (as ``numpy.rot90``);
    ``4 + k`` is the same after mirroring it left to right. Index 0 equals :func:`phash`.
    Mirroring an axis changes the sign of its odd frequencies; a transposition transposes them.
    """
    low = _low_frequencies(picture)
    turned: list[Float32Array] = []
    for start in (low, low * _ALTERNATE):
        current = start
        for _ in range(4):
            turned.append(current)
            current = (current.T * _ALTERNATE[:, None]).astype(np.float32)
    return tuple(_bits(np.stack(turned)))


def hamming(first: UInt64Array, second: UInt64Array) -> Int64Array:
    """The number of differing bits (0..64), element by element, with numpy's broadcasting."""
    differing = np.bitwise_xor(np.asarray(first, np.uint64), np.asarray(second, np.uint64))
    return np.bitwise_count(differing).astype(np.int64)


def to_signed(value: int) -> int:
    """A hash as the signed 64-bit integer (two's complement) that databases store."""
    return value - _RANGE if value & _TOP_BIT else value


def to_unsigned(value: int) -> int:
    """The inverse of :func:`to_signed`."""
    return value % _RANGE


def _low_frequencies(picture: UInt8Array) -> Float32Array:
    grey = Image.fromarray(picture).convert("L")
    small = np.asarray(grey.resize((SIDE, SIDE), Image.Resampling.LANCZOS), dtype=np.float32)
    return np.asarray(_COSINES @ small @ _COSINES.T, dtype=np.float32)


def _bits(lows: Float32Array) -> list[int]:
    flat = lows.reshape(len(lows), LOW * LOW)
    middle = np.sort(flat, axis=1)[:, _HALF - 1 : _HALF + 1]
    above = flat > middle.mean(axis=1, keepdims=True)
    values: Sequence[int] = (above * _WEIGHTS).sum(axis=1, dtype=np.uint64).tolist()
    return list(values)
