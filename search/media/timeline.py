"""From presentation timestamps to the seconds a player shows."""

from __future__ import annotations

from fractions import Fraction

# A step back of more than this is a joint between recordings; less is one damaged stamp.
_JOINT_SECONDS = 1.0
# Broadcast streams may also leap forward at a joint. A pause this long inside a shot does not happen there.
_LEAP_SECONDS = 10.0


class Timeline:
    """Turns the timestamps of one stream into seconds that rise strictly.

    Time 0 is where a player starts: the earliest start of the sound and picture streams, so that a
    picture that begins after the sound keeps its delay.

    ``origin``: that moment in the stream's own seconds, ``None`` for the first frame's moment.
    ``nominal``: seconds between frames where no stamp is given.
    ``broadcast``: forward leaps are joints too (MPEG streams cut together).
    """

    def __init__(self, origin: Fraction | None, nominal: Fraction, *, broadcast: bool) -> None:
        self._shift = None if origin is None else -origin
        self._nominal = nominal
        self._broadcast = broadcast
        self._last: Fraction | None = None
        self.joints = 0

    def place(self, stamp: Fraction | None) -> float | None:
        """The seconds of the next frame in display order, or ``None`` if it is not displayed.

        ``stamp``: exact seconds, ``None`` where the file gives none. A frame before time 0, or not
        after the last one, is not displayed.
        """
        expected = Fraction(0) if self._last is None else self._last + self._nominal
        if self._shift is None:
            self._shift = -stamp if stamp is not None else Fraction(0)
        time = expected if stamp is None else stamp + self._shift
        if self._last is not None and self._is_joint(time - self._last):
            self.joints += 1
            self._shift += expected - time
            time = expected
        if time < 0 or (self._last is not None and time <= self._last):
            return None
        self._last = time
        return float(time)

    def _is_joint(self, step: Fraction) -> bool:
        return step < -_JOINT_SECONDS or (self._broadcast and step > _LEAP_SECONDS)
