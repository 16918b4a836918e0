"""Library entries: adding, labels, trash, restore and purge, and what the index is told."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from tests.library import LibraryMaker
from webapp.models import AuditEntry, Content, Embedding, Frame, IndexChange, Label, Media
from webapp.services import contents, library, storage

pytestmark = pytest.mark.django_db


def changed() -> set[int]:
    found = set(IndexChange.objects.values_list("content_id", flat=True))
    IndexChange.objects.all().delete()
    return found


def stored_content(data: bytes = b"some bytes") -> Content:
    return contents.get_or_create_content(stored=storage.store([data], max_bytes=100))


def test_the_same_bytes_make_one_content_with_an_entry_for_each_path() -> None:
    content = stored_content()
    assert stored_content() == content

    first, is_new = library.add_media(content=content, path="a.jpg", labels=["Tower", " Tower ", ""])
    second, _ = library.add_media(content=content, path="b.jpg")

    assert is_new
    assert {first.pk, second.pk} == set(content.media.values_list("pk", flat=True))
    assert list(first.labels.values_list("name", flat=True)) == ["Tower"]
    assert changed() == {content.pk}


def test_adding_again_keeps_the_entry_and_fills_in_what_it_lacks() -> None:
    content = stored_content()
    library.add_media(content=content, path="a.jpg", labels=["one"], link="https://example.org/kept")
    group = library.get_or_create_collection(name="Holidays")

    media, is_new = library.add_media(
        content=content,
        path="a.jpg",
        labels=["two"],
        link="https://example.org/other",
        collection=group,
        latitude=1.5,
        longitude=-2.0,
    )

    assert not is_new
    media.refresh_from_db()
    assert (media.link, media.collection, media.latitude, media.longitude) == (
        "https://example.org/kept",
        group,
        1.5,
        -2.0,
    )
    assert set(media.labels.values_list("name", flat=True)) == {"one", "two"}
    assert Media.objects.count() == 1


def test_trash_and_restore_tell_the_index_and_the_audit_trail(library: LibraryMaker) -> None:
    from webapp.services.library import restore_media, trash_media

    actor = User.objects.create_user("olga")
    entry, other = library.picture(1), library.picture(2)
    changed()

    assert trash_media(media_ids=[entry.pk], actor=actor) == 1
    assert trash_media(media_ids=[entry.pk], actor=actor) == 0
    assert changed() == {entry.content_id}
    assert restore_media(media_ids=[entry.pk, other.pk], actor=actor) == 1
    assert changed() == {entry.content_id}

    entry.refresh_from_db()
    assert entry.trashed_at is None
    trail = list(AuditEntry.objects.order_by("pk").values_list("actor__username", "action", "subject"))
    assert trail == [("olga", "trash", entry.path), ("olga", "restore", entry.path)]


def test_an_entry_whose_twin_was_added_meanwhile_stays_in_the_trash(library: LibraryMaker) -> None:
    from webapp.services.library import restore_media, trash_media

    entry = library.picture(1, path="a.jpg")
    trash_media(media_ids=[entry.pk], actor=None)
    twin = library.picture(1, path="a.jpg")

    assert restore_media(media_ids=[entry.pk], actor=None) == 0
    assert list(Media.objects.filter(trashed_at=None)) == [twin]


def test_adding_what_is_in_the_trash_brings_it_back() -> None:
    content = stored_content()
    media, _ = library.add_media(content=content, path="a.jpg")
    library.trash_media(media_ids=[media.pk], actor=None)

    again, is_new = library.add_media(content=content, path="a.jpg")

    assert (again.pk, is_new) == (media.pk, True)
    again.refresh_from_db()
    assert again.trashed_at is None


def test_labels_are_replaced_and_both_sets_are_on_record() -> None:
    media, _ = library.add_media(content=stored_content(), path="a.jpg", labels=["old", "kept"])

    library.set_labels(media=media, names=["kept", "new"], actor=None)
    library.set_labels(media=media, names=["new", "kept"], actor=None)

    assert set(media.labels.values_list("name", flat=True)) == {"kept", "new"}
    entry = AuditEntry.objects.get()
    assert entry.details == {"before": ["kept", "old"], "after": ["kept", "new"]}
    assert Label.objects.count() == 3


def test_only_old_trash_is_purged_and_its_files_follow_when_nothing_needs_them(library: LibraryMaker) -> None:
    from webapp.services.library import purge_trash, trash_media

    old, fresh, live = library.picture(1), library.picture(2), library.picture(3)
    trash_media(media_ids=[old.pk, fresh.pk], actor=None)
    long_ago = timezone.now() - timedelta(days=40)
    Media.objects.filter(pk=old.pk).update(trashed_at=long_ago)
    Content.objects.update(created_at=long_ago)
    os.utime(storage.original_path(old.content.sha256), (1, 1))
    changed()

    assert purge_trash(trashed_before=timezone.now() - timedelta(days=30)) == 1
    assert contents.delete_orphans(before=timezone.now() - timedelta(days=1)) == 1

    assert set(Media.objects.all()) == {fresh, live}
    assert changed() == {old.content_id}
    assert not Content.objects.filter(pk=old.content_id).exists()
    assert not Frame.objects.filter(content_id=old.content_id).exists()
    assert Embedding.objects.count() == 2
    assert not storage.original_path(old.content.sha256).exists()
    assert not storage.rendition_path(old.content.sha256, "thumb.webp").exists()
    assert storage.original_path(live.content.sha256).exists()


def test_an_entry_outside_the_trash_is_never_purged(library: LibraryMaker) -> None:
    from webapp.services.library import purge_media

    live = library.picture(1)

    assert purge_media(media_ids=[live.pk], actor=None) == 0
    assert Media.objects.count() == 1


def test_a_file_gets_its_content_and_its_entry_or_neither(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(**_: object) -> None:
        raise RuntimeError("killed here")

    monkeypatch.setattr(library, "add_media", fails)
    with pytest.raises(RuntimeError):
        library.take_in(stored=storage.store([b"bytes"], max_bytes=100), path="a.jpg")
    assert not Content.objects.exists()

    monkeypatch.undo()
    taken = library.take_in(stored=storage.store([b"bytes"], max_bytes=100), path="a.jpg")
    assert taken.is_new
    assert taken.media == Media.objects.get()


def test_a_file_that_is_stored_again_while_its_content_goes_is_kept() -> None:
    stored = storage.store([b"bytes"], max_bytes=100)
    old = contents.get_or_create_content(stored=stored)
    Content.objects.update(created_at=timezone.now() - timedelta(days=2))
    os.utime(storage.original_path(stored.sha256), (1, 1))
    storage.store([b"bytes"], max_bytes=100)

    assert contents.delete_orphans(before=timezone.now() - timedelta(days=1)) == 1

    again = contents.get_or_create_content(stored=stored)
    assert again.pk != old.pk
    assert storage.original_path(stored.sha256).read_bytes() == b"bytes"


def test_a_cleaning_takes_few_frames_at_a_time_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents, "FRAMES_AT_ONCE", 100)
    for number in range(5):
        Content.objects.create(sha256=f"{number:064x}", byte_size=1, frame_count=60)
    Content.objects.update(created_at=timezone.now() - timedelta(days=2))

    taken = [contents.delete_orphans(before=timezone.now()) for _ in range(6)]

    assert taken == [1, 1, 1, 1, 1, 0]


def test_more_entries_than_a_statement_takes_can_go_and_come_back_at_once() -> None:
    content = stored_content()
    rows = [Media(content=content, path=f"{number}.jpg") for number in range(2000)]
    keys = [row.pk for row in Media.objects.bulk_create(rows)]
    many = [*keys, *range(10**6, 10**6 + 300_000)]

    assert library.trash_media(media_ids=many, actor=None) == 2000
    assert AuditEntry.objects.filter(action="trash").count() == 2000
    assert library.restore_media(media_ids=keys[:1000], actor=None) == 1000
    assert Media.objects.filter(trashed_at=None).count() == 1000


def test_names_longer_than_a_label_are_cut() -> None:
    [label] = library.get_or_create_labels(names=["x" * 250])
    assert label.name == "x" * 200
    media, _ = library.add_media(content=stored_content(), path="a.jpg", labels=["x" * 250])
    assert list(media.labels.all()) == [label]
    assert len(library.get_or_create_collection(name="y" * 250).name) == 200
