"""The whole search as the product makes it: candidates, variants of the query, and proof by key points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from search.config import SearchConfig
from search.embedding.base import Embedder
from search.evaluation.methods.base import Method
from search.evaluation.methods.memory_library import PictureLibrary, describe
from search.index.segments import IndexStore
from search.matching.searcher import Searcher
from search.types import Float32Array, SearchResult

_PROVEN = 1.0


class WholeSearch(Method):
    """Copies that were proven, by score, and after all of them what merely looks alike, by score.

    ``folder``: an empty folder for the index.
    """

    def __init__(self, config: SearchConfig, embedder: Embedder, folder: Path) -> None:
        self.name = f"{embedder.spec.key}, whole search"
        self.detail = "with verification"
        self._config, self._embedder, self._folder = config, embedder, folder
        self._library = PictureLibrary()
        self._searcher: Searcher | None = None

    def add(self, pictures: Sequence[Image.Image]) -> None:
        first = len(self._library.contents)
        numbers = range(first, first + len(pictures))
        self._library.contents += describe(pictures, numbers, self._config, self._embedder)

    def scores(self, pictures: Sequence[Image.Image]) -> Float32Array:
        searcher = self._searcher = self._searcher or self._indexed()
        found = np.full((len(pictures), len(self._library.contents)), -np.inf, np.float32)
        numbers = [-1] * len(pictures)
        for row, query in zip(found, describe(pictures, numbers, self._config, self._embedder), strict=True):
            _fill(row, searcher.search(query, lambda _stage, _percent: None))
        return found

    def _indexed(self) -> Searcher:
        spec = self._embedder.spec
        store = IndexStore(self._folder, model_key=spec.key, dimension=spec.dimension)
        manifest = store.commit("", additions=[self._library.rows()], removals=np.zeros(0, np.int64))
        return Searcher(self._config, self._embedder, store.open(manifest.name), self._library)


def _fill(row: Float32Array, result: SearchResult) -> None:
    for similar in result.similar:
        row[similar.content_id] = similar.score
    for copy in result.copies:
        row[copy.content_id] = max(row[copy.content_id], _PROVEN + copy.score)
