"""The contract of every keyframe strategy: frames are shown one at a time, in order, and never kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cached_property

from search.types import UInt8Array

GLIMPSE_SIDE = 32


class Glimpse:
    """What a strategy may know of one frame.

    ``time``: seconds, never decreasing from one glimpse to the next. ``key``: the codec calls it a key
    frame. ``grey``: uint8 [32, 32], the whole frame squashed; made only when a strategy asks for it.
    """

    def __init__(self, time: float, key: bool, make_grey: Callable[[], UInt8Array]) -> None:
        self.time = time
        self.key = key
        self._make_grey = make_grey

    @cached_property
    def grey(self) -> UInt8Array:
        """The frame as uint8 [32, 32] grey."""
        return self._make_grey()


class KeyframeStrategy(ABC):
    """Chooses frames of one clip while it streams by; memory use does not grow with the clip.

    A kept frame stands for the time from itself to the next kept frame.
    """

    @abstractmethod
    def keep(self, glimpse: Glimpse) -> bool:
        """Whether this frame is kept. Call once a frame, in order; the first frame is always kept."""
