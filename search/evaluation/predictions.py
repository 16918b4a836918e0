"""What a method answered, pooled over all queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from search.types import Float32Array, Int64Array

BoolArray: TypeAlias = NDArray[np.bool_]

KEPT = 10
"""Answers of a query that count (see :mod:`search.evaluation.metrics` for the source)."""

NO_TRUTH = -1
"""The original of a query that has none."""


@dataclass(frozen=True, slots=True)
class Predictions:
    """Pairs that a method proposed, all arrays of the same length N, in order of score: highest first and,
    where scores are equal, wrong pairs first.

    ``queries``: int64 [N], positions in ``truths``. ``scores``: float32 [N]. ``correct``: bool [N].
    ``truths``: int64 [Q], the reference that each query was made from, ``NO_TRUTH`` for strangers; every
    query has at most one.
    """

    queries: Int64Array
    scores: Float32Array
    correct: BoolArray
    truths: Int64Array

    @property
    def has_truth(self) -> BoolArray:
        """bool [Q]: which queries were made from a reference."""
        return np.asarray(self.truths != NO_TRUTH, np.bool_)


def top(scores: Float32Array, truths: Int64Array, kept: int = KEPT) -> tuple[Float32Array, BoolArray]:
    """The best ``kept`` answers of each query: their scores and whether they are correct, both [Q, kept].

    ``scores``: [Q, R], minus infinity for references a method does not propose; ``truths``: int64 [Q].
    Among equal scores wrong references come first, so a method gains nothing by being undecided.
    """
    correct = truths[:, None] == np.arange(scores.shape[1])[None]
    order = np.lexsort((correct, -scores), axis=1)[:, :kept]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(correct, order, axis=1)


def pool(parts: Sequence[tuple[Float32Array, BoolArray]], truths: Int64Array) -> Predictions:
    """All queries' answers as one list. ``parts``: what :func:`top` gave for group after group of queries."""
    scores = np.concatenate([part for part, _ in parts])
    correct = np.concatenate([part for _, part in parts])
    queries = np.repeat(np.arange(len(scores)), scores.shape[1])
    proposed = np.isfinite(scores.ravel())
    return ordered(queries[proposed], scores.ravel()[proposed], correct.ravel()[proposed], truths)


def ordered(queries: Int64Array, scores: Float32Array, correct: BoolArray, truths: Int64Array) -> Predictions:
    """Predictions from pairs in any order."""
    order = np.lexsort((correct, -scores))
    return Predictions(
        queries[order].astype(np.int64), scores[order].astype(np.float32), correct[order], truths
    )
