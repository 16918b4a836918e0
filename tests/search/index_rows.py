"""Random rows for index tests, and what a brute-force search over them finds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from search.index.base import IndexRows, Neighbours
from search.types import Float32Array, Int64Array, UInt64Array

DIMENSION = 16
NOTHING: Int64Array = np.empty(0, np.int64)


def make_rows(ids: Iterable[int], *, dimension: int = DIMENSION) -> IndexRows:
    """Rows whose contents follow from their ids alone; three rows share an owner."""
    keys = np.fromiter(ids, np.int64)
    owners = keys // 3 + 1000
    random = [np.random.default_rng(int(key)) for key in keys]
    vectors = np.array([each.standard_normal(dimension) for each in random]).reshape(len(keys), dimension)
    hashes = np.array([each.integers(0, 2**64, dtype=np.uint64) for each in random], np.uint64)
    return IndexRows(keys, owners, unit(vectors.astype(np.float32)).astype(np.float16), hashes)


def unit(vectors: Float32Array) -> Float32Array:
    lengths: Float32Array = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / lengths


def random_queries(count: int, *, seed: int = 0, dimension: int = DIMENSION) -> Float32Array:
    return unit(np.random.default_rng(seed).standard_normal((count, dimension)).astype(np.float32))


def nearest(rows: IndexRows, queries: Float32Array, k: int) -> Neighbours:
    """Every score computed, every line sorted: slow and surely right."""
    scores = queries @ rows.vectors.astype(np.float32).T
    order = np.array([sorted(range(len(rows)), key=lambda column: -line[column])[:k] for line in scores])
    order = order.reshape(len(queries), -1)
    return Neighbours(rows.ids[order], rows.owners[order], np.take_along_axis(scores, order, axis=1))


def within(rows: IndexRows, queries: UInt64Array, radius: int) -> list[tuple[int, int, int, int]]:
    """(query, distance, id, owner) of every pair, bits counted one by one as text."""
    found = [
        (
            position,
            (int(query) ^ int(rows.hashes[row])).bit_count(),
            int(rows.ids[row]),
            int(rows.owners[row]),
        )
        for position, query in enumerate(queries)
        for row in range(len(rows))
    ]
    return sorted(pair for pair in found if pair[1] <= radius)


def nearby_hashes(rows: IndexRows, count: int, *, seed: int = 0) -> UInt64Array:
    """Hashes a few bits away from the first ``count`` of ``rows``."""
    random = np.random.default_rng(seed)
    flips = [
        sum(1 << int(bit) for bit in random.choice(64, size=int(random.integers(0, 14)), replace=False))
        for _ in range(count)
    ]
    return rows.hashes[:count] ^ np.array(flips, np.uint64)
