"""Results, regions and evidence in a real browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.urls import reverse
from playwright.sync_api import expect

from tests import media
from tests.browser.clips import playable_clip
from tests.browser.conftest import VisitorMaker
from tests.browser.contrast import too_faint
from tests.browser.visitor import Visitor
from tests.library import LibraryMaker
from webapp.models import Match, Query

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
# Perspective, so that nothing but the full 3x3 map is right.
HOMOGRAPHY = [0.8, 0.1, 0.05, -0.06, 0.85, 0.1, 0.12, -0.08, 1.0]


def done(content: Any, **fields: Any) -> Query:
    return Query.objects.create(content=content, name="mine", status="done", best_score=0.9, **fields)


def address(match: Match) -> str:
    return reverse("evidence", args=[match.query_id, match.pk])


def mapped(point: tuple[float, float]) -> np.ndarray[Any, Any]:
    x, y, w = np.array(HOMOGRAPHY).reshape(3, 3) @ np.array([*point, 1.0])
    return np.array([x / w, y / w])


@pytest.fixture
def copy(transactional_db: None, library: LibraryMaker) -> Match:
    query = done(library.picture(1, size=(320, 240)).content)
    points = [(x / 10, y / 10) for x in range(2, 9, 2) for y in range(2, 9, 2)]
    pairs = [[list(point), mapped(point).tolist()] for point in points]
    evidence = {"homography": HOMOGRAPHY, "pairs": pairs, "matches": 40, "agreement": 0.9}
    return Match.objects.create(
        query=query, section="copy", rank=0, media=library.picture(2, "two.jpg", size=(400, 240)),
        band="copy", score=0.93, inliers=len(pairs), evidence=evidence,
    )  # fmt: skip


@pytest.fixture
def clips(transactional_db: None, tmp_path: Path) -> list[Match]:
    """A query whose two scenes come from two places of a longer clip."""
    query = done(playable_clip(tmp_path, [1, 2], "query.mp4").content)
    reference = playable_clip(tmp_path, [5, 1, 6, 2, 7], "film.mp4")
    spans = [(0.0, 2.0, 2.0, 4.0), (2.0, 4.0, 6.0, 8.0)]
    return [
        Match.objects.create(
            query=query, section="segment", rank=rank, media=reference, band="copy", score=0.9, speed=1.0,
            query_start=a, query_end=b, reference_start=c, reference_end=d,
        )
        for rank, (a, b, c, d) in enumerate(spans)
    ]  # fmt: skip


def test_a_region_drawn_with_the_mouse_is_searched_alone(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(reverse("query", args=[copy.query_id]))
    visitor.page.get_by_text("Search a part of it").click()
    area = visitor.find("[data-region]").bounding_box()
    assert area is not None
    mouse = visitor.page.mouse
    mouse.move(area["x"] + area["width"] * 0.25, area["y"] + area["height"] * 0.5)
    mouse.down()
    mouse.move(area["x"] + area["width"] * 0.75, area["y"] + area["height"] * 0.9, steps=3)
    mouse.up()
    visitor.page.get_by_text("Search this part").click()
    expect(visitor.find(".region__shown")).to_be_visible()
    region = Query.objects.exclude(pk=copy.query_id).get().region
    assert region == pytest.approx({"x": 0.25, "y": 0.5, "width": 0.5, "height": 0.4}, abs=0.01)


def test_a_drawn_region_can_be_moved_and_resized(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(reverse("query", args=[copy.query_id]))
    visitor.page.get_by_text("Search a part of it").click()
    area = visitor.find("[data-region]").bounding_box()
    assert area is not None
    mouse = visitor.page.mouse

    def drag(start: tuple[float, float], end: tuple[float, float]) -> list[int]:
        (x0, y0), (x1, y1) = start, end
        mouse.move(area["x"] + area["width"] * x0, area["y"] + area["height"] * y0)
        mouse.down()
        mouse.move(area["x"] + area["width"] * x1, area["y"] + area["height"] * y1, steps=3)
        mouse.up()
        sides = [visitor.find(f"[data-side={side}]").input_value() for side in ("x", "y", "width", "height")]
        return [round(float(side) / 5) * 5 for side in sides]

    assert drag((0.3, 0.3), (0.6, 0.7)) == [30, 30, 30, 40]
    assert drag((0.45, 0.5), (0.55, 0.4)) == [40, 20, 30, 40]
    assert drag((0.7, 0.6), (0.9, 0.8)) == [40, 20, 50, 60]
    # Pushed against the edge it keeps its size.
    assert drag((0.6, 0.5), (1.2, 0.5)) == [50, 20, 50, 60]


def test_a_region_can_be_set_with_arrow_keys(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(reverse("query", args=[copy.query_id]))
    visitor.find("summary").press("Enter")
    box = visitor.find("[data-region-box]")
    box.wait_for(state="visible")
    box.focus()
    for key in ("ArrowRight", "ArrowUp", "Shift+ArrowRight", "Shift+ArrowUp"):
        box.press(key)
    values = {
        side: visitor.find(f"[data-side={side}]").input_value() for side in ("x", "y", "width", "height")
    }
    assert values == {"x": "22", "y": "18", "width": "62", "height": "58"}
    box.press("Enter")
    expect(visitor.find(".region__shown")).to_be_visible()
    region = Query.objects.exclude(pk=copy.query_id).get().region
    assert region == {"x": 0.22, "y": 0.18, "width": 0.62, "height": 0.58}


def test_similar_results_load_while_scrolling_and_can_be_filtered(
    visit: VisitorMaker, copy: Match, library: LibraryMaker
) -> None:
    entries = [library.picture(n, f"{n}.jpg", size=(16, 12)) for n in range(100, 130)]
    entries.append(library.clip(300, "last.mp4"))
    for rank, entry in enumerate(entries):
        Match.objects.create(
            query=copy.query, section="similar", rank=rank, media=entry, band="similar", score=0.5
        )
    visitor = visit(reverse("query", args=[copy.query_id]))
    tiles = visitor.find("#similar .tile")
    expect(tiles).to_have_count(24)
    visitor.page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    expect(tiles).to_have_count(31)
    visitor.find("#id_kind").select_option("video")
    expect(tiles).to_have_count(1)
    expect(visitor.find("#announcer")).to_have_text("1 similar result")
    assert visitor.page.url.endswith("?kind=video")
    visitor.page.reload()
    expect(tiles).to_have_count(1)


def test_agreeing_points_are_joined_where_they_lie_on_both_pictures(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(address(copy))
    lines = visitor.find("[data-lines] line:not(.under)")
    expect(lines).to_have_count(16)
    script = """() => {
      const box = (name) => document.querySelector(`[data-${name}-picture]`).getBoundingClientRect();
      const svg = document.querySelector("[data-lines]").getBoundingClientRect();
      const [q, r] = [box("query"), box("reference")];
      return [...document.querySelectorAll("[data-lines] line:not(.under)")].map((line) => {
        const at = (name) => Number(line.getAttribute(name));
        return [(at("x1") + svg.left - q.left) / q.width, (at("y1") + svg.top - q.top) / q.height,
                (at("x2") + svg.left - r.left) / r.width, (at("y2") + svg.top - r.top) / r.height];
      });
    }"""
    drawn = np.array(visitor.page.evaluate(script))
    assert copy.evidence is not None
    expected = np.array(copy.evidence["pairs"]).reshape(-1, 4)
    assert np.abs(drawn - expected).max() < 0.005
    visitor.find("[data-count]").fill("3")
    expect(lines.locator("visible=true")).to_have_count(3)


def test_the_query_is_warped_onto_the_reference_exactly(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(address(copy))
    visitor.find("[data-overlay]").scroll_into_view_if_needed()
    script = """(points) => {
      const stage = document.querySelector("[data-overlay-stage]");
      const matrix = new DOMMatrix(getComputedStyle(document.querySelector("[data-warped]")).transform);
      return points.map(([x, y]) => {
        const p = matrix.transformPoint(new DOMPoint(x * stage.clientWidth, y * stage.clientHeight));
        return [p.x / p.w / stage.clientWidth, p.y / p.w / stage.clientHeight];
      });
    }"""
    points = [(0, 0), (1, 0), (1, 1), (0, 1), (0.3, 0.7)]
    drawn = np.array(visitor.page.evaluate(script, points))
    assert np.abs(drawn - np.array([mapped(point) for point in points])).max() < 1e-4


def test_the_overlay_is_wiped_and_faded_with_the_keyboard(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(address(copy))
    amount, top = visitor.find("[data-amount]"), visitor.find("[data-overlay-top]")
    amount.press("End")
    assert "inset(0" in str(top.evaluate("element => element.style.clipPath"))
    visitor.find("[name=mode]").first.press("ArrowRight")
    assert top.evaluate("element => element.style.clipPath") == ""
    assert top.evaluate("element => element.style.opacity") == "0.5"
    amount.press("Home")
    assert top.evaluate("element => element.style.opacity") == "0"


def times(visitor: Visitor) -> list[tuple[float, bool]]:
    script = "[...document.querySelectorAll('video')].map((video) => [video.currentTime, video.paused])"
    return [(time, paused) for time, paused in visitor.page.evaluate(script)]


def test_clicking_a_range_plays_both_clips_from_there(visit: VisitorMaker, clips: list[Match]) -> None:
    visitor = visit(address(clips[0]))
    ranges = visitor.find("[data-lane=reference] .range")
    expect(ranges).to_have_count(2)
    expect(visitor.find("[data-lane=query] .range")).to_have_count(2)
    expect(visitor.find(".band")).to_have_count(2)
    ranges.nth(1).click()
    visitor.until(
        "[...document.querySelectorAll('video')].every((video) => !video.paused && video.currentTime > 2.2)"
    )
    (query, _), (reference, _) = times(visitor)
    assert 2.0 <= query <= 4.1
    assert 6.0 <= reference <= 8.2
    assert abs((reference - 6.0) - (query - 2.0)) < 0.5
    visitor.find("[data-toggle]").click()
    visitor.until("[...document.querySelectorAll('video')].every((video) => video.paused)")


def test_playing_stops_where_the_match_ends(visit: VisitorMaker, clips: list[Match]) -> None:
    visitor = visit(address(clips[0]))
    visitor.find("[data-play='0']").click()
    visitor.until(
        "(([, video]) => video.paused && video.currentTime > 3.5)(document.querySelectorAll('video'))"
    )
    assert times(visitor)[1][0] < 5.0
    expect(visitor.find("[data-toggle]")).to_have_text("Play both")


def test_both_lanes_and_the_bands_show_the_same_ranges(visit: VisitorMaker, clips: list[Match]) -> None:
    visitor = visit(address(clips[0]))
    script = """(side) => {
      const strip = document.querySelector(`[data-lane=${side}] [data-strip]`).getBoundingClientRect();
      return [...document.querySelectorAll(`[data-lane=${side}] .range`)].map((range) => {
        const box = range.getBoundingClientRect();
        return [(box.left - strip.left) / strip.width, (box.right - strip.left) / strip.width];
      });
    }"""
    assert np.allclose(visitor.page.evaluate(script, "query"), [[0, 0.5], [0.5, 1]], atol=0.01)
    assert np.allclose(visitor.page.evaluate(script, "reference"), [[0.2, 0.4], [0.6, 0.8]], atol=0.01)
    tones = """[...document.querySelectorAll(".range, .band")]
        .map((element) => [...element.classList].find((name) => name.startsWith("tone")))"""
    assert sorted(visitor.page.evaluate(tones)) == ["tone-0"] * 3 + ["tone-1"] * 3
    first = visitor.find(".band").first.get_attribute("points") or ""
    width = visitor.find("[data-bands]").evaluate("element => element.clientWidth")
    corners = [float(point.split(",")[0]) / width for point in first.split()]
    assert np.allclose(corners, [0, 0.5, 0.4, 0.2], atol=0.01)


def test_the_keyboard_moves_between_segments_and_plays(visit: VisitorMaker, clips: list[Match]) -> None:
    visitor = visit(address(clips[0]))
    ranges = visitor.find("[data-lane=reference] .range")
    ranges.first.focus()
    visitor.page.keyboard.press("ArrowRight")
    expect(ranges.nth(1)).to_be_focused()
    expect(visitor.find("[data-chosen]")).to_have_text("2 / 2")
    assert ranges.nth(1).get_attribute("aria-label") == (
        "Segment 2: 0:02.0–0:04.0 of yours is 0:06.0–0:08.0 here. Play both."
    )
    visitor.page.keyboard.press("Enter")
    visitor.until("[...document.querySelectorAll('video')].every((video) => !video.paused)")


def test_the_timeline_can_show_one_segment_closely(visit: VisitorMaker, clips: list[Match]) -> None:
    visitor = visit(address(clips[1]))
    before = visitor.find("[data-lane=reference] .range--chosen").bounding_box()
    visitor.find("input[value=match]").check()
    after = visitor.find("[data-lane=reference] .range--chosen").bounding_box()
    assert before is not None
    assert after is not None
    assert after["width"] > 2 * before["width"]


def test_a_clip_the_browser_cannot_play_is_stepped_by_keyframes(
    visit: VisitorMaker, clips: list[Match], tmp_path: Path
) -> None:
    old = playable_clip(tmp_path, [5, 1, 8], "old.avi.mp4", mime="video/x-msvideo")
    match = Match.objects.create(
        query=clips[0].query, section="segment", rank=9, media=old, band="copy", score=0.7, speed=1.0,
        query_start=0.0, query_end=2.0, reference_start=2.0, reference_end=4.0,
    )  # fmt: skip
    visitor = visit(address(match))
    visitor.sees("This browser cannot play this format")
    picture = visitor.find("[data-player=reference] img")
    source = picture.get_attribute("src") or ""
    assert source.endswith("/frames/4.webp")
    visitor.page.get_by_label("Next keyframe").click()
    assert (picture.get_attribute("src") or "").endswith("/frames/5.webp")
    visitor.find("[data-play='0']").click()
    visitor.until("document.querySelector('[data-player=reference] img').src.endsWith('/7.webp')")


def test_a_pictures_moments_are_drawn_from_the_still(
    visit: VisitorMaker, clips: list[Match], library: LibraryMaker
) -> None:
    query = done(library.picture(1).content)
    match = Match.objects.create(
        query=query, section="segment", rank=0, media=clips[0].media, band="copy", score=0.9,
        reference_start=2.0, reference_end=4.0,
    )  # fmt: skip
    visitor = visit(address(match))
    expect(visitor.find("[data-lane=query] .range")).to_have_count(0)
    expect(visitor.find("[data-lane=query] img")).to_have_count(1)
    visitor.find("[data-lane=reference] .range").click()
    visitor.until("document.querySelector('video').currentTime > 2.2")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_no_page_is_wider_than_a_phone(
    visit: VisitorMaker, copy: Match, clips: list[Match], library: LibraryMaker, dark: bool
) -> None:
    long = "a-very-long-name-without-any-space-in-it-" * 4 + ".jpg"
    entry = library.picture(77, f"folder/{long}", collection="A collection with quite a long name indeed")
    Match.objects.create(query=copy.query, section="copy", rank=1, media=entry, band="exact", score=1)
    Match.objects.create(query=copy.query, section="similar", rank=0, media=entry, band="similar", score=0.4)
    pages = ["/", reverse("query", args=[copy.query_id]), reverse("query", args=[clips[0].query_id])]
    pages += [address(copy), address(clips[0])]
    visitor = visit(phone=True, dark=dark)
    for path in pages:
        visitor.go(path)
        assert not visitor.is_wider_than_the_window(), path


def test_every_control_has_a_name_and_every_picture_its_size(
    visit: VisitorMaker, copy: Match, clips: list[Match]
) -> None:
    script = """() => {
      const all = (selector) => [...document.querySelectorAll(selector)];
      const given = (e) => e.getAttribute("aria-label") || e.getAttribute("aria-labelledby");
      const named = (e) => e.labels?.length || given(e) || e.textContent.trim();
      const inBox = (e) => getComputedStyle(e).position === "absolute" || e.closest(".lane__pictures");
      const sized = (e) => (e.getAttribute("width") && e.getAttribute("height")) || inBox(e);
      const controls = all("main :is(button, a, input, select), header button")
        .filter((e) => e.type !== "hidden" && !e.closest("[aria-hidden=true]"));
      return {
        nameless: controls.filter((e) => !named(e)).map((e) => e.outerHTML),
        unsized: all("main img").filter((e) => !sized(e)).map((e) => e.outerHTML),
        silent: all("main img:not([alt])").map((e) => e.outerHTML),
      };
    }"""
    for path in ("/", reverse("query", args=[copy.query_id]), address(copy), address(clips[0])):
        visitor = visit(path)
        found = visitor.page.evaluate(script)
        assert found == {"nameless": [], "unsized": [], "silent": []}, json.dumps([path, found], indent=1)


def test_pictures_that_load_late_move_nothing(visit: VisitorMaker, copy: Match) -> None:
    script = """() => new Promise((resolve) => {
      let moved = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) if (!entry.hadRecentInput) moved += entry.value;
      }).observe({ type: "layout-shift", buffered: true });
      setTimeout(() => resolve(moved), 600);
    })"""
    for path in ("/", reverse("query", args=[copy.query_id]), address(copy)):
        visitor = visit(path)
        assert visitor.page.evaluate(script) < 0.02, path


def test_the_original_test_picture_is_shown(visit: VisitorMaker, copy: Match) -> None:
    visitor = visit(address(copy))
    natural = visitor.find("[data-query-picture]").evaluate("(image) => image.naturalWidth")
    assert natural == media.picture(1, (320, 240)).width


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_words_stand_out_from_their_background(
    visit: VisitorMaker, copy: Match, clips: list[Match], dark: bool
) -> None:
    visitor = visit(dark=dark)
    for path in ("/", reverse("query", args=[copy.query_id]), address(copy), address(clips[0])):
        visitor.go(path)
        assert too_faint(visitor.page) == [], path
