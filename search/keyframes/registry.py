"""From a :class:`~search.config.KeyframeConfig` to a strategy."""

from __future__ import annotations

from collections.abc import Callable

from search.config import KeyframeConfig
from search.keyframes.base import KeyframeStrategy
from search.keyframes.codec import CodecStrategy
from search.keyframes.mixture import MixtureStrategy
from search.keyframes.shot import ShotStrategy
from search.keyframes.uniform import UniformStrategy


def sampling_rate(config: KeyframeConfig, duration: float) -> float:
    """Frames per second of the uniform grid for a clip of ``duration`` seconds."""
    return config.short_rate if duration <= config.short_seconds else config.rate


def _mixture(config: KeyframeConfig, duration: float) -> KeyframeStrategy:
    return MixtureStrategy(
        _uniform(config, duration),
        _shot(config, duration),
        same_difference=config.same_difference,
        max_interval=config.max_interval,
    )


def _uniform(config: KeyframeConfig, duration: float) -> KeyframeStrategy:
    return UniformStrategy(sampling_rate(config, duration))


def _shot(config: KeyframeConfig, duration: float) -> KeyframeStrategy:
    return ShotStrategy(config.shot_difference)


def _codec(config: KeyframeConfig, duration: float) -> KeyframeStrategy:
    return CodecStrategy()


_STRATEGIES: dict[str, Callable[[KeyframeConfig, float], KeyframeStrategy]] = {
    "mixture": _mixture,
    "uniform": _uniform,
    "shot": _shot,
    "codec": _codec,
}


def strategy_names() -> tuple[str, ...]:
    """The values ``KeyframeConfig.strategy`` may have."""
    return tuple(_STRATEGIES)


def make_strategy(config: KeyframeConfig, duration: float) -> KeyframeStrategy:
    """A fresh strategy for one clip of about ``duration`` seconds.

    Raises:
        ValueError: the configuration names no known strategy.
    """
    if config.strategy not in _STRATEGIES:
        raise ValueError(f"Unknown keyframe strategy {config.strategy!r}; use one of {strategy_names()}.")
    return _STRATEGIES[config.strategy](config, duration)
