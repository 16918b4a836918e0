"""The models the project knows by itself: its own, and torchvision's backbones."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from search.embedding.base import Embedder, InputSpec, ModelSpec
from search.embedding.torchvision_table import at_hand, read_table, torchvision_spec

WEIGHTS_DIRECTORY = Path(__file__).parent / "weights"

SIGHTLINE_0 = ModelSpec(
    name="sightline",
    version="0",
    architecture="regnet_x_400mf",
    weights="sightline-0.safetensors",
    input=InputSpec(size=128, resize="squash"),
    dimension=256,
    licence="same as the project",
    description="The project's own copy-detection network: RegNetX-400MF, GeM pooling, 256 values.",
)
"""Trained from scratch for this project. Squashing to a square is on purpose: stretched copies become equal.
"""

Builtin = tuple[ModelSpec, Callable[[ModelSpec, str], Embedder], Callable[[], bool]]


def builtin_models() -> Iterator[Builtin]:
    """Specification, loader and whether the weights are here, of each model; no network library is loaded."""
    yield SIGHTLINE_0, _load_sightline, (WEIGHTS_DIRECTORY / SIGHTLINE_0.weights).is_file
    for row in read_table():
        yield torchvision_spec(row), _load_torchvision, partial(at_hand, row.file)


def _load_sightline(spec: ModelSpec, device: str) -> Embedder:
    from search.embedding.sightline import load_sightline

    return load_sightline(spec, WEIGHTS_DIRECTORY / spec.weights, device=device)


def _load_torchvision(spec: ModelSpec, device: str) -> Embedder:
    from search.embedding.torchvision_zoo import load_torchvision

    return load_torchvision(spec, device=device)
