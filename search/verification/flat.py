"""Copies without key points: skies, gradients, plain slides.

Where there is nothing to match point by point, only a whole picture that was not cropped can be recognised:
by its pixels, laid over each other as they are or flipped and turned. A hash is no help here, because the
signs of frequencies that a gradient does not have are an accident.
"""

from __future__ import annotations

import numpy as np

from search.types import UInt8Array
from search.verification import agreement

_CORRELATION = 0.95
_BLOCKS = 0.8
# Grey levels of 255: a picture that varies by less is plain, and two plain ones must be equally bright.
_PLAIN = 4.0
_SAME_GREY = 6.0

_TURNS = ((1, 0, 0, 0, 1, 0), (0, 1, 0, -1, 0, 1), (-1, 0, 1, 0, -1, 1), (0, -1, 1, 1, 0, 0))
_FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)


def same_pixels(query: UInt8Array, reference: UInt8Array) -> bool:
    """Whether two whole grey pictures, uint8 [H, W], are the same in any of the eight orientations."""
    if max(query.std(), reference.std()) < _PLAIN:
        return abs(float(query.mean()) - float(reference.mean())) <= _SAME_GREY
    turns = [np.array([*turn, 0, 0, 1], np.float64).reshape(3, 3) for turn in _TURNS]
    return any(_agrees(query, reference, matrix) for turn in turns for matrix in (turn, turn @ _FLIP))


def _agrees(
    query: UInt8Array, reference: UInt8Array, matrix: np.ndarray[tuple[int, int], np.dtype[np.float64]]
) -> bool:
    found = agreement.measure(query, reference, matrix)
    if found is None or found.correlation < _CORRELATION:
        return False
    return found.textured == 0 or found.blocks >= _BLOCKS
