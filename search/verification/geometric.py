"""Decide from points and pixels whether one picture is a copy of another.

Two questions are kept apart. *Related*: one homography explains many key points; the two show the same
thing, and perhaps only the same building. *Copy*: related, and the pixels agree where the two overlap.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from search.types import (
    Float32Array,
    Float64Array,
    LocalFeatures,
    Point,
    Region,
    UInt8Array,
    Verification,
)
from search.verification import agreement, correspondences, homography

GreyLoader = Callable[[], UInt8Array | None]

MIN_INLIERS = 12
# With pixels as a second witness, half of the points are enough: 4 points always fit a homography, and among
# unrelated photographs more than 6 were never seen to agree.
_FEWEST_INLIERS = 6
# Share of textured blocks that must be the same. Measured on 100 photographs: edited copies have .9 and more,
# .55 with large captions over them; two views of one room stay below .4, unrelated pictures below .1.
_SAME_BLOCKS = 0.45
_SAME_BLOCKS_SURE = 0.3
_SURE_INLIERS = 60
# Where no block has texture (a sky, a slide), the whole overlap must correlate.
_FLAT_CORRELATION = 0.9
# Without pixels: more points, most of the tentative matches, over a good part of the overlap. A shared logo,
# caption or watermark fails the last.
_BLIND_FACTOR = 2
_BLIND_SHARE = 0.6
_BLIND_SPREAD = 0.15

_MAX_PAIRS = 200
_EVIDENCE_SCALE = 8.0


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two pictures. ``grey`` gives its pixels, uint8 [H, W], when asked for them."""

    features: LocalFeatures
    grey: GreyLoader = lambda: None


@dataclass(frozen=True, slots=True)
class Relation:
    """``verification``: the common geometry. ``is_copy``: the pixels agree as well. ``spread``: share (0..1)
    of the overlap that the agreeing points span. ``blocks``: share of its textured blocks that are the same,
    ``None`` without pixels."""

    verification: Verification
    is_copy: bool
    spread: float
    blocks: float | None


def verify(
    query: LocalFeatures,
    reference: LocalFeatures,
    *,
    query_grey: GreyLoader = lambda: None,
    reference_grey: GreyLoader = lambda: None,
    min_inliers: int = MIN_INLIERS,
) -> Verification | None:
    """The evidence that ``query`` and ``reference`` share pixels, plain or mirrored, or ``None``."""
    relation = relate(Side(query, query_grey), Side(reference, reference_grey), min_inliers=min_inliers)
    return relation.verification if relation is not None and relation.is_copy else None


def relate(query: Side, reference: Side, *, min_inliers: int = MIN_INLIERS) -> Relation | None:
    """The best common geometry of two pictures, or ``None`` if no homography joins enough points.

    The query is also tried flipped left to right. Turned copies need no trial of their own: the features
    turn with the picture.
    """
    tries = [(mirrored, _matched(query.features, reference.features, mirrored)) for mirrored in (False, True)]
    tries.sort(key=lambda attempt: -len(attempt[1][1]))
    found: Relation | None = None
    for mirrored, (features, matched) in tries:
        relation = _relation(query, features, reference, matched, mirrored, min_inliers)
        if relation is not None and (found is None or _rank(relation) > _rank(found)):
            found = relation
        if found is not None and found.is_copy:
            break
    return found


def in_whole_picture(verification: Verification, region: Region) -> Verification:
    """Restate evidence found on a cut-out of the query in fractions of the whole query picture."""
    into_region = np.array(
        [
            [1 / region.width, 0, -region.x / region.width],
            [0, 1 / region.height, -region.y / region.height],
            [0, 0, 1],
        ]
    )
    pairs = tuple(
        ((region.x + x * region.width, region.y + y * region.height), reference)
        for (x, y), reference in verification.pairs
    )
    matrix = np.array(verification.homography).reshape(3, 3) @ into_region
    return replace(verification, homography=_flat(matrix), pairs=pairs)


def _matched(
    query: LocalFeatures, reference: LocalFeatures, mirrored: bool
) -> tuple[LocalFeatures, correspondences.Correspondences]:
    features = correspondences.flipped(query) if mirrored else query
    return features, correspondences.match(features, reference)


def _relation(
    query: Side,
    features: LocalFeatures,
    reference: Side,
    matched: correspondences.Correspondences,
    mirrored: bool,
    min_inliers: int,
) -> Relation | None:
    fewest = min(_FEWEST_INLIERS, min_inliers)
    if len(matched) < fewest:
        return None
    target = reference.features
    source_points, target_points = features.points[matched.query], target.points[matched.reference]
    size, target_size = (features.width, features.height), (target.width, target.height)
    fit = homography.fit(source_points, target_points, size, target_size)
    if fit is None or _distinct(target_points[fit.inliers], target_size) < fewest:
        return None
    inliers = _distinct(target_points[fit.inliers], target_size)
    spread = _spread(fit.matrix, target_points[fit.inliers])
    pixels = _pixels(query, reference, fit.matrix, mirrored)
    is_copy = _is_copy(inliers, len(matched), spread, pixels, min_inliers)
    if not is_copy and inliers < min_inliers:
        return None
    matrix = fit.matrix @ _FLIP if mirrored else fit.matrix
    verification = Verification(
        inliers=inliers,
        matches=len(matched),
        score=_score(inliers, pixels.blocks if pixels else spread),
        mirrored=mirrored,
        homography=_flat(matrix),
        pairs=_pairs(source_points[fit.inliers], target_points[fit.inliers], mirrored),
        agreement=pixels.correlation if pixels else None,
    )
    return Relation(verification, is_copy, spread, pixels.blocks if pixels else None)


_FLIP = np.array([[-1, 0, 1], [0, 1, 0], [0, 0, 1]], np.float64)


def _is_copy(
    inliers: int, matches: int, spread: float, pixels: agreement.Agreement | None, min_inliers: int
) -> bool:
    if pixels is None:
        return (
            inliers >= _BLIND_FACTOR * min_inliers
            and inliers >= _BLIND_SHARE * matches
            and spread >= _BLIND_SPREAD
        )
    if pixels.textured == 0:
        return inliers >= min_inliers and pixels.correlation >= _FLAT_CORRELATION
    if inliers >= _SURE_INLIERS and inliers >= _BLIND_SHARE * matches:
        return pixels.blocks >= _SAME_BLOCKS_SURE
    return pixels.blocks >= _SAME_BLOCKS


def _pixels(query: Side, reference: Side, matrix: Float64Array, mirrored: bool) -> agreement.Agreement | None:
    first, second = query.grey(), reference.grey()
    if first is None or second is None:
        return None
    return agreement.measure(np.ascontiguousarray(first[:, ::-1]) if mirrored else first, second, matrix)


def _distinct(points: Float32Array, size: tuple[int, int]) -> int:
    """Points at different pixels: SIFT puts several on one corner, which is one piece of evidence."""
    return len(np.unique(np.rint(points * np.array(size, np.float32) / 2), axis=0))


def _spread(matrix: Float64Array, points: Float32Array) -> float:
    whole = homography.area(homography.overlap(matrix))
    return min(1.0, homography.area(points) / whole) if whole > 0 else 0.0


def _score(inliers: int, agreeing: float) -> float:
    """0..1: how much evidence there is, times how well the rest of the picture goes along with it."""
    return (1 - math.exp(-inliers / _EVIDENCE_SCALE)) * (0.5 + 0.5 * agreeing)


def _rank(relation: Relation) -> tuple[bool, float]:
    return relation.is_copy, relation.verification.score


def _flat(matrix: Float64Array) -> tuple[float, ...]:
    return tuple(float(value) for value in (matrix / matrix[2, 2]).ravel())


def _pairs(query: Float32Array, reference: Float32Array, mirrored: bool) -> tuple[tuple[Point, Point], ...]:
    source = query[:_MAX_PAIRS].astype(float)
    if mirrored:
        source[:, 0] = 1 - source[:, 0]
    target = reference[:_MAX_PAIRS].astype(float)
    return tuple(((a, b), (c, d)) for (a, b), (c, d) in zip(source.tolist(), target.tolist(), strict=True))
