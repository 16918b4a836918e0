"""The first frame of every shot, found by comparing histograms of neighbouring frames."""

from __future__ import annotations

import numpy as np

from search.keyframes.base import GLIMPSE_SIDE, Glimpse, KeyframeStrategy
from search.types import Int64Array, UInt8Array

_BINS = 16
_BLOCKS = 2
_MEMORY = 0.2
# A large difference need only stand out from the recent average; one of a dark or faint scene (down to
# this share of the threshold) must stand out clearly. Chosen on clips whose cuts were marked by eye.
_STANDS_OUT = 2.5
_FAINT_SHARE = 0.33
_STANDS_OUT_FAINT = 5.0


def _block_numbers() -> Int64Array:
    side = np.arange(GLIMPSE_SIDE) * _BLOCKS // GLIMPSE_SIDE
    return np.asarray(side[:, None] * _BLOCKS + side[None, :], dtype=np.int64)


_OFFSETS = _block_numbers() * _BINS


def block_histogram(grey: UInt8Array) -> Int64Array:
    """Intensity histograms (16 bins) of the four quarters of a 32x32 grey frame, int64 [64].

    Quarters, because two shots of one film often share their overall histogram.
    """
    return np.bincount((_OFFSETS + (grey >> 4)).ravel(), minlength=_BLOCKS * _BLOCKS * _BINS)


def histogram_difference(first: Int64Array, second: Int64Array) -> float:
    """The share (0..1) of pixels that would have to change bins to turn one histogram into the other."""
    return float(np.abs(first - second).sum()) / (2.0 * GLIMPSE_SIDE * GLIMPSE_SIDE)


class ShotStrategy(KeyframeStrategy):
    """Keeps a frame that differs from the one before by at least ``threshold`` (0..1).

    The difference must also stand out (2.5 times) from the recent average, so that a fast pan or a
    strobing light does not turn every frame into a shot. A third of the threshold is enough where the
    difference is five times the average.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._last: Int64Array | None = None
        self._usual = threshold / _STANDS_OUT_FAINT

    def keep(self, glimpse: Glimpse) -> bool:
        """Keep the first frame of each shot."""
        last, self._last = self._last, block_histogram(glimpse.grey)
        if last is None:
            return True
        difference = histogram_difference(last, self._last)
        cut = self._is_cut(difference)
        self._usual += _MEMORY * (difference - self._usual)
        return cut

    def _is_cut(self, difference: float) -> bool:
        if difference >= self._threshold:
            return difference >= _STANDS_OUT * self._usual
        return difference >= max(_FAINT_SHARE * self._threshold, _STANDS_OUT_FAINT * self._usual)
