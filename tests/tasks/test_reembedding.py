"""Moving a library to another model: complete, resumable, and only then switched."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from django.core.management import CommandError, call_command

from search.embedding import registry
from search.embedding.base import Embedder, InputSpec, ModelSpec
from search.types import Float32Array, UInt8Array
from tasks import bulk, indexing, ingest, reembedding, runtime
from tests import media
from tests.library import LibraryMaker, stored_sequence
from webapp.models import Content, Embedding, Frame, IndexState, Media
from webapp.selectors.index import active_model_key
from webapp.services import contents, storage
from webapp.services import library as entries
from webapp.services.index import note_changes

pytestmark = pytest.mark.django_db

OTHER = ModelSpec(
    name="tiny",
    version="7",
    architecture="none",
    weights="",
    input=InputSpec(size=8, resize="crop"),
    dimension=8 * 8 * 3,
    licence="none",
    description="The pixels themselves.",
)


class Pixels(Embedder):
    spec = OTHER

    def embed(self, pixels: UInt8Array) -> Float32Array:
        flat = pixels.reshape(len(pixels), self.spec.dimension).astype(np.float32) + 1
        lengths: Float32Array = np.linalg.norm(flat, axis=1, keepdims=True)
        return np.asarray(flat / lengths, np.float32)

    @property
    def background(self) -> Float32Array:
        return np.empty((0, self.spec.dimension), np.float32)


@pytest.fixture(scope="module", autouse=True)
def loaded_once() -> Iterator[None]:
    yield
    runtime.close()


@pytest.fixture(autouse=True)
def other_model(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "_models", dict(registry._models))
    registry.register(OTHER, lambda spec, device: Pixels())


@pytest.fixture
def stocked(library: LibraryMaker) -> None:
    """Real originals with invented vectors of the old model, which saves loading it."""
    for seed in (1, 2, 3, 4):
        library.picture(seed)
    note_changes(content_ids=Content.objects.values_list("pk", flat=True))
    indexing.sync(wait_seconds=0)


def take_in(folder: Path) -> None:
    call_command("ingest", str(folder), stdout=io.StringIO(), stderr=io.StringIO())


def reembed(**options: bool) -> str:
    output = io.StringIO()
    call_command("reembed", model=OTHER.key, stdout=output, stderr=io.StringIO(), **options)
    return output.getvalue()


def count(key: str) -> int:
    return Embedding.objects.filter(model_key=key).count()


@pytest.mark.usefixtures("stocked")
def test_the_whole_library_moves_and_the_old_vectors_stay() -> None:
    frames = Frame.objects.count()

    assert "4 files were embedded" in reembed()

    assert active_model_key() == OTHER.key
    assert count(OTHER.key) == count("sightline@0") == frames == 4
    assert runtime.reader().dimension == OTHER.dimension
    assert runtime.reader().ids().tolist() == sorted(Frame.objects.values_list("pk", flat=True))
    assert indexing.check().is_good
    assert indexing.check(model_key="sightline@0").is_good


def test_the_vectors_equal_those_of_a_fresh_ingest(tmp_path: Path) -> None:
    media.picture_file(tmp_path / "picture.jpg", 1)
    media.clip_file(tmp_path / "clip.mp4", [4, 5], seconds=2.0)
    take_in(tmp_path)
    reembed()
    moved = {
        content.sha256: stored_sequence(content.pk, model_key=OTHER.key).vectors
        for content in Content.objects.all()
    }
    Media.objects.all().delete()
    Content.objects.all().delete()

    take_in(tmp_path)

    assert len(moved) == 2
    assert Frame.objects.count() > 4
    for content in Content.objects.all():
        again = stored_sequence(content.pk, model_key=OTHER.key).vectors
        assert np.array_equal(again, moved[content.sha256])


@pytest.mark.usefixtures("stocked")
def test_what_is_added_later_gets_the_new_model(tmp_path: Path) -> None:
    reembed()
    media.picture_file(tmp_path / "later.jpg", 9)

    take_in(tmp_path)

    assert Frame.objects.count() == count(OTHER.key) == count("sightline@0") + 1
    assert indexing.check().is_good


@pytest.mark.usefixtures("stocked")
def test_a_run_that_was_stopped_goes_on_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    saved: list[int] = []

    def killed_at_the_third(**values: object) -> None:
        if len(saved) == 2:
            raise KeyboardInterrupt
        saved.append(1)
        contents.add_embeddings(**values)  # type: ignore[arg-type]

    monkeypatch.setattr("tasks.reembedding.add_embeddings", killed_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        reembed()
    assert active_model_key() == "sightline@0"
    assert 0 < count(OTHER.key) < Frame.objects.count()
    assert indexing.check().is_good
    monkeypatch.setattr("tasks.reembedding.add_embeddings", contents.add_embeddings)

    assert "2 files were embedded" in reembed()
    assert count(OTHER.key) == Frame.objects.count()


@pytest.mark.usefixtures("stocked")
def test_changes_of_the_library_meanwhile_are_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embed = reembedding.Reembedding._embed
    done: list[int] = []

    def the_library_goes_on(run: reembedding.Reembedding, *rest: object) -> None:
        embed(run, *rest)  # type: ignore[arg-type]
        if not done:
            done.append(1)
            first = Media.objects.earliest("pk")
            entries.trash_media(media_ids=[first.pk], actor=None)
            late = media.picture_file(tmp_path / "late.jpg", 10)
            content = contents.get_or_create_content(stored=storage.store_path(late, max_bytes=1 << 20))
            entries.add_media(content=content, path="late.jpg")
            assert ingest.describe(content.pk)

    monkeypatch.setattr(reembedding.Reembedding, "_embed", the_library_goes_on)

    reembed()

    assert done
    assert indexing.check().is_good
    late = Frame.objects.get(content__media__path="late.jpg").pk
    assert late in runtime.reader().ids()
    assert count(OTHER.key) == Frame.objects.count()


@pytest.mark.usefixtures("stocked")
def test_a_content_described_by_the_old_model_after_the_switch_is_done_again(tmp_path: Path) -> None:
    late = media.picture_file(tmp_path / "late.jpg", 10)
    content = contents.get_or_create_content(stored=storage.store_path(late, max_bytes=1 << 20))
    token = contents.claim_content(content_id=content.pk)
    assert token is not None
    frames = ingest.FrameKeeper(content.sha256)
    description = runtime.describer().describe(storage.original_path(content.sha256), frames.keep)

    reembed()

    assert not ingest.save(content.pk, token, content.sha256, description, frames)
    assert ingest.describe(content.pk)
    assert Embedding.objects.get(frame__content=content).model_key == OTHER.key


@pytest.mark.usefixtures("stocked")
def test_files_that_cannot_be_read_again_keep_the_old_model_unless_told_otherwise() -> None:
    lost = Content.objects.get(media__path="pictures/2.jpg")
    storage.original_path(lost.sha256).unlink()

    with pytest.raises(CommandError, match="1 files could not be embedded"):
        reembed()
    assert active_model_key() == "sightline@0"

    reembed(skip_failed=True)
    assert active_model_key() == OTHER.key
    assert count(OTHER.key) == Frame.objects.count() - 1
    assert indexing.check().is_good


@pytest.mark.usefixtures("stocked")
def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(CommandError, match="no model called"):
        call_command("reembed", model="nothing@1")
    assert active_model_key() == "sightline@0"
    assert IndexState.objects.count() == 1


def test_a_frame_without_its_like_in_the_new_decoding_is_not_given_anothers_vector() -> None:
    vector = np.ones(2, np.float16)
    frames = [Frame(pk=1, time=0.0), Frame(pk=2, time=0.5)]

    found = reembedding.matched(frames, [(0.0, vector), (0.25, vector * 2), (0.51, vector * 3)])

    assert found is not None
    assert [(pk, float(values[0])) for pk, values in found] == [(1, 1.0), (2, 3.0)]
    assert reembedding.matched(frames, [(0.0, vector), (0.7, vector)]) is None
    assert reembedding.matched(frames, []) is None


def test_as_many_files_are_decoded_at_once_as_there_are_cores() -> None:
    assert bulk.cores() >= 1
