"""The default strategy: a uniform grid plus shot changes, less runs of near-identical frames."""

from __future__ import annotations

import numpy as np

from search.keyframes.base import Glimpse, KeyframeStrategy
from search.types import UInt8Array


def mean_difference(first: UInt8Array, second: UInt8Array) -> float:
    """The mean absolute difference (0..1) of two grey frames of the same shape."""
    return float(np.abs(first.astype(np.int16) - second.astype(np.int16)).mean()) / 255.0


class MixtureStrategy(KeyframeStrategy):
    """Keeps what any of ``proposers`` proposes, unless it looks like the last kept frame.

    Every proposer sees every frame. A proposed frame whose mean difference from the last kept one is
    below ``same_difference`` is dropped (the kept frame then stands for it too) for at most
    ``max_interval`` seconds. Comparing with the last *kept* frame lets a slow fade add up.
    """

    def __init__(self, *proposers: KeyframeStrategy, same_difference: float, max_interval: float) -> None:
        self._proposers = proposers
        self._same_difference = same_difference
        self._max_interval = max_interval
        self._kept: Glimpse | None = None

    def keep(self, glimpse: Glimpse) -> bool:
        """Keep a proposed frame that shows something new, or that is due."""
        proposals = [proposer.keep(glimpse) for proposer in self._proposers]
        if not any(proposals) or self._stands_for(glimpse):
            return False
        self._kept = glimpse
        return True

    def _stands_for(self, glimpse: Glimpse) -> bool:
        kept = self._kept
        if kept is None or glimpse.time - kept.time >= self._max_interval:
            return False
        return mean_difference(kept.grey, glimpse.grey) < self._same_difference
