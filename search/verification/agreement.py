"""Do the pixels agree once one picture is laid over the other?

Key points prove that two pictures show the same thing; pixels prove that it is the same photograph. Two
photographs of one facade share a homography, but light, people, leaves and depth differ.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from search.types import Float32Array, Float64Array, UInt8Array
from search.verification import homography

# The overlap is compared on a raster of this side: fine enough to see objects, too coarse to be upset by
# sharpening, compression, or a homography that is a pixel off.
_RASTER = 96
_BLUR = 1.0
_BLOCK = 12
# A block whose grey values vary by less (standard deviation, of 255) has nothing to compare.
_FLAT = 4.0
# A block counts as covered by the overlap when so much of it is.
_COVERED = 0.9
# Correlation from which a block is the same block: two shots of one place rarely reach it, JPEG does.
_SAME_BLOCK = 0.8


@dataclass(frozen=True, slots=True)
class Agreement:
    """``correlation``: of all overlapping pixels, -1..1. ``blocks``: share (0..1) of the overlap's textured
    blocks that correlate well by themselves. ``textured``: how many such blocks there were."""

    correlation: float
    blocks: float
    textured: int


def measure(query: UInt8Array, reference: UInt8Array, matrix: Float64Array) -> Agreement | None:
    """Compare the overlap of two grey pictures, uint8 [H, W]; ``matrix`` maps query to reference fractions.

    Returns ``None`` where there is no overlap to compare.
    """
    polygon = homography.overlap(matrix)
    if len(polygon) < 3:
        return None
    low, high = polygon.min(axis=0), polygon.max(axis=0)
    if (high - low).min() < 0.02:
        return None
    to_reference = np.array(
        [[high[0] - low[0], 0, low[0]], [0, high[1] - low[1], low[1]], [0, 0, 1]], np.float64
    )
    mask = np.zeros((_RASTER, _RASTER), np.uint8)
    corners = np.rint((polygon - low) / (high - low) * (_RASTER - 1)).astype(np.int32)
    cv2.fillConvexPoly(mask, corners, 1)
    first = _sampled(query, np.linalg.inv(matrix) @ to_reference)
    second = _sampled(reference, to_reference)
    return _compare(first, second, mask.astype(bool))


def _sampled(picture: UInt8Array, from_raster: Float64Array) -> Float32Array:
    """The picture on the raster; ``from_raster`` maps raster fractions to picture fractions."""
    height, width = picture.shape
    span = homography.warp(from_raster, np.array([[0.25, 0.25], [0.75, 0.25], [0.25, 0.75]]))
    step = np.linalg.norm((span[1:] - span[0]) * (width, height), axis=1).min() / (_RASTER / 2)
    if step > 1.3:
        # Warping picks single pixels, so fine texture must be averaged away first.
        size = (max(2, round(width / step)), max(2, round(height / step)))
        picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        height, width = picture.shape
    to_pixels = np.array([[width, 0, -0.5], [0, height, -0.5], [0, 0, 1]], np.float64)
    from_cells = np.array([[1 / _RASTER, 0, 0.5 / _RASTER], [0, 1 / _RASTER, 0.5 / _RASTER], [0, 0, 1]])
    warped = cv2.warpPerspective(
        picture.astype(np.float32),
        to_pixels @ from_raster @ from_cells,
        (_RASTER, _RASTER),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.GaussianBlur(warped, (0, 0), _BLUR), np.float32)


def _compare(first: Float32Array, second: Float32Array, mask: NDArray[np.bool_]) -> Agreement:
    side = _RASTER // _BLOCK
    blocks = [
        values.reshape(side, _BLOCK, side, _BLOCK).swapaxes(1, 2).reshape(side * side, -1)
        for values in (first, second, mask)
    ]
    covered = blocks[2].mean(axis=1) >= _COVERED
    one, two = blocks[0][covered], blocks[1][covered]
    textured = np.maximum(one.std(axis=1), two.std(axis=1)) >= _FLAT
    same = _correlation(one[textured], two[textured]) >= _SAME_BLOCK
    whole = _correlation(first[mask][None], second[mask][None])
    return Agreement(float(whole[0]), float(same.mean()) if len(same) else 0.0, len(same))


def _correlation(first: Float32Array, second: Float32Array) -> Float32Array:
    """Zero-mean correlation row by row; 0 where a row is constant."""
    one = first - first.mean(axis=1, keepdims=True)
    two = second - second.mean(axis=1, keepdims=True)
    scale = np.sqrt((one**2).sum(axis=1) * (two**2).sum(axis=1))
    return np.asarray((one * two).sum(axis=1) / np.maximum(scale, 1e-3), np.float32)
