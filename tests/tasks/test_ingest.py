"""Describing contents with the real decoder and model: what is saved, and what becomes of failures."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.utils import timezone

from search.errors import DecodeAborted, DecoderUnavailable
from search.types import FrameDescription, MediaDescription
from tasks import indexing, ingest, runtime
from tests import media
from tests.library import stored_sequence
from tests.sent_tasks import SentTasks
from webapp.models import ActiveModel, Content, Embedding, Frame, IndexChange, Media
from webapp.services import claims, contents, library, storage

pytestmark = pytest.mark.django_db


def add(path: Path) -> Content:
    content = contents.get_or_create_content(stored=storage.store_path(path, max_bytes=1 << 30))
    library.add_media(content=content, path=path.name)
    return content


def fresh(content: Content) -> Content:
    return Content.objects.get(pk=content.pk)


@pytest.fixture
def picture(tmp_path: Path) -> Content:
    return add(media.picture_file(tmp_path / "a.jpg", 1, (640, 480)))


@pytest.fixture
def clip(tmp_path: Path) -> Content:
    return add(media.clip_file(tmp_path / "a.mp4", [1, 2], seconds=2.0))


def test_a_picture_is_described_saved_and_asked_into_the_index(
    picture: Content, sent_tasks: SentTasks
) -> None:
    with sent_tasks.committing():
        ingest.describe_content(picture.pk)

    content = fresh(picture)
    assert (content.status, content.kind, content.format) == ("ready", "image", "JPEG")
    assert (content.width, content.height, content.frame_count) == (640, 480, 1)
    assert (content.lease_token, content.attempts, content.error) == ("", 0, "")
    assert content.described_at is not None
    assert storage.read_rendition(content.sha256, "thumb.webp")
    assert storage.read_rendition(content.sha256, "frames/0.webp")
    assert storage.read_rendition(content.sha256, "features.bin")
    assert IndexChange.objects.filter(content_id=content.pk).exists()
    assert ActiveModel.objects.get().model_key == "sightline@0"
    assert sent_tasks.run() == ["tasks.indexing.sync_index"]
    assert runtime.reader().ids().tolist() == [content.frames.get().pk]


def test_the_saved_vector_is_that_of_the_model_and_the_hash_keeps_its_bits(picture: Content) -> None:
    found: list[FrameDescription] = []
    description = runtime.describer().describe(storage.original_path(picture.sha256), found.append)

    ingest.describe(picture.pk)

    sequence = stored_sequence(picture.pk, model_key=description.model_key)
    assert np.array_equal(sequence.vectors[0], found[0].vector.astype(np.float32))
    assert sequence.hashes.tolist() == [found[0].phash]
    assert abs(float(np.linalg.norm(sequence.vectors[0])) - 1) < 1e-2


def test_every_frame_of_a_clip_has_its_time_vector_and_picture(clip: Content) -> None:
    ingest.describe(clip.pk)

    content = fresh(clip)
    sequence = stored_sequence(clip.pk, model_key="sightline@0")
    assert content.kind == "video"
    assert len(sequence) == content.frame_count == content.frames.count() > 2
    assert sequence.vectors.shape == (len(sequence), 256)
    assert bool((np.diff(sequence.times) > 0).all())
    assert bool((sequence.starts <= sequence.times).all())
    assert bool((sequence.times <= sequence.ends).all())
    assert all(
        storage.read_rendition(content.sha256, f"frames/{frame.position}.webp")
        for frame in content.frames.all()
    )


def test_a_damaged_file_fails_at_once_with_the_reason(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff\xe0 and then nothing of use")
    content = add(bad)

    assert ingest.describe(content.pk)

    assert fresh(content).status == "failed"
    assert len(fresh(content).error) > 10
    assert not contents.gave_up(fresh(content))
    assert not ingest.describe(content.pk)
    assert not Frame.objects.exists()


def test_an_aborted_decoding_is_tried_three_times(picture: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def aborted(*_: object) -> bool:
        tried.append(1)
        raise DecodeAborted("Decoding needs more memory than allowed.")

    monkeypatch.setattr(ingest, "_describe", aborted)

    content = ingest.describe_now(picture.pk)

    assert len(tried) == claims.MAX_ATTEMPTS
    assert (content.status, content.error) == ("failed", "Decoding needs more memory than allowed.")
    assert contents.gave_up(content)

    monkeypatch.undo()
    assert contents.retry_content(content_id=content.pk)
    assert ingest.describe_now(content.pk).status == "ready"


def test_an_unexpected_error_is_logged_and_put_in_words(
    picture: Content, monkeypatch: pytest.MonkeyPatch, expected_errors: list[object]
) -> None:
    monkeypatch.setattr(ingest, "_describe", lambda *_: 1 / 0)

    assert not ingest.describe(picture.pk)

    assert len(expected_errors) == 1
    assert fresh(picture).status == "pending"
    assert "inside Sightline" in fresh(picture).error


@pytest.mark.parametrize(
    "error", [storage.StorageFull("The disk is full."), DecoderUnavailable("No helper.")]
)
def test_what_is_not_the_files_fault_costs_no_attempt(
    error: Exception, picture: Content, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> bool:
        raise error

    monkeypatch.setattr(ingest, "_describe", fails)
    for _ in range(claims.MAX_ATTEMPTS + 1):
        ingest.describe_content(picture.pk)

    assert (fresh(picture).status, fresh(picture).attempts) == ("pending", 0)
    with pytest.raises(type(error)):
        ingest.describe_now(picture.pk)


def test_a_lost_original_is_said_and_can_be_added_again(picture: Content, tmp_path: Path) -> None:
    storage.original_path(picture.sha256).unlink()

    content = ingest.describe_now(picture.pk)

    assert content.status == "failed"
    assert "missing" in content.error
    assert contents.gave_up(content)


def test_a_slow_worker_that_lost_its_claim_writes_nothing(picture: Content) -> None:
    slow = contents.claim_content(content_id=picture.pk)
    assert slow is not None
    description, frames = described(picture)
    Content.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert ingest.describe(picture.pk)
    IndexChange.objects.all().delete()
    kept = Frame.objects.get()

    assert not ingest.save(picture.pk, slow, picture.sha256, description, frames)
    assert not contents.fail_content(content_id=picture.pk, token=slow, reason="late")
    assert not contents.put_back(content_id=picture.pk, token=slow, reason="late")

    assert Frame.objects.get() == kept
    assert fresh(picture).status == "ready"
    assert not IndexChange.objects.exists()


def test_a_description_by_a_model_that_is_no_longer_active_is_done_again(picture: Content) -> None:
    token = contents.claim_content(content_id=picture.pk)
    assert token is not None
    description, frames = described(picture)
    ActiveModel.objects.create(pk=1, model_key="other@1")

    assert not ingest.save(picture.pk, token, picture.sha256, description, frames)

    assert (fresh(picture).status, fresh(picture).attempts) == ("pending", 0)
    assert not Embedding.objects.exists()


def described(content: Content) -> tuple[MediaDescription, ingest.FrameKeeper]:
    frames = ingest.FrameKeeper(content.sha256)
    return runtime.describer().describe(storage.original_path(content.sha256), frames.keep), frames


def test_repeated_messages_change_nothing(picture: Content, sent_tasks: SentTasks) -> None:
    for _ in range(3):
        ingest.describe_content(picture.pk)

    assert Frame.objects.count() == 1
    assert Embedding.objects.count() == 1


def test_during_an_import_the_index_waits_for_the_last_file_or_five_seconds(
    picture: Content, tmp_path: Path, sent_tasks: SentTasks
) -> None:
    other = add(media.picture_file(tmp_path / "b.jpg", 2))
    with sent_tasks.committing():
        ingest.describe_content(picture.pk)
    assert sent_tasks.names() == []

    with sent_tasks.committing():
        ingest.describe_content(other.pk)
    assert sent_tasks.names() == ["tasks.indexing.sync_index"]

    add(media.picture_file(tmp_path / "c.jpg", 3))
    late = add(media.picture_file(tmp_path / "d.jpg", 4))
    IndexChange.objects.update(created_at=timezone.now() - timedelta(seconds=6))
    with sent_tasks.committing():
        ingest.describe_content(late.pk)
    assert sent_tasks.names() == ["tasks.indexing.sync_index"] * 2


def test_waiting_for_another_workers_result(picture: Content, monkeypatch: pytest.MonkeyPatch) -> None:
    token = contents.claim_content(content_id=picture.pk)
    assert token is not None

    def the_other_worker_ends(_seconds: float) -> None:
        contents.fail_content(content_id=picture.pk, token=token, reason="Not a picture.")

    monkeypatch.setattr("time.sleep", the_other_worker_ends)

    assert ingest.describe_now(picture.pk).error == "Not a picture."


def test_waiting_for_another_worker_has_an_end(picture: Content) -> None:
    contents.claim_content(content_id=picture.pk)

    with pytest.raises(TimeoutError, match="too long"):
        ingest.describe_now(picture.pk, wait_seconds=0.1)


def test_describing_and_sync_leave_rows_and_vectors_equal(picture: Content, clip: Content) -> None:
    for content in (picture, clip):
        ingest.describe(content.pk)
    indexing.sync(wait_seconds=0)

    checked = indexing.check()
    assert checked.is_good
    assert checked.vectors == Frame.objects.count() > 3
    assert Media.objects.count() == 2
