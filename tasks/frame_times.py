"""Finding stored frames again in a file that is decoded once more."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence

# A frame decoded by another version may lie a rounding error away from the one that is stored.
TOLERANCE_SECONDS = 0.05


def nearest(times: Sequence[float], time: float) -> int | None:
    """The place of the moment nearest to ``time`` in sorted ``times``; ``None`` if none is near enough."""
    after = bisect_left(times, time)
    beside = (place for place in (after - 1, after) if 0 <= place < len(times))
    found = min(beside, key=lambda place: abs(times[place] - time), default=None)
    return None if found is None or abs(times[found] - time) > TOLERANCE_SECONDS else found
