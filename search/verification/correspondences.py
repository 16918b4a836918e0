"""Which key points of one picture look like which of another, before any geometry is asked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.types import Float32Array, Int64Array, LocalFeatures

# Lowe's test: the second best must be clearly worse. His 0.8 was chosen for whole databases; between two
# pictures, and behind a mutual check and a homography, a little more keeps repeated structure alive.
RATIO = 0.85

_BINS, _ANGLES = 4, 8


@dataclass(frozen=True, slots=True)
class Correspondences:
    """Tentative matches, best first: indices into the query's and the reference's points.

    ``query``, ``reference``: int64 [M], no index appears twice in either. ``ratios``: float32 [M], distance
    of the best over that of the second best.
    """

    query: Int64Array
    reference: Int64Array
    ratios: Float32Array

    def __len__(self) -> int:
        return len(self.query)


def flipped(features: LocalFeatures) -> LocalFeatures:
    """The features that the picture mirrored left to right would have.

    A SIFT descriptor is a grid of 4x4 cells with 8 directions each, laid out along the point's main
    direction. A mirror turns the grid's rows round and every direction into its opposite turn, so the
    mirrored descriptor is a permutation of the plain one, and the picture need not be looked at again.
    """
    grid = features.descriptors.reshape(-1, _BINS, _BINS, _ANGLES)
    opposite = (-np.arange(_ANGLES)) % _ANGLES
    descriptors = np.ascontiguousarray(grid[:, ::-1, :, opposite]).reshape(features.descriptors.shape)
    points = features.points.copy()
    points[:, 0] = 1 - points[:, 0]
    return LocalFeatures(points, descriptors, features.width, features.height)


def match(query: LocalFeatures, reference: LocalFeatures, *, ratio: float = RATIO) -> Correspondences:
    """Mutual nearest neighbours that pass the ratio test in the query's direction, best first."""
    if len(query) < 2 or len(reference) < 2:
        return _none()
    distances = _distances(query, reference)
    nearest = distances.argmin(axis=1)
    rows = np.arange(len(nearest))
    mutual = distances.argmin(axis=0)[nearest] == rows
    best = distances[rows, nearest]
    distances[rows, nearest] = np.inf
    ratios = np.sqrt(best / np.maximum(distances.min(axis=1), 1e-6))
    kept = np.flatnonzero(mutual & (ratios < ratio))
    kept = kept[np.argsort(ratios[kept], kind="stable")]
    return Correspondences(kept.astype(np.int64), nearest[kept].astype(np.int64), ratios[kept])


def _distances(query: LocalFeatures, reference: LocalFeatures) -> Float32Array:
    """Squared distances, float32 [Q, R]."""
    first = query.descriptors.astype(np.float32)
    second = reference.descriptors.astype(np.float32)
    squares = (first**2).sum(axis=1)[:, None] + (second**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(squares - 2 * (first @ second.T), 0), np.float32)


def _none() -> Correspondences:
    nothing = np.zeros(0, np.int64)
    return Correspondences(nothing, nothing, np.zeros(0, np.float32))
