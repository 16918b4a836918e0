"""The frames the encoder chose: key frames (I-frames)."""

from __future__ import annotations

from search.keyframes.base import Glimpse, KeyframeStrategy


class CodecStrategy(KeyframeStrategy):
    """Key frames only, and the first frame in any case (a cut file may begin in mid-group).

    The flag of each decoded frame decides. Some decoders (VP9) ignore a request to decode key frames
    alone, so a decoder's output is never taken for key frames.
    """

    def __init__(self) -> None:
        self._started = False

    def keep(self, glimpse: Glimpse) -> bool:
        """Keep key frames."""
        first, self._started = not self._started, True
        return first or glimpse.key
