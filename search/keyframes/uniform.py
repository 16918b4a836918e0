"""Frames on a regular grid of time."""

from __future__ import annotations

import math

from search.keyframes.base import Glimpse, KeyframeStrategy

# Timestamps of 1/30 s and the like are rounded by containers (Matroska to 1 ms): be lenient by so much.
_ROUNDING = 0.002


class UniformStrategy(KeyframeStrategy):
    """The first frame at or after each multiple of ``1 / rate`` seconds.

    The grid is anchored at time 0, not at the last kept frame, so it does not drift whatever the frame rate.

    Raises:
        ValueError: ``rate`` (frames per second) is not positive.
    """

    def __init__(self, rate: float) -> None:
        if rate <= 0:
            raise ValueError("The sampling rate must be positive.")
        self._rate = rate
        self._cell = -math.inf

    def keep(self, glimpse: Glimpse) -> bool:
        """Keep the first frame seen in each cell of the grid."""
        cell = math.floor((glimpse.time + _ROUNDING) * self._rate)
        if cell <= self._cell:
            return False
        self._cell = cell
        return True
