"""Vectors of a network, nothing else: no key points, no variants of the query."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from search.embedding.base import Embedder
from search.evaluation.methods.base import Method
from search.media.pixels import model_input
from search.ranking import Background
from search.types import Float32Array


class VectorMethod(Method):
    """Cosines of a model's vectors, less each query's level against the model's background where it has one
    (see :mod:`search.ranking`)."""

    def __init__(self, embedder: Embedder, *, name: str = "") -> None:
        self.name = name or embedder.spec.key
        self.detail = (
            f"{embedder.spec.dimension} values, {'normalised' if len(embedder.background) else 'raw'}"
        )
        self._embedder = embedder
        self._background = Background(embedder.background)
        self._references: list[Float32Array] = []

    def add(self, pictures: Sequence[Image.Image]) -> None:
        # The database keeps float16.
        self._references.append(self._embedded(pictures).astype(np.float16).astype(np.float32))

    def scores(self, pictures: Sequence[Image.Image]) -> Float32Array:
        queries = self._embedded(pictures)
        return self._background.normalised(queries @ np.concatenate(self._references).T, queries)

    def _embedded(self, pictures: Sequence[Image.Image]) -> Float32Array:
        spec = self._embedder.spec.input
        return self._embedder.embed(np.stack([model_input(picture, spec) for picture in pictures]))
