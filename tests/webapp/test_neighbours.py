"""What a media page tells of an entry's copies, neighbours and coverage, and how it comes by it."""

from __future__ import annotations

import random
import re
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import IndexState, Match, Media, Query
from webapp.selectors.neighbours import content_searches
from webapp.services import neighbours as service
from webapp.services.queries import create_query_from_media
from webapp.views.coverage import coverage, union_length
from webapp.views.results import Clip

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def index(db: None) -> IndexState:
    return IndexState.objects.create(model_key=settings.SIGHTLINE.model, generation=3)


def done(media: Media, **fields: Any) -> Query:
    values = {
        "name": media.name, "source": Query.Source.MEDIA, "status": Query.Status.DONE, "generation": 3,
        "model_key": settings.SIGHTLINE.model, "finished_at": timezone.now(), "best_score": 0.9,
    }  # fmt: skip
    return Query.objects.create(content=media.content, **(values | fields))


def add(query: Query, section: str, media: Media, score: float = 0.8, **fields: Any) -> Match:
    rank = query.matches.filter(section=section).count()
    band = "similar" if section == "similar" else "copy"
    return Match.objects.create(
        query=query, section=section, rank=rank, media=media, score=score, band=band, **fields
    )


def shared(query: Query, media: Media, here: tuple[float, float], there: tuple[float, float]) -> Match:
    return add(
        query, "segment", media, speed=1.0, query_start=here[0], query_end=here[1],
        reference_start=there[0], reference_end=there[1],
    )  # fmt: skip


def look(media: Media) -> str:
    return reverse("media-neighbours", args=[media.pk])


def page(client: Client, media: Media) -> str:
    return client.get(reverse("media", args=[media.pk])).content.decode()


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))


def test_an_entry_nobody_looked_at_starts_by_itself_and_reading_it_writes_nothing(
    client: Client, library: LibraryMaker, sent_tasks: SentTasks
) -> None:
    media = library.picture(1)
    html = page(client, media)
    assert f'hx-post="{look(media)}" hx-trigger="load"' in html
    assert f'action="{look(media)}"' in html  # for browsers without scripts
    client.get(look(media), headers=HTMX)
    assert not Query.objects.exists() and not sent_tasks


def test_a_look_starts_one_search_which_the_page_follows_to_its_results(
    client: Client, library: LibraryMaker, sent_tasks: SentTasks
) -> None:
    media, twin = library.picture(1), library.picture(2, "b/edited.jpg")
    with sent_tasks.committing():
        started = client.post(look(media), headers=HTMX).content.decode()
        again = client.post(look(media), headers=HTMX).content.decode()
    query = Query.objects.get()
    assert [sent.args for sent in sent_tasks] == [(str(query.pk),)]
    assert (query.source, query.region) == ("media", None)
    for html in (started, again):
        assert f'hx-get="{look(media)}?asked=1"' in html and "load delay:150ms" in html

    Query.objects.update(status="running", stage="Comparing pictures", progress=60)
    news = client.get(look(media), {"asked": "13"}, headers=HTMX)
    assert "Comparing pictures" in text(news.content.decode()) and "load delay:300ms" in news.content.decode()
    assert "HX-Retarget" not in news.headers and "no-store" in news.headers["Cache-Control"]
    assert 'http-equiv="refresh"' in page(client, media)

    add(query, "copy", twin, inliers=44)
    Query.objects.update(
        status="done", generation=3, model_key=settings.SIGHTLINE.model, finished_at=timezone.now()
    )
    final = client.get(look(media), headers=HTMX)
    assert final.headers["HX-Retarget"] == "#neighbours"
    assert "44 points agree" in final.content.decode() and "load delay" not in final.content.decode()
    assert "44 points agree" in page(client, media) and 'hx-trigger="load"' not in page(client, media)
    with sent_tasks.committing():
        client.post(look(media), headers=HTMX)
    assert len(sent_tasks) == Query.objects.count() == 1


def test_without_scripts_the_button_leads_back_to_the_page(client: Client, library: LibraryMaker) -> None:
    media = library.picture(1)
    expected = f"{reverse('media', args=[media.pk])}#neighbours"
    assert client.post(look(media))["Location"] == expected
    assert client.get(look(media))["Location"] == expected


def test_a_picture_shows_copies_moments_and_similar_with_links_to_the_evidence(
    client: Client, library: LibraryMaker
) -> None:
    media = library.picture(1, "a/one.jpg")
    query = done(media)
    copy = add(query, "copy", library.picture(2, "a/edited.jpg"), 0.93, inliers=87, mirrored=True)
    film = add(
        query, "segment", library.clip(5, "film.mp4", frames=9), reference_start=4.0, reference_end=5.5
    )
    for seed in range(10, 25):
        add(query, "similar", library.picture(seed, f"s/{seed}.jpg", size=(16, 12)), 0.5)
    add(query, "similar", library.picture(30, "s/weak.jpg", size=(16, 12)), 0.01)
    html = page(client, media)
    assert "87 points agree, mirrored." in html and "93 %" in html
    assert "seen from 0:04.0 to 0:05.5" in text(html)
    for match in (copy, film):
        assert reverse("evidence", args=[query.pk, match.pk]) in html
    assert f"{reverse('rendition', args=[film.media.content.sha256, 'frames/2.webp'])}" in html
    assert len(re.findall(r'tile__name".*?>(\d+)\.jpg<', html)) == 12
    assert 'Similar <span class="count">15</span>' in html and "weak.jpg" not in html
    assert f'href="{reverse("query", args=[query.pk])}#similar"' in html


def test_an_upload_of_the_same_bytes_serves_too_without_finding_the_entry_itself(
    client: Client, library: LibraryMaker
) -> None:
    media, other = library.clip(1, "a/film.mp4"), library.clip(2, "b/other.mp4")
    query = done(media, source=Query.Source.UPLOAD)
    add(query, "copy", media, 1.0)
    shared(query, media, (0, 8), (0, 8))
    own = shared(query, other, (1, 3), (2, 4))
    html = page(client, media)
    assert "0:01.0 – 0:03.0" in text(html) and "0:02.0 of 0:08.0" in text(html)
    links = set(re.findall(r"/matches/(\d+)/", html))
    assert links == {str(own.pk)}


def test_only_the_latest_whole_search_is_shown(client: Client, library: LibraryMaker) -> None:
    media = library.picture(1)
    now = timezone.now()
    found = {name: library.picture(n, f"{name}.jpg") for n, name in enumerate(("old", "new", "part"), 2)}
    add(done(media, finished_at=now - timedelta(days=2)), "copy", found["old"], inliers=20)
    add(done(media, finished_at=now - timedelta(days=1)), "copy", found["new"], inliers=20)
    part = {"x": 0, "y": 0, "width": 0.5, "height": 0.5}
    add(done(media, region=part), "copy", found["part"], inliers=20)
    html = page(client, media)
    assert "new.jpg" in html and "old.jpg" not in html and "part.jpg" not in html


@pytest.mark.parametrize("changed", [{"generation": 4}, {"model_key": "other@1"}])
def test_a_library_that_changed_since_is_told_and_the_results_can_be_refreshed(
    client: Client, library: LibraryMaker, sent_tasks: SentTasks, changed: dict[str, Any]
) -> None:
    media = library.picture(1)
    query = done(media, finished_at=timezone.now() - timedelta(hours=3))
    add(query, "copy", library.picture(2, "edited.jpg"), inliers=20)
    assert "The library has changed since." not in page(client, media)
    with sent_tasks.committing():
        client.post(look(media), {"again": "1"}, headers=HTMX)
    assert Query.objects.count() == 1 and not sent_tasks, "what is up to date is not searched again"

    IndexState.objects.update(**changed)
    html = page(client, media)
    assert "As of 3 hours ago." in text(html) and "The library has changed since." in html
    assert 'name="again"' in html
    with sent_tasks.committing():
        client.post(look(media), headers=HTMX)
        assert Query.objects.count() == 1, "only the button asks for fresh results"
        shown = client.post(look(media), {"again": "1"}, headers=HTMX).content.decode()
        client.post(look(media), {"again": "1"}, headers=HTMX)
    assert Query.objects.count() == 2 and len(sent_tasks) == 1
    assert "load delay" in shown and "edited.jpg" in shown, (
        "the old results stay until the new ones are there"
    )


def test_a_failed_search_says_why_and_is_not_repeated_by_itself(
    client: Client, library: LibraryMaker, sent_tasks: SentTasks
) -> None:
    media = library.picture(1)
    done(media, status="failed", error="The index is damaged.")
    html = page(client, media)
    assert "The index is damaged." in html and 'hx-trigger="load"' not in html
    with sent_tasks.committing():
        client.post(look(media), headers=HTMX)
        assert not sent_tasks
        client.post(look(media), {"again": "1"}, headers=HTMX)
    assert len(sent_tasks) == 1


def test_nobody_looks_for_what_cannot_be_searched(
    client: Client, editor: Client, library: LibraryMaker
) -> None:
    gone = library.picture(1, trashed_at=timezone.now())
    for media, visitor in ((gone, editor), (library.failed(), client)):
        assert 'id="neighbours"' not in page(visitor, media)
        assert visitor.post(look(media), headers=HTMX).status_code == 404
    assert not Query.objects.exists()


def test_only_who_may_search_starts_a_search(
    private_search: None, client: Client, library: LibraryMaker
) -> None:
    media = library.picture(1)
    assert client.post(look(media), headers=HTMX)["Location"].startswith(reverse("login"))
    assert client.get(look(media), headers=HTMX)["Location"].startswith(reverse("login"))
    assert not Query.objects.exists()
    client.force_login(mia := User.objects.create_user("mia"))
    assert client.post(look(media), headers=HTMX).status_code == 200
    assert Query.objects.get().created_by == mia


@pytest.mark.django_db(transaction=True)
def test_of_many_visitors_at_once_one_starts_the_search(
    library: LibraryMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    media = library.picture(1)

    def create_slowly(**values: Any) -> Query:
        time.sleep(0.1)  # long enough for the others to look as well, if they were let in
        return create_query_from_media(**values)

    monkeypatch.setattr(service, "create_query_from_media", create_slowly)
    visitors = 8
    start = threading.Barrier(visitors)
    answers: list[tuple[Any, bool]] = []

    def visit() -> None:
        try:
            start.wait()
            query, is_new = service.search_for_neighbours(media=media)
            answers.append((query.pk, is_new))
        finally:
            connection.close()

    threads = [threading.Thread(target=visit) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == visitors and sum(is_new for _, is_new in answers) == 1
    assert {pk for pk, _ in answers} == {Query.objects.get().pk}


def test_a_clip_tells_every_stretch_that_occurs_elsewhere(client: Client, library: LibraryMaker) -> None:
    media = library.clip(1, "a/film.mp4", frames=10)
    first, second = library.clip(2, "b/first.mp4"), library.clip(3, "b/second.mp4")
    library.clip(2, "c/first again.mp4")
    query = done(media)
    twin = Media.objects.get(path="c/first again.mp4")
    late = shared(query, first, (10, 14), (0, 4))
    shared(query, twin, (10, 14), (0, 4))
    early = shared(query, second, (2, 4), (5, 7))
    both = shared(query, second, (12, 16), (1, 5))
    html = page(client, media)
    words = text(html)
    assert "0:08.0 of 0:20.0 occur elsewhere in the library (40 %)." in words
    rows = re.findall(
        r'<th scope="row".*?>(.*?)</th>.*?<span>(\w+\.mp4)</span>.*?<td.*?>(.*?)</td>', html, re.S
    )
    assert rows == [
        ("0:02.0 – 0:04.0", "second.mp4", "0:05.0 – 0:07.0"),
        ("0:10.0 – 0:14.0", "first.mp4", "0:00.0 – 0:04.0"),
        ("0:12.0 – 0:16.0", "second.mp4", "0:01.0 – 0:05.0"),
    ]
    for match, tone, place in (
        (early, 1, "left: 10.000%; width: 10.000%; --track: 0"),
        (late, 0, "left: 50.000%; width: 20.000%; --track: 0"),
        (both, 1, "left: 60.000%; width: 20.000%; --track: 1"),
    ):
        address = reverse("evidence", args=[query.pk, match.pk])
        assert re.search(rf'tone-{tone}" tabindex="-1" href="{address}" style="{place}"', html)
    assert client.get(reverse("evidence", args=[query.pk, both.pk])).status_code == 200


def test_a_clip_that_occurs_nowhere_else_says_so(client: Client, library: LibraryMaker) -> None:
    media = library.clip(1)
    done(media)
    words = text(page(client, media))
    assert "No video of the library shares any seconds with it." in words
    assert "The very same file is not in the library." not in words


def test_what_went_to_the_trash_since_is_no_neighbour(client: Client, library: LibraryMaker) -> None:
    media = library.clip(1, "a/film.mp4", frames=10)
    gone = library.clip(2, "b/gone.mp4", trashed_at=timezone.now())
    shared(done(media), gone, (2, 4), (1, 3))
    assert "gone.mp4" not in page(client, media)


def test_the_number_of_questions_does_not_grow_with_what_was_found(
    client: Client, library: LibraryMaker
) -> None:
    def questions(media: Media) -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(reverse("media", args=[media.pk])).status_code == 200
        return len(captured)

    for media in (library.picture(1), library.clip(1, frames=20)):
        query, folder = done(media), media.content.kind
        counts = []
        for seed in range(50, 70):
            segment = {"query_start": 1.0, "query_end": 3.0} if media.content.is_video else {}
            add(query, "copy", library.picture(seed, f"{folder}/{seed}", size=(16, 12)), inliers=20)
            add(query, "similar", library.picture(seed + 100, f"{folder}/{seed}", size=(16, 12)))
            clip = library.clip(seed, f"{folder}/{seed}.mp4", frames=2)
            add(query, "segment", clip, reference_start=0.0, reference_end=2.0, **segment)
            if seed in (50, 69):
                counts.append(questions(media))
        assert counts[0] == counts[1] <= 22


def test_names_are_text_whatever_they_contain(client: Client, library: LibraryMaker) -> None:
    media = library.clip(1, frames=10)
    query = done(media)
    name = '<img src=x onerror="alert(1)">.mp4'
    shared(query, library.clip(2, name), (1, 3), (0, 2))
    html = page(client, media)
    assert "<img src=x" not in html and "&lt;img src=x" in html


def test_a_failure_older_than_the_results_is_forgotten(library: LibraryMaker) -> None:
    media = library.picture(1)
    failed = done(media, status="failed", error="No.")
    assert content_searches(media.content_id).failed == failed
    finished = done(media)
    assert content_searches(media.content_id).failed is None
    assert content_searches(media.content_id).answer(again=True) == finished


def test_stretches_that_overlap_never_share_a_track_and_are_counted_once() -> None:
    chance = random.Random(7)
    for _ in range(30):
        spans = [
            (start, start + chance.uniform(0.5, 30)) for start in (chance.uniform(0, 69) for _ in range(12))
        ]
        segments = tuple(Match(query_start=start, query_end=end) for start, end in spans)
        media = Media(path="x.mp4")
        found = coverage(100.0, [Clip(media, segments[0], segments, None)])
        deepest = max(sum(a <= time < b for a, b in spans) for time, _ in spans)
        assert found.tracks == deepest
        for one in found.ranges:
            others = (other for other in found.ranges if other is not one and other.track == one.track)
            for other in others:
                assert (
                    one.left + one.width <= other.left + 1e-6 or other.left + other.width <= one.left + 1e-6
                )
        seen = sum(any(a <= n / 100 < b for a, b in spans) for n in range(10_000)) / 100
        assert union_length(spans) == pytest.approx(seen, abs=0.2)
        assert found.ticks[0] == (0, 0) and 3 <= len(found.ticks) <= 7


@pytest.mark.parametrize("duration", [None, 0.0, 0.03])
def test_a_clip_that_does_not_know_its_length_is_as_long_as_what_was_found(duration: float | None) -> None:
    segment = Match(query_start=1.0, query_end=4.0)
    found = coverage(duration, [Clip(Media(path="x.mp4"), segment, (segment,), None)])
    assert found.length == 4.0
    assert (found.ranges[0].left, found.ranges[0].width) == (25.0, 75.0)
