"""Tiny real pictures and clips, made in memory. The same seed always gives the same pixels.

Every seed gives a different picture, rich enough in texture for key points and hashes.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, ImageOps

Pixels = NDArray[np.uint8]


# -- pictures


def picture(seed: int, size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A textured picture: smooth colours, shapes with hard edges, fine grain."""
    random = np.random.default_rng(seed)
    canvas = _clouds(random, size)
    _shapes(random, canvas)
    grain = random.normal(0, 6, (size[1], size[0], 1))
    return Image.fromarray(np.clip(np.asarray(canvas, float) + grain, 0, 255).astype(np.uint8))


def _clouds(random: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    total = np.zeros((size[1], size[0], 3))
    for cells, weight in ((3, 0.5), (9, 0.3), (30, 0.2)):
        noise = random.integers(0, 256, (cells, cells, 3), dtype=np.uint8)
        smooth = Image.fromarray(noise).resize(size, Image.Resampling.BICUBIC)
        total += weight * np.asarray(smooth, float)
    return Image.fromarray(total.astype(np.uint8))


def _shapes(random: np.random.Generator, canvas: Image.Image) -> None:
    draw = ImageDraw.Draw(canvas)
    width, height = canvas.size
    for _ in range(60):
        x, y = random.uniform(0, width), random.uniform(0, height)
        reach_x, reach_y = random.uniform(0.02, 0.13, 2) * min(width, height)
        box = (x - reach_x, y - reach_y, x + reach_x, y + reach_y)
        fill = tuple(int(value) for value in random.integers(0, 256, 3))
        kind = int(random.integers(0, 4))
        if kind == 0:
            draw.rectangle(box, fill=fill)
        elif kind == 1:
            draw.ellipse(box, fill=fill)
        elif kind == 2:
            draw.line(box, fill=fill, width=3)
        else:
            draw.polygon([(x, y - reach_y), (x + reach_x, y + reach_y), (x - reach_x, y)], fill=fill)


def flat(colour: tuple[int, int, int] = (0, 0, 0), size: tuple[int, int] = (320, 240)) -> Image.Image:
    """A picture without any structure."""
    return Image.new("RGB", size, colour)


def encoded(image: Image.Image, format: str = "JPEG", **options: Any) -> bytes:
    buffer = io.BytesIO()
    if format == "JPEG":
        options = {"quality": 92, **options}
    image.save(buffer, format, **options)
    return buffer.getvalue()


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    """Write the picture in the format its name ends in; JPEG at quality 92 unless told."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in {".jpg", ".jpeg"}:
        options = {"quality": 92, **options}
    image.save(path, **options)
    return path


def picture_file(path: Path, seed: int, size: tuple[int, int] = (320, 240), **options: Any) -> Path:
    return save(picture(seed, size), path, **options)


def with_orientation(image: Image.Image, orientation: int) -> bytes:
    """JPEG bytes whose EXIF orientation shows ``image`` upright only when it is honoured.

    ``orientation`` 1, 3, 6 or 8.
    """
    undo = {
        1: None,
        3: Image.Transpose.ROTATE_180,
        6: Image.Transpose.ROTATE_90,
        8: Image.Transpose.ROTATE_270,
    }
    turn = undo[orientation]
    stored = image if turn is None else image.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, exif=exif.tobytes())


# -- edits: each takes and gives a picture


def mirrored(image: Image.Image) -> Image.Image:
    return ImageOps.mirror(image)


def cropped(image: Image.Image, share: float = 0.6) -> Image.Image:
    """The middle of the picture: ``share`` of each side."""
    width, height = image.size
    dx, dy = width * (1 - share) / 2, height * (1 - share) / 2
    return image.crop((round(dx), round(dy), round(width - dx), round(height - dy)))


def letterboxed(image: Image.Image, share: float = 0.2) -> Image.Image:
    """Black bars above and below, together ``share`` of the height they are added to."""
    bar = round(image.height * share / 2)
    return ImageOps.expand(image, (0, bar, 0, bar), fill="black")


def turned(image: Image.Image, degrees: float = 90) -> Image.Image:
    return image.rotate(degrees, expand=True)


def grey(image: Image.Image) -> Image.Image:
    return image.convert("L").convert("RGB")


def lettered(image: Image.Image, text: str = "SALE 50% OFF") -> Image.Image:
    """A band of big text over the lower part."""
    changed = image.copy()
    draw = ImageDraw.Draw(changed)
    font = ImageFont.load_default(size=image.height // 7)
    draw.text((image.width * 0.08, image.height * 0.7), text, font=font, fill="white", stroke_width=2,
              stroke_fill="black")  # fmt: skip
    return changed


def inset(image: Image.Image, background: Image.Image, share: float = 0.5) -> Image.Image:
    """Picture in picture: ``image`` scaled to ``share`` of the background's width, off the middle."""
    changed = background.copy()
    width = round(background.width * share)
    small = image.resize((width, round(image.height * width / image.width)))
    changed.paste(small, (round(background.width * 0.1), round(background.height * 0.15)))
    return changed


def recompressed(image: Image.Image, quality: int = 30) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, quality=quality))).convert("RGB")


# -- clips


def scene(seed: int, seconds: float, rate: int = 10, size: tuple[int, int] = (320, 240)) -> Iterator[Pixels]:
    """A slow pan over one picture: uint8 [H, W, 3] frames."""
    width, height = size
    wide = np.asarray(picture(seed, (width * 3 // 2, height * 5 // 4)))
    count = max(1, round(seconds * rate))
    for number in range(count):
        moved = number / max(1, count - 1)
        x, y = round(moved * (wide.shape[1] - width)), round(moved * (wide.shape[0] - height))
        yield np.ascontiguousarray(wide[y : y + height, x : x + width])


def scenes(
    seeds: Sequence[int], seconds: float = 2.0, rate: int = 10, size: tuple[int, int] = (320, 240)
) -> Iterator[Pixels]:
    """Scenes one after the other with hard cuts, ``seconds`` each."""
    for seed in seeds:
        yield from scene(seed, seconds, rate, size)


def write_clip(
    path: Path,
    frames: Iterable[Pixels],
    *,
    rate: int = 10,
    times: Sequence[float] | None = None,
    codec: str = "libx264",
    options: dict[str, str] | None = None,
) -> Path:
    """Encode frames as a clip; the container follows the name.

    ``times``: seconds of each frame for a variable frame rate, otherwise ``number / rate``.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream: Any = None
        for number, pixels in enumerate(frames):
            if stream is None:
                stream = _video_stream(container, codec, rate, pixels, options)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.time_base = Fraction(1, 1000)
            frame.pts = round(1000 * (times[number] if times else number / rate))
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _video_stream(
    container: Any, codec: str, rate: int, pixels: Pixels, options: dict[str, str] | None
) -> Any:
    defaults = {"preset": "ultrafast", "crf": "20"} if codec == "libx264" else {}
    stream = container.add_stream(codec, rate=rate, options={**defaults, **(options or {})})
    stream.height, stream.width = pixels.shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.time_base = Fraction(1, 1000)
    stream.codec_context.thread_count = 1
    return stream


def clip_file(
    path: Path,
    seeds: Sequence[int],
    *,
    seconds: float = 2.0,
    rate: int = 10,
    size: tuple[int, int] = (320, 240),
    **more: Any,
) -> Path:
    """A clip of several moving scenes, ``seconds`` each, with hard cuts between them."""
    return write_clip(path, scenes(seeds, seconds, rate, size), rate=rate, **more)


def read_clip(path: Path) -> list[tuple[float, Pixels]]:
    """Every frame with its time in seconds: the oracle for tests of decoding."""
    with av.open(str(path)) as container:
        return [
            (float(frame.time or 0.0), frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False))
            for frame in container.decode(video=0)
        ]


def rotate_mp4(path: Path, degrees: int = 90) -> Path:
    """Set the display matrix of every track, so that players turn the picture clockwise by ``degrees``."""
    cosine, sine = {0: (1, 0), 90: (0, 1), 180: (-1, 0), 270: (0, -1)}[degrees]
    one, unit = 1 << 16, 1 << 30
    matrix = struct.pack(">9i", cosine * one, sine * one, 0, -sine * one, cosine * one, 0, 0, 0, unit)
    data = bytearray(path.read_bytes())
    start = data.find(b"tkhd")
    while start >= 0:
        offset = start + 4 + (52 if data[start + 4] == 1 else 40)
        data[offset : offset + len(matrix)] = matrix
        start = data.find(b"tkhd", offset)
    path.write_bytes(data)
    return path


def animation_file(
    path: Path, seeds: Sequence[int], *, duration_ms: int = 200, size: tuple[int, int] = (160, 120)
) -> Path:
    """An animated GIF, WebP or PNG (by its name), one frame a seed, each shown ``duration_ms``."""
    frames = [picture(seed, size) for seed in seeds]
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=duration_ms, loop=0)
    return path


def damaged(source: Path, target: Path, *, keep: float = 0.6, holes: int = 0) -> Path:
    """A copy cut off after ``keep`` of its bytes, with ``holes`` runs of zeros in its second half."""
    data = bytearray(source.read_bytes())
    random = np.random.default_rng(7)
    for start in random.integers(len(data) // 2, max(len(data) - 64, len(data) // 2 + 1), holes):
        data[start : start + 64] = bytes(64)
    target.write_bytes(data[: round(len(data) * keep)])
    return target
