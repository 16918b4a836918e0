"""The contracts of the index: what goes in, what comes out, and what every engine promises.

Importing this module loads numpy and nothing heavier; FAISS is loaded by the engine that uses it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from search.errors import IndexMismatch
from search.types import Float16Array, Float32Array, Int64Array, UInt64Array

AliveMask: TypeAlias = NDArray[np.bool_]
"""bool [N]: which rows of a segment may be found."""

NO_ID = -1
"""Fills the places of a short answer, as FAISS does; its score is minus infinity."""

NORM_TOLERANCE = 0.02
"""How far a stored vector's length may be from 1 (rounding to float16 costs under 0.001)."""


@dataclass(frozen=True, slots=True)
class IndexRows:
    """Rows to be indexed, all arrays of the same length N.

    ``ids``: int64 [N], not negative, unique in the index (the frame's key).
    ``owners``: int64 [N], the content each frame belongs to.
    ``vectors``: float16 [N, D], L2-normalised. ``hashes``: uint64 [N].
    """

    ids: Int64Array
    owners: Int64Array
    vectors: Float16Array
    hashes: UInt64Array

    def __len__(self) -> int:
        return len(self.ids)

    def take(self, positions: Int64Array) -> IndexRows:
        """The rows at ``positions`` (int64 [M]), in that order."""
        return IndexRows(
            self.ids[positions], self.owners[positions], self.vectors[positions], self.hashes[positions]
        )

    def check(self, dimension: int) -> None:
        """Refuse rows that FAISS would accept silently and answer wrongly from.

        Raises:
            IndexMismatch: wrong types, lengths or dimension, a negative or repeated id, or a vector that
                is not finite or not L2-normalised.
        """
        self._check_types(dimension)
        if len(self) == 0:
            return
        if int(self.ids.min()) < 0:
            raise IndexMismatch("Row ids must not be negative.")
        if len(np.unique(self.ids)) != len(self):
            raise IndexMismatch("The same row id was given twice.")
        lengths = np.linalg.norm(self.vectors.astype(np.float32), axis=1)
        if not bool(np.all(np.abs(lengths - 1) <= NORM_TOLERANCE)):  # also false for NaN
            raise IndexMismatch("Vectors must be finite and L2-normalised.")

    def _check_types(self, dimension: int) -> None:
        expected = {"ids": np.int64, "owners": np.int64, "vectors": np.float16, "hashes": np.uint64}
        for name, dtype in expected.items():
            array = getattr(self, name)
            shape = (len(self.ids), dimension) if name == "vectors" else (len(self.ids),)
            if array.dtype != dtype or array.shape != shape:
                raise IndexMismatch(
                    f"{name} must be {np.dtype(dtype).name} of shape {shape}, "
                    f"but is {array.dtype.name} of shape {array.shape}."
                )


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Nearest rows of Q query vectors, best first.

    ``ids``, ``owners``: int64 [Q, k]. ``scores``: float32 [Q, k], inner products (cosines).
    Short answers are filled with -1 and minus infinity.
    """

    ids: Int64Array
    owners: Int64Array
    scores: Float32Array


@dataclass(frozen=True, slots=True)
class HashMatches:
    """Every (query, row) pair within a Hamming radius, by query, then distance, then id.

    ``queries``: int64 [M], positions in the query array. ``ids``, ``owners``: int64 [M].
    ``distances``: int64 [M], differing bits.
    """

    queries: Int64Array
    ids: Int64Array
    owners: Int64Array
    distances: Int64Array

    def __len__(self) -> int:
        return len(self.queries)


class VectorIndex(ABC):
    """k-nearest-neighbour search by inner product over L2-normalised vectors."""

    @property
    @abstractmethod
    def dimension(self) -> int:
        """Length D of every vector."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows can be found."""

    @abstractmethod
    def search(self, vectors: Float32Array, k: int) -> Neighbours:
        """The ``k`` best rows for each of Q vectors (float32 [Q, D]; Q may be 0).

        Raises:
            IndexMismatch: another dtype or dimension, or a vector that is not finite.
            ValueError: ``k`` is below 1.
        """


class HashIndex(ABC):
    """Range search by Hamming distance over 64-bit hashes."""

    @abstractmethod
    def __len__(self) -> int:
        """How many rows can be found."""

    @abstractmethod
    def search(self, hashes: UInt64Array, radius: int) -> HashMatches:
        """Every row at most ``radius`` bits from each of Q hashes (uint64 [Q]; Q may be 0).

        Raises:
            IndexMismatch: another dtype or shape.
            ValueError: ``radius`` is outside 0..64.
        """


def check_vector_query(vectors: Float32Array, k: int, dimension: int) -> None:
    """The checks promised by :meth:`VectorIndex.search`; FAISS itself would only assert."""
    if k < 1:
        raise ValueError("k must be at least 1.")
    if vectors.dtype != np.float32 or vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise IndexMismatch(
            f"Query vectors must be float32 of shape (any, {dimension}), "
            f"but are {vectors.dtype.name} of shape {vectors.shape}."
        )
    if not bool(np.isfinite(vectors).all()):
        raise IndexMismatch("Query vectors must be finite.")


def check_hash_query(hashes: UInt64Array, radius: int) -> None:
    """The checks promised by :meth:`HashIndex.search`."""
    if not 0 <= radius <= 64:
        raise ValueError("The radius is a number of bits, 0 to 64.")
    if hashes.dtype != np.uint64 or hashes.ndim != 1:
        raise IndexMismatch(
            f"Query hashes must be uint64 in one dimension, not {hashes.dtype.name} of shape {hashes.shape}."
        )


def no_neighbours(queries: int, k: int) -> Neighbours:
    """An answer without any hit, for ``queries`` vectors."""
    nothing = np.full((queries, k), NO_ID, np.int64)
    return Neighbours(nothing, nothing.copy(), np.full((queries, k), -np.inf, np.float32))


def merge_neighbours(answers: list[Neighbours], k: int) -> Neighbours:
    """The ``k`` best of several answers to the same queries; equal scores go by id, so the order is stable.

    Raises:
        ValueError: no answer was given.
    """
    ids = np.concatenate([answer.ids for answer in answers], axis=1)
    owners = np.concatenate([answer.owners for answer in answers], axis=1)
    scores = np.concatenate([answer.scores for answer in answers], axis=1)
    order = np.lexsort((ids, -scores), axis=1)[:, :k]
    return Neighbours(
        np.take_along_axis(ids, order, axis=1),
        np.take_along_axis(owners, order, axis=1),
        np.take_along_axis(scores, order, axis=1),
    )


def merge_hash_matches(answers: list[HashMatches]) -> HashMatches:
    """All pairs of several answers to the same queries, in the promised order; none for an empty list."""
    empty = np.empty(0, np.int64)
    queries, ids, owners, distances = (
        np.concatenate([empty, *(getattr(answer, name) for answer in answers)])
        for name in ("queries", "ids", "owners", "distances")
    )
    order = np.lexsort((ids, distances, queries))
    return HashMatches(queries[order], ids[order], owners[order], distances[order])
