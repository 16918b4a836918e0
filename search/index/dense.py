"""Exact search by blocked matrix product, for many queries at once.

FAISS's own exhaustive search is fine for one vector, but a clip asks with hundreds: there numpy's matrix
product over the same memory was six times faster (64 queries, 100,000 x 256, one core).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from search.index.base import NO_ID, AliveMask
from search.types import Float32Array, Int64Array

BLOCK_ROWS = 4096
BLOCK_QUERIES = 256
"""A block of scores is at most 256 x 4,096 float32 = 4 MiB, whatever the sizes of both sides."""

Ranked: TypeAlias = tuple[Float32Array, Int64Array]


def top_rows(queries: Float32Array, matrix: Float32Array, k: int, alive: AliveMask | None) -> Ranked:
    """The ``k`` rows of ``matrix`` [N, D] with the highest inner product with each query [Q, D].

    ``alive``: bool [N], rows that may be found; ``None`` for all. Returns scores float32 [Q, k] and
    positions int64 [Q, k], best first, short answers filled with minus infinity and -1.
    """
    parts = [
        _top_of_block(queries[start : start + BLOCK_QUERIES], matrix, k, alive)
        for start in range(0, len(queries), BLOCK_QUERIES)
    ]
    if not parts:
        return np.empty((0, k), np.float32), np.empty((0, k), np.int64)
    return np.concatenate([scores for scores, _ in parts]), np.concatenate([rows for _, rows in parts])


def _top_of_block(queries: Float32Array, matrix: Float32Array, k: int, alive: AliveMask | None) -> Ranked:
    best = np.full((len(queries), k), -np.inf, np.float32)
    rows = np.full((len(queries), k), NO_ID, np.int64)
    for start in range(0, len(matrix), BLOCK_ROWS):
        scores = queries @ _aligned(matrix[start : start + BLOCK_ROWS]).T
        if alive is not None:
            scores[:, ~alive[start : start + BLOCK_ROWS]] = -np.inf
        columns = _best_columns(scores, k)
        best = np.concatenate([best, np.take_along_axis(scores, columns, axis=1)], axis=1)
        rows = np.concatenate([rows, columns + start], axis=1)
        best, rows = best_first(best, rows, k)
    rows[np.isneginf(best)] = NO_ID
    return best, rows


def _aligned(block: Float32Array) -> Float32Array:
    """FAISS's file header leaves mapped floats at odd addresses, which numpy's matrix product converts one
    by one; copying them as bytes first is three times faster."""
    return block if block.flags.aligned else block.view(np.uint8).copy().view(np.float32)


def best_first(scores: Float32Array, rows: Int64Array, k: int) -> Ranked:
    """The ``k`` highest of each line of ``scores``, with their ``rows``, in falling order."""
    order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(scores, order, axis=1), np.take_along_axis(rows, order, axis=1)


def _best_columns(scores: Float32Array, k: int) -> Int64Array:
    if scores.shape[1] <= k:
        return np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    return np.argpartition(scores, scores.shape[1] - k, axis=1)[:, -k:]
