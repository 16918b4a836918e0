"""Decoding in this process, for tests that are not about the sandbox."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from search.config import DecodeLimits, KeyframeConfig, RenditionConfig
from search.embedding.base import InputSpec
from search.media.base import DecodedMedia, DecodeJob
from search.media.decode import decode
from search.media.image import decode_webp
from search.types import DecodedFrame, UInt8Array

SPEC = InputSpec(64, "squash")


def decode_file(path: Path, **changes: Any) -> tuple[DecodedMedia, list[DecodedFrame]]:
    """The media and its frames. ``changes`` replace fields of the default job."""
    frames: list[DecodedFrame] = []
    job = DecodeJob(str(path), DecodeLimits(), KeyframeConfig(), RenditionConfig(), SPEC)
    return decode(replace(job, **changes), frames.append), frames


def shown(webp: bytes) -> UInt8Array:
    """A rendition as RGB pixels."""
    return decode_webp(webp)


def difference(first: Any, second: Any) -> float:
    """Mean absolute difference of two pictures, in levels of 255."""
    a, b = np.asarray(first, np.float32), np.asarray(second, np.float32)
    assert a.shape == b.shape
    return float(np.abs(a - b).mean())
