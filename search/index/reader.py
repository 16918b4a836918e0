"""One generation of the index, opened for searching."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from search.index.base import (
    AliveMask,
    HashMatches,
    IndexRows,
    Neighbours,
    VectorIndex,
    check_hash_query,
    check_vector_query,
    merge_hash_matches,
    merge_neighbours,
    no_neighbours,
)
from search.index.faiss_segment import FaissIndex
from search.index.hash_bands import BandedHashIndex
from search.index.manifest import Manifest, SegmentEntry
from search.index.segment_files import Segment
from search.types import Float32Array, Int64Array, UInt64Array


@dataclass(frozen=True, slots=True)
class SegmentView:
    """A segment as one generation sees it: without the rows that were removed."""

    entry: SegmentEntry
    segment: Segment
    positions: Int64Array
    vectors: FaissIndex
    hashes: BandedHashIndex

    @classmethod
    def of(cls, entry: SegmentEntry, segment: Segment, alive: AliveMask | None) -> SegmentView:
        """The view of ``segment`` limited to its ``alive`` rows (bool [N]; ``None`` for all)."""
        positions = np.arange(entry.rows) if alive is None else np.flatnonzero(alive)
        return cls(entry, segment, positions, segment.vectors_index(alive), segment.hashes_index(alive))


class IndexReader(VectorIndex):
    """A generation's rows. Nothing in it changes, so threads may share it and a search in progress keeps
    the reader it started with while newer ones replace it."""

    def __init__(self, manifest: Manifest, views: Sequence[SegmentView]) -> None:
        self._manifest = manifest
        self._views = tuple(views)

    @property
    def manifest(self) -> Manifest:
        """What this generation consists of."""
        return self._manifest

    @property
    def views(self) -> tuple[SegmentView, ...]:
        """Its segments, for the next generation to take over."""
        return self._views

    @property
    def generation(self) -> int:
        """Rises with every commit; 0 for an index that was never written."""
        return self._manifest.generation

    @property
    def model_key(self) -> str:
        """The model whose vectors these are."""
        return self._manifest.model_key

    @property
    def dimension(self) -> int:
        return self._manifest.dimension

    def __len__(self) -> int:
        return self._manifest.vectors

    def search(self, vectors: Float32Array, k: int) -> Neighbours:
        check_vector_query(vectors, k, self.dimension)
        nothing = no_neighbours(len(vectors), k)
        if len(vectors) == 0:
            return nothing
        return merge_neighbours([nothing, *(view.vectors.search(vectors, k) for view in self._views)], k)

    def search_hashes(self, hashes: UInt64Array, radius: int) -> HashMatches:
        """Every row at most ``radius`` bits from each hash (uint64 [Q]); see :class:`HashIndex`.

        Raises:
            IndexMismatch: another dtype or shape.
            ValueError: ``radius`` is outside 0..64.
        """
        check_hash_query(hashes, radius)
        return merge_hash_matches([view.hashes.search(hashes, radius) for view in self._views])

    def ids(self) -> Int64Array:
        """Every row's id, rising: int64 [len(self)]."""
        return np.sort(self._gather("ids"))

    def ids_owned_by(self, owners: Int64Array) -> Int64Array:
        """The ids of all rows of the given contents (int64 [M]), rising."""
        found = np.isin(self._gather("owners"), owners)
        return np.sort(self._gather("ids")[found])

    def hashes_and_owners(self) -> tuple[Int64Array, Int64Array, UInt64Array]:
        """All ids, owners and hashes in one common order (8 bytes a row each), for bulk comparison."""
        parts = [np.empty(0, np.uint64), *(view.segment.rows.hashes[view.positions] for view in self._views)]
        return self._gather("ids"), self._gather("owners"), np.concatenate(parts)

    def rows(self, size: int = 4096) -> Iterator[IndexRows]:
        """All rows with their original vectors, ``size`` at a time, in the order of
        :meth:`hashes_and_owners`; memory holds one batch."""
        for view in self._views:
            yield from view.segment.rows.batches(view.positions, size)

    def _gather(self, field: str) -> Int64Array:
        parts = [getattr(view.segment.rows, field)[view.positions] for view in self._views]
        return np.concatenate([np.empty(0, np.int64), *parts])
