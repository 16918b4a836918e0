"""A media page that fills in what else of the library its entry occurs in, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from tests.browser.clips import playable_clip
from tests.browser.conftest import VisitorMaker
from tests.browser.contrast import too_faint
from tests.library import LibraryMaker
from webapp.models import IndexState, Match, Media, Query

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
SPANS = [(0.5, 2.5), (2.0, 4.0), (4.5, 6.0), (1.0, 3.0), (7.0, 7.04), (6.0, 10.0), (0.0, 10.0)]


@pytest.fixture
def film(transactional_db: None, tmp_path: Path) -> Media:
    IndexState.objects.create(model_key=settings.SIGHTLINE.model, generation=1)
    return playable_clip(tmp_path, [1, 2, 3, 4, 5])


def find_everything(query: Query, library: LibraryMaker) -> None:
    """What the worker would have written: each stretch from another clip, a copy and something similar."""
    for rank, (start, end) in enumerate(SPANS):
        Match.objects.create(
            query=query, section="segment", rank=rank, band="copy", score=0.9 - rank / 50, speed=1.0,
            media=library.clip(rank + 1, f"reposted/a rather long name of clip {rank}.mp4", frames=6),
            query_start=start, query_end=end, reference_start=1.0, reference_end=1.0 + end - start,
        )  # fmt: skip
    for section, seed in (("copy", 50), ("similar", 51)):
        Match.objects.create(
            query=query, section=section, rank=0, media=library.picture(seed), band=section, score=0.8
        )
    Query.objects.filter(pk=query.pk).update(
        status="done", model_key=settings.SIGHTLINE.model, generation=1, finished_at=timezone.now()
    )


def test_a_clip_finds_its_coverage_by_itself_and_leads_to_the_timeline(
    visit: VisitorMaker, film: Media, library: LibraryMaker
) -> None:
    address = reverse("media", args=[film.pk])
    visitor = visit(address)
    visitor.sees("Waiting for a free worker")
    visit(address).sees("Waiting for a free worker")
    query = Query.objects.get()
    Query.objects.update(status="running", stage="Comparing clips", progress=70)
    visitor.sees("Comparing clips")
    find_everything(query, library)
    ranges, rows = visitor.find(".coverage__range"), visitor.find(".coverage__table tbody tr")
    expect(ranges).to_have_count(len(SPANS))
    expect(rows).to_have_count(len(SPANS))
    expect(visitor.find("#announcer")).to_have_text("Done: 1 copies, 7 videos, 1 similar.")
    assert visitor.find("#neighbours-progress").count() == 0

    boxes = [box for box in (one.bounding_box() for one in ranges.all()) if box]
    assert len(boxes) == len(SPANS)
    for index, a in enumerate(boxes):
        for b in boxes[index + 1 :]:
            apart_in_time = a["x"] + a["width"] <= b["x"] + 1 or b["x"] + b["width"] <= a["x"] + 1
            assert apart_in_time or abs(a["y"] - b["y"]) >= min(a["height"], b["height"])

    rows.nth(2).get_by_role("link", name="Timeline").click()
    visitor.page.wait_for_url(f"**{reverse('query', args=[query.pk])}matches/*/")
    visitor.page.go_back()
    ranges.nth(1).click()
    visitor.page.wait_for_url(f"**{reverse('query', args=[query.pk])}matches/*/")


def test_results_of_an_older_library_stay_until_the_refreshed_ones_come(
    visit: VisitorMaker, film: Media, library: LibraryMaker
) -> None:
    query = Query.objects.create(content=film.content, name="film.mp4", source="media")
    find_everything(query, library)
    IndexState.objects.update(generation=2)
    visitor = visit(reverse("media", args=[film.pk]))
    visitor.sees("The library has changed since.")
    visitor.page.get_by_role("button", name="Refresh").click()
    visitor.sees("Waiting for a free worker")
    expect(visitor.find(".coverage__range")).to_have_count(len(SPANS))
    fresh = Query.objects.exclude(pk=query.pk)
    fresh.update(status="done", model_key=settings.SIGHTLINE.model, generation=2, finished_at=timezone.now())
    visitor.sees("No video of the library shares any seconds with it.")
    assert visitor.find(".coverage__range").count() == 0
    assert visitor.page.get_by_text("The library has changed since.").count() == 0
    assert fresh.count() == 1


@pytest.mark.parametrize("dark", [False, True])
def test_coverage_fits_a_phone_and_can_be_read(
    visit: VisitorMaker, film: Media, library: LibraryMaker, dark: bool
) -> None:
    query = Query.objects.create(content=film.content, name="film.mp4", source="media")
    find_everything(query, library)
    visitor = visit(reverse("media", args=[film.pk]), phone=True, dark=dark)
    expect(visitor.find(".coverage__range")).to_have_count(len(SPANS))
    assert not visitor.is_wider_than_the_window()
    assert too_faint(visitor.page) == []


def test_without_scripts_a_button_starts_the_search(visit: VisitorMaker, film: Media) -> None:
    visitor = visit(reverse("media", args=[film.pk]), java_script_enabled=False)
    visitor.page.get_by_role("button", name="Look now").click()
    visitor.sees("Waiting for a free worker")
    assert visitor.page.url.endswith(f"{reverse('media', args=[film.pk])}#neighbours")
    assert Query.objects.count() == 1
