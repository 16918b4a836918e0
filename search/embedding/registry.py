"""Every model there is, by key. Networks and their libraries are loaded only by :func:`load`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from search.embedding.base import Embedder, ModelSpec
from search.embedding.catalogue import builtin_models
from search.errors import ModelError

Loader: TypeAlias = Callable[[ModelSpec, str], Embedder]
"""Makes the model from its specification and a device: ``auto``, ``cpu`` or ``cuda``."""


@dataclass(frozen=True, slots=True)
class _Entry:
    spec: ModelSpec
    loader: Loader
    at_hand: Callable[[], bool]


_models: dict[str, _Entry] = {}


def register(spec: ModelSpec, loader: Loader, *, at_hand: Callable[[], bool] = lambda: True) -> None:
    """Add a model. ``at_hand`` tells whether its weights are on this machine.

    Raises:
        ModelError: the key is taken.
    """
    if spec.key in _models:
        raise ModelError(f"There are two models with the key {spec.key}.")
    _models[spec.key] = _Entry(spec, loader, at_hand)


def get_spec(key: str) -> ModelSpec:
    """The specification of a model, whether or not its weights are on this machine.

    Raises:
        ModelError: no model has this key.
    """
    return _entry(key).spec


def available() -> tuple[ModelSpec, ...]:
    """The models whose weights are on this machine, in the order they were registered."""
    return tuple(entry.spec for entry in _models.values() if entry.at_hand())


def load(key: str, *, device: str = "auto") -> Embedder:
    """Load a model. ``device``: ``cpu``, ``cuda``, or ``auto`` for CUDA where there is one.

    Raises:
        ModelError: no model has this key, its weights are missing or damaged, or there is no such device.
    """
    entry = _entry(key)
    return entry.loader(entry.spec, device)


def _entry(key: str) -> _Entry:
    if key not in _models:
        here = ", ".join(spec.key for spec in available())
        raise ModelError(f"There is no model called {key!r}. On this machine there are: {here}.")
    return _models[key]


for _spec, _loader, _at_hand in builtin_models():
    register(_spec, _loader, at_hand=_at_hand)
