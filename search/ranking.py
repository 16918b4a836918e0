"""Scores that mean the same for every query.

A cosine does not: flat, framed and text-only pictures are close to everything. So the level that
*unrelated* pictures reach with this query is taken away first (score normalisation, as in the DISC21
baselines of Douze et al., 2021): ``normalised = cosine - mean of the 3 largest cosines with a background``.
A fixed logistic then maps it to 0..1 for people.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from search.types import Float32Array

_LEVEL_RANKS = 3

# Fitted by logistic regression on 100 photographs: each edited in 13 ways (mirror, crops to 60 % and 30 %
# with JPEG, caption, letterbox, turns by 15 and 90 degrees, blur, contrast, brightness, JPEG 8, shrinking,
# stretching) against its original, and as many of the closest unrelated pairs among the same photographs,
# with the network sightline@0. One half means: as often an edited copy as the best of a hundred strangers.
MIDPOINT = 0.09
WIDTH = 0.04


@dataclass(frozen=True, slots=True)
class Background:
    """Vectors of unrelated pictures, float32 [M, D], L2-normalised; with none, nothing is taken away."""

    vectors: Float32Array

    def levels(self, queries: Float32Array) -> Float32Array:
        """What unrelated pictures reach with each query: float32 [Q] for vectors float32 [Q, D]."""
        ranks = min(_LEVEL_RANKS, len(self.vectors))
        if ranks == 0 or len(queries) == 0:
            return np.zeros(len(queries), np.float32)
        cosines = queries @ self.vectors.T
        largest = np.partition(cosines, cosines.shape[1] - ranks, axis=1)[:, -ranks:]
        return np.asarray(largest.mean(axis=1), np.float32)

    def normalised(self, cosines: Float32Array, queries: Float32Array) -> Float32Array:
        """Cosines [Q, K] of each query with its neighbours, less the query's own level."""
        return np.asarray(cosines - self.levels(queries)[:, None], np.float32)


def probability(normalised: Float32Array | float) -> Float32Array:
    """Map normalised cosines to 0..1, increasing; -inf (no neighbour) becomes 0."""
    scaled = (np.asarray(normalised, np.float32) - MIDPOINT) / WIDTH
    return np.asarray(1 / (1 + np.exp(-np.clip(scaled, -60, 60))), np.float32)
