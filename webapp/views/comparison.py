"""Geometric evidence in the coordinates of the whole query picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from search.types import Point, Region


@dataclass(frozen=True, slots=True)
class Geometry:
    """``homography``: 3x3 row-major, query fractions to reference fractions. ``pairs``: points that agree."""

    homography: tuple[float, ...]
    pairs: tuple[tuple[Point, Point], ...]


def whole_picture(evidence: dict[str, Any] | None, region: Region | None) -> Geometry | None:
    """Stored evidence is relative to what was searched, maybe a region; people see the whole picture."""
    if not evidence or not evidence.get("homography"):
        return None
    homography = np.array(evidence["homography"], np.float64).reshape(3, 3)
    pairs = [((xq, yq), (xr, yr)) for (xq, yq), (xr, yr) in evidence.get("pairs", [])]
    if region is not None:
        into_region = np.array(
            [
                [1 / region.width, 0, -region.x / region.width],
                [0, 1 / region.height, -region.y / region.height],
                [0, 0, 1],
            ]
        )
        homography = homography @ into_region
        pairs = [(_out_of(region, point), found) for point, found in pairs]
    return Geometry(tuple(float(value) for value in homography.ravel()), tuple(pairs))


def _out_of(region: Region, point: Point) -> Point:
    return region.x + point[0] * region.width, region.y + point[1] * region.height
