"""The library, one entry, its labels and the trash, as a visitor, a member and an editor see them."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.library import LibraryMaker
from webapp.models import AuditEntry, Content, IndexChange, Media, Query
from webapp.selectors.library import MediaFilter, media_page, trash_page

pytestmark = pytest.mark.django_db


def shown_names(page: str) -> list[str]:
    return [part.split('title="', 1)[1].split('"', 1)[0] for part in page.split('class="tile__name')[1:]]


def test_a_visitor_sees_pictures_clips_and_failures_with_their_facts(
    client: Client, library: LibraryMaker
) -> None:
    library.picture(1, "holiday/beach.jpg", collection="Holiday")
    library.clip(2, "films/wave.mp4", frames=33, seconds=2.0)
    library.failed("scans/torn.jpg", "The file ends too early.")
    page = client.get(reverse("library")).content.decode()
    assert shown_names(page) == ["scans/torn.jpg", "films/wave.mp4", "holiday/beach.jpg"]
    assert "3 entries" in page
    assert "1:06" in page
    assert "160 × 120" in page
    assert "Could not be read" in page and "The file ends too early." in page
    assert page.count('loading="lazy"') == 2
    assert "media-file" not in page and "/file" not in page


def test_an_empty_library_teaches_how_to_fill_it(client: Client, db: None) -> None:
    page = client.get(reverse("library")).content.decode()
    assert "The library is empty" in page
    assert reverse("samples-load") in page
    assert "manage.py ingest" in page
    assert "Nothing matches" not in page


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("kind=video", ["b/clip.mp4"]),
        ("kind=image", ["torn/two.jpg", "a/one.jpg"]),
        ("label=cat", ["b/clip.mp4", "a/one.jpg"]),
        ("label=ca", []),
        ("text=TWO", ["torn/two.jpg"]),
        ("text=torn", ["torn.jpg", "torn/two.jpg"]),
        ("status=failed", ["torn.jpg"]),
        ("status=ready&kind=image&text=a/", ["a/one.jpg"]),
        ("kind=nonsense&collection=999999&status=x", ["torn.jpg", "torn/two.jpg", "b/clip.mp4", "a/one.jpg"]),
    ],
)
def test_filters_narrow_the_list(
    client: Client, library: LibraryMaker, question: str, expected: list[str]
) -> None:
    library.picture(1, "a/one.jpg", labels=["cat", "garden"])
    library.clip(2, "b/clip.mp4", labels=["cat"])
    library.picture(3, "torn/two.jpg", collection="Kept")
    library.failed("torn.jpg")
    assert shown_names(client.get(f"{reverse('library')}?{question}").content.decode()) == expected


def test_a_collection_filter_and_an_empty_answer(client: Client, library: LibraryMaker) -> None:
    kept = library.picture(1, "a/one.jpg", collection="Kept")
    library.picture(2, "b/two.jpg")
    address = f"{reverse('library')}?collection={kept.collection_id}"
    assert shown_names(client.get(address).content.decode()) == ["a/one.jpg"]
    page = client.get(f"{address}&kind=video").content.decode()
    assert "Nothing matches these filters" in page and "The library is empty" not in page


def test_keyset_pages_agree_with_slices_of_the_whole_list(library: LibraryMaker) -> None:
    content = library.picture(1).content
    chance = random.Random(5)
    entries = [
        Media.objects.create(content=content, path=f"{chance.choice('ab')}/{n}.jpg") for n in range(40)
    ]
    for entry in chance.sample(entries, 9):
        entry.trashed_at = timezone.now()
        entry.save()
    for chosen in (MediaFilter(), MediaFilter(text="a/")):
        whole = list(
            Media.objects.filter(trashed_at=None, path__contains=chosen.text)
            .order_by("-pk")
            .values_list("pk", flat=True)
        )
        assert len(whole) > 12
        forward: list[int] = []
        after = None
        while True:
            page = media_page(chosen, after=after, limit=5)
            assert page.has_newer == bool(forward)
            forward += [row.pk for row in page.rows]
            if not page.has_older:
                break
            after = page.last_id
        assert forward == whole
        for start in range(len(whole)):
            page = media_page(chosen, before=whole[start], limit=5)
            expected = whole[start - 5 : start] if start > 5 else whole[:5]
            assert [row.pk for row in page.rows] == expected
            assert page.has_newer == (start > 5)


def test_pages_stay_in_place_when_something_is_added_between_two_looks(
    client: Client, library: LibraryMaker
) -> None:
    content = library.picture(1, "n/first.jpg").content
    for n in range(70):
        Media.objects.create(content=content, path=f"n/{n}.jpg")
    first = client.get(reverse("library")).content.decode()
    link = first.split('hx-get="')[-1].split('"')[0].replace("&amp;", "&")
    Media.objects.create(content=content, path="n/new.jpg")
    more = client.get(link, headers={"HX-Request": "true", "HX-Target": "more"}).content.decode()
    assert "<html" not in more
    names = shown_names(first) + shown_names(more)
    assert len(names) == len(set(names)) == 71
    assert "n/new.jpg" not in names


def test_the_number_of_questions_does_not_grow_with_the_list(editor: Client, library: LibraryMaker) -> None:
    def questions() -> int:
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert editor.get(reverse("library")).status_code == 200
        return len(captured)

    library.picture(1, collection="One", labels=["cat"])
    few = questions()
    for seed in range(2, 25):
        library.picture(seed, collection=f"C{seed}", labels=[f"label {seed}"])
    assert questions() == few <= 12


def test_a_media_page_tells_the_facts(client: Client, library: LibraryMaker) -> None:
    media = library.picture(1, "holiday/beach.jpg", collection="Holiday", labels=["sea", "sand"])
    Content.objects.filter(pk=media.content_id).update(
        taken_at=timezone.now() - timedelta(days=800), warnings=["3 damaged packets were skipped."]
    )
    page = client.get(reverse("media", args=[media.pk])).content.decode()
    facts = ["160 × 120", "JPEG", media.content.sha256[:16], "holiday/beach.jpg", "Holiday", "sea", "sand"]
    for words in [*facts, "3 damaged packets were skipped."]:
        assert words in page
    assert reverse("search-similar-to", args=[media.pk]) in page
    assert "Move to trash" not in page and "Edit labels" not in page


def test_a_clip_shows_its_frames_on_the_time_axis(client: Client, library: LibraryMaker) -> None:
    media = library.clip(1, frames=4, seconds=2.0)
    page = client.get(reverse("media", args=[media.pk])).content.decode()
    assert "<video" in page
    assert page.count("data-frame ") == 4
    assert f'href="{reverse("media-file", args=[media.pk])}#t=4.00"' in page
    assert "left: 25.000%; width: 25.000%" in page
    assert "0:06.0" in page


def test_a_long_clip_shows_evenly_chosen_frames_and_says_so(client: Client, library: LibraryMaker) -> None:
    from webapp.models import Frame

    media = library.clip(1, frames=1, seconds=1000.0)
    Frame.objects.bulk_create(
        Frame(content=media.content, position=n, time=n, start=n, end=n + 1, phash=n, detail=1)
        for n in range(1, 1000)
    )
    page = client.get(reverse("media", args=[media.pk])).content.decode()
    assert page.count("data-frame ") == 200
    assert "200 of 1000 frames" in page or "200 of 1,000 frames" in page


def test_a_failed_entry_gives_the_reason_and_offers_no_search(client: Client, library: LibraryMaker) -> None:
    media = library.failed("torn.jpg", "The file ends too early.")
    page = client.get(reverse("media", args=[media.pk])).content.decode()
    assert "This file could not be read." in page and "The file ends too early." in page
    assert "Find copies and similar" not in page


def test_the_same_bytes_elsewhere_are_listed(client: Client, editor: Client, library: LibraryMaker) -> None:
    media = library.picture(1, "a/one.jpg")
    library.picture(1, "b/twin.jpg")
    thrown = library.picture(1, "c/thrown.jpg", trashed_at=timezone.now())
    page = client.get(reverse("media", args=[media.pk])).content.decode()
    assert "b/twin.jpg" in page and thrown.path not in page
    assert "In the trash" in editor.get(reverse("media", args=[media.pk])).content.decode()


def test_latest_searches_with_an_entry_are_linked(client: Client, library: LibraryMaker) -> None:
    media = library.picture(1)
    query = Query.objects.create(content=media.content, name="one.jpg", source=Query.Source.MEDIA)
    assert reverse("query", args=[query.pk]) in client.get(reverse("media", args=[media.pk])).content.decode()


def test_an_entry_in_the_trash_exists_for_editors_only(
    client: Client, editor: Client, library: LibraryMaker
) -> None:
    media = library.picture(1, trashed_at=timezone.now())
    assert client.get(reverse("media", args=[media.pk])).status_code == 404
    page = editor.get(reverse("media", args=[media.pk])).content.decode()
    assert "Restore" in page and "Find copies and similar" not in page
    assert client.get(reverse("media", args=[media.pk + 1])).status_code == 404


def test_an_editor_trashes_an_entry_and_undoes_it(editor: Client, library: LibraryMaker) -> None:
    media = library.picture(1, "a/one.jpg")
    answer = editor.post(reverse("media-trash", args=[media.pk]), follow=True)
    media.refresh_from_db()
    assert media.trashed_at is not None
    page = answer.content.decode()
    assert "“one.jpg” is in the trash." in page and "Undo" in page
    assert f'action="{reverse("media-restore", args=[media.pk])}"' in page
    assert AuditEntry.objects.filter(action="trash", subject="a/one.jpg", actor__username="edda").count() == 1
    assert IndexChange.objects.filter(content_id=media.content_id).exists()
    back = editor.post(reverse("media-restore", args=[media.pk]), {"media": [media.pk]}, follow=True)
    media.refresh_from_db()
    assert media.trashed_at is None
    assert "1 entry is back in the library." in back.content.decode()


def test_an_entry_whose_twin_came_back_stays_in_the_trash_with_a_reason(
    editor: Client, library: LibraryMaker
) -> None:
    thrown = library.picture(1, "a/one.jpg", trashed_at=timezone.now())
    library.picture(1, "a/one.jpg")
    page = editor.post(reverse("media-restore", args=[thrown.pk]), follow=True).content.decode()
    assert "the library already has the same file at the same place" in page


def test_undo_never_leads_to_another_site(editor: Client, library: LibraryMaker) -> None:
    media = library.picture(1, trashed_at=timezone.now())
    answer = editor.post(reverse("media-restore", args=[media.pk]), {"next": "https://evil.example/"})
    assert answer["Location"] == reverse("media", args=[media.pk])


def test_labels_are_edited_by_editors(editor: Client, library: LibraryMaker) -> None:
    media = library.picture(1, labels=["old"])
    address = reverse("media-labels", args=[media.pk])
    editor.post(address, {"labels": " cat, garden ,cat,, "})
    assert sorted(label.name for label in media.labels.all()) == ["cat", "garden"]
    refused = editor.post(address, {"labels": "x" * 201})
    assert refused.status_code == 422 and "200 characters" in refused.content.decode()
    assert media.labels.count() == 2


def test_the_trash_lists_the_latest_first_with_days_left_and_restores_the_chosen(
    editor: Client, library: LibraryMaker
) -> None:
    now = timezone.now()
    old = library.picture(1, "old.jpg", trashed_at=now - timedelta(days=29, hours=1))
    new = library.picture(2, "new.jpg", trashed_at=now - timedelta(hours=1))
    library.picture(3, "live.jpg")
    page = editor.get(reverse("trash")).content.decode()
    assert page.index("new.jpg") < page.index("old.jpg")
    assert "live.jpg" not in page
    assert '"Days left">29<' in page and '"Days left">0<' in page
    editor.post(reverse("trash"), {"media": [old.pk, new.pk]})
    assert Media.objects.filter(trashed_at=None).count() == 3
    assert "Choose at least one" in editor.post(reverse("trash"), follow=True).content.decode()


def test_trash_pages_agree_with_the_whole_trash(library: LibraryMaker) -> None:
    content, now = library.picture(1).content, timezone.now()
    for n in range(23):
        Media.objects.create(content=content, path=f"{n}.jpg", trashed_at=now - timedelta(hours=n % 4))
    whole = list(
        Media.objects.exclude(trashed_at=None).order_by("-trashed_at", "-pk").values_list("pk", flat=True)
    )
    found: list[int] = []
    after = None
    while page := trash_page(after=after, limit=5):
        found += [row.pk for row in page.rows]
        if not page.has_older:
            break
        moment = page.rows[-1].trashed_at
        assert moment is not None
        after = (moment, page.rows[-1].pk)
    assert found == whole and len(whole) == 23


EDITOR_POSTS = ["media-trash", "media-restore", "media-labels"]


@pytest.mark.parametrize("name", EDITOR_POSTS)
def test_only_editors_change_entries(client: Client, library: LibraryMaker, name: str) -> None:
    media = library.picture(1, labels=["kept"])
    address = reverse(name, args=[media.pk])
    assert client.post(address)["Location"].startswith(reverse("login"))
    client.force_login(User.objects.create_user("mia"))
    assert client.post(address).status_code == 403
    media.refresh_from_db()
    assert media.trashed_at is None and media.labels.count() == 1


@pytest.mark.parametrize("name", EDITOR_POSTS)
def test_changes_need_a_post(editor: Client, library: LibraryMaker, name: str) -> None:
    assert editor.get(reverse(name, args=[library.picture(1).pk])).status_code == 405


def test_the_trash_is_for_editors(client: Client, db: None) -> None:
    assert client.get(reverse("trash"))["Location"].startswith(reverse("login"))
    client.force_login(User.objects.create_user("mia"))
    assert client.get(reverse("trash")).status_code == 403


def test_with_public_search_off_strangers_log_in_first(
    private_search: None, client: Client, library: LibraryMaker
) -> None:
    media = library.picture(1)
    for address in (reverse("library"), reverse("media", args=[media.pk])):
        assert client.get(address)["Location"] == f"{reverse('login')}?next={address}"
    client.force_login(User.objects.create_user("mia"))
    assert client.get(reverse("library")).status_code == 200
    assert client.get(reverse("media", args=[media.pk])).status_code == 200


def test_hostile_names_are_text_and_no_markup(client: Client, library: LibraryMaker) -> None:
    name = '<img src=x onerror="alert(1)">.jpg'
    media = library.picture(1, f"evil/{name}", labels=["<b>bold</b>"], collection="<i>x</i>")
    for address in (reverse("library"), reverse("media", args=[media.pk])):
        page = client.get(address).content.decode()
        assert "<img src=x" not in page and "<b>bold" not in page and "<i>x" not in page
        assert "&lt;img src=x" in page
