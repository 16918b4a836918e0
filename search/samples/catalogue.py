"""The list of samples: what is drawn, and which edited copies are planted among it.

Every file is a recipe that writes to a path. Recipes of copies read the files of earlier ones, so the
order matters. Folder names serve as labels.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

from search.samples import clips, edits
from search.samples.animals import ANIMALS, animal
from search.samples.canvas import Generator
from search.samples.cities import skyline
from search.samples.landscapes import landscape
from search.samples.patterns import PATTERNS
from search.samples.posters import TEXTS, poster
from search.samples.scenes import FRAME_SIZE
from search.types import UInt8Array

WIDE, TALL = (800, 540), (540, 720)
QUALITY = 88

Recipe: TypeAlias = Callable[[Path], None]
Drawing: TypeAlias = Callable[[Generator], Image.Image]
Entry: TypeAlias = tuple[str, Recipe]


def entries(root: Path) -> list[Entry]:
    """Relative path and recipe of every sample, originals first."""
    return [*_pictures(), *_clips(), *_picture_copies(root), *_clip_copies(root)]


def _picture(draw: Drawing, seed: int, path: Path) -> None:
    draw(np.random.default_rng(seed)).save(path, "JPEG", quality=QUALITY)


def _pictures() -> Iterator[Entry]:
    for seed, (name, draw) in enumerate(_drawings(), 100):
        yield f"{name}.jpg", partial(_picture, draw, seed)


VALLEYS = (("dawn", True), ("noon", False), ("noon", True), ("dusk", True), ("night", True), ("mist", True),
           ("autumn", False), ("autumn", True))  # fmt: skip
CITIES = ("dawn", "noon", "dusk", "night", "mist", "autumn")


def _drawings() -> Iterator[tuple[str, Drawing]]:
    for light, lake in VALLEYS:
        name = f"mountains/{light}-{'lake' if lake else 'valley'}"
        yield name, partial(landscape, size=WIDE, light=light, lake=lake)
    for light in CITIES:
        yield f"cities/{light}", partial(skyline, size=WIDE, light=light)
    for name in PATTERNS:
        yield f"patterns/{name}", partial(_pattern, name)
    for name in ANIMALS:
        for number in (1, 2):
            yield f"animals/{name}-{number}", partial(animal, size=WIDE, name=name)
    for number, text in enumerate(TEXTS):
        yield f"posters/{text[0].lower()}", partial(poster, size=TALL, number=number)


def _pattern(name: str, random: Generator) -> Image.Image:
    return PATTERNS[name](random, WIDE)


def _film(name: str, seed: int, path: Path) -> None:
    clips.film(path, clips.CLIPS[name](np.random.default_rng(seed)))


def _clips() -> Iterator[Entry]:
    for seed, name in enumerate(clips.CLIPS, 500):
        yield f"clips/{name}.mp4", partial(_film, name, seed)


# Copy, original, what was done to it, quality it was saved with.
PICTURE_COPIES: tuple[tuple[str, str, Callable[[Image.Image], Image.Image], int], ...] = (
    ("reposted/mirrored.jpg", "mountains/noon-lake.jpg", edits.mirrored, 85),
    ("reposted/cropped.jpg", "cities/dusk.jpg", edits.cropped, 40),
    (
        "reposted/monday.jpg",
        "animals/cat-1.jpg",
        lambda image: edits.captioned(image, "NOT MONDAY AGAIN"),
        80,
    ),
    ("reposted/letterboxed.jpg", "patterns/stained-glass.jpg", edits.letterboxed, 80),
    ("reposted/black-and-white.jpg", "animals/owl-1.jpg", edits.grey, 80),
    ("reposted/saved-many-times.jpg", "mountains/dawn-lake.jpg", lambda image: image, 14),
    ("reposted/turned.png", "patterns/circles.jpg", edits.quarter_turn, 0),
    ("reposted/old-photo.jpg", "mountains/autumn-valley.jpg", edits.sepia, 75),
    ("reposted/small.webp", "animals/penguin-2.jpg", edits.halved, 70),
    ("reposted/bright.jpg", "cities/noon.jpg", edits.brightened, 80),
    (
        "reposted/poster-photo.jpg",
        "posters/ride.jpg",
        lambda image: image.rotate(7, expand=True, fillcolor="#777"),
        70,
    ),
)
INSET = ("reposted/picture-in-picture.jpg", "animals/whale-1.jpg", "cities/mist.jpg")
COLLAGE = (
    "reposted/collage.jpg",
    "mountains/night-lake.jpg",
    "patterns/quilt.jpg",
    "animals/butterfly-2.jpg",
    "cities/autumn.jpg",
)
EXACT = ("reposted/same-file.jpg", "patterns/marble.jpg")


def _picture_copies(root: Path) -> Iterator[Entry]:
    for copy, original, edit, quality in PICTURE_COPIES:
        yield copy, partial(_edited, root / original, edit, quality)
    yield INSET[0], lambda path: _save(edits.inset(*(_open(root / name) for name in INSET[1:])), path, 80)
    yield (
        COLLAGE[0],
        lambda path: _save(edits.collage([_open(root / name) for name in COLLAGE[1:]]), path, 80),
    )
    yield EXACT[0], lambda path: _copy(root / EXACT[1], path)


def _edited(original: Path, edit: Callable[[Image.Image], Image.Image], quality: int, path: Path) -> None:
    _save(edit(_open(original)), path, quality)


def _open(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _save(image: Image.Image, path: Path, quality: int) -> None:
    formats = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    image.save(path, formats[path.suffix], quality=quality)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)


def _clip_copies(root: Path) -> Iterator[Entry]:
    mountains, city, sea, gallery = (root / "clips" / f"{name}.mp4" for name in clips.CLIPS)
    yield (
        "reposted/mountains-and-city.mp4",
        lambda path: clips.encode(path, [*clips.part(mountains, 6.0, 13.0), *clips.part(city, 7.0, 13.5)]),
    )
    yield "reposted/gallery-half-size.mp4", lambda path: _half_size(path, clips.part(gallery, 4.0, 12.0))
    yield (
        "reposted/sea-mirrored.mp4",
        lambda path: clips.encode(path, (edits.flipped_frame(frame) for frame in clips.part(sea, 2.0, 10.0))),
    )
    yield (
        "reposted/view-from-the-pass.gif",
        lambda path: clips.animate(path, clips.part(mountains, 10.5, 14.5)),
    )


def _half_size(path: Path, frames: Iterator[UInt8Array]) -> None:
    size = (FRAME_SIZE[0] // 2, FRAME_SIZE[1] // 2)
    small = (np.asarray(Image.fromarray(frame).resize(size)) for frame in frames)
    clips.encode(path, small, size)
