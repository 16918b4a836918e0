"""The contract of everything that is measured."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from PIL import Image

from search.types import Float32Array


class Method(ABC):
    """Takes references, then answers queries. Pictures are RGB. One object serves one measurement.

    ``name``: what the report calls it. ``detail``: in words, what it compares.
    """

    name: str
    detail: str

    @abstractmethod
    def add(self, pictures: Sequence[Image.Image]) -> None:
        """Take in references; they are numbered 0, 1, ... in the order they come."""

    @abstractmethod
    def scores(self, pictures: Sequence[Image.Image]) -> Float32Array:
        """Scores of queries with every reference: float32 [Q, R], higher is more alike; minus infinity for a
        pair that is not proposed. Scores of different queries must be comparable."""
