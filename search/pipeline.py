"""From files to descriptions: decoded in the sandbox, embedded here in batches."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from pathlib import Path

from search.config import SearchConfig
from search.describe_run import Decoder, Described, DescribeRun
from search.embedding.base import Embedder
from search.errors import MediaError
from search.types import FrameDescription, MediaDescription, Region

__all__ = ["Decoder", "Described", "Describer"]


class Describer:
    """Describes files with one model and one sandbox. Not thread-safe, as the model is not."""

    def __init__(self, config: SearchConfig, embedder: Embedder, sandbox: Decoder) -> None:
        self._config, self._embedder, self._sandbox = config, embedder, sandbox

    def describe(
        self, source: Path, on_frame: Callable[[FrameDescription], None], *, region: Region | None = None
    ) -> MediaDescription:
        """Describe one file; its frames go to ``on_frame`` in order, in this thread, as batches fill.

        ``region``: describe only this part of the displayed picture. When an error is raised, frames that
        were handed over before it are void. An exception from ``on_frame`` stops the decoding.

        Raises:
            MediaError: the file cannot be used; the text says why.
        """
        one = self.describe_many([source], lambda _, frame: on_frame(frame), workers=1, region=region)
        with closing(one):
            outcome = next(one)
        if outcome.description is None:
            raise outcome.error or MediaError("The file could not be described.")
        return outcome.description

    def describe_many(
        self,
        sources: Iterable[Path],
        on_frame: Callable[[int, FrameDescription], None],
        *,
        workers: int = 2,
        region: Region | None = None,
    ) -> Generator[Described, None, None]:
        """Describe files, ``workers`` decoding at a time; yields each as it is finished, in any order.

        ``sources`` is read as needed. ``on_frame(index, frame)`` gets a file's frames in order, and all of
        them before the file is yielded. A file that cannot be used is yielded with its error and the
        others go on; any other exception ends the run. Closing the iterator stops the decoding.
        """
        run = DescribeRun(
            self._config, self._embedder, self._sandbox, on_frame, workers=workers, region=region
        )
        try:
            yield from run.outcomes(enumerate(sources))
        finally:
            run.stop()
