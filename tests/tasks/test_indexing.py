"""The index follows the database: by changes, by full comparison, after damage, and one writer at a time."""

from __future__ import annotations

import io
import json
import shutil
import threading
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
from django.core.management import call_command
from django.utils import timezone

from search.types import Int64Array
from tasks import indexing, runtime
from tests.library import DIMENSION, LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import ActiveModel, Content, Embedding, Frame, IndexChange, IndexState, Media
from webapp.selectors import index as wanted
from webapp.services import claims
from webapp.services import index as pointer
from webapp.services import library as entries

KEY = "sightline@0"


@pytest.fixture(autouse=True)
def nothing_loaded() -> Iterator[None]:
    runtime.close()
    yield
    runtime.close()


@pytest.fixture
def stocked(library: LibraryMaker) -> LibraryMaker:
    for seed in range(1, 9):
        library.picture(seed)
    for seed in range(100, 103):
        library.clip(seed, frames=5)
    pointer.note_changes(content_ids=Content.objects.values_list("pk", flat=True))
    return library


def oracle() -> list[int]:
    """What belongs in the index, told row by row."""
    ids = []
    for frame in Frame.objects.all():
        described = frame.content.status == Content.Status.READY
        listed = any(media.trashed_at is None for media in frame.content.media.all())
        rich = frame.content.kind == "image" or frame.detail >= wanted.MIN_VIDEO_DETAIL
        embedded = frame.embeddings.filter(model_key=KEY).exists()
        if described and listed and rich and embedded:
            ids.append(frame.pk)
    return sorted(ids)


def sync() -> int:
    return indexing.sync(wait_seconds=0)


def in_index() -> list[int]:
    ids: list[int] = runtime.reader().ids().tolist()
    return ids


def state() -> IndexState:
    return IndexState.objects.get(model_key=KEY)


@pytest.mark.django_db
def test_an_empty_library_has_an_empty_index() -> None:
    assert in_index() == []
    assert indexing.check() == indexing.IndexCheck(0, 0, 0, 0)
    assert sync() == 0


@pytest.mark.django_db
def test_a_sync_takes_in_what_was_described_and_forgets_the_changes(stocked: LibraryMaker) -> None:
    assert sync() == 8 + 15

    assert in_index() == oracle()
    assert len(in_index()) == 23
    assert not IndexChange.objects.exists()
    assert (state().generation, state().vectors) == (1, 23)
    assert indexing.check() == indexing.IndexCheck(23, 23, 0, 0)


@pytest.mark.django_db
def test_each_frame_is_found_by_its_own_vector(stocked: LibraryMaker) -> None:
    sync()
    rows = list(Embedding.objects.values_list("frame_id", "frame__content_id", "vector"))
    vectors = np.stack([np.frombuffer(row[2], np.float16) for row in rows]).astype(np.float32)

    found = runtime.reader().search(vectors, 1)

    assert found.ids[:, 0].tolist() == [row[0] for row in rows]
    assert found.owners[:, 0].tolist() == [row[1] for row in rows]
    hashes = np.array(list(Frame.objects.order_by("pk").values_list("phash", flat=True)), np.int64)
    matches = runtime.reader().search_hashes(hashes.view(np.uint64), 0)
    assert sorted(matches.ids.tolist()) == oracle()


@pytest.mark.django_db
def test_the_index_follows_random_changes_like_the_oracle(stocked: LibraryMaker) -> None:
    random = np.random.default_rng(5)
    sync()
    for step in range(12):
        some = [int(pk) for pk in random.choice(list(Media.objects.values_list("pk", flat=True)), 3)]
        kind = step % 4
        if kind == 0:
            entries.trash_media(media_ids=some, actor=None)
        elif kind == 1:
            entries.restore_media(media_ids=some, actor=None)
        elif kind == 2:
            added = stocked.clip(200 + step)
            pointer.note_changes(content_ids=[added.content_id])
        else:
            entries.trash_media(media_ids=some, actor=None)
            entries.purge_media(media_ids=some, actor=None)
        sync()
        assert in_index() == oracle()
    assert indexing.check().is_good
    assert 0 < len(oracle()) < Frame.objects.count()


@pytest.mark.django_db
def test_a_content_with_one_live_entry_of_two_stays(library: LibraryMaker) -> None:
    first = library.picture(1, path="a.jpg")
    library.picture(1, path="b.jpg")
    pointer.note_changes(content_ids=[first.content_id])
    sync()

    entries.trash_media(media_ids=[first.pk], actor=None)
    sync()

    assert in_index() == oracle() == [first.content.frames.get().pk]


@pytest.mark.django_db
def test_empty_frames_of_clips_are_left_out(library: LibraryMaker) -> None:
    clip, picture = library.clip(frames=3), library.picture(1)
    Frame.objects.filter(content=clip.content, position=1).update(detail=0.0)
    Frame.objects.filter(content=picture.content).update(detail=0.0)
    pointer.note_changes(content_ids=[clip.content_id, picture.content_id])

    assert sync() == 3
    assert in_index() == oracle()


@pytest.mark.django_db
def test_a_sync_without_a_difference_makes_no_generation(stocked: LibraryMaker) -> None:
    sync()
    pointer.note_changes(content_ids=[Content.objects.earliest("pk").pk])

    assert sync() == 0
    assert state().generation == 1
    assert not IndexChange.objects.exists()


@pytest.mark.django_db
def test_a_change_during_a_sync_is_taken_in_as_well(
    stocked: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = wanted.indexable_ids
    late: list[int] = []

    def someone_trashes_an_entry(key: str, **options: object) -> Int64Array:
        found = ids(key, **options)  # type: ignore[arg-type]
        if not late:
            media = Media.objects.earliest("pk")
            entries.trash_media(media_ids=[media.pk], actor=None)
            late.append(media.pk)
        return found

    monkeypatch.setattr(wanted, "indexable_ids", someone_trashes_an_entry)
    sync()

    assert late
    assert in_index() == oracle()


@pytest.mark.django_db
def test_readers_keep_loaded_segments_and_swap_when_the_row_moves(stocked: LibraryMaker) -> None:
    sync()
    before = runtime.reader()
    assert runtime.reader() is before

    pointer.note_changes(content_ids=[stocked.picture(50).content_id])
    sync()

    after = runtime.reader()
    assert after is not before
    assert after.generation == before.generation + 1
    assert len(before) == 23  # a search that is under way is not disturbed


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_drift_in_both_directions_is_counted_and_repaired() -> None:
    missed = Content.objects.all()[2].frames.get()
    Embedding.objects.filter(frame=missed).update(model_key="other@1")
    sync()
    Embedding.objects.update(model_key=KEY)
    Media.objects.filter(pk=Media.objects.latest("pk").pk).update(trashed_at=timezone.now())
    Frame.objects.filter(content=Content.objects.all()[4]).delete()

    assert indexing.check() == indexing.IndexCheck(rows=17, vectors=22, missing=1, extra=6)

    output = io.StringIO()
    call_command("check_index", repair=True, json=True, stdout=output)
    assert json.loads(output.getvalue()) == {"rows": 17, "vectors": 17, "missing": 0, "extra": 0}
    assert in_index() == oracle()


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_check_index_says_the_difference_and_ends_with_one() -> None:
    output = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_index", stdout=output)
    assert ended.value.code == 1
    assert output.getvalue().splitlines()[0] == "rows 23, vectors 0, missing 23, extra 0"

    sync()
    output = io.StringIO()
    call_command("check_index", stdout=output)
    assert output.getvalue() == "rows 23, vectors 23, missing 0, extra 0\n"


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_a_lost_index_is_asked_for_by_readers_and_rebuilt(sent_tasks: SentTasks) -> None:
    sync()
    runtime.close()
    shutil.rmtree(runtime.index_folder(KEY))
    assert indexing.check().problem

    with sent_tasks.committing(), pytest.raises(runtime.IndexUnavailable, match="being rebuilt"):
        runtime.reader()
    assert sent_tasks.run() == ["tasks.indexing.sync_index"]

    assert in_index() == oracle()
    assert state().generation == 2


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_a_reader_that_has_the_index_loaded_goes_on_when_its_files_are_lost(sent_tasks: SentTasks) -> None:
    sync()
    loaded = runtime.reader()
    shutil.rmtree(runtime.index_folder(KEY))
    IndexState.objects.update(manifest="00000009-0123456789ab")

    with sent_tasks.committing():
        assert runtime.reader() is loaded
    assert sent_tasks.names() == ["tasks.indexing.sync_index"]


@pytest.mark.django_db
def test_a_sync_over_a_torn_segment_rebuilds(stocked: LibraryMaker) -> None:
    sync()
    runtime.close()
    for path in (runtime.index_folder(KEY) / "segments").rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:10])
    pointer.note_changes(content_ids=[stocked.picture(60).content_id])

    sync()

    assert in_index() == oracle()
    assert indexing.check().is_good
    assert not IndexChange.objects.exists()


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_rebuild_index_writes_beside_the_old_and_counts_on() -> None:
    sync()
    old = state().manifest
    output = io.StringIO()

    call_command("rebuild_index", stdout=output)

    assert "23" in output.getvalue()
    assert state().generation == 2
    assert state().manifest != old
    runtime.index_store(KEY).open(old)  # a search that just read the old pointer still works
    assert in_index() == oracle()


@pytest.mark.django_db
def test_while_one_writes_another_waits_or_leaves_it(
    stocked: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexing, "TASK_WAIT_SECONDS", 0.1)
    with pointer.writer(model_key=KEY, wait_seconds=0):
        with pytest.raises(pointer.IndexBusy):
            sync()
        indexing.sync_index()  # the task leaves it to the next sweep
        assert not state().manifest
    assert sync() == 23


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_a_writer_whose_lease_was_taken_over_changes_nothing() -> None:
    with pointer.writer(model_key=KEY, wait_seconds=0) as (row, token):
        slow = indexing._Writer(KEY, row, token)
        IndexState.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert sync() == 23
        quick = state()

        with pytest.raises(pointer.LeaseLost):
            slow.rebuild()

    assert state().manifest == quick.manifest
    assert in_index() == oracle()


@pytest.mark.django_db
@pytest.mark.usefixtures("stocked")
def test_changes_are_not_forgotten_on_behalf_of_a_model_that_is_no_longer_active() -> None:
    ActiveModel.objects.create(pk=1, model_key=KEY)
    with pointer.writer(model_key=KEY, wait_seconds=0) as (row, token):
        slow = indexing._Writer(KEY, row, token)
        seen, contents = wanted.waiting_changes(100)
        ActiveModel.objects.update(model_key="other@1")
        with pytest.raises(pointer.ModelChanged):
            slow.sync_contents(contents, seen)
    assert IndexChange.objects.count() == len(seen) > 0
    assert not state().manifest


@pytest.mark.django_db(transaction=True)
def test_two_writers_at_once_leave_the_index_right(stocked: LibraryMaker) -> None:
    failures: list[Exception] = []

    def work() -> None:
        from django.db import connection

        try:
            indexing.sync(wait_seconds=20)
        except Exception as error:  # noqa: BLE001  reported below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert in_index() == oracle()
    assert claims.is_free(state().lease_token, state().lease_until)


@pytest.mark.django_db
def test_a_stored_vector_of_a_wrong_length_is_refused(library: LibraryMaker) -> None:
    media = library.picture(1)
    Embedding.objects.update(vector=b"\0" * (2 * DIMENSION - 2))
    pointer.note_changes(content_ids=[media.content_id])

    with pytest.raises(ValueError, match="stored vectors have"):
        sync()
    assert IndexChange.objects.exists()


@pytest.mark.django_db
def test_files_that_are_lost_while_they_are_loaded_are_noticed_by_a_repair(stocked: LibraryMaker) -> None:
    sync()
    runtime.reader()
    shutil.rmtree(runtime.index_folder(KEY))

    assert indexing.repair_index(wait_seconds=0) == len(oracle())

    assert indexing.check().is_good
    assert in_index() == oracle()


@pytest.mark.django_db
def test_a_sync_after_the_loaded_files_were_lost_rebuilds(stocked: LibraryMaker) -> None:
    sync()
    runtime.reader()
    shutil.rmtree(runtime.index_folder(KEY))
    pointer.note_changes(content_ids=[stocked.picture(50).content_id])

    sync()

    assert indexing.check().is_good
    assert in_index() == oracle()
    assert not IndexChange.objects.exists()
