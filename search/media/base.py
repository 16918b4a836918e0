"""What decoding is asked for and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from search.config import DecodeLimits, KeyframeConfig, RenditionConfig
from search.embedding.base import InputSpec
from search.types import DecodedFrame, LocalFeatures, MediaInfo, Region

FrameSink: TypeAlias = Callable[[DecodedFrame], None]


@dataclass(frozen=True, slots=True)
class DecodeJob:
    """One file to decode and everything the decoder needs to know.

    ``region``: only this part of the displayed picture (of each frame) is described.
    """

    path: str
    limits: DecodeLimits
    keyframes: KeyframeConfig
    renditions: RenditionConfig
    input: InputSpec
    region: Region | None = None


@dataclass(frozen=True, slots=True)
class DecodedMedia:
    """Everything about one file except its frames, which were streamed to the caller.

    ``info`` describes the whole file, even when only a region was asked for. ``thumbnail``: WebP.
    ``view``: WebP for still pictures in formats a browser cannot show, else ``None``.
    ``features``: of a still picture (or its region: points are fractions of the region), else ``None``.
    ``warnings``: sentences for a person.
    """

    info: MediaInfo
    frame_count: int
    thumbnail: bytes
    view: bytes | None
    features: LocalFeatures | None
    warnings: tuple[str, ...] = ()
