"""The contract of every embedding model. Importing this module loads no network library."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal

from search.types import Float32Array, UInt8Array

ResizeRule = Literal["squash", "crop"]


@dataclass(frozen=True, slots=True)
class InputSpec:
    """How a picture becomes model input; part of the model, so that it can never drift from the weights.

    ``size``: side of the square input in pixels. ``resize``: ``squash`` ignores the aspect,
    ``crop`` scales the short side and takes the centre. Both use an antialiased bilinear filter.
    ``mean`` and ``std`` are per RGB channel, for values 0..1.
    """

    size: int
    resize: ResizeRule
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Everything that identifies a model. Any change of weights or preprocessing is a new ``version``."""

    name: str
    version: str
    architecture: str
    weights: str
    input: InputSpec
    dimension: int
    licence: str
    description: str

    @property
    def key(self) -> str:
        """``name@version``, stored with every embedding row."""
        return f"{self.name}@{self.version}"


class Embedder(ABC):
    """A loaded model. Not thread-safe; one per process is enough."""

    spec: ModelSpec

    @abstractmethod
    def embed(self, pixels: UInt8Array) -> Float32Array:
        """Embed uint8 pictures [N, S, S, 3] (RGB, S = ``spec.input.size``).

        Returns float32 [N, D], L2-normalised; N may be 0.

        Raises:
            ValueError: the array has another shape or dtype.
        """

    @property
    @abstractmethod
    def background(self) -> Float32Array:
        """Vectors of unrelated pictures, float32 [M, D], for score normalisation; M may be 0."""
