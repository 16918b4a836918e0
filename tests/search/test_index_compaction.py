"""Merging segments: when it happens, and that no answer changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from search.errors import IndexCorrupt
from search.index.compaction import SegmentSize, plan
from search.index.segments import IndexStore
from tests.search.index_rows import make_rows, nearest, random_queries, within
from tests.search.index_steps import add, make_store, remove


@pytest.fixture
def store(tmp_path: Path) -> IndexStore:
    return make_store(tmp_path)


class TestCompaction:
    def test_many_small_segments_become_few(self, store: IndexStore) -> None:
        name = ""
        for start in range(0, 140, 4):
            name = add(store, name, *range(start, start + 4))
        reader = store.open(name)
        assert len(reader) == 140
        assert len(reader.manifest.segments) < 8

    def test_merging_changes_no_answer(self, store: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("search.index.segments.MERGE_ROWS", 5)
        monkeypatch.setattr("search.index.compaction.FAN_OUT", 1000)
        name = ""
        for start in range(0, 120, 12):
            name = add(store, name, *range(start, start + 12))
        scattered = store.open(remove(store, name, *range(0, 120, 7)))
        monkeypatch.setattr("search.index.compaction.FAN_OUT", 8)
        merged = store.open(add(store, scattered.manifest.name, 500))
        apart = store.open(remove(store, merged.manifest.name, 500))
        assert (len(scattered.views), len(apart.views)) == (10, 1)

        live = make_rows(scattered.ids().tolist())
        queries = random_queries(20)
        for reader in (scattered, apart):
            found = reader.search(queries, 8)
            assert (found.ids == nearest(live, queries, 8).ids).all()
            pairs = reader.search_hashes(live.hashes[:25], 20)
            columns = (pairs.queries, pairs.distances, pairs.ids, pairs.owners)
            expected = within(live, live.hashes[:25], 20)
            assert len(expected) > 20
            assert list(zip(*(column.tolist() for column in columns), strict=True)) == expected

    def test_a_worn_segment_is_rewritten_without_its_removed_rows(self, store: IndexStore) -> None:
        name = add(store, "", *range(100))
        little = store.open(remove(store, name, *range(10))).manifest.segments[0]
        much = store.open(remove(store, name, *range(40))).manifest.segments[0]
        assert (little.rows, little.removed) == (100, 10)
        assert (much.rows, much.removed) == (60, 0)

    def test_damaged_rows_are_not_merged_into_good_ones(self, store: IndexStore, tmp_path: Path) -> None:
        name = add(store, "", *range(100))
        (vectors,) = tmp_path.rglob("vectors.bin")
        data = bytearray(vectors.read_bytes())
        data[5] ^= 1
        vectors.write_bytes(data)
        with pytest.raises(IndexCorrupt):
            remove(store, name, *range(60))

    def test_the_plan_keeps_the_cost_of_a_sync_small(self) -> None:
        sizes: list[int] = []
        written = 0
        for _ in range(3000):
            sizes.append(100)
            groups = plan([SegmentSize(size, 0) for size in sizes])
            merged = {position for group in groups for position in group}
            new = [sum(sizes[position] for position in group) for group in groups]
            written += 100 + sum(new)
            sizes = [size for position, size in enumerate(sizes) if position not in merged] + new
            assert len(sizes) < 25
        assert sum(sizes) == 300_000
        assert written < 300_000 * 12

    def test_the_plan_leaves_a_healthy_index_alone(self) -> None:
        assert plan([]) == ()
        assert plan([SegmentSize(1_000_000, 10_000), SegmentSize(5, 0)]) == ()
        assert plan([SegmentSize(0, 7), SegmentSize(5, 0)]) == ((0,),)
