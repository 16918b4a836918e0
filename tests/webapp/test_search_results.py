"""The page of one search: waiting, failing, finding nothing, and showing what was found."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.library import LibraryMaker
from webapp.models import Match, Media, Query

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def make_query(library: LibraryMaker, **fields: Any) -> Query:
    values = {"name": "mine.jpg", "status": Query.Status.DONE, "progress": 100, "best_score": 0.93} | fields
    return Query.objects.create(content=library.picture(900).content, **values)


def add(query: Query, section: str, media: Media, score: float, **fields: Any) -> Match:
    rank = query.matches.filter(section=section).count()
    band = fields.pop("band", "similar" if section == "similar" else "copy")
    return Match.objects.create(
        query=query, section=section, rank=rank, media=media, score=score, band=band, **fields
    )


def page(client: Client, query: Query, **values: Any) -> str:
    return client.get(reverse("query", args=[query.pk]), values).content.decode()


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_a_running_search_shows_its_stage_and_polls(client: Client, library: LibraryMaker) -> None:
    query = make_query(library, status="running", stage="Comparing pictures", progress=62)
    html = page(client, query)
    assert "Comparing pictures" in html
    assert 'aria-valuenow="62"' in html
    assert f'hx-get="{reverse("query-panel", args=[query.pk])}?asked=1&amp;shown=original"' in html
    assert "load delay:150ms" in html
    assert '<meta http-equiv="refresh"' in html  # for browsers without scripts


def test_the_panel_asks_less_often_the_longer_it_takes(client: Client, library: LibraryMaker) -> None:
    query = make_query(library, status="running")
    address = reverse("query-panel", args=[query.pk])
    delays = [
        int(re.search(r"delay:(\d+)ms", client.get(f"{address}?asked={n}", headers=HTMX).content.decode())[1])  # type: ignore[index]
        for n in (0, 20, 100, 5000)
    ]
    assert delays == [150, 300, 1000, 3000]


def test_the_panel_of_a_finished_search_no_longer_polls(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    add(query, "copy", library.picture(1), 0.97, inliers=40)
    address = reverse("query-panel", args=[query.pk])
    html = client.get(address, {"shown": "original"}, headers=HTMX).content.decode()
    assert "load delay" not in html
    assert "40 points agree" in html
    assert 'id="query-facts" hx-swap-oob="true"' in html


def test_the_query_picture_is_sent_again_only_if_it_could_not_be_shown_before(
    client: Client, library: LibraryMaker
) -> None:
    address = reverse("query-panel", args=[make_query(library).pk])
    card = 'id="query-card" hx-swap-oob="true"'
    assert card not in client.get(address, {"shown": "original"}, headers=HTMX).content.decode()
    assert card in client.get(address, {"shown": ""}, headers=HTMX).content.decode()


def test_the_panel_opened_by_hand_leads_to_the_page(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    response = client.get(reverse("query-panel", args=[query.pk]))
    assert response["Location"] == reverse("query", args=[query.pk])


def test_a_failed_search_says_why_and_offers_another_try(client: Client, library: LibraryMaker) -> None:
    query = make_query(library, status="failed", error="The file ends too early.")
    html = page(client, query)
    assert "The file ends too early." in html
    assert reverse("query-again", args=[query.pk]) in html


def test_a_file_that_cannot_be_read_is_not_shown_as_a_broken_picture(
    client: Client, library: LibraryMaker
) -> None:
    query = make_query(library, status="failed", error="The file ends too early.")
    query.content.status = "failed"
    query.content.save()
    html = page(client, query)
    assert reverse("query-file", args=[query.pk]) not in html
    assert "There is nothing to show." in html


def test_nothing_found_says_the_best_score_and_what_to_try(client: Client, library: LibraryMaker) -> None:
    html = page(client, make_query(library, best_score=0.041))
    assert "Nothing matches" in html
    assert "best score seen was 4 %" in html


def test_copies_show_score_band_facts_and_reason(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    exact = library.picture(1, "a/same.jpg", collection="Archive")
    edited = library.picture(2, "a/edited.jpg", size=(200, 100))
    add(query, "copy", exact, 1.0, band="exact")
    match = add(query, "copy", edited, 0.934, inliers=87, mirrored=True)
    words = text(page(client, query))
    assert "100 %" in words
    assert "The same file, byte for byte." in words
    assert "93 %" in words
    assert "Same picture, edited" in words
    assert "87 points agree" in words
    assert "200 × 100" in words
    assert reverse("evidence", args=[query.pk, match.pk]) in page(client, query)


def test_a_score_below_one_never_reads_as_a_hundred_percent(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    add(query, "copy", library.picture(1), 0.999, inliers=80)
    assert "99 %" in text(page(client, query))
    assert "100 %" not in text(page(client, query))


def test_segments_are_grouped_by_clip_with_both_times(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    clip = library.clip(5, "film.mp4", frames=10)
    for start in (2.0, 9.0):
        add(
            query, "segment", clip, 0.8, query_start=start, query_end=start + 2,
            reference_start=start + 1, reference_end=start + 3,
        )  # fmt: skip
    html = page(client, query)
    assert html.count("film.mp4</a>") == 1
    assert "0:02.0–0:04.0 of yours is 0:03.0–0:05.0 here" in text(html)
    assert "0:09.0–0:11.0 of yours is 0:10.0–0:12.0 here" in text(html)


def test_the_moments_of_a_still_picture_have_no_time_of_its_own(
    client: Client, library: LibraryMaker
) -> None:
    query = make_query(library)
    add(query, "segment", library.clip(5, frames=10), 0.8, reference_start=4.0, reference_end=5.5)
    assert "seen from 0:04.0 to 0:05.5" in text(page(client, query))


def test_similar_results_come_in_pages_that_follow_each_other(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    for seed in range(50):
        add(query, "similar", library.picture(seed, f"p/{seed:02d}.jpg", size=(16, 12)), 0.9 - seed / 100)
    address = reverse("query-similar", args=[query.pk])
    pages = [page(client, query)]
    pages += [client.get(address, {"offset": n}, headers=HTMX).content.decode() for n in (24, 48)]
    names = [re.findall(r"tile__name\".*?>(\d\d)\.jpg<", html) for html in pages]
    assert [len(found) for found in names] == [24, 24, 2]
    assert [name for found in names for name in found] == [f"{seed:02d}" for seed in range(50)]
    assert "offset=24" in pages[0]
    assert "offset=48" in pages[1]
    assert "revealed" not in pages[2]


def test_weak_results_wait_until_somebody_asks_for_them(client: Client, library: LibraryMaker) -> None:
    query = make_query(library)
    for number, score in enumerate([0.6, 0.3, 0.04, 0.01]):
        add(query, "similar", library.picture(number, f"p{number}.jpg"), score)
    html = page(client, query)
    assert [name in html for name in ("p0.jpg", "p1.jpg", "p2.jpg", "p3.jpg")] == [True, True, False, False]
    assert 'hx-trigger="click"' in html
    assert "offset=2" in html
    more = client.get(reverse("query-similar", args=[query.pk]), {"offset": 2}, headers=HTMX).content.decode()
    assert [name in more for name in ("p0.jpg", "p1.jpg", "p2.jpg", "p3.jpg")] == [False, False, True, True]
    assert "hx-trigger" not in more


def test_nothing_matches_although_there_are_weak_results(client: Client, library: LibraryMaker) -> None:
    query = make_query(library, best_score=0.03)
    add(query, "similar", library.picture(1, "far.jpg"), 0.03)
    html = page(client, query)
    assert "Nothing matches" in html
    assert "far.jpg" not in html
    more = client.get(reverse("query-similar", args=[query.pk]), {"offset": 0}, headers=HTMX).content.decode()
    assert "far.jpg" in more


def test_similar_results_can_be_filtered_by_kind_and_collection(
    client: Client, library: LibraryMaker
) -> None:
    query = make_query(library)
    entries = [
        library.picture(1, "one.jpg", collection="A"),
        library.picture(2, "two.jpg", collection="B"),
        library.clip(3, "three.mp4", collection="A"),
    ]
    for entry in entries:
        add(query, "similar", entry, 0.5)
    address = reverse("query-similar", args=[query.pk])

    def shown(**chosen: Any) -> list[str]:
        response = client.get(address, chosen, headers=HTMX)
        return [match.media.path for match in response.context["similar"]]

    assert shown(kind="video") == ["three.mp4"]
    assert shown(collection=entries[1].collection_id) == ["two.jpg"]
    assert shown(kind="image", collection=entries[0].collection_id) == ["one.jpg"]
    assert len(shown(kind="nonsense", collection="99999")) == 3
    response = client.get(address, {"kind": "video"}, headers=HTMX)
    assert response["HX-Replace-Url"] == f"{reverse('query', args=[query.pk])}?kind=video"
    # The address that is put into the browser shows the same when it is opened.
    assert [m.media.path for m in client.get(response["HX-Replace-Url"]).context["similar"]] == ["three.mp4"]


def test_what_went_to_the_trash_is_no_longer_shown(client: Client, library: LibraryMaker) -> None:
    from django.utils import timezone

    query = make_query(library)
    gone = library.picture(1, "gone.jpg", trashed_at=timezone.now())
    match = add(query, "copy", gone, 0.9, inliers=30)
    assert "gone.jpg" not in page(client, query)
    assert client.get(reverse("evidence", args=[query.pk, match.pk])).status_code == 404


def test_names_are_shown_as_text_whatever_they_contain(client: Client, library: LibraryMaker) -> None:
    query = make_query(library, name="<script>alert(1)</script>.jpg")
    add(query, "copy", library.picture(1, "<img src=x onerror=alert(2)>.jpg"), 0.9, inliers=30)
    html = page(client, query)
    assert "<script>alert" not in html
    assert "<img src=x" not in html


def test_the_page_of_a_search_needs_few_database_queries(
    client: Client, library: LibraryMaker, django_assert_max_num_queries: Any
) -> None:
    query = make_query(library)
    for seed in range(40):
        add(query, "similar", library.picture(seed, size=(16, 12), collection="A"), 0.5)
        add(query, "copy", library.picture(seed, size=(16, 12), collection="A", path=f"c{seed}"), 0.5)
    with django_assert_max_num_queries(12):
        page(client, query)


def test_an_unknown_search_is_not_found(client: Client) -> None:
    assert client.get(reverse("query", args=["00000000-0000-4000-8000-000000000000"])).status_code == 404
