"""Commits, removals, damage, reading and garbage: the index on disk."""

from __future__ import annotations

import dataclasses
import fcntl
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search.errors import IndexCorrupt, IndexMismatch
from search.index.base import IndexRows
from search.index.manifest import SegmentEntry
from search.index.segment_files import Segment, open_segment
from search.index.segments import IndexStore
from tests.search.index_rows import DIMENSION, NOTHING, make_rows, random_queries
from tests.search.index_steps import add, make_store, remove


@pytest.fixture
def store(tmp_path: Path) -> IndexStore:
    return make_store(tmp_path)


def files_of(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and path.name != "lock"}


class TestCommit:
    def test_an_empty_index_opens_and_finds_nothing(self, store: IndexStore) -> None:
        reader = store.open("")
        assert (len(reader), reader.generation, reader.dimension) == (0, 0, DIMENSION)
        assert reader.search(random_queries(2), 3).ids.tolist() == [[-1] * 3] * 2
        assert len(reader.search_hashes(np.zeros(2, np.uint64), 64)) == 0
        assert len(reader.ids()) == len(reader.ids_owned_by(np.array([1]))) == 0
        assert list(reader.rows()) == []

    def test_an_empty_commit_still_makes_a_generation(self, store: IndexStore) -> None:
        manifest = store.commit("", additions=[], removals=NOTHING)
        assert (manifest.generation, manifest.vectors) == (1, 0)
        assert len(store.open(manifest.name)) == 0

    def test_what_was_added_is_found(self, store: IndexStore) -> None:
        rows = make_rows(range(60))
        manifest = store.commit("", additions=[rows], removals=NOTHING)
        reader = store.open(manifest.name)
        assert (manifest.generation, manifest.vectors, reader.model_key) == (1, 60, "m@1")
        assert reader.search(rows.vectors.astype(np.float32), 1).ids[:, 0].tolist() == list(range(60))
        assert reader.ids().tolist() == list(range(60))

    def test_additions_are_streamed_in_batches(self, store: IndexStore) -> None:
        def batches() -> Iterator[IndexRows]:
            for start in range(0, 50, 7):
                yield make_rows(range(start, min(start + 7, 50)))

        manifest = store.commit("", additions=batches(), removals=NOTHING)
        assert len(manifest.segments) == 1
        assert store.open(manifest.name).ids().tolist() == list(range(50))

    def test_removed_rows_are_not_found_and_the_old_generation_still_has_them(
        self, store: IndexStore
    ) -> None:
        first = add(store, "", *range(20))
        second = remove(store, first, 4, 5, 99)
        query = make_rows([4]).vectors.astype(np.float32)
        assert store.open(first).search(query, 1).ids.tolist() == [[4]]
        assert store.open(second).search(query, 1).ids.tolist() != [[4]]
        assert 4 not in store.open(second).ids()
        assert len(store.open(second).search_hashes(make_rows([4, 5]).hashes, 0)) == 0

    def test_a_row_comes_back_after_its_removal(self, store: IndexStore) -> None:
        name = add(store, remove(store, add(store, "", *range(10)), 3), 3)
        reader = store.open(name)
        assert reader.ids().tolist() == list(range(10))
        assert reader.search_hashes(make_rows([3]).hashes, 0).ids.tolist() == [3]

    def test_an_id_in_both_is_replaced(self, store: IndexStore) -> None:
        first = add(store, "", *range(10))
        new = dataclasses.replace(make_rows([77]), ids=np.array([3], np.int64))
        name = store.commit(first, additions=[new], removals=np.array([3], np.int64)).name
        assert store.open(name).search(new.vectors.astype(np.float32), 1).ids.tolist() == [[3]]
        assert store.open(name).ids().tolist() == list(range(10))

    def test_without_a_change_the_generation_stays(self, store: IndexStore) -> None:
        first = add(store, "", *range(10))
        again = store.commit(first, additions=[], removals=np.array([500], np.int64))
        assert again.name == first

    def test_a_rebuild_counts_on(self, store: IndexStore) -> None:
        manifest = store.commit("", additions=[make_rows([1])], removals=NOTHING, after=41)
        assert manifest.generation == 42

    def test_removing_everything_leaves_no_segment(self, store: IndexStore) -> None:
        name = remove(store, add(store, "", *range(10)), *range(10))
        assert store.open(name).manifest.segments == ()

    def test_rows_know_their_owners(self, store: IndexStore) -> None:
        name = remove(store, add(store, add(store, "", *range(9)), *range(9, 30)), 10)
        reader = store.open(name)
        assert reader.ids_owned_by(np.array([1003, 1001, 5])).tolist() == [3, 4, 5, 9, 11]
        ids, owners, hashes = reader.hashes_and_owners()
        expected = make_rows(ids.tolist())
        assert sorted(ids.tolist()) == reader.ids().tolist()
        assert len(ids) == 29
        assert (owners == expected.owners).all()
        assert (hashes == expected.hashes).all()

    def test_rows_can_be_read_back_unchanged(self, store: IndexStore) -> None:
        name = remove(store, add(store, add(store, "", *range(9)), *range(9, 30)), 10, 2)
        batches = list(store.open(name).rows(size=4))
        assert max(len(batch) for batch in batches) == 4
        for batch in batches:
            assert (batch.vectors == make_rows(batch.ids.tolist()).vectors).all()
        ids = np.concatenate([batch.ids for batch in batches])
        assert (ids == store.open(name).hashes_and_owners()[0]).all()


class TestRefusals:
    """FAISS would take each of these without a word."""

    GOOD = make_rows(range(4))

    @pytest.mark.parametrize(
        "bad",
        [
            dataclasses.replace(GOOD, ids=np.array([1, 2, 2, 3], np.int64)),
            dataclasses.replace(GOOD, ids=np.array([1, 2, 3, -1], np.int64)),
            dataclasses.replace(GOOD, ids=np.array([1, 2, 3], np.int64)),
            dataclasses.replace(GOOD, owners=np.arange(4, dtype=np.int32)),
            dataclasses.replace(GOOD, vectors=GOOD.vectors.astype(np.float32)),
            dataclasses.replace(GOOD, vectors=GOOD.vectors * np.float16(2)),
            dataclasses.replace(GOOD, vectors=GOOD.vectors * np.float16("nan")),
            dataclasses.replace(GOOD, hashes=GOOD.hashes.astype(np.int64)),
            make_rows(range(4), dimension=DIMENSION + 1),
        ],
    )
    def test_wrong_rows_are_refused_and_nothing_is_left(
        self, store: IndexStore, bad: IndexRows, tmp_path: Path
    ) -> None:
        with pytest.raises(IndexMismatch):
            store.commit("", additions=[make_rows(range(10, 20)), bad], removals=NOTHING)
        assert files_of(tmp_path) == set()

    def test_an_id_twice_across_batches_is_refused(self, store: IndexStore) -> None:
        with pytest.raises(IndexMismatch, match="twice"):
            store.commit("", additions=[make_rows([1, 2]), make_rows([2, 3])], removals=NOTHING)

    def test_an_id_that_is_already_there_is_refused(self, store: IndexStore) -> None:
        with pytest.raises(IndexMismatch, match="already in the index"):
            add(store, add(store, "", 1, 2, 3), 3, 4)

    @pytest.mark.parametrize("removals", [np.zeros(2, np.int32), np.zeros((1, 1), np.int64)])
    def test_wrong_removals_are_refused(self, store: IndexStore, removals: np.ndarray) -> None:
        with pytest.raises(IndexMismatch):
            store.commit("", additions=[], removals=removals)

    @pytest.mark.parametrize(("key", "dimension"), [("m@2", DIMENSION), ("m@1", DIMENSION * 2)])
    def test_another_models_index_is_never_read(
        self, store: IndexStore, tmp_path: Path, key: str, dimension: int
    ) -> None:
        name = add(store, "", 1, 2)
        other = IndexStore(tmp_path / "index", model_key=key, dimension=dimension)
        with pytest.raises(IndexMismatch, match="m@1"):
            other.open(name)
        with pytest.raises(IndexMismatch):
            other.commit(name, additions=[], removals=NOTHING)


class TestDamage:
    def test_every_file_is_missed_when_it_is_gone(self, store: IndexStore, tmp_path: Path) -> None:
        name = remove(store, add(store, "", *range(20)), 3)
        files = files_of(tmp_path)
        assert len(files) == 8  # two manifests, five files of the segment, one of removed rows
        for path in files - {
            tmp_path / "index" / "manifests" / f"{n}.json" for n in self._others(tmp_path, name)
        }:
            kept = path.read_bytes()
            path.unlink()
            with pytest.raises(IndexCorrupt):
                store.open(name)
            path.write_bytes(kept)
        assert len(store.open(name)) == 19

    def test_every_torn_or_altered_file_is_noticed(self, store: IndexStore, tmp_path: Path) -> None:
        name = remove(store, add(store, "", *range(20)), 3)
        skipped = {tmp_path / "index" / "manifests" / f"{n}.json" for n in self._others(tmp_path, name)}
        for path in files_of(tmp_path) - skipped:
            kept = path.read_bytes()
            middle = len(kept) // 2
            flipped = kept[:middle] + bytes([kept[middle] ^ 1]) + kept[middle + 1 :]
            for damaged in (kept[:-1], b"", flipped):
                path.write_bytes(damaged)
                with pytest.raises(IndexCorrupt):
                    store.open(name)
            path.write_bytes(kept)
        assert len(store.open(name)) == 19

    @staticmethod
    def _others(tmp_path: Path, name: str) -> set[str]:
        return {path.stem for path in (tmp_path / "index" / "manifests").iterdir()} - {name}

    @pytest.mark.parametrize("name", ["00000001-000000000000", "../secret", "x", "00000001-00000000000g"])
    def test_a_name_that_is_no_manifest_is_refused(self, store: IndexStore, name: str) -> None:
        with pytest.raises(IndexCorrupt):
            store.open(name)

    def test_a_rebuild_from_nothing_works_beside_the_damage(self, store: IndexStore, tmp_path: Path) -> None:
        name = add(store, "", *range(20))
        (tmp_path / "index" / "manifests" / f"{name}.json").write_text("{")
        with pytest.raises(IndexCorrupt):
            add(store, name, 21)
        assert len(store.open(add(store, "", *range(20)))) == 20


class TestReading:
    def test_only_new_segments_are_loaded(self, store: IndexStore, monkeypatch: pytest.MonkeyPatch) -> None:
        first = add(store, "", *range(10))
        before = store.open(first)
        second = remove(store, add(store, first, *range(10, 20)), 2)
        opened: list[str] = []

        def noted(folder: Path, entry: SegmentEntry, *, dimension: int) -> Segment:
            opened.append(entry.name)
            return open_segment(folder, entry, dimension=dimension)

        monkeypatch.setattr("search.index.segments.open_segment", noted)
        after = store.open(second, previous=before)
        assert opened == [after.manifest.segments[1].name]
        assert after.views[0].segment is before.views[0].segment
        assert 2 in before.ids()
        assert 2 not in after.ids()

    def test_an_open_reader_outlives_its_files(self, store: IndexStore, tmp_path: Path) -> None:
        first = add(store, "", *range(50))
        reader = store.open(first)
        second = store.commit("", additions=[make_rows(range(50, 60))], removals=NOTHING, after=1).name
        store.collect_garbage([second], grace_seconds=-1)
        assert len(files_of(tmp_path)) == 6
        assert reader.search(make_rows([7]).vectors.astype(np.float32), 1).ids.tolist() == [[7]]
        assert reader.search_hashes(make_rows([8]).hashes, 0).ids.tolist() == [8]

    def test_threads_may_share_a_reader(self, store: IndexStore) -> None:
        rows = make_rows(range(300))
        reader = store.open(store.commit("", additions=[rows], removals=NOTHING).name)
        found: list[bool] = []

        def search(start: int) -> None:
            part = rows.take(np.arange(start, 300, 4))
            ids = reader.search(part.vectors.astype(np.float32), 1).ids[:, 0]
            found.append(ids.tolist() == part.ids.tolist())

        threads = [threading.Thread(target=search, args=(start,)) for start in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [True] * 4


class TestGarbage:
    def test_what_is_kept_still_opens_and_the_rest_is_gone(self, store: IndexStore, tmp_path: Path) -> None:
        names = [add(store, "", *range(10))]
        for start in range(10, 40, 10):
            names.append(add(store, names[-1], *range(start, start + 10)))
            names.append(remove(store, names[-1], start))
        keep = [names[2], names[-1], ""]
        sizes = [len(store.open(name)) for name in keep]
        store.collect_garbage(keep, grace_seconds=-1)
        assert [len(store.open(name)) for name in keep] == sizes
        manifests = {path.stem for path in (tmp_path / "index" / "manifests").iterdir()}
        assert manifests == {names[2], names[-1]}
        store.collect_garbage([names[2]], grace_seconds=-1)
        assert len(store.open(names[2])) == sizes[0]
        assert len(list((tmp_path / "index" / "segments").iterdir())) == 2

    def test_young_files_stay(self, store: IndexStore) -> None:
        first = add(store, "", 1)
        second = add(store, first, 2)
        store.collect_garbage([second])
        assert len(store.open(first)) == 1

    def test_leftovers_of_a_crash_go(self, store: IndexStore, tmp_path: Path) -> None:
        name = add(store, "", 1)
        left = tmp_path / "index" / "segments" / ".part-0123-segment-x"
        left.mkdir()
        (left / "ids.bin").write_bytes(b"torn")
        store.collect_garbage([name], grace_seconds=-1)
        assert not left.exists()
        assert len(store.open(name)) == 1

    def test_nothing_goes_while_a_kept_manifest_is_unreadable(
        self, store: IndexStore, tmp_path: Path
    ) -> None:
        first = add(store, "", 1)
        second = add(store, first, 2)
        (tmp_path / "index" / "manifests" / f"{second}.json").write_text("{}")
        before = files_of(tmp_path)
        with pytest.raises(IndexCorrupt):
            store.collect_garbage([second], grace_seconds=-1)
        assert files_of(tmp_path) == before

    def test_nothing_goes_while_another_process_commits(self, store: IndexStore, tmp_path: Path) -> None:
        first = add(store, "", 1)
        second = add(store, first, 2)
        with (tmp_path / "index" / "lock").open() as other:
            fcntl.flock(other, fcntl.LOCK_SH)
            store.collect_garbage([second], grace_seconds=-1)
            assert len(store.open(first)) == 1
        store.collect_garbage([second], grace_seconds=-1)
        with pytest.raises(IndexCorrupt):
            store.open(first)

    def test_an_index_that_was_never_written_has_no_garbage(self, store: IndexStore) -> None:
        store.collect_garbage([""])
