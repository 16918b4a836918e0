"""Write the sample clips, and clips made of parts of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.stream import VideoStream
from PIL import Image

from search.samples.canvas import Generator
from search.samples.cities import skyline
from search.samples.landscapes import landscape
from search.samples.patterns import PATTERNS
from search.samples.scenes import (
    FRAME_RATE,
    FRAME_SIZE,
    Scene,
    Sprite,
    backdrop_size,
    birds,
    camera,
    cars,
    deep_sea,
    shoal,
)
from search.types import UInt8Array

# Fixed settings and one thread: the same frames give the same file.
ENCODER = {"preset": "veryfast", "crf": "23", "threads": "1"}


def mountains(random: Generator) -> Iterator[Scene]:
    for light, lake in (("dawn", True), ("noon", False), ("dusk", True), ("night", True)):
        yield _scene(random, landscape(random, backdrop_size(), light, lake=lake), birds(random), 5.0)


def city(random: Generator) -> Iterator[Scene]:
    for light in ("mist", "autumn", "dusk", "night"):
        yield _scene(random, skyline(random, backdrop_size(), light), cars(random), 4.5)


def sea(random: Generator) -> Iterator[Scene]:
    for _ in range(3):
        yield _scene(random, deep_sea(random), shoal(random), 4.0)


def gallery(random: Generator) -> Iterator[Scene]:
    for name in ("stained-glass", "quilt", "brush-strokes", "contours"):
        yield _scene(random, PATTERNS[name](random, backdrop_size()), (), 4.0)


def _scene(random: Generator, backdrop: Image.Image, sprites: tuple[Sprite, ...], seconds: float) -> Scene:
    return Scene(backdrop, camera(random), sprites, seconds)


CLIPS: dict[str, Callable[[Generator], Iterator[Scene]]] = {
    "a-day-in-the-mountains": mountains,
    "city-by-the-river": city,
    "under-the-sea": sea,
    "gallery-walk": gallery,
}


def film(path: Path, scenes: Iterable[Scene]) -> None:
    """The scenes one after the other with hard cuts."""
    encode(path, (frame for scene in scenes for frame in scene.frames()))


def encode(path: Path, frames: Iterable[UInt8Array], size: tuple[int, int] = FRAME_SIZE) -> None:
    """H.264 in MP4, playable while it loads."""
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream: VideoStream = container.add_stream("libx264", rate=FRAME_RATE, options=ENCODER)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for number, pixels in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, FRAME_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def part(path: Path, start: float, end: float) -> Iterator[UInt8Array]:
    """The frames of a clip from ``start`` up to ``end`` seconds."""
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            if frame.time is not None and start <= frame.time < end:
                yield frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def animate(path: Path, frames: Iterable[UInt8Array], width: int = 240) -> None:
    """An animated GIF of every third frame."""
    chosen = [Image.fromarray(pixels) for number, pixels in enumerate(frames) if number % 3 == 0]
    height = chosen[0].height * width // chosen[0].width
    small = [image.resize((width, height)).quantize(64) for image in chosen]
    duration = round(3000 / FRAME_RATE)
    small[0].save(path, "GIF", save_all=True, append_images=small[1:], duration=duration, loop=0)
