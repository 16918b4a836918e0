"""Starting, watching and steering imports through the pages."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from pytest_django.fixtures import Settings

from tests import media
from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import ImportItem, ImportJob

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
Item, Job = ImportItem.Status, ImportJob.Status


@pytest.fixture
def folder(tmp_path: Path, settings: Settings) -> Path:
    """A folder on the server that may be imported."""
    settings.SIGHTLINE = dataclasses.replace(settings.SIGHTLINE, import_roots=[tmp_path])
    media.picture_file(tmp_path / "cats" / "tom.jpg", 1)
    return tmp_path / "cats"


@pytest.fixture
def job(db: None, tmp_path: Path) -> ImportJob:
    """One that is in progress: two done, one failed, one waiting."""
    place = str(tmp_path)
    job = ImportJob.objects.create(source="folder", location=place, name="photos", status=Job.RUNNING)
    for n, status in enumerate([Item.DONE, Item.DONE, Item.FAILED, Item.PENDING]):
        error = "The file ends too early." if status == Item.FAILED else ""
        ImportItem.objects.create(job=job, path=f"photos/{n}.jpg", status=status, error=error)
    return job


def start_folder(editor: Client, sent: SentTasks, location: object, **more: str) -> ImportJob:
    with sent.committing():
        answer = editor.post(reverse("imports"), {"source": "folder", "location": str(location), **more})
    job = ImportJob.objects.get()
    assert answer["Location"] == reverse("import", args=[job.pk])
    return job


def test_a_server_folder_is_imported(editor: Client, sent_tasks: SentTasks, folder: Path) -> None:
    job = start_folder(editor, sent_tasks, folder, collection_name=" Pets ", labels_from_folders="on")
    assert (job.source, job.location, job.labels_from_folders) == ("folder", str(folder), True)
    assert job.collection is not None and job.collection.name == "Pets"
    assert job.created_by is not None and job.created_by.username == "edda"
    assert [(sent.name, sent.args) for sent in sent_tasks] == [("tasks.imports.run_import", (job.pk,))]


def test_the_page_names_the_allowed_folders_and_suggests_what_is_in_them(
    editor: Client, folder: Path
) -> None:
    page = editor.get(reverse("imports")).content.decode()
    assert f"<code>{folder.parent}</code>" in page
    assert f'<option value="{folder}">' in page
    assert "No imports yet" in page


@pytest.mark.parametrize("location", ["/etc", "relative/folder", "", "/no/such/folder"])
def test_a_folder_that_may_not_be_imported_is_refused_in_words(
    editor: Client, sent_tasks: SentTasks, folder: Path, location: str
) -> None:
    answer = editor.post(reverse("imports"), {"source": "folder", "location": location})
    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()
    assert not ImportJob.objects.exists() and not sent_tasks


def test_a_link_out_of_the_allowed_folders_is_refused(editor: Client, folder: Path) -> None:
    (folder / "out").symlink_to("/etc")
    answer = editor.post(reverse("imports"), {"source": "folder", "location": str(folder / "out")})
    assert answer.status_code == 422 and not ImportJob.objects.exists()


def archive(names: dict[str, bytes]) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for name, data in names.items():
            packed.writestr(name, data)
    return SimpleUploadedFile("pets.ZIP", buffer.getvalue(), "application/zip")


def test_an_uploaded_archive_is_kept_for_the_job(editor: Client, sent_tasks: SentTasks) -> None:
    with sent_tasks.committing():
        editor.post(reverse("imports"), {"source": "zip", "uploads": archive({"a/one.jpg": b"1"})})
    job = ImportJob.objects.get()
    assert (job.source, job.name) == ("zip", "pets.ZIP")
    assert Path(job.location).is_relative_to(django_settings.DATA_DIR)
    assert zipfile.ZipFile(job.location).namelist() == ["a/one.jpg"]
    assert sent_tasks.names() == ["tasks.imports.run_import"]


def test_chosen_files_become_one_import_and_keep_their_names(editor: Client, sent_tasks: SentTasks) -> None:
    files = [SimpleUploadedFile(name, data) for name, data in
             [("a.jpg", b"first"), ("b.png", b"second"), ("a.jpg", b"third")]]  # fmt: skip
    answer = editor.post(reverse("imports"), {"source": "zip", "uploads": files}, headers=HTMX)
    job = ImportJob.objects.get()
    assert answer["HX-Redirect"] == reverse("import", args=[job.pk])
    assert job.name == "a.jpg and 2 more"
    with zipfile.ZipFile(job.location) as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == {
            "a.jpg": b"first", "b.png": b"second", "a (2).jpg": b"third",
        }  # fmt: skip


def test_uploads_that_cannot_be_imported_are_refused_in_words(editor: Client, settings: Settings) -> None:
    one = SimpleUploadedFile("one.jpg", b"1")
    mixed = editor.post(reverse("imports"), {"source": "zip", "uploads": [one, archive({"a": b"1"})]})
    assert mixed.status_code == 422 and "not both" in mixed.content.decode()
    none = editor.post(reverse("imports"), {"source": "zip"})
    assert none.status_code == 422 and "errorlist" in none.content.decode()
    settings.SIGHTLINE = dataclasses.replace(settings.SIGHTLINE, max_upload_bytes=10)
    large = editor.post(
        reverse("imports"), {"source": "zip", "uploads": [SimpleUploadedFile("l.jpg", b"x" * 11)]}
    )
    assert large.status_code == 422 and "Send fewer" in large.content.decode()
    assert not ImportJob.objects.exists()


def test_an_uploaded_picture_ends_up_in_the_library_page(
    editor: Client, client: Client, sent_tasks: SentTasks
) -> None:
    picture = SimpleUploadedFile("tom.jpg", media.encoded(media.picture(3)))
    with sent_tasks.committing():
        editor.post(reverse("imports"), {"source": "zip", "uploads": [picture], "collection_name": "Pets"})
    from tasks.imports import run_import

    sent_tasks.clear()
    with sent_tasks.committing():
        run_import.run(ImportJob.objects.get().pk)
    page = client.get(reverse("library")).content.decode()
    assert "tom.jpg" in page and "Pets" in page and "Waiting to be read" in page


def test_the_detail_page_tells_counts_and_reasons_and_polls_while_open(
    editor: Client, job: ImportJob
) -> None:
    page = editor.get(reverse("import", args=[job.pk])).content.decode()
    assert "3 of 4 files" in page
    assert 'aria-valuenow="75"' in page
    assert "photos/2.jpg" in page and "The file ends too early." in page
    assert f'hx-get="{reverse("import-panel", args=[job.pk])}?seen=' in page
    job.status = Job.DONE
    job.items.filter(status=Item.PENDING).update(status=Item.DONE)
    job.save()
    assert "hx-trigger" not in editor.get(reverse("import-panel", args=[job.pk])).content.decode()


def test_a_poll_is_answered_only_when_something_changed(editor: Client, job: ImportJob) -> None:
    address = reverse("import-panel", args=[job.pk])
    panel = editor.get(address, headers=HTMX).content.decode()
    seen = panel.split("seen=")[1].split('"')[0]
    assert editor.get(f"{address}?seen={seen}", headers=HTMX).status_code == 204
    job.items.filter(status=Item.PENDING).update(status=Item.SKIPPED)
    fresh = editor.get(f"{address}?seen={seen}", headers=HTMX)
    assert fresh.status_code == 200 and "4 of 4 files" in fresh.content.decode()


def test_many_failures_come_in_pages(editor: Client, job: ImportJob) -> None:
    ImportItem.objects.bulk_create(
        ImportItem(job=job, path=f"bad/{n:03}.jpg", status=Item.FAILED, error="Torn.") for n in range(70)
    )
    page = editor.get(reverse("import", args=[job.pk])).content.decode()
    assert page.count("Torn.") == 49
    after = page.split("?after=")[1].split('"')[0]
    rest = editor.get(f"{reverse('import', args=[job.pk])}?after={after}").content.decode()
    assert rest.count("Torn.") == 21 and "photos/2.jpg" not in rest


def offered(editor: Client, job: ImportJob) -> set[str]:
    page = editor.get(reverse("import", args=[job.pk])).content.decode()
    return {name for name in ("pause", "resume", "retry", "cancel") if f'id="import-{name}"' in page}


def test_an_import_is_paused_resumed_cancelled_and_retried(
    editor: Client, job: ImportJob, sent_tasks: SentTasks
) -> None:
    def act(name: str) -> str:
        with sent_tasks.committing():
            editor.post(reverse("import-action", args=[job.pk, name]))
        job.refresh_from_db()
        return job.status

    assert offered(editor, job) == {"pause", "cancel"}
    assert act("pause") == Job.PAUSED and not sent_tasks
    assert offered(editor, job) == {"resume", "cancel", "retry"}
    assert act("resume") == Job.PENDING
    assert sent_tasks.names() == ["tasks.imports.run_import"]
    assert act("cancel") == Job.CANCELLED
    assert offered(editor, job) == {"resume", "retry"}
    sent_tasks.clear()
    assert act("retry") == Job.PENDING
    assert sent_tasks.names() == ["tasks.imports.run_import"]
    assert not job.items.filter(status=Item.FAILED).exists()


def test_an_action_that_came_too_late_changes_nothing(
    editor: Client, job: ImportJob, sent_tasks: SentTasks
) -> None:
    ImportJob.objects.update(status=Job.DONE)
    with sent_tasks.committing():
        answer = editor.post(reverse("import-action", args=[job.pk, "pause"]), headers=HTMX)
    assert "Done" in answer.content.decode() and "<html" not in answer.content.decode()
    assert ImportJob.objects.get().status == Job.DONE and not sent_tasks
    assert editor.post(reverse("import-action", args=[job.pk, "explode"])).status_code == 404
    assert editor.get(reverse("import-action", args=[job.pk, "pause"])).status_code == 405


def test_imports_are_for_editors(client: Client, member: Client, job: ImportJob) -> None:
    addresses = {name: reverse(name, args=[job.pk]) for name in ("import", "import-panel")}
    assert client.get(reverse("imports"))["Location"].startswith(reverse("login"))
    assert member.get(reverse("imports")).status_code == 403
    assert member.post(reverse("imports"), {"source": "folder"}).status_code == 403
    for address in addresses.values():
        assert client.get(address).status_code == 404
        assert member.get(address).status_code == 404
    action = reverse("import-action", args=[job.pk, "cancel"])
    assert client.post(action)["Location"].startswith(reverse("login"))
    assert member.post(action).status_code == 403
    assert ImportJob.objects.get().status == Job.RUNNING


def test_a_visitor_fills_an_empty_library_once_and_sees_the_progress(
    client: Client, sent_tasks: SentTasks
) -> None:
    with sent_tasks.committing():
        answer = client.post(reverse("samples-load"))
    job = ImportJob.objects.get()
    assert (job.source, answer["Location"]) == ("samples", reverse("import", args=[job.pk]))
    assert sent_tasks.names() == ["tasks.imports.run_import"]
    page = client.get(answer["Location"]).content.decode()
    assert "Waiting for a worker" in page and "import-cancel" not in page
    assert client.post(reverse("samples-load"))["Location"] == answer["Location"]
    assert ImportJob.objects.count() == 1


def test_samples_are_not_added_to_a_filled_library_by_a_visitor(
    client: Client, editor: Client, library: LibraryMaker
) -> None:
    library.picture(1)
    assert client.post(reverse("samples-load")).status_code == 403
    assert editor.post(reverse("samples-load")).status_code == 302


def test_with_public_search_off_a_stranger_cannot_load_samples(private_search: None, client: Client) -> None:
    assert client.post(reverse("samples-load"))["Location"].startswith(reverse("login"))
    assert not ImportJob.objects.exists()
