"""``manage.py ingest``: what is taken in, skipped and refused, and what the last line says."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from search.errors import DecodeAborted
from tasks import indexing, ingest, runtime
from tests import media
from webapp.models import Content, Frame, Label, Media
from webapp.services import contents, storage
from webapp.services import library as entries

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    yield
    runtime.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "photos"
    media.picture_file(root / "tower" / "1.jpg", 1)
    media.picture_file(root / "tower" / "2.png", 2)
    media.picture_file(root / "bridge" / "3.webp", 3)
    media.clip_file(root / "clips" / "4.mp4", [4, 5], seconds=1.0)
    (root / "tower" / "copy of 1.JPG").write_bytes((root / "tower" / "1.jpg").read_bytes())
    (root / "notes.txt").write_text("no picture")
    media.picture_file(root / ".hidden" / "5.jpg", 5)
    return root


def take_in(*paths: str | Path, **options: Any) -> dict[str, Any]:
    output = io.StringIO()
    options.setdefault("stderr", io.StringIO())
    try:
        call_command("ingest", *(str(path) for path in paths), json=True, stdout=output, **options)
    except SystemExit as ended:
        assert ended.code == 1
    answer: dict[str, Any] = json.loads(output.getvalue().splitlines()[-1])
    assert set(answer) == {"ingested", "skipped", "failed", "seconds"}
    assert answer.pop("seconds") >= 0
    return answer


def paths() -> list[str]:
    return sorted(Media.objects.values_list("path", flat=True))


def labels(path: object) -> set[str]:
    return set(Label.objects.filter(media__path=str(path)).values_list("name", flat=True))


def test_a_folder_is_taken_in_with_all_it_holds_and_the_index_is_in_step(folder: Path) -> None:
    assert take_in(folder) == {"ingested": 5, "skipped": 0, "failed": []}

    names = ["bridge/3.webp", "clips/4.mp4", "tower/1.jpg", "tower/2.png", "tower/copy of 1.JPG"]
    assert paths() == [f"{folder}/{name}" for name in names]
    assert Content.objects.filter(status="ready").count() == 4  # the exact copy cost no decoding
    checked = indexing.check()
    assert checked.is_good
    assert checked.vectors == Frame.objects.count() >= 5


def test_a_second_run_skips_everything_and_loads_no_model(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take_in(folder)
    monkeypatch.setattr(runtime, "describer", lambda: pytest.fail("the model was loaded"))

    assert take_in(folder) == {"ingested": 0, "skipped": 5, "failed": []}
    assert Media.objects.count() == 5


def test_only_what_is_new_or_changed_is_taken_in(folder: Path) -> None:
    take_in(folder)
    media.picture_file(folder / "tower" / "new.jpg", 20)
    media.picture_file(folder / "bridge" / "3.webp", 21)

    assert take_in(folder) == {"ingested": 2, "skipped": 4, "failed": []}
    assert paths().count(f"{folder}/bridge/3.webp") == 2  # the old picture is not thrown away


def test_paths_are_kept_as_they_were_given(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)

    take_in("tower", "./bridge", "clips/../clips/4.mp4", "tower/1.jpg")

    assert paths() == [
        "./bridge/3.webp",
        "clips/../clips/4.mp4",
        "tower/1.jpg",
        "tower/2.png",
        "tower/copy of 1.JPG",
    ]


def test_bad_files_are_reported_and_recorded_and_the_rest_goes_on(folder: Path) -> None:
    broken = folder / "tower" / "broken.jpg"
    broken.write_bytes(b"\xff\xd8\xff\xe0 torn off")
    (folder / "empty.png").touch()
    listed = folder / "notes.txt"

    answer = take_in(folder, listed, folder / "missing.jpg")

    assert answer["ingested"] == 5
    reasons = {failure["path"]: failure["error"] for failure in answer["failed"]}
    assert set(reasons) == {str(broken), f"{folder}/empty.png", str(listed), f"{folder}/missing.jpg"}
    assert all(reason.endswith(".") for reason in reasons.values())
    content = Content.objects.get(sha256=storage.digest(broken))
    assert (content.status, content.error) == ("failed", reasons[str(broken)])


def test_a_bad_file_is_reported_again_without_being_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "tower" / "broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 torn off")
    first = take_in(folder)
    monkeypatch.setattr(runtime, "describer", lambda: pytest.fail("it was tried again"))

    assert take_in(folder) == {"ingested": 0, "skipped": 5, "failed": first["failed"]}
    assert len(first["failed"]) == 1


def test_a_file_that_failed_by_circumstances_is_tried_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def aborted(*_: object) -> bool:
        raise DecodeAborted("Decoding took too long.")

    with monkeypatch.context() as patch:
        patch.setattr(ingest, "save", aborted)
        answer = take_in(folder / "tower" / "1.jpg")
        assert answer["failed"] == [{"path": f"{folder}/tower/1.jpg", "error": "Decoding took too long."}]

    assert take_in(folder / "tower" / "1.jpg")["ingested"] == 1


def test_the_exit_code_is_one_only_if_nothing_could_be_taken_in(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"nothing")

    with pytest.raises(SystemExit) as ended:
        call_command("ingest", str(bad), stdout=io.StringIO(), stderr=io.StringIO())
    assert ended.value.code == 1


def test_an_empty_folder_is_said(tmp_path: Path) -> None:
    output = io.StringIO()

    with pytest.raises(CommandError, match="no picture or clip"):
        call_command("ingest", str(tmp_path), json=True, stdout=output)
    assert json.loads(output.getvalue())["ingested"] == 0


def test_links_that_loop_and_special_files_are_refused(tmp_path: Path) -> None:
    media.picture_file(tmp_path / "real.jpg", 1)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "self.jpg").symlink_to(tmp_path / "self.jpg")
    (tmp_path / "linked.jpg").symlink_to(tmp_path / "real.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")

    answer = take_in(tmp_path)

    assert answer["ingested"] == 2
    failed = {Path(failure["path"]).name: failure["error"] for failure in answer["failed"]}
    assert set(failed) == {"pipe.jpg", "self.jpg"}
    assert "regular file" in failed["pipe.jpg"]


def test_names_the_library_cannot_hold_are_refused(tmp_path: Path) -> None:
    odd = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))
    media.picture_file(tmp_path / "a.jpg", 1).rename(odd)

    answer = take_in(tmp_path)

    assert "UTF-8" in answer["failed"][0]["error"]
    assert not Media.objects.exists()


def test_labels_from_folders_and_a_collection(folder: Path) -> None:
    take_in(folder, labels_from_folders=True, collection="Holidays")

    assert labels(folder / "tower" / "1.jpg") == {"tower"}
    assert labels(folder / "bridge" / "3.webp") == {"bridge"}
    assert set(Media.objects.values_list("collection__name", flat=True)) == {"Holidays"}


def test_a_manifest_gives_labels_and_facts(folder: Path) -> None:
    manifest = folder / "facts.csv"
    manifest.write_text(
        "path,label,latitude,longitude,link,description\n"
        "tower/1.jpg,Eiffel Tower,48.858,2.294,https://example.org/tower,By day\n"
        "tower/1.jpg,Paris,48.858,2.294,https://example.org/tower,By day\n"
        "tower/2.png,Eiffel Tower,,,,\n"
        "bridge/3.webp,Bridge,95,2,,\n"
        "elsewhere/9.jpg,Nowhere,,,,\n"
    )

    answer = take_in(folder, manifest=manifest)

    assert answer["ingested"] == 4
    assert len(answer["failed"]) == 1
    assert "Line 5" in answer["failed"][0]["error"]
    assert "latitude" in answer["failed"][0]["error"]
    entry = Media.objects.get(path=f"{folder}/tower/1.jpg")
    assert (entry.latitude, entry.longitude) == (48.858, 2.294)
    assert (entry.link, entry.description) == ("https://example.org/tower", "By day")
    assert labels(entry.path) == {"Eiffel Tower", "Paris"}
    assert labels(folder / "tower" / "2.png") == {"Eiffel Tower"}
    assert labels(folder / "clips" / "4.mp4") == set()


def test_a_manifest_alone_names_the_files(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "list.csv").write_text("\ufeffpath,label\ntower/1.jpg,One\nclips/4.mp4,Four\ngone.jpg,\n")
    monkeypatch.chdir(folder)

    answer = take_in(manifest=Path("list.csv"))

    assert answer["ingested"] == 2
    assert answer["failed"] == [{"path": "gone.jpg", "error": "There is no such file."}]
    assert paths() == ["clips/4.mp4", "tower/1.jpg"]
    assert labels("tower/1.jpg") == {"One"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name,label\na.jpg,x\n", "Only path is required"),
        ("path,lable\n", "Unknown: lable"),
        ("\xff", "UTF-8"),
    ],
)
def test_an_unusable_manifest_stops_before_anything_is_done(folder: Path, text: str, says: str) -> None:
    manifest = folder / "bad.csv"
    manifest.write_bytes(text.encode("latin-1"))

    with pytest.raises(CommandError, match=says):
        call_command("ingest", str(folder), manifest=manifest)
    assert not Media.objects.exists()


def test_a_second_run_adds_labels_to_what_is_there(folder: Path) -> None:
    take_in(folder)

    assert take_in(folder, labels_from_folders=True)["skipped"] == 5
    assert labels(folder / "tower" / "1.jpg") == {"tower"}


def test_what_lies_in_the_trash_is_skipped_and_comes_back_when_it_is_asked_for(folder: Path) -> None:
    take_in(folder)
    entry = Media.objects.get(path=f"{folder}/tower/2.png")
    entries.trash_media(media_ids=[entry.pk], actor=None)
    said = io.StringIO()

    assert take_in(folder, stderr=said) == {"ingested": 0, "skipped": 5, "failed": []}
    assert f"{entry.path}: In the trash: restore it there, or run with --restore." in said.getvalue()
    entry.refresh_from_db()
    assert entry.trashed_at is not None

    assert take_in(folder, restore=True) == {"ingested": 1, "skipped": 4, "failed": []}
    assert indexing.check().is_good
    entry.refresh_from_db()
    assert entry.trashed_at is None


def test_a_lost_original_is_put_back_by_adding_the_file_again(folder: Path) -> None:
    take_in(folder)
    picture = folder / "tower" / "2.png"
    original = storage.original_path(storage.digest(picture))
    original.unlink()

    take_in(folder)

    assert original.read_bytes() == picture.read_bytes()


def test_a_content_that_another_process_describes_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = folder / "tower" / "1.jpg"
    content = contents.get_or_create_content(stored=storage.store_path(picture, max_bytes=1 << 20))
    token = contents.claim_content(content_id=content.pk)
    assert token is not None

    def the_other_one_ends(_seconds: float) -> None:
        contents.put_back(content_id=content.pk, token=token, reason="", count_attempt=False)

    monkeypatch.setattr("tasks.ingest.time.sleep", the_other_one_ends)

    assert take_in(folder) == {"ingested": 5, "skipped": 0, "failed": []}
    assert Frame.objects.filter(content=content).count() == 1


def test_a_full_disk_stops_the_run_and_keeps_what_is_done(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = storage.store_path
    stored: list[Path] = []

    def third_does_not_fit(path: Path, *, max_bytes: int) -> storage.StoredFile:
        if len(stored) == 2:
            raise storage.StorageFull("The disk is full. Free some space and try again.")
        stored.append(path)
        return store(path, max_bytes=max_bytes)

    monkeypatch.setattr(storage, "store_path", third_does_not_fit)
    with pytest.raises(CommandError, match="disk is full"):
        take_in(folder)
    assert not Content.objects.filter(status="processing").exists()

    monkeypatch.undo()
    answer = take_in(folder)
    assert answer["failed"] == []
    assert answer["ingested"] + answer["skipped"] == 5
    assert indexing.check().is_good
