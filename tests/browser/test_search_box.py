"""The search box in a real browser: every way of handing something in, and what can go wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from playwright.sync_api import FilePayload, Route, expect

from tests import media
from tests.browser.conftest import VisitorMaker
from tests.browser.visitor import Visitor
from tests.library import LibraryMaker
from webapp.models import Match, Query
from webapp.services.storage import original_path

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PICTURE = media.encoded(media.picture(1))
RESULTS = "**/search/*-*/"


@pytest.fixture(autouse=True)
def filled(library: LibraryMaker, transactional_db: None) -> None:
    library.picture(7, "archive/seven.jpg")


def choose(visitor: Visitor, name: str = "beach.jpg", data: bytes = PICTURE) -> None:
    visitor.find("#id_file").set_input_files({"name": name, "mimeType": "image/jpeg", "buffer": data})


def uploaded() -> bytes:
    return original_path(Query.objects.get().content.sha256).read_bytes()


def test_a_chosen_file_leads_to_results_that_fill_in_by_themselves(
    visit: VisitorMaker, library: LibraryMaker
) -> None:
    visitor = visit()
    choose(visitor)
    visitor.page.wait_for_url(RESULTS)
    assert uploaded() == PICTURE
    visitor.sees("Waiting for a free worker")
    query = Query.objects.get()
    Query.objects.filter(pk=query.pk).update(status="running", stage="Comparing 24 pictures", progress=70)
    visitor.sees("Comparing 24 pictures")
    expect(visitor.find("#announcer")).to_have_text("Comparing 24 pictures")
    Match.objects.create(
        query=query, section="copy", rank=0, media=library.picture(8), band="copy", score=0.91, inliers=33
    )  # fmt: skip
    Query.objects.filter(pk=query.pk).update(status="done", progress=100)
    visitor.sees("33 points agree")
    expect(visitor.find("#announcer")).to_contain_text("Done: 1 copies")


def test_a_file_dropped_anywhere_on_the_page_is_searched(visit: VisitorMaker) -> None:
    visitor = visit()
    transfer = visitor.transfer(PICTURE, "dropped.jpg", "image/jpeg")
    visitor.drag("dragenter", transfer)
    expect(visitor.find("[data-drop-overlay]")).to_be_visible()
    visitor.drag("dragleave", transfer)
    expect(visitor.find("[data-drop-overlay]")).to_be_hidden()
    visitor.drag("dragenter", transfer)
    visitor.drag("drop", transfer)
    visitor.page.wait_for_url(RESULTS)
    assert (Query.objects.get().name, uploaded()) == ("dropped.jpg", PICTURE)


def test_a_pasted_picture_is_searched(visit: VisitorMaker) -> None:
    visitor = visit()
    visitor.paste(visitor.transfer(PICTURE, "image.png", "image/png"))
    visitor.page.wait_for_url(RESULTS)
    assert uploaded() == PICTURE


def test_a_pasted_address_is_fetched_and_its_error_shown_beside_the_field(visit: VisitorMaker) -> None:
    visitor = visit()
    visitor.paste(visitor.transfer(text="http://127.0.0.1:9/picture.jpg"))
    expect(visitor.find("#url-error")).to_contain_text("not on the public internet")
    expect(visitor.find("#id_url")).to_have_value("http://127.0.0.1:9/picture.jpg")
    assert visitor.focused() == "id_url"


def test_pasted_prose_is_left_alone(visit: VisitorMaker) -> None:
    visitor = visit()
    visitor.paste(visitor.transfer(text="where was this taken?"))
    expect(visitor.find("#id_url")).to_have_value("")
    expect(visitor.find("[data-sending]")).to_be_hidden()


def test_an_address_can_be_typed_with_the_keyboard_alone(visit: VisitorMaker) -> None:
    visitor = visit()
    keyboard = visitor.page.keyboard
    keyboard.press("Tab")
    assert visitor.focused() == "Skip to the content"
    for _ in range(30):
        if visitor.focused() == "id_url":
            break
        keyboard.press("Tab")
    keyboard.type("nonsense")
    keyboard.press("Enter")
    expect(visitor.find("#url-error")).to_contain_text("not a web address")
    expect(visitor.find("#id_url")).to_have_attribute("aria-invalid", "true")
    assert visitor.focused() == "id_url"


def test_the_file_button_can_be_reached_and_shows_its_focus(visit: VisitorMaker) -> None:
    visitor = visit()
    visitor.find("#id_file").focus()
    visitor.page.keyboard.press("Shift+Tab")
    visitor.page.keyboard.press("Tab")
    outline = "getComputedStyle(document.querySelector('label[for=id_file]')).outlineStyle"
    assert visitor.page.evaluate(outline) == "solid"


def test_a_file_over_the_limit_is_refused_before_anything_is_sent(visit: VisitorMaker, settings: Any) -> None:
    settings.SIGHTLINE = replace(settings.SIGHTLINE, max_upload_bytes=100)
    visitor = visit()
    requests: list[str] = []
    visitor.page.on("request", lambda request: requests.append(request.method))
    choose(visitor)
    expect(visitor.find("#file-error")).to_contain_text("too large")
    assert "POST" not in requests


def test_sending_shows_the_file_and_can_be_cancelled(visit: VisitorMaker) -> None:
    visitor = visit()
    unanswered: list[Route] = []
    visitor.page.route("**/search/", lambda route: unanswered.append(route))
    choose(visitor, "slow.jpg")
    expect(visitor.find("[data-sending]")).to_contain_text("slow.jpg")
    expect(visitor.find("[data-preview] img")).to_be_visible()
    visitor.find("[data-cancel]").click()
    expect(visitor.find("[data-sending]")).to_be_hidden()
    expect(visitor.find("[data-drop]")).to_be_visible()
    expect(visitor.find("#announcer")).to_have_text("Cancelled.")
    for route in unanswered:
        route.abort()
    assert not Query.objects.exists()


def test_a_broken_server_is_said_in_words(visit: VisitorMaker) -> None:
    visitor = visit()
    visitor.page.route("**/search/", lambda route: route.fulfill(status=200, body="<h1>no</h1>"))
    choose(visitor)
    expect(visitor.find("#file-error")).to_contain_text("Something went wrong on the server")
    expect(visitor.find("[data-drop]")).to_be_visible()


def test_everything_works_without_scripts(visit: VisitorMaker) -> None:
    visitor = visit(java_script_enabled=False)
    choose(visitor)
    visitor.find("button[type=submit]").click()
    visitor.page.wait_for_url(RESULTS)
    query = Query.objects.get()
    assert uploaded() == PICTURE
    Query.objects.filter(pk=query.pk).update(status="done", best_score=0.02)
    visitor.page.reload()
    visitor.sees("Nothing matches")


def test_the_chosen_theme_is_remembered(visit: VisitorMaker) -> None:
    visitor = visit(dark=True)
    background = "getComputedStyle(document.body).backgroundColor"
    dark = visitor.page.evaluate(background)
    visitor.find("[data-theme-toggle]").click()
    light = visitor.page.evaluate(background)
    assert dark != light
    visitor.page.reload()
    assert visitor.page.evaluate(background) == light
    visitor.find("[data-theme-toggle]").click()
    assert visitor.page.evaluate(background) == dark
    expect(visitor.find("[data-theme-toggle]")).to_have_attribute("aria-label", "Colours: dark")


def test_a_phone_offers_its_camera(visit: VisitorMaker) -> None:
    visitor = visit(phone=True)
    expect(visitor.page.get_by_text("Take a photo")).to_be_visible()
    assert visitor.find("#id_camera").get_attribute("capture") == "environment"
    photo: FilePayload = {"name": "image.jpg", "mimeType": "image/jpeg", "buffer": PICTURE}
    visitor.find("#id_camera").set_input_files(photo)
    visitor.page.wait_for_url(RESULTS)
    assert uploaded() == PICTURE
