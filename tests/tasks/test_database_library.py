"""The library as matching sees it: what is visible, that it is true, and that it costs few statements."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from search.types import LocalFeatures, MediaKind
from search.verification.local_features import to_bytes
from tasks import library as module
from tasks.library import BoundedCache, DatabaseLibrary
from tests.library import DIMENSION, LibraryMaker, stored_sequence
from webapp.models import Content, Frame
from webapp.services import library as entries
from webapp.services import storage

pytestmark = pytest.mark.django_db
KEY = "sightline@0"


@pytest.fixture(autouse=True)
def empty_caches() -> Iterator[None]:
    module.frames_cache.clear()
    module.features_cache.clear()
    yield
    module.frames_cache.clear()
    module.features_cache.clear()


@pytest.fixture
def shown() -> DatabaseLibrary:
    return DatabaseLibrary(KEY)


def test_only_described_contents_with_an_entry_outside_the_trash_are_visible(
    library: LibraryMaker, shown: DatabaseLibrary
) -> None:
    picture, clip, gone = library.picture(1), library.clip(100), library.picture(2)
    twice, second = library.picture(3), library.picture(3, "again.jpg")
    broken = library.failed()
    entries.trash_media(media_ids=[gone.pk, twice.pk], actor=None)

    ids = [media.content_id for media in (picture, clip, gone, twice, broken)] + [10**6]
    assert shown.kinds(ids) == {
        picture.content_id: MediaKind.IMAGE,
        clip.content_id: MediaKind.VIDEO,
        second.content_id: MediaKind.IMAGE,
    }
    for hidden in (gone, broken):
        assert len(shown.sequence(hidden.content_id)) == 0
        assert shown.features(hidden.content_id) is None
        assert shown.picture(hidden.content_id) is None


def test_sequences_are_those_of_the_database_whether_read_ahead_or_from_the_cache(
    library: LibraryMaker, shown: DatabaseLibrary
) -> None:
    ids = [library.clip(seed, frames=seed - 97).content_id for seed in (100, 101, 102)]
    ids += [library.picture(seed).content_id for seed in (1, 2)]
    shown.kinds(ids)
    for _ in range(2):
        for content_id in ids:
            expected, found = stored_sequence(content_id, model_key=KEY), shown.sequence(content_id)
            assert len(found) == len(expected) > 0
            for field in ("ids", "times", "starts", "ends", "vectors", "hashes", "details"):
                actual = getattr(found, field)
                assert actual.dtype == getattr(expected, field).dtype
                np.testing.assert_array_equal(actual, getattr(expected, field))
            assert found.vectors.shape == (len(found), DIMENSION)


def test_another_model_sees_no_vectors(library: LibraryMaker) -> None:
    content_id = library.picture(1).content_id
    assert len(DatabaseLibrary("other@1").sequence(content_id)) == 0
    assert len(DatabaseLibrary(KEY).sequence(content_id)) == 1


def test_a_hundred_candidates_cost_a_handful_of_statements(
    library: LibraryMaker, shown: DatabaseLibrary
) -> None:
    ids = [library.picture(seed, size=(16, 12)).content_id for seed in range(100)]
    with CaptureQueriesContext(
        connection,
    ) as asked:
        shown.kinds(ids)
        for content_id in ids:
            shown.sequence(content_id)
            assert shown.picture(content_id) is not None
            assert shown.frame_picture(int(shown.sequence(content_id).ids[0])) is not None
        shown.frame_times(list(Frame.objects.values_list("pk", flat=True)))
        shown.labels(ids)
    assert len(asked) <= 8


def test_frame_pictures_and_times_belong_to_their_frames(
    library: LibraryMaker, shown: DatabaseLibrary
) -> None:
    clip, picture = library.clip(100, frames=3, seconds=2.0), library.picture(1)
    frames = list(Frame.objects.filter(content=clip.content))
    for frame in frames:
        expected = storage.read_rendition(clip.content.sha256, f"frames/{frame.position}.webp")
        assert expected is not None
        assert shown.frame_picture(frame.pk) == expected
    assert shown.frame_times([frame.pk for frame in frames]) == {
        frame.pk: 2.0 * frame.position for frame in frames
    }
    assert shown.picture(picture.content_id) == storage.read_rendition(
        picture.content.sha256, "frames/0.webp"
    )
    assert shown.frame_picture(10**6) is None


def test_features_are_read_once_and_then_kept(library: LibraryMaker, shown: DatabaseLibrary) -> None:
    entry, clip = library.picture(1), library.clip(100)
    random = np.random.default_rng(1)
    features = LocalFeatures(
        points=random.random((20, 2), dtype=np.float32),
        descriptors=random.integers(0, 256, (20, 128), dtype=np.uint8),
        width=160,
        height=120,
    )
    assert shown.features(entry.content_id) is None
    path = storage.write_rendition(entry.content.sha256, storage.FEATURES, to_bytes(features))
    first = shown.features(entry.content_id)
    assert first is not None
    np.testing.assert_array_equal(first.descriptors, features.descriptors)
    path.unlink()
    assert shown.features(entry.content_id) is first
    assert shown.features(clip.content_id) is None


def test_labels_of_all_live_entries_count(library: LibraryMaker, shown: DatabaseLibrary) -> None:
    one = library.picture(1, labels=["bridge", "river"])
    library.picture(1, "again.jpg", labels=["bridge", "night"])
    hidden = library.picture(1, "hidden.jpg", labels=["secret"])
    entries.trash_media(media_ids=[hidden.pk], actor=None)
    assert shown.labels([one.content_id, 10**6]) == {one.content_id: ("bridge", "night", "river")}


def test_long_lists_of_ids_are_asked_for_in_parts(library: LibraryMaker, shown: DatabaseLibrary) -> None:
    content_id = library.picture(1).content_id
    assert shown.kinds([content_id, *range(10**6, 10**6 + 70_000)]) == {content_id: MediaKind.IMAGE}


def test_a_long_clip_is_not_read_ahead_of_time(library: LibraryMaker, shown: DatabaseLibrary) -> None:
    short, long = library.clip(100, frames=2), library.clip(101, frames=2)
    Content.objects.filter(pk=long.content_id).update(frame_count=10**6)
    shown.kinds([short.content_id, long.content_id])
    shown.sequence(short.content_id)
    assert (KEY, short.content_id) in module.frames_cache
    assert (KEY, long.content_id) not in module.frames_cache


def test_a_cache_keeps_to_its_size_and_drops_what_was_not_used_longest() -> None:
    cache: BoundedCache[str] = BoundedCache(100)
    cache.put("a", "A", 40)
    cache.put("b", "B", 40)
    assert cache.get("a") == "A"
    cache.put("c", "C", 40)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == ("A", None, "C")
    cache.put("a", "A2", 90)
    assert cache.get("a") == "A2"
    assert (cache.get("c"), cache.bytes) == (None, 90)
    cache.put("huge", "H", 200)
    assert (cache.get("huge"), cache.bytes) == (None, 0)
