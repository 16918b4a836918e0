"""Drawing the sample library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path


def draw(directory: Path, progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Draw all samples into a folder; ``progress(done, total)`` is told of each. The paths of the files."""
    from search.samples import make_samples

    return make_samples(directory, progress)
