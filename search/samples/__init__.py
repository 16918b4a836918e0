"""A library of samples that the project draws by itself: pictures and clips with edited copies among them.

Everything comes from seeded generators, so the samples are the same on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def make_samples(directory: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Write the samples under ``directory`` and return their paths; files that exist already are kept.

    ``progress`` is called with how many of how many files are there. A file appears whole or not at
    all, so an interrupted run is continued by the next one.
    """
    from search.samples.catalogue import entries

    recipes = entries(directory)
    paths = [directory / name for name, _ in recipes]
    for done, (path, (_, recipe)) in enumerate(zip(paths, recipes, strict=True), 1):
        if not path.exists():
            _write(path, recipe)
        if progress is not None:
            progress(done, len(recipes))
    return paths


def _write(path: Path, recipe: Callable[[Path], None]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # The name keeps its ending, which tells encoders the format, and starts with a dot, which importers skip.
    part = path.with_name(f".part-{path.name}")
    recipe(part)
    with part.open("rb") as stream:
        os.fsync(stream.fileno())
    part.replace(path)
