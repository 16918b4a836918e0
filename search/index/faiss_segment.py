"""One immutable FAISS index with the ids, owners and original vectors of its rows.

Positions 0..N-1 are FAISS's ids; ours are looked up afterwards, so the index file holds no ids and a
repeated one cannot hide in it. Rows that were removed since are masked while searching.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np

from search.errors import IndexCorrupt, IndexMismatch
from search.index.base import NO_ID, AliveMask, Neighbours, VectorIndex, check_vector_query, no_neighbours
from search.index.dense import Ranked, best_first, top_rows
from search.types import Float16Array, Float32Array, Int64Array

faiss: Any = _faiss  # its type stubs know neither its Python keywords nor its subclasses

EXACT_ROWS = 200_000
"""Up to here a scan of full vectors takes some 20 ms a query on one core; more rows are kept in 8 bits."""

SCAN_ROWS = 1_000_000
"""From here even 8-bit rows are too many to scan for every query, and lists are probed instead."""

LIST_SAMPLE = 64
"""Training vectors a list: FAISS warns below 39 and gains little above 64."""

SCALAR_SAMPLE = 100_000
"""Rows from which the 8-bit ranges are learnt."""

DENSE_QUERIES = 8
"""From so many queries on, a matrix product beats FAISS's exact scan."""

OVERSAMPLE = 2
"""Lossy engines propose so many times ``k`` rows, which are then scored by the original vectors."""

ADD_ROWS = 65_536
"""Rows converted to float32 at a time while building."""


def factory_for(rows: int) -> str:
    """The FAISS factory string for a segment of ``rows`` vectors.

    ``Flat`` (exact) up to 200,000; ``SQ8`` (8 bits a value, every row scanned) up to a million; then
    inverted lists over SQ8, about ``4 sqrt(rows)`` of them, as FAISS's guidelines recommend.
    """
    if rows <= EXACT_ROWS:
        return "Flat"
    if rows <= SCAN_ROWS:
        return "SQ8"
    lists = 1 << round(float(np.log2(4 * np.sqrt(rows))))
    return f"IVF{lists},SQ8"


def build_index(vectors: Float16Array, factory: str) -> Any:
    """A trained FAISS index over ``vectors`` (float16 [N, D], may be memory-mapped), inner product.

    The same vectors and factory give the same index: samples are evenly spaced, not random.
    """
    index = faiss.index_factory(vectors.shape[1], factory, faiss.METRIC_INNER_PRODUCT)
    if not index.is_trained:
        lists = getattr(index, "nlist", 0)
        sample = min(len(vectors), max(SCALAR_SAMPLE, lists * LIST_SAMPLE))
        rows = np.linspace(0, len(vectors) - 1, sample).astype(np.int64)
        index.train(vectors[rows].astype(np.float32))
    if hasattr(index, "nprobe"):
        index.nprobe = min(index.nlist, max(16, index.nlist // 32))
    for start in range(0, len(vectors), ADD_ROWS):
        index.add(vectors[start : start + ADD_ROWS].astype(np.float32))
    return index


def write_index(index: Any, path: Path) -> None:
    """Write ``index`` to ``path``. The caller makes it durable."""
    faiss.write_index(index, str(path))


def read_index(path: Path, *, rows: int, dimension: int) -> Any:
    """Map an index file into memory; pages are read when a search needs them.

    Raises:
        IndexCorrupt: FAISS cannot read it, or it holds other sizes than promised.
    """
    try:
        index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    except RuntimeError as error:
        raise IndexCorrupt(f"The vectors in {path.parent.name} cannot be read.") from error
    if index.ntotal != rows or index.d != dimension or index.metric_type != faiss.METRIC_INNER_PRODUCT:
        raise IndexCorrupt(f"The vectors in {path.parent.name} are not those of its manifest.")
    return index


class FaissIndex(VectorIndex):
    """k-NN over one FAISS index.

    ``ids``, ``owners``: int64 [N]. ``vectors``: float16 [N, D], the originals (only a lossy index reads
    them, for the rows it proposes: scores are exact in every engine). ``alive``: bool [N], rows that may
    be found; ``None`` for all.

    Raises:
        IndexMismatch: the arrays and the index have different lengths.
    """

    def __init__(
        self,
        index: Any,
        *,
        ids: Int64Array,
        owners: Int64Array,
        vectors: Float16Array,
        alive: AliveMask | None = None,
    ) -> None:
        if not (len(ids) == len(owners) == len(vectors) == index.ntotal):
            raise IndexMismatch("Every vector needs one id and one owner.")
        self._index, self._ids, self._owners, self._vectors = index, ids, owners, vectors
        self._alive = alive
        self._exact = isinstance(index, faiss.IndexFlat)
        # FAISS borrows both without a reference: they must live as long as the parameters.
        self._bits = None if alive is None else np.packbits(alive, bitorder="little")
        self._selector = None if self._bits is None else faiss.IDSelectorBitmap(self._bits)

    @property
    def dimension(self) -> int:
        return int(self._index.d)

    def __len__(self) -> int:
        return len(self._ids) if self._alive is None else int(self._alive.sum())

    def search(self, vectors: Float32Array, k: int) -> Neighbours:
        check_vector_query(vectors, k, self.dimension)
        if len(vectors) == 0 or len(self._ids) == 0:
            return no_neighbours(len(vectors), k)
        queries = np.ascontiguousarray(vectors)
        wanted = min(k if self._exact else k * OVERSAMPLE, len(self._ids))
        scores, rows = self._candidates(queries, wanted)
        if not self._exact:
            scores, rows = self._rescored(queries, scores, rows)
        return self._answer(scores, rows, k)

    def _candidates(self, queries: Float32Array, k: int) -> Ranked:
        if self._exact and len(queries) >= DENSE_QUERIES:
            return top_rows(queries, self._flat_vectors(), k, self._alive)
        found: Ranked = self._index.search(queries, k, params=self._parameters())
        return found

    def _flat_vectors(self) -> Float32Array:
        count = self._index.ntotal
        view: Float32Array = faiss.rev_swig_ptr(self._index.get_xb(), count * self.dimension)
        return view.reshape(count, self.dimension)

    def _parameters(self) -> Any:
        if self._selector is None:
            return None
        if hasattr(self._index, "nprobe"):
            return faiss.SearchParametersIVF(sel=self._selector, nprobe=self._index.nprobe)
        return faiss.SearchParameters(sel=self._selector)

    def _rescored(self, queries: Float32Array, scores: Float32Array, rows: Int64Array) -> Ranked:
        found = rows != NO_ID
        exact = np.full_like(scores, -np.inf)
        for line, query in enumerate(queries):
            originals = self._vectors[rows[line, found[line]]].astype(np.float32)
            exact[line, found[line]] = originals @ query
        return best_first(exact, rows, rows.shape[1])

    def _answer(self, scores: Float32Array, rows: Int64Array, k: int) -> Neighbours:
        answer = no_neighbours(len(rows), k)
        width = min(k, rows.shape[1])
        rows, scores = rows[:, :width], scores[:, :width]
        found = rows != NO_ID
        answer.ids[:, :width][found] = self._ids[rows[found]]
        answer.owners[:, :width][found] = self._owners[rows[found]]
        answer.scores[:, :width][found] = scores[found]
        return answer
