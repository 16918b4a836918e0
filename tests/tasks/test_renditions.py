"""Lost thumbnails, frame pictures and local features are made again, and no row changes."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import call_command
from django.forms.models import model_to_dict

from tasks import renditions, runtime
from tests import media
from webapp.models import Content, Embedding, Frame, IndexChange
from webapp.services import storage

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    yield
    runtime.close()


@pytest.fixture
def library(tmp_path: Path) -> list[Content]:
    media.picture_file(tmp_path / "album" / "a.jpg", 1, (320, 240))
    media.clip_file(tmp_path / "album" / "b.mp4", [1, 2], seconds=1.5)
    call_command("ingest", str(tmp_path / "album"), stdout=io.StringIO(), stderr=io.StringIO())
    return list(Content.objects.order_by("kind"))


def folder(content: Content) -> Path:
    return storage.rendition_path(content.sha256, storage.THUMBNAIL).parent


def files(content: Content) -> dict[str, bytes]:
    found = (path for path in folder(content).rglob("*") if path.is_file())
    return {str(path.relative_to(folder(content))): path.read_bytes() for path in found}


def rows() -> list[object]:
    found = (model.objects.order_by("pk") for model in (Content, Frame, Embedding, IndexChange))
    return [model_to_dict(row) for some in found for row in some]


def rebuild() -> str:
    said = io.StringIO()
    call_command("rebuild_renditions", stdout=said, stderr=said)
    return said.getvalue()


def test_what_is_lost_is_made_again_byte_for_byte_and_no_row_changes(library: list[Content]) -> None:
    before, rows_before = [files(content) for content in library], rows()
    picture, clip = library
    shutil.rmtree(folder(picture))
    storage.rendition_path(clip.sha256, storage.frame_picture_name(1)).unlink()

    assert "2 files" in rebuild()

    assert [files(content) for content in library] == before
    assert rows() == rows_before


def test_what_is_whole_is_left_alone_and_no_decoder_starts(
    library: list[Content], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runtime, "sandbox", lambda: pytest.fail("the decoder was started"))
    assert "0 files" in rebuild()


def test_lost_local_features_are_noticed(library: list[Content]) -> None:
    storage.rendition_path(library[0].sha256, storage.FEATURES).unlink()
    assert "1 files" in rebuild()
    assert storage.read_rendition(library[0].sha256, storage.FEATURES)


def test_a_lost_original_is_said_and_the_rest_goes_on(library: list[Content]) -> None:
    for content in library:
        shutil.rmtree(folder(content))
    storage.original_path(library[0].sha256).unlink()
    said = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("rebuild_renditions", stdout=said, stderr=said)

    assert ended.value.code == 1
    assert f"{library[0].sha256}: The original file is missing" in said.getvalue()
    assert len(files(library[1])) == 1 + library[1].frame_count


def test_a_file_with_other_frames_than_the_rows_is_said(library: list[Content]) -> None:
    clip = library[1]
    Frame.objects.filter(content=clip, position=1).update(time=500.0)
    shutil.rmtree(folder(clip))

    run = renditions.Restoring(looked_at=lambda _count: None)
    run.run()

    assert list(run.failed.values()) == ["Other frames than before were found in the file."]
