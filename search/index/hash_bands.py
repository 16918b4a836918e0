"""An exact Hamming index for many queries: multi-index hashing over four 16-bit bands.

Two hashes that differ in at most ``r`` bits differ in at most ``r // 4`` bits of at least one quarter
(pigeonhole), so only rows that share such a quarter are compared: for a radius of 10 some 0.8 % of evenly
spread hashes. Norouzi, Punjani and Fleet, "Fast Search in Hamming Space with Multi-Index Hashing", 2012.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from search.index.base import AliveMask, HashIndex, HashMatches, check_hash_query, merge_hash_matches
from search.index.hamming import ScanHashIndex
from search.types import Int64Array, UInt64Array

BANDS = 4
BAND_BITS = 16
WIDEST_RADIUS = 15
"""Above it a quarter may differ in four bits: 2,517 look-ups each, and a plain scan is faster."""

MIN_PAIRS = 10_000_000
"""Below so many pairs (50 ms of scanning) the bands are not worth sorting."""

CHUNK_QUERIES = 64
CHUNK_CANDIDATES = 1 << 20
"""Candidates compared at once, so that a band value shared by half the rows costs time, not memory."""


class BandedHashIndex(HashIndex):
    """Hashes with ids and owners (int64, int64, uint64 [N]); arguments as for :class:`ScanHashIndex`, which
    answers where the bands would not help. ``bands``: the sorted ``hashes``, if someone has them already.
    """

    def __init__(
        self,
        ids: Int64Array,
        owners: Int64Array,
        hashes: UInt64Array,
        alive: AliveMask | None = None,
        *,
        bands: HashBands | None = None,
    ) -> None:
        self._scan = ScanHashIndex(ids, owners, hashes, alive)
        self._ids, self._owners, self._hashes, self._alive = ids, owners, hashes, alive
        self._bands = bands or HashBands(hashes)

    def __len__(self) -> int:
        return len(self._scan)

    def search(self, hashes: UInt64Array, radius: int) -> HashMatches:
        check_hash_query(hashes, radius)
        if radius > WIDEST_RADIUS or len(hashes) * len(self._ids) < MIN_PAIRS:
            return self._scan.search(hashes, radius)
        found = [
            self._matches(hashes[first : first + CHUNK_QUERIES], first, radius)
            for first in range(0, len(hashes), CHUNK_QUERIES)
        ]
        return merge_hash_matches(found)

    def _matches(self, hashes: UInt64Array, first: int, radius: int) -> HashMatches:
        parts = [
            self._compared(hashes, query, row, radius)
            for band in self._bands.sorted()
            for query, row in band.candidates(hashes, radius // BANDS)
        ]
        pairs = np.unique(np.concatenate([np.empty(0, np.int64), *parts]))  # several bands may agree
        query, row = np.divmod(pairs, len(self._ids))
        distances = np.bitwise_count(self._hashes[row] ^ hashes[query]).astype(np.int64)
        return HashMatches(query + first, self._ids[row], self._owners[row], distances)

    def _compared(self, hashes: UInt64Array, query: Int64Array, row: Int64Array, radius: int) -> Int64Array:
        near = np.bitwise_count(self._hashes[row] ^ hashes[query]) <= radius
        if self._alive is not None:
            near &= self._alive[row]
        pairs: Int64Array = query[near] * len(self._ids) + row[near]
        return pairs


class HashBands:
    """Hashes (uint64 [N]) sorted by each of their quarters, at the first use: 4 bytes a row and quarter.
    They stay right when rows are removed, so all generations of a segment share them."""

    def __init__(self, hashes: UInt64Array) -> None:
        self._hashes = hashes
        self._bands: list[_Band] = []

    def sorted(self) -> list[_Band]:
        """The four bands."""
        if not self._bands:  # two threads may both sort: the result is the same
            self._bands = [_Band(self._hashes, band) for band in range(BANDS)]
        return self._bands


class _Band:
    """The rows in the order of one quarter of their hashes, with the place where each value starts."""

    def __init__(self, hashes: UInt64Array, band: int) -> None:
        self._shift = np.uint64(band * BAND_BITS)
        values = self._values(hashes)
        self._rows = np.argsort(values, kind="stable").astype(np.uint32)
        counts = np.bincount(values, minlength=1 << BAND_BITS)
        self._starts = np.concatenate([[0], np.cumsum(counts)])

    def _values(self, hashes: UInt64Array) -> NDArray[np.uint16]:
        return (hashes >> self._shift).astype(np.uint16)

    def candidates(self, hashes: UInt64Array, radius: int) -> Iterator[tuple[Int64Array, Int64Array]]:
        """Positions of queries and of rows whose values differ in at most ``radius`` bits, in chunks."""
        flips = _flips(radius)
        values = (self._values(hashes)[:, None] ^ flips[None]).ravel()
        starts = self._starts[values]
        counts = self._starts[values.astype(np.int64) + 1] - starts
        queries = np.repeat(np.arange(len(hashes)), len(flips))
        chunk = np.cumsum(counts) // CHUNK_CANDIDATES
        for number in np.unique(chunk):
            here = (chunk == number) & (counts > 0)
            yield np.repeat(queries[here], counts[here]), self._expanded(starts[here], counts[here])

    def _expanded(self, starts: Int64Array, counts: Int64Array) -> Int64Array:
        before = np.cumsum(counts) - counts
        places = np.repeat(starts - before, counts) + np.arange(counts.sum())
        rows: Int64Array = self._rows[places].astype(np.int64)
        return rows


@lru_cache
def _flips(radius: int) -> NDArray[np.uint16]:
    """Every 16-bit number with at most ``radius`` bits set."""
    numbers = [
        sum(1 << bit for bit in bits) for size in range(radius + 1) for bits in combinations(range(16), size)
    ]
    return np.array(numbers, np.uint16)
