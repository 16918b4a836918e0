"""Clips that show the same footage: between them a search rightly finds what no truth says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from search.evaluation.clip_render import shown, upright
from search.hashing.perceptual import hamming, phash
from search.types import UInt8Array, UInt64Array

_SECONDS_APART = 0.5
_RADIUS = 8
_LEAST_FRAMES = 3
_LEAST_SPREAD = 12.0


def split_related(paths: Sequence[Path]) -> tuple[list[Path], dict[Path, Path]]:
    """The clips to keep, in their order, and for each other one the kept clip whose footage it shows.

    Two frames a second are compared by perceptual hash (8 bits of 64), also with each half of the picture, as
    screens are put side by side; three such frames are enough. Flat frames say nothing.
    """
    kept: list[tuple[Path, UInt64Array]] = []
    related: dict[Path, Path] = {}
    for path in paths:
        hashes = _hashes(path)
        twin = next((other for other, known in kept if _share_footage(hashes, known)), None)
        if twin is None:
            kept.append((path, hashes))
        else:
            related[path] = twin
    return [path for path, _ in kept], related


def _hashes(path: Path) -> UInt64Array:
    """uint64 [N, 5]: the whole picture, its left, right, upper and lower half."""
    rows: list[list[int]] = []
    due = 0.0
    for moment, frame in shown(path):
        if moment < due:
            continue
        due = moment + _SECONDS_APART
        picture = upright(frame)
        if picture.std() >= _LEAST_SPREAD:
            rows.append([phash(part) for part in _parts(picture)])
    return np.array(rows, np.uint64).reshape(-1, 5)


def _parts(picture: UInt8Array) -> list[UInt8Array]:
    height, width = picture.shape[0] // 2, picture.shape[1] // 2
    parts = [picture, picture[:, :width], picture[:, width:], picture[:height], picture[height:]]
    return [np.ascontiguousarray(part) for part in parts]


def _share_footage(one: UInt64Array, two: UInt64Array) -> bool:
    return _frames_in(one, two[:, 0]) >= _LEAST_FRAMES or _frames_in(two, one[:, 0]) >= _LEAST_FRAMES


def _frames_in(parts: UInt64Array, whole: UInt64Array) -> int:
    """How many rows of ``parts`` show, whole or by half, one of the ``whole`` pictures."""
    if len(parts) == 0 or len(whole) == 0:
        return 0
    near = hamming(parts[:, :, None], whole[None, None, :]) <= _RADIUS
    return int(near.any(axis=(1, 2)).sum())
