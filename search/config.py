"""Every knob of the engine, as frozen values passed in by the caller."""

from __future__ import annotations

from dataclasses import dataclass, field

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class DecodeLimits:
    """Caps on what one file may cost. Exceeding one is an error for that file, never a crash.

    ``max_pixels``: pixels of one frame. ``max_total_pixels``: pixels times frames of an animated
    picture. ``max_duration``, ``cpu_seconds``, ``wall_seconds``: seconds. ``memory_bytes``: address
    space the decoding process may use beyond what it starts with.
    """

    max_bytes: int = 4096 * MIB
    max_pixels: int = 120_000_000
    max_total_pixels: int = 2_000_000_000
    max_duration: float = 6 * 3600.0
    memory_bytes: int = 3072 * MIB
    cpu_seconds: int = 3600
    wall_seconds: float = 7200.0


@dataclass(frozen=True, slots=True)
class KeyframeConfig:
    """How frames of a clip are chosen (see :mod:`search.keyframes`).

    ``strategy``: ``mixture`` (uniform grid plus shot changes, near-identical runs dropped),
    ``uniform``, ``shot`` or ``codec``. Clips up to ``short_seconds`` are sampled at ``short_rate``
    frames per second, longer ones at ``rate``. ``same_difference``: mean absolute difference (0..1) of
    small grey frames below which two neighbours count as the same picture. ``max_interval``: a kept
    frame stands for at most so many seconds.
    """

    strategy: str = "mixture"
    short_seconds: float = 60.0
    short_rate: float = 4.0
    rate: float = 2.0
    shot_difference: float = 0.35
    same_difference: float = 0.008
    max_interval: float = 5.0


@dataclass(frozen=True, slots=True)
class RenditionConfig:
    """Sizes (long side, pixels) of the pictures made from a file, and the local-feature budget."""

    thumbnail_px: int = 320
    frame_px: int = 320
    view_px: int = 1600
    features_px: int = 400
    features_max: int = 600


@dataclass(frozen=True, slots=True)
class MatchConfig:
    """Operating thresholds of matching; each is explained where it is used.

    ``candidates``: neighbours fetched per query vector. ``verify``: pictures verified geometrically.
    ``hash_distance``: Hamming radius (bits of 64) within which a hash proposes a candidate.
    ``min_inliers``: fewest agreeing key points that prove a copy. ``similar_limit``: most similar
    results kept. ``similar_score``: similar results must score more than this.
    """

    candidates: int = 64
    verify: int = 24
    hash_distance: int = 10
    min_inliers: int = 12
    similar_limit: int = 200
    similar_score: float = 0.0
    segment_score: float = 0.5


@dataclass(frozen=True, slots=True)
class SearchConfig:
    """The whole configuration of the engine. ``device``: ``auto``, ``cpu`` or ``cuda``."""

    model: str = "sightline@0"
    device: str = "auto"
    batch_size: int = 32
    limits: DecodeLimits = field(default_factory=DecodeLimits)
    keyframes: KeyframeConfig = field(default_factory=KeyframeConfig)
    renditions: RenditionConfig = field(default_factory=RenditionConfig)
    match: MatchConfig = field(default_factory=MatchConfig)
