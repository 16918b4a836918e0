"""A plane-to-plane map between two pictures, and whether an edit could have made it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from search.types import Float32Array, Float64Array, Int64Array

# Pixels of residual at the size local features are found on (about 400): twice SIFT's own noise there.
RESIDUAL_PX = 3.0
# How far one linear step of the map may be from a turn with scaling. Stretching 16:9 to 4:3 and back again is
# 1.8; a picture filmed from the side rarely passes 3. Wilder maps come from accidental matches.
_MAX_STRETCH = 3.5
# Linear scale between the two pictures: beyond it there are no common details left to match.
_MAX_SCALE = 15.0
# The map's depth (its third coordinate) may vary by so much over the agreeing points.
_MAX_DEPTH_RATIO = 3.0

_ITERATIONS = 700
_CONFIDENCE = 0.999
_UNIT_SQUARE = np.array([[0, 0], [1, 0], [1, 1], [0, 1]], np.float64)


@dataclass(frozen=True, slots=True)
class Fit:
    """``matrix``: float64 [3, 3], query fractions to reference fractions. ``inliers``: rows that agree."""

    matrix: Float64Array
    inliers: Int64Array


def fit(
    query: Float32Array, reference: Float32Array, query_size: tuple[int, int], reference_size: tuple[int, int]
) -> Fit | None:
    """The homography most of the point pairs agree with, or ``None`` if no plausible one is found.

    ``query``, ``reference``: float32 [M, 2] fractions, row by row. Sizes are (width, height) in pixels, so
    that residuals are measured in pixels of the reference. MAGSAC++ (Barath et al., 2020) from OpenCV; where
    its perspective folds the picture, an affine map through its inliers is tried instead.
    """
    if len(query) < 4:
        return None
    source = query * np.array(query_size, np.float32)
    target = reference * np.array(reference_size, np.float32)
    found = _magsac(source, target)
    if found is None:
        return None
    matrix, inliers = found
    if not plausible(matrix, source[inliers]):
        affine = _affine(source[inliers], target[inliers])
        if affine is None or not plausible(affine, source[inliers]):
            return None
        matrix, inliers = affine, np.flatnonzero(residuals(affine, source, target) < RESIDUAL_PX)
    to_fractions = np.diag([1 / reference_size[0], 1 / reference_size[1], 1.0])
    scaled = to_fractions @ matrix @ np.diag([query_size[0], query_size[1], 1.0])
    return Fit(scaled / scaled[2, 2], inliers.astype(np.int64))


def plausible(matrix: Float64Array, points: Float32Array) -> bool:
    """Whether the map keeps its orientation, and neither folds, shears nor shrinks the points absurdly.

    ``matrix`` and ``points`` [N, 2] are in pixels. A mirrored map is not plausible: mirror the points first.
    """
    if len(points) < 4 or abs(matrix[2, 2]) < 1e-12:
        return False
    normalised = matrix / matrix[2, 2]
    depth = _homogeneous(points) @ normalised[2]
    if depth.min() <= 0 or depth.max() > _MAX_DEPTH_RATIO * depth.min():
        return False
    singular = np.linalg.svd(_jacobian(normalised, points.mean(axis=0)), compute_uv=True)
    if np.linalg.det(singular.U) * np.linalg.det(singular.Vh) < 0:
        return False
    large, small = (float(value) for value in singular.S)
    return small > 1 / _MAX_SCALE and large < _MAX_SCALE and large < _MAX_STRETCH * small


def warp(matrix: Float64Array, points: Float32Array | Float64Array) -> Float64Array:
    """Map points, [N, 2], through a homography; float64 [N, 2]."""
    mapped = _homogeneous(points) @ matrix.T
    return np.asarray(mapped[:, :2] / mapped[:, 2:], np.float64)


def residuals(matrix: Float64Array, source: Float32Array, target: Float32Array) -> Float64Array:
    """Distance of each mapped source point from its target, float64 [N]."""
    return np.asarray(np.linalg.norm(warp(matrix, source) - target, axis=1), np.float64)


def overlap(matrix: Float64Array) -> Float32Array:
    """The part of the reference that the query covers: a convex polygon, float32 [K, 2] in fractions.

    Empty if the query's outline folds over or lies outside.
    """
    nothing = np.zeros((0, 2), np.float32)
    if (_homogeneous(_UNIT_SQUARE) @ matrix[2] <= 1e-6).any():
        return nothing
    outline = warp(matrix, _UNIT_SQUARE)
    if not cv2.isContourConvex(outline.astype(np.float32)):
        return nothing
    for axis in (0, 1):
        outline = _clipped(outline, outline[:, axis])
        outline = _clipped(outline, 1 - outline[:, axis])
    return outline.astype(np.float32)


def area(points: Float32Array | Float64Array) -> float:
    """Area of the convex hull of points [N, 2]."""
    if len(points) < 3:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))


def _clipped(polygon: Float64Array, inside: Float64Array) -> Float64Array:
    """The part of a convex polygon where ``inside``, given at its corners, is not negative."""
    corners = []
    for index in range(len(polygon)):
        here, there = inside[index - 1], inside[index]
        if here * there < 0:
            share = here / (here - there)
            corners.append(polygon[index - 1] + share * (polygon[index] - polygon[index - 1]))
        if there >= 0:
            corners.append(polygon[index])
    return np.array(corners, np.float64).reshape(-1, 2)


def _magsac(source: Float32Array, target: Float32Array) -> tuple[Float64Array, Int64Array] | None:
    matrix, mask = cv2.findHomography(
        source, target, cv2.USAC_MAGSAC, RESIDUAL_PX, maxIters=_ITERATIONS, confidence=_CONFIDENCE
    )
    if matrix is None or mask is None:
        return None
    return np.asarray(matrix, np.float64), np.flatnonzero(mask.ravel()).astype(np.int64)


def _affine(source: Float32Array, target: Float32Array) -> Float64Array | None:
    if len(source) < 3:
        return None
    matrix, _ = cv2.estimateAffine2D(source, target, ransacReprojThreshold=RESIDUAL_PX)
    if matrix is None or not np.isfinite(matrix).all():
        return None
    return np.vstack([matrix, [0, 0, 1]]).astype(np.float64)


def _homogeneous(points: Float32Array | Float64Array) -> Float64Array:
    return np.column_stack([points.astype(np.float64), np.ones(len(points))])


def _jacobian(matrix: Float64Array, at: Float32Array) -> Float64Array:
    """Derivative of the map at one point, float64 [2, 2]."""
    mapped = matrix @ np.array([at[0], at[1], 1.0])
    place = mapped[:2] / mapped[2]
    return np.asarray((matrix[:2, :2] - np.outer(place, matrix[2, :2])) / mapped[2], np.float64)
