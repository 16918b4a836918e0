"""Imports through their tasks: folders, archives, and jobs that are stopped at any moment."""

from __future__ import annotations

import dataclasses
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile

from tasks import imports, ingest
from tasks.imports import run_import
from tests import media
from tests.sent_tasks import SentTasks
from webapp.models import AuditEntry, Content, ImportItem, ImportJob, Media
from webapp.selectors.imports import failed_items, job_counts
from webapp.services import imports as service
from webapp.services import library as entries
from webapp.services import storage, uploads

pytestmark = pytest.mark.django_db
Job = ImportJob.Status


@pytest.fixture(autouse=True)
def described(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Contents in the order they were described; text files turn out to be no pictures."""
    done: list[int] = []

    def describe(content_id: int) -> bool:
        content = Content.objects.get(pk=content_id)
        if content.status != Content.Status.PENDING:
            return False
        done.append(content_id)
        data = storage.original_path(content.sha256).read_bytes()
        good = not data.startswith(b"text")
        content.status = Content.Status.READY if good else Content.Status.FAILED
        content.error = "" if good else "This is not a picture."
        content.kind = "image"
        content.save()
        return True

    monkeypatch.setattr(ingest, "describe", describe)
    monkeypatch.setattr(imports, "sync_index", _Nothing())
    monkeypatch.setattr(ingest, "sync_index", _Nothing())
    return done


class _Nothing:
    def delay_on_commit(self) -> None:
        return None


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "archive"
    for number, name in enumerate(["lake/one.jpg", "lake/two.jpg", "city/three.png", "four.jpg"]):
        media.picture_file(root / name, number, (40, 30))
    (root / "city" / "copy of three.png").write_bytes((root / "city/three.png").read_bytes())
    (root / "bad.jpg").write_text("text that calls itself a picture")
    (root / "notes.txt").write_text("text")
    (root / ".hidden.jpg").write_text("text")
    return root


@pytest.fixture
def start(sent_tasks: SentTasks) -> Callable[..., ImportJob]:
    def create(location: Path, **more: object) -> ImportJob:
        source = ImportJob.Source.ZIP if location.suffix == ".zip" else ImportJob.Source.FOLDER
        with sent_tasks.committing():
            job = service.create_import(source=source, location=location, trusted=True, **more)  # type: ignore[arg-type]
            run_import.delay_on_commit(job.pk)
        return job

    return create


@pytest.fixture
def upload_folder() -> Iterator[Path]:
    folder = Path(settings.DATA_DIR) / "import"
    folder.mkdir(exist_ok=True)
    yield folder


def counts(job: ImportJob) -> dict[str, int]:
    return {name: count for name, count in job_counts(job).items() if count}


def paths() -> set[str]:
    return set(Media.objects.values_list("path", flat=True))


def test_a_folder_comes_in_with_labels_and_a_bad_file_stays_out_of_the_way(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, described: list[int]
) -> None:
    job = start(folder, collection_name="Holiday", labels_from_folders=True)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.DONE
    assert job.finished_at is not None
    assert counts(job) == {"done": 5, "failed": 1, "total": 6, "settled": 6, "percent": 100}
    assert [(item.path, item.error) for item in failed_items(job)] == [("bad.jpg", "This is not a picture.")]
    assert len(described) == 5, "the same bytes are described once"
    entry = Media.objects.get(path=str(folder / "lake/one.jpg"))
    assert entry.collection is not None
    assert entry.collection.name == "Holiday"
    assert [label.name for label in entry.labels.all()] == ["lake"]


def test_a_second_import_of_the_same_folder_skips_what_is_there(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, described: list[int]
) -> None:
    start(folder)
    sent_tasks.run()
    before = list(described)
    second = start(folder)
    sent_tasks.run()

    second.refresh_from_db()
    assert second.status == Job.DONE
    assert counts(second)["skipped"] == 5
    assert described == before
    assert Media.objects.count() == 6


def test_what_somebody_put_in_the_trash_does_not_come_back_by_an_import(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    start(folder)
    sent_tasks.run()
    unwanted = Media.objects.get(path=str(folder / "four.jpg"))
    entries.trash_media(media_ids=[unwanted.pk], actor=None)

    second = start(folder)
    sent_tasks.run()

    unwanted.refresh_from_db()
    assert unwanted.trashed_at is not None
    item = second.items.get(path="four.jpg")
    assert item.status == ImportItem.Status.SKIPPED
    assert "in the trash" in item.error


class Killed(BaseException):
    """Stands for ``kill -9``: nothing in the project catches it."""


class Deadly:
    """Wraps the services an import calls; the process dies before or after the call that is due."""

    NAMES = ("start_listing", "add_items", "finish_listing", "store_item", "release_import", "settle_job")

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left, self.after, self.deaths = 0, False, 0
        for name in self.NAMES:
            monkeypatch.setattr(service, name, self._wrapped(getattr(service, name)))

    def _wrapped(self, real: Callable[..., object]) -> Callable[..., object]:
        def call(**arguments: object) -> object:
            self.left -= 1
            if self.left == 0 and not self.after:
                raise Killed
            answer = real(**arguments)
            if self.left == 0:
                raise Killed
            return answer

        return call

    def run(self, job: ImportJob, *, calls: int, after: bool) -> None:
        self.left, self.after = calls, after
        try:
            run_import(job.pk)
        except Killed:
            self.deaths += 1
            # The lease of a process that is gone is free at once; here the process lives on.
            ImportJob.objects.filter(pk=job.pk).update(lease_until=None)


def test_an_import_that_dies_anywhere_goes_on_without_loss_or_repetition(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = start(folder)
    deadly = Deadly(monkeypatch)
    for step in range(12):
        deadly.run(job, calls=step % 4 + 2, after=step % 2 == 0)
    assert deadly.deaths > 5
    deadly.run(job, calls=0, after=False)
    for content_id in Content.objects.values_list("pk", flat=True):
        ingest.describe_content(content_id)

    job.refresh_from_db()
    assert job.status == Job.DONE
    names = [
        "lake/one.jpg",
        "lake/two.jpg",
        "city/three.png",
        "city/copy of three.png",
        "four.jpg",
        "bad.jpg",
    ]
    assert paths() == {str(folder / name) for name in names}
    assert (job.items.count(), Media.objects.count(), Content.objects.count()) == (6, 6, 5)
    assert counts(job)["done"] == 5


def test_a_job_that_makes_progress_between_deaths_is_never_given_up(
    folder: Path, start: Callable[..., ImportJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.store_item

    def store_and_die(**arguments: object) -> object:
        real(**arguments)  # type: ignore[arg-type]
        raise Killed

    monkeypatch.setattr(service, "store_item", store_and_die)
    job = start(folder)
    for _ in range(6):
        with pytest.raises(Killed):
            run_import(job.pk)
        ImportJob.objects.filter(pk=job.pk).update(lease_until=None)

    job.refresh_from_db()
    assert (job.status, job.attempts) == (Job.RUNNING, 0)
    assert Media.objects.count() == 6


def test_a_job_that_dies_without_any_progress_is_given_up_after_three_times(
    folder: Path, start: Callable[..., ImportJob], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(imports, "open_source", die)
    job = start(folder)
    for _ in range(3):
        with pytest.raises(Killed):
            run_import(job.pk)
        ImportJob.objects.filter(pk=job.pk).update(lease_until=None)
    run_import(job.pk)

    job.refresh_from_db()
    assert job.status == Job.FAILED
    assert job.error


def test_a_paused_job_stops_after_the_file_at_hand_and_resumes(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = service.store_item
    job = start(folder)

    def store_then_pause(**arguments: object) -> object:
        answer = real(**arguments)  # type: ignore[arg-type]
        if Media.objects.count() == 2:
            service.pause_import(job=ImportJob.objects.get(pk=job.pk))
        return answer

    monkeypatch.setattr(service, "store_item", store_then_pause)
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.PAUSED
    assert counts(job)["pending"] == 4
    run_import(job.pk)
    assert Media.objects.count() == 2, "a message that comes late changes nothing"

    monkeypatch.setattr(service, "store_item", real)
    with sent_tasks.committing():
        run_import.delay_on_commit(service.resume_import(job=job).pk)
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.DONE
    assert Media.objects.count() == 6


def test_a_cancelled_job_keeps_what_it_took_in_and_stops(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SLICE_ITEMS", 2)
    job = start(folder)
    run_import(job.pk)
    service.cancel_import(job=job)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.CANCELLED
    assert Media.objects.count() == 2
    assert counts(job)["pending"] == 4


def test_slices_give_other_work_its_turn(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SLICE_ITEMS", 2)
    start(folder)
    names = [name.rsplit(".")[-1] for name in sent_tasks.run()]
    assert names[:4] == ["run_import", "describe_content", "describe_content", "run_import"]
    assert names.count("run_import") == 3


def test_failed_files_can_be_retried_after_they_were_mended(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    job = start(folder)
    sent_tasks.run()
    job.refresh_from_db()
    assert counts(job)["failed"] == 1
    media.picture_file(folder / "bad.jpg", 77, (40, 30))

    with sent_tasks.committing():
        run_import.delay_on_commit(service.retry_failed(job=job).pk)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.DONE
    assert counts(job) == {"done": 6, "total": 6, "settled": 6, "percent": 100}


def test_a_folder_that_is_gone_or_holds_nothing_is_said_in_words(
    tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    (tmp_path / "empty").mkdir()
    empty = start(tmp_path / "empty")
    (tmp_path / "gone").mkdir()
    gone = start(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    sent_tasks.run()

    empty.refresh_from_db()
    gone.refresh_from_db()
    assert (empty.status, empty.error) == (Job.FAILED, "There are no pictures or clips in it.")
    assert gone.status == Job.FAILED
    assert "is gone from the server" in gone.error


def test_a_full_disk_pauses_the_job_with_a_reason(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise storage.StorageFull("The disk is full. Free some space and try again.")

    monkeypatch.setattr(imports, "store", full)
    job = start(folder)
    sent_tasks.run()
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.PAUSED, "The disk is full. Free some space and try again.")
    assert counts(job)["pending"] == 6


# -- what may be imported


def test_a_page_may_import_only_from_the_allowed_folders(
    folder: Path, upload_folder: Path, tmp_path: Path
) -> None:
    def refused(place: Path | str) -> str:
        with pytest.raises(service.ImportRefused) as refusal:
            service.create_import(source=ImportJob.Source.FOLDER, location=place)
        return str(refusal.value)

    assert "SIGHTLINE_IMPORT_ROOTS" in refused(folder)
    assert "SIGHTLINE_IMPORT_ROOTS" in refused(upload_folder / ".." / "originals")
    assert "whole path" in refused("archive")
    assert "no folder" in refused(upload_folder / "missing")
    (upload_folder / "way out").symlink_to(tmp_path)
    assert "SIGHTLINE_IMPORT_ROOTS" in refused(upload_folder / "way out")

    (upload_folder / "inside").mkdir()
    user = User.objects.create_user("anna")
    job = service.create_import(source=ImportJob.Source.FOLDER, location=upload_folder / "inside", user=user)
    assert (job.name, job.created_by) == ("inside", user)
    assert AuditEntry.objects.get().action == "import.create"


def test_links_in_a_folder_cannot_lead_out_of_it(
    folder: Path, tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    secret = media.picture_file(tmp_path / "secret.jpg", 5, (40, 30))
    (folder / "link.jpg").symlink_to(secret)
    (folder / "linked").symlink_to(tmp_path)
    (folder / "near.jpg").symlink_to(folder / "four.jpg")
    job = start(folder)
    sent_tasks.run()

    problems = {item.path: item.error for item in failed_items(job)}
    assert problems["link.jpg"] == "It is a link that leads out of the folder."
    assert set(problems) == {"link.jpg", "bad.jpg"}
    assert job.items.get(path="near.jpg").status == ImportItem.Status.DONE


def test_a_folder_that_became_a_link_is_not_followed(
    folder: Path, tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    job = start(folder)
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.FAILED
    assert "link" in job.error


def test_names_that_are_no_text_or_too_long_are_reported_one_by_one(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    Path(bytes(folder).decode() + "/b\udcff.jpg").write_bytes(media.encoded(media.picture(9, (40, 30))))
    job = start(folder)
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.DONE
    assert "Rename the file." in {item.path: item.error for item in failed_items(job)}["b\ufffd.jpg"]


# -- archives


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("lake/one.jpg", media.encoded(media.picture(1, (40, 30))))
        target.writestr("lake/bad.jpg", b"text")
        target.writestr("../../escape.jpg", media.encoded(media.picture(2, (40, 30))))
        target.writestr("/rooted.jpg", media.encoded(media.picture(3, (40, 30))))
        target.writestr("__MACOSX/._one.jpg", b"text")
        target.writestr("readme.txt", b"text")
        target.writestr("two.jpg", media.encoded(media.picture(4, (40, 30))))
    return path


def test_an_archive_comes_in_and_entries_that_point_outside_are_refused(
    archive: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, tmp_path: Path
) -> None:
    job = start(archive, labels_from_folders=True)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.DONE
    problems = {item.path: item.error for item in failed_items(job)}
    assert problems == {
        "lake/bad.jpg": "This is not a picture.",
        "../../escape.jpg": "Its name points out of the archive.",
        "/rooted.jpg": "Its name points out of the archive.",
    }
    assert paths() == {
        "photos.zip/lake/one.jpg", "photos.zip/two.jpg", "photos.zip/lake/bad.jpg"
    }  # fmt: skip
    assert not list(tmp_path.rglob("escape.jpg"))
    assert [label.name for label in Media.objects.get(path="photos.zip/lake/one.jpg").labels.all()] == [
        "lake"
    ]


def test_bombs_locked_and_damaged_entries_are_reported_and_the_rest_comes_in(
    tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tasks import import_sources

    monkeypatch.setattr(import_sources, "BOMB_BYTES", 1_000_000)
    path = tmp_path / "mixed.zip"
    good = media.encoded(media.picture(1, (40, 30)))
    with zipfile.ZipFile(path, "w") as target:
        target.writestr("bomb.png", bytes(3_000_000), zipfile.ZIP_DEFLATED)
        target.writestr("good.jpg", good)
        target.writestr("locked.jpg", good + b"locked")
        target.writestr("torn.jpg", good + b"torn")
    data = bytearray(path.read_bytes())
    entry = data.rindex(b"locked.jpg")
    data[entry - 46 + 8] |= 1
    torn = data.index(b"torn.jpg") + len(b"torn.jpg")
    data[torn + 20] ^= 0xFF
    path.write_bytes(data)

    job = start(path)
    sent_tasks.run()

    problems = {item.path: item.error for item in failed_items(job)}
    assert set(problems) == {"bomb.png", "locked.jpg", "torn.jpg"}
    assert "when unpacked" in problems["bomb.png"]
    assert "password" in problems["locked.jpg"]
    assert "damaged" in problems["torn.jpg"]
    assert job.items.get(path="good.jpg").status == ImportItem.Status.DONE
    assert Content.objects.count() == 1


def test_what_is_no_archive_is_refused_in_words(
    tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    (tmp_path / "fake.zip").write_text("text")
    job = start(tmp_path / "fake.zip")
    sent_tasks.run()
    job.refresh_from_db()
    assert (job.status, job.error) == (Job.FAILED, "This is not a zip archive, or it is damaged.")


def test_an_uploaded_archive_goes_when_it_is_done_and_its_failures_can_still_be_retried(
    archive: Path, sent_tasks: SentTasks, described: list[int]
) -> None:
    place = uploads.keep_archive(chunks=iter([archive.read_bytes()]))
    with sent_tasks.committing():
        job = service.create_import(source=ImportJob.Source.ZIP, location=place, name="photos.zip")
        run_import.delay_on_commit(job.pk)
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.DONE
    assert not place.exists()

    tried = len(described)
    with sent_tasks.committing():
        run_import.delay_on_commit(service.retry_failed(job=job).pk)
    sent_tasks.run()
    job.refresh_from_db()
    assert job.status == Job.DONE
    assert len(described) == tried + 1
    assert counts(job)["failed"] == 3


def test_a_large_upload_is_refused_and_leaves_nothing(
    settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:

    from django.conf import settings as real

    monkeypatch.setattr(real, "SIGHTLINE", dataclasses.replace(real.SIGHTLINE, max_upload_bytes=10))
    with pytest.raises(storage.UploadTooLarge):
        uploads.keep_archive(chunks=iter([b"12345", b"678901"]))
    assert not list(uploads.uploads_folder().glob("*"))
    assert not list((real.DATA_DIR / "incoming").iterdir())


def test_files_that_are_no_media_by_their_names_are_counted_and_left_out(
    tmp_path: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    media.picture_file(tmp_path / "album" / "a.jpg", 1, (40, 30))
    for name in ("notes.txt", "Thumbs.db", ".hidden"):
        (tmp_path / "album" / name).write_text("text")
    with zipfile.ZipFile(tmp_path / "album.zip", "w") as packed:
        for path in (tmp_path / "album").iterdir():
            packed.write(path, path.name)

    for place in (tmp_path / "album", tmp_path / "album.zip"):
        job = start(place)
        sent_tasks.run()
        job.refresh_from_db()
        assert (job.status, job.left_out, counts(job)["total"]) == (Job.DONE, 2, 1)


def test_of_files_that_somebody_chose_each_is_tried(sent_tasks: SentTasks) -> None:
    picture = media.encoded(media.picture(1, (40, 30)))
    files = [SimpleUploadedFile("photo", picture), SimpleUploadedFile("notes.txt", b"text")]
    with sent_tasks.committing():
        job = service.create_import(
            source=ImportJob.Source.FILES, location=uploads.keep_files(files=files), name="two files"
        )
        run_import.delay_on_commit(job.pk)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.left_out == 0
    assert {item.path: item.status for item in job.items.all()} == {"photo": "done", "notes.txt": "failed"}


def test_a_path_that_is_too_long_for_the_library_fails_alone(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        imports, "library_path", lambda _job, item: "x" * 2000 if item.path == "bad.jpg" else item.path
    )
    job = start(folder)
    sent_tasks.run()
    assert "longer than 1024" in job.items.get(path="bad.jpg").error
    assert counts(job)["done"] > 0


def test_an_archive_on_the_server_stays(
    archive: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks
) -> None:
    start(archive)
    sent_tasks.run()
    assert archive.exists()


def test_the_sample_library_is_drawn_and_comes_in_with_its_folders_as_labels(
    sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_samples(directory: Path, progress: object) -> None:
        media.picture_file(directory / "harbour" / "boats.jpg", 1, (40, 30))

    monkeypatch.setattr("search.samples.make_samples", make_samples)
    with sent_tasks.committing():
        job = service.create_import(source=ImportJob.Source.SAMPLES, name="Sample library")
        run_import.delay_on_commit(job.pk)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.DONE
    entry = Media.objects.get()
    assert entry.path == "Sample library/harbour/boats.jpg"
    assert [label.name for label in entry.labels.all()] == ["harbour"]


# -- settling


def test_files_described_while_the_job_is_paused_are_settled_and_the_job_waits(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "SLICE_ITEMS", 2)
    job = start(folder)
    run_import(job.pk)
    service.pause_import(job=job)
    for content_id in Content.objects.values_list("pk", flat=True):
        ingest.describe_content(content_id)

    job.refresh_from_db()
    assert job.status == Job.PAUSED
    assert counts(job)["pending"] == 4
    assert counts(job)["settled"] == 2


def test_a_sweep_closes_a_job_whose_last_message_was_lost(
    folder: Path, start: Callable[..., ImportJob], sent_tasks: SentTasks, described: list[int]
) -> None:
    job = start(folder)
    run_import(job.pk)
    sent_tasks.clear()
    assert counts(job)["stored"] == 6
    gone = Media.objects.get(path=str(folder / "lake/one.jpg"))
    entries.trash_media(media_ids=[gone.pk], actor=None)
    entries.purge_media(media_ids=[gone.pk], actor=None)

    with sent_tasks.committing():
        run_import(job.pk)
    sent_tasks.run()

    job.refresh_from_db()
    assert job.status == Job.DONE
    assert {item.path: item.error for item in failed_items(job)} == {
        "bad.jpg": "This is not a picture.",
        "lake/one.jpg": "It was removed from the library meanwhile.",
    }


def test_old_uploads_of_jobs_that_ended_badly_make_room_for_new_ones() -> None:
    def old(status: str) -> Path:
        place = uploads.keep_archive(chunks=iter([b"archive"]))
        job = service.create_import(source=ImportJob.Source.ZIP, location=place)
        ImportJob.objects.filter(pk=job.pk).update(status=status)
        os.utime(place, (0, 0))
        return place

    with_job, without, paused = old(Job.CANCELLED), old(Job.FAILED), old(Job.PAUSED)
    fresh = uploads.keep_archive(chunks=iter([b"archive"]))
    uploads.drop_forgotten_archives()
    assert [place.exists() for place in (with_job, without, paused, fresh)] == [False, False, True, True]
