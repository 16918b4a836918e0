"""Pictures in folders and zip archives, by number, loaded when asked for."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from search.errors import DamagedMedia, EvaluationError
from search.media.colour import to_displayed_rgb
from search.media.image import BROKEN
from search.media.pixels import fit

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".avif", ".heic"}

SIDE = 640
"""Longest side, in pixels, at which pictures are edited and described: larger ones are shrunk first, as most
places do where pictures are posted. Bounds time and memory."""

MOST_PIXELS = 120_000_000


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture file. ``archive``: the zip that it is in, if any; ``name``: its path, there or on disk."""

    name: str
    archive: str = ""

    def load(self) -> Image.Image:
        """Upright, RGB, at most ``SIDE`` on its longer side.

        Raises:
            DamagedMedia: it cannot be read.
        """
        try:
            with Image.open(io.BytesIO(self._read())) as picture:
                if picture.width * picture.height > MOST_PIXELS:
                    raise DamagedMedia(f"{self.name} is too large.")
                picture.draft("RGB", (SIDE, SIDE))
                return fit(to_displayed_rgb(ImageOps.exif_transpose(picture)), SIDE)
        except (*BROKEN, zipfile.BadZipFile) as error:
            raise DamagedMedia(f"{self.name} cannot be read: {error}") from error

    def _read(self) -> bytes:
        return _opened(self.archive).read(self.name) if self.archive else Path(self.name).read_bytes()


def find(paths: Iterable[Path]) -> tuple[Picture, ...]:
    """All pictures in the folders and zips, and single files; in the order given, each sorted by name.

    Raises:
        EvaluationError: a path does not exist, or is a file of another kind.
    """
    return tuple(picture for path in paths for picture in _of_path(path))


def sample(pictures: Sequence[Picture], count: int, seed: int) -> tuple[Picture, ...]:
    """So many of the pictures, in their order; the same for the same seed."""
    if count >= len(pictures):
        return tuple(pictures)
    chosen = np.random.default_rng(seed).choice(len(pictures), count, replace=False)
    return tuple(pictures[number] for number in np.sort(chosen))


def _of_path(path: Path) -> list[Picture]:
    if path.is_dir():
        return [
            Picture(str(file)) for file in sorted(path.rglob("*")) if file.is_file() and _usable(str(file))
        ]
    if path.suffix.lower() == ".zip" and zipfile.is_zipfile(path):
        return [Picture(name, str(path)) for name in sorted(_opened(str(path)).namelist()) if _usable(name)]
    if path.is_file() and _usable(str(path)):
        return [Picture(str(path))]
    raise EvaluationError(f"{path} is neither a folder, nor a zip of pictures, nor a picture.")


def _usable(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES and not Path(name).name.startswith(".")


@cache
def _opened(archive: str) -> zipfile.ZipFile:
    return zipfile.ZipFile(archive)
