"""The decoders' self-test: write a small file of every format, read it back, and keep what came of it.

Run by a worker shortly after it starts, in a process of its own (``python -m tasks.formats``), so that a
codec that crashes or leaks harms nothing else. The status page shows the result.
"""

from __future__ import annotations

import io
import json
import logging
import os
import platform
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from celery.signals import worker_ready

if TYPE_CHECKING:
    from PIL import Image

logger = logging.getLogger(__name__)

# A worker's first minute belongs to what people wait for.
DELAY_SECONDS = 15.0
LIMIT_SECONDS = 300.0
SIZE = (64, 48)
QUEUE = "background"
DECODERS = ("av", "Pillow", "pillow-heif", "opencv-python-headless")


@dataclass(frozen=True, slots=True)
class Sample:
    """How to write one small file. ``write`` raises where this machine has no encoder for it."""

    name: str
    suffix: str
    kind: str
    write: Callable[[Path], object]


@dataclass(frozen=True, slots=True)
class Result:
    """``state``: ok, failed (it could not be read back) or untested (it could not be written)."""

    name: str
    state: str
    words: str = ""


def check(samples: Iterable[Sample], read: Callable[[Path], str]) -> list[Result]:
    """Write each sample, read it back with ``read`` (which returns the kind of media) and compare."""
    with tempfile.TemporaryDirectory() as folder:
        return [_check(sample, Path(folder) / f"sample{sample.suffix}", read) for sample in samples]


def _check(sample: Sample, path: Path, read: Callable[[Path], str]) -> Result:
    try:
        sample.write(path)
    except Exception as error:  # noqa: BLE001  # whatever an encoder raises, it says that it cannot write
        return Result(sample.name, "untested", f"{type(error).__name__}: {error}"[:200])
    try:
        kind = read(path)
    except Exception as error:  # noqa: BLE001  # a decoder that breaks in any way is what is looked for
        return Result(sample.name, "failed", str(error)[:200])
    if kind != sample.kind:
        return Result(sample.name, "failed", f"It was read as {kind}.")
    return Result(sample.name, "ok")


def run() -> list[Result]:
    """The whole self-test, through the same decoding helper that files go through."""
    from search.embedding.registry import get_spec
    from search.media.sandbox import Sandbox
    from tasks import runtime

    with Sandbox(runtime.config(), get_spec(runtime.model_key()).input) as sandbox:
        return check(samples(), lambda path: str(sandbox.decode(path, lambda _frame: None).info.kind))


def fingerprint() -> dict[str, str]:
    """What the result depends on; while it is the same, nothing needs testing again."""
    return {"python": platform.python_version()} | {name: version(name) for name in DECODERS}


def save(path: Path, results: Iterable[Result]) -> None:
    from django.utils import timezone

    document = {
        "checked_at": timezone.now().isoformat(),
        "versions": fingerprint(),
        "results": [asdict(result) for result in results],
    }
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with part.open("w") as stream:
        json.dump(document, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)


def is_known(path: Path) -> bool:
    """Whether these very decoders were tested already."""
    try:
        return bool(json.loads(path.read_text())["versions"] == fingerprint())
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


# -- samples


def samples() -> list[Sample]:
    """One of each format and flavour that is read."""
    stills: list[tuple[str, str, str, dict[str, Any]]] = [
        ("JPEG", ".jpg", "RGB", {"format": "JPEG"}),
        ("JPEG, progressive", ".jpg", "RGB", {"format": "JPEG", "progressive": True}),
        ("JPEG, CMYK", ".jpg", "CMYK", {"format": "JPEG"}),
        ("PNG", ".png", "RGBA", {"format": "PNG"}),
        ("PNG, palette", ".png", "P", {"format": "PNG"}),
        ("PNG, 16 bit", ".png", "I;16", {"format": "PNG"}),
        ("WebP", ".webp", "RGB", {"format": "WEBP"}),
        ("GIF", ".gif", "P", {"format": "GIF"}),
        ("BMP", ".bmp", "RGB", {"format": "BMP"}),
        ("TIFF", ".tif", "RGB", {"format": "TIFF"}),
        ("AVIF", ".avif", "RGB", {"format": "AVIF"}),
        ("HEIC", ".heic", "RGB", {"format": "HEIF"}),
    ]
    animations = [
        ("GIF, animated", ".gif", "GIF"),
        ("WebP, animated", ".webp", "WEBP"),
        ("APNG", ".png", "PNG"),
    ]
    clips = [
        ("MP4, H.264", ".mp4", "libx264"),
        ("MP4, H.265", ".mp4", "libx265"),
        ("MOV", ".mov", "libx264"),
        ("MKV", ".mkv", "libx264"),
        ("WebM, VP9", ".webm", "libvpx-vp9"),
        ("WebM, AV1", ".webm", "libsvtav1"),
        ("AVI", ".avi", "mpeg4"),
        ("OGV", ".ogv", "libvpx"),
        ("MPEG-TS", ".ts", "mpeg2video"),
    ]
    return [
        *(Sample(name, suffix, "image", _still(mode, options)) for name, suffix, mode, options in stills),
        *(Sample(name, suffix, "video", _animation(format_)) for name, suffix, format_ in animations),
        *(Sample(name, suffix, "video", _clip(codec)) for name, suffix, codec in clips),
    ]


def _picture(step: int = 0) -> Image.Image:
    """Smooth colours with one hard edge that moves with ``step``."""
    from PIL import Image, ImageDraw

    gradient = Image.linear_gradient("L").resize(SIZE)
    picture = Image.merge("RGB", (gradient, gradient.rotate(180), gradient))
    ImageDraw.Draw(picture).rectangle((8 + 6 * step, 10, 24 + 6 * step, 34), fill="white")
    return picture


def _still(mode: str, options: dict[str, Any]) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        from pillow_heif import register_heif_opener

        register_heif_opener()
        picture = (
            _picture().convert("L").convert("I").convert("I;16")
            if mode == "I;16"
            else _picture().convert(mode)
        )
        buffer = io.BytesIO()
        picture.save(buffer, **options)
        path.write_bytes(buffer.getvalue())

    return write


def _animation(format_: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        more = [_picture(step) for step in range(1, 4)]
        _picture().save(path, format_, save_all=True, append_images=more, duration=250, loop=0)

    return write


def _clip(codec: str) -> Callable[[Path], object]:
    def write(path: Path) -> None:
        import av
        import numpy as np

        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream(codec, rate=Fraction(8))
            stream.width, stream.height = SIZE
            stream.pix_fmt = "yuv420p"
            stream.codec_context.thread_count = 1
            for step in range(8):
                container.mux(
                    stream.encode(av.VideoFrame.from_ndarray(np.asarray(_picture(step % 4)), format="rgb24"))
                )
            container.mux(stream.encode(None))

    return write


# -- when


@worker_ready.connect
def _worker_is_ready(sender: Any, **_: Any) -> None:
    if QUEUE in {queue.name for queue in sender.task_consumer.queues}:
        timer = threading.Timer(DELAY_SECONDS, _run_aside)
        timer.daemon = True
        timer.start()


def _run_aside() -> None:
    from webapp.selectors.status import formats_path

    if is_known(formats_path()):
        return
    try:
        command = [sys.executable, "-m", "tasks.formats"]  # the encoders are talkative
        subprocess.run(command, timeout=LIMIT_SECONDS, check=True, capture_output=True)  # noqa: S603  # our own module
    except (OSError, subprocess.SubprocessError) as error:
        logger.warning("The self-test of the formats did not end well: %s", error)


def main() -> None:
    import django

    django.setup()
    from webapp.selectors.status import formats_path

    os.nice(10)
    save(formats_path(), run())


if __name__ == "__main__":
    main()
