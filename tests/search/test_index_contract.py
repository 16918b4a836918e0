"""What every engine promises, checked on each of them against brute force."""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from search.errors import IndexMismatch
from search.index.base import HashIndex, IndexRows, VectorIndex
from search.index.faiss_segment import FaissIndex, build_index, factory_for, read_index, write_index
from search.index.hamming import ScanHashIndex
from search.index.hash_bands import BandedHashIndex
from search.index.segments import IndexStore
from tests.search.index_rows import (
    DIMENSION,
    NOTHING,
    make_rows,
    nearby_hashes,
    nearest,
    random_queries,
    within,
)

ROWS = make_rows(range(100, 500))
DEAD = np.flatnonzero(np.arange(len(ROWS)) % 3 == 0)
ALIVE = np.ones(len(ROWS), np.bool_)
ALIVE[DEAD] = False
ALIVE_ROWS = ROWS.take(np.flatnonzero(ALIVE))


def _always(factory: str, _rows: int) -> str:
    return factory


def segment(factory: str, path: Path, *, alive: bool) -> FaissIndex:
    write_index(build_index(ROWS.vectors, factory), path)
    index = read_index(path, rows=len(ROWS), dimension=DIMENSION)
    if hasattr(index, "nprobe"):
        index.nprobe = index.nlist
    return FaissIndex(
        index, ids=ROWS.ids, owners=ROWS.owners, vectors=ROWS.vectors, alive=ALIVE if alive else None
    )


class VectorIndexContract(ABC):
    """Inherited by the tests of every engine. ``rows`` are those that ``index`` should find."""

    rows: IndexRows = ROWS

    @pytest.fixture
    @abstractmethod
    def index(self, tmp_path: Path) -> VectorIndex: ...

    def test_it_knows_its_size(self, index: VectorIndex) -> None:
        assert (len(index), index.dimension) == (len(self.rows), DIMENSION)

    @pytest.mark.parametrize("count", [1, 40])
    def test_it_finds_what_brute_force_finds(self, index: VectorIndex, count: int) -> None:
        queries = random_queries(count)
        expected, found = nearest(self.rows, queries, 10), index.search(queries, 10)
        assert expected.ids.shape == (count, 10)
        assert np.mean(found.ids == expected.ids) > 0.97
        assert np.allclose(found.scores, expected.scores, atol=5e-3)
        assert (found.owners == found.ids // 3 + 1000).all()

    @pytest.mark.parametrize("count", [1, 40])
    def test_scores_are_exact_and_fall(self, index: VectorIndex, count: int) -> None:
        queries = random_queries(count, seed=1)
        found = index.search(queries, 20)
        vectors = {int(key): vector for key, vector in zip(self.rows.ids, self.rows.vectors, strict=True)}
        for query, ids, scores in zip(queries, found.ids, found.scores, strict=True):
            truth = [float(query @ vectors[int(key)].astype(np.float32)) for key in ids]
            assert truth == pytest.approx(scores.tolist(), abs=1e-5)
            assert sorted(truth, reverse=True) == pytest.approx(truth, abs=1e-5)

    @pytest.mark.parametrize("count", [1, 40])
    def test_a_stored_vector_finds_itself_first(self, index: VectorIndex, count: int) -> None:
        found = index.search(self.rows.vectors[:count].astype(np.float32), 1)
        assert found.ids[:, 0].tolist() == self.rows.ids[:count].tolist()

    @pytest.mark.parametrize("count", [1, 40])
    def test_short_answers_are_filled(self, index: VectorIndex, count: int) -> None:
        k = len(self.rows) + 5
        found = index.search(random_queries(count), k)
        assert found.ids.shape == found.owners.shape == found.scores.shape == (count, k)
        for ids, owners, scores in zip(found.ids, found.owners, found.scores, strict=True):
            assert sorted(ids[:-5].tolist()) == sorted(self.rows.ids.tolist())
            assert set(ids[-5:].tolist()) == set(owners[-5:].tolist()) == {-1}
            assert np.isneginf(scores[-5:]).all()

    def test_no_query_gets_no_answer(self, index: VectorIndex) -> None:
        found = index.search(np.empty((0, DIMENSION), np.float32), 3)
        assert found.ids.shape == (0, 3)

    def test_arrays_of_any_layout_are_taken(self, index: VectorIndex) -> None:
        queries = random_queries(24)
        strided = np.asfortranarray(np.repeat(queries, 2, axis=0))[::2]
        assert (index.search(strided, 5).ids == index.search(queries, 5).ids).all()

    @pytest.mark.parametrize(
        "queries",
        [
            np.zeros((2, DIMENSION + 1), np.float32),
            np.zeros(DIMENSION, np.float32),
            np.zeros((2, DIMENSION), np.float64),
            np.full((2, DIMENSION), np.nan, np.float32),
        ],
    )
    def test_wrong_queries_are_refused_in_words(self, index: VectorIndex, queries: np.ndarray) -> None:
        with pytest.raises(IndexMismatch, match="Query vectors must be"):
            index.search(queries, 3)

    def test_asking_for_no_neighbour_is_refused(self, index: VectorIndex) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            index.search(random_queries(1), 0)


class TestFlatSegment(VectorIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return segment("Flat", tmp_path / "i", alive=False)


class TestFlatSegmentWithRemovedRows(VectorIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return segment("Flat", tmp_path / "i", alive=True)


class TestEightBitSegment(VectorIndexContract):
    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return segment("SQ8", tmp_path / "i", alive=False)


class TestEightBitSegmentWithRemovedRows(VectorIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return segment("SQ8", tmp_path / "i", alive=True)


class TestInvertedListsWithRemovedRows(VectorIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        return segment("IVF8,SQ8", tmp_path / "i", alive=True)


class TestReaderOverSegmentsOfSeveralKinds(VectorIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self, tmp_path: Path) -> VectorIndex:
        name = ""
        for start, stop, factory in ((0, 150, "Flat"), (150, 160, "Flat"), (160, 400, "SQ8")):
            store = IndexStore(
                tmp_path, model_key="m@1", dimension=DIMENSION, choose=partial(_always, factory)
            )
            part = ROWS.take(np.arange(start, stop))
            name = store.commit(name, additions=[part], removals=NOTHING).name
        name = store.commit(name, additions=[], removals=ROWS.ids[DEAD]).name
        reader = store.open(name)
        assert len(reader.manifest.segments) > 1
        return reader


class HashIndexContract(ABC):
    """Inherited by the tests of every hash engine. ``rows`` are those that ``index`` should find."""

    rows: IndexRows = ROWS

    @pytest.fixture
    @abstractmethod
    def index(self) -> HashIndex: ...

    def test_it_knows_its_size(self, index: HashIndex) -> None:
        assert len(index) == len(self.rows)

    @pytest.mark.parametrize("radius", [0, 3, 10, 13, 24, 64])
    @pytest.mark.parametrize("count", [1, 30])
    def test_it_finds_every_pair_within_the_radius(self, index: HashIndex, radius: int, count: int) -> None:
        queries = np.concatenate([nearby_hashes(self.rows, count), self.rows.hashes[:1]])
        expected = within(self.rows, queries, radius)
        assert len(expected) >= 1
        found = index.search(queries, radius)
        columns = (found.queries, found.distances, found.ids, found.owners)
        assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected

    def test_no_query_gets_no_answer(self, index: HashIndex) -> None:
        assert len(index.search(np.empty(0, np.uint64), 64)) == 0

    @pytest.mark.parametrize("queries", [np.zeros(3, np.int64), np.zeros((3, 1), np.uint64)])
    def test_wrong_queries_are_refused_in_words(self, index: HashIndex, queries: np.ndarray) -> None:
        with pytest.raises(IndexMismatch, match="Query hashes must be"):
            index.search(queries, 3)

    @pytest.mark.parametrize("radius", [-1, 65])
    def test_an_impossible_radius_is_refused(self, index: HashIndex, radius: int) -> None:
        with pytest.raises(ValueError, match="0 to 64"):
            index.search(self.rows.hashes[:1], radius)


class TestHashScan(HashIndexContract):
    @pytest.fixture
    def index(self) -> HashIndex:
        return ScanHashIndex(ROWS.ids, ROWS.owners, ROWS.hashes)


class TestHashScanWithRemovedRows(HashIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self) -> HashIndex:
        return ScanHashIndex(ROWS.ids, ROWS.owners, ROWS.hashes, ALIVE)


class BandsAreUsed:
    """However few rows a test has."""

    @pytest.fixture(autouse=True)
    def _no_scan(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("search.index.hash_bands.MIN_PAIRS", 0)


class TestHashBands(BandsAreUsed, HashIndexContract):
    @pytest.fixture
    def index(self) -> HashIndex:
        return BandedHashIndex(ROWS.ids, ROWS.owners, ROWS.hashes)


class TestHashBandsWithRemovedRowsInManyChunks(BandsAreUsed, HashIndexContract):
    rows = ALIVE_ROWS

    @pytest.fixture
    def index(self, monkeypatch: pytest.MonkeyPatch) -> HashIndex:
        monkeypatch.setattr("search.index.hash_bands.CHUNK_QUERIES", 3)
        monkeypatch.setattr("search.index.hash_bands.CHUNK_CANDIDATES", 5)
        return BandedHashIndex(ROWS.ids, ROWS.owners, ROWS.hashes, ALIVE)


class TestHashBandsOfNearlyEqualHashes(BandsAreUsed, HashIndexContract):
    """Flat pictures share most bits, so every band is crowded."""

    rows = dataclasses.replace(ROWS, hashes=ROWS.hashes & np.uint64(0xFFF))

    @pytest.fixture
    def index(self) -> HashIndex:
        return BandedHashIndex(self.rows.ids, self.rows.owners, self.rows.hashes)


class TestHashScanInManyChunks(HashIndexContract):
    @pytest.fixture
    def index(self, monkeypatch: pytest.MonkeyPatch) -> HashIndex:
        monkeypatch.setattr("search.index.hamming.CHUNK_PAIRS", 37)
        return ScanHashIndex(ROWS.ids, ROWS.owners, ROWS.hashes)


def test_the_exact_search_works_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index, queries = segment("Flat", tmp_path / "i", alive=True), random_queries(40)
    whole = index.search(queries, 50)
    monkeypatch.setattr("search.index.dense.BLOCK_ROWS", 17)
    monkeypatch.setattr("search.index.dense.BLOCK_QUERIES", 7)
    blocks = index.search(queries, 50)
    assert (whole.ids == blocks.ids).all()
    assert np.allclose(whole.scores, blocks.scores, atol=1e-6)


@pytest.mark.parametrize(
    ("rows", "factory"),
    [
        (1, "Flat"),
        (200_000, "Flat"),
        (200_001, "SQ8"),
        (1_000_000, "SQ8"),
        (1_000_001, "IVF4096,SQ8"),
        (5_000_000, "IVF8192,SQ8"),
    ],
)
def test_the_engine_follows_the_size(rows: int, factory: str) -> None:
    assert factory_for(rows) == factory


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(IndexMismatch):
        ScanHashIndex(ROWS.ids[1:], ROWS.owners, ROWS.hashes)
    index = build_index(ROWS.vectors, "Flat")
    with pytest.raises(IndexMismatch):
        FaissIndex(index, ids=ROWS.ids[1:], owners=ROWS.owners, vectors=ROWS.vectors)
