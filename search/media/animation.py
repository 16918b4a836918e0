"""Animated GIF, WebP, APNG and AVIF as clips with their real frame durations."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache, partial

import numpy as np
from PIL import Image

from search.errors import MediaTooLarge
from search.keyframes.base import GLIMPSE_SIDE
from search.media.clip import ClipFrame, ClipReader
from search.media.colour import to_displayed_rgb
from search.media.image import BROKEN, displayed_size, taken_at, upright
from search.media.pixels import Needs, crop
from search.media.sniff import FileFormat
from search.types import MediaInfo, MediaKind, Region, UInt8Array

# Browsers show frames that ask for 10 ms or less for 100 ms; times must be those of a browser.
_SHORTEST = 0.011
_INSTEAD = 0.1


class AnimationReader(ClipReader):
    """An animated picture opened by Pillow.

    Raises:
        MediaTooLarge: pixels times frames exceed ``max_total_pixels``.
    """

    def __init__(
        self,
        picture: Image.Image,
        form: FileFormat,
        frame_count: int,
        *,
        max_total_pixels: int,
        region: Region | None,
        need: Needs,
    ) -> None:
        if picture.width * picture.height * frame_count > max_total_pixels:
            raise MediaTooLarge(
                f"The animation has {frame_count} frames of {picture.width} x {picture.height} pixels; "
                f"together they may have {max_total_pixels / 1e6:.4g} megapixels."
            )
        self._picture = picture
        self._format = form
        self._region = region
        self._frame_count = frame_count
        # An APNG may carry a still for viewers that do not animate; it is no part of the animation.
        self._first = 1 if picture.info.get("default_image") else 0
        width, height = displayed_size(picture)
        part = (region.width, region.height) if region else (1.0, 1.0)
        self._reduction = int(need.reduction(max(1.0, width * part[0]), max(1.0, height * part[1])))
        self._size = (width, height)
        self._taken_at = taken_at(picture)
        self._missing = 0

    def expected_duration(self) -> float:
        """The nominal duration; frames carry their own, which are only known while decoding."""
        first = _seconds(self._picture)
        return first * self._frame_count

    def frames(self) -> Iterator[ClipFrame]:
        """All frames; decoding stops at the first damaged one, because each builds on the last."""
        time = 0.0
        for index in range(self._first, self._frame_count):
            try:
                self._picture.seek(index)
                self._picture.load()
            except BROKEN:
                self._missing = self._frame_count - index
                return
            seconds = _seconds(self._picture)
            shown = cache(self._shown)
            yield ClipFrame(time, seconds, True, partial(_grey, shown), shown)
            time += seconds

    def info(self, end: float, frame_count: int) -> MediaInfo:
        """The facts; the duration is the sum of what the frames ask for."""
        return MediaInfo(
            kind=MediaKind.VIDEO,
            mime=self._format.mime,
            format=f"Animated {self._format.name}",
            codec=self._format.name,
            width=self._size[0],
            height=self._size[1],
            duration=end,
            frame_rate=frame_count / end if end > 0 else None,
            taken_at=self._taken_at,
        )

    def warnings(self) -> tuple[str, ...]:
        """Says how many frames could not be read."""
        if not self._missing:
            return ()
        return (f"The last {self._missing} of {self._frame_count} frames are damaged and were left out.",)

    def close(self) -> None:
        """Close the file."""
        self._picture.close()

    def _shown(self) -> Image.Image:
        rendered = to_displayed_rgb(self._picture, self._reduction)
        return crop(upright(self._picture, rendered), self._region)


def _grey(shown: Callable[[], Image.Image]) -> UInt8Array:
    small = shown().resize((GLIMPSE_SIDE, GLIMPSE_SIDE), Image.Resampling.BILINEAR)
    return np.asarray(small.convert("L"))


def _seconds(picture: Image.Image) -> float:
    try:
        seconds = float(picture.info.get("duration", 0)) / 1000
    except (TypeError, ValueError, ZeroDivisionError):
        seconds = 0.0
    return seconds if seconds >= _SHORTEST else _INSTEAD
