"""Handing in something to search by: files, photos, addresses, regions, library entries."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from tests import media
from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import Content, Query
from webapp.services.fetch import FetchError
from webapp.services.storage import StorageFull, original_path, store

pytestmark = pytest.mark.django_db
JSON = {"Accept": "application/json"}


def upload(name: str = "holiday.jpg", data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, media.encoded(media.picture(1)) if data is None else data, "image/jpeg")


def post(client: Client, sent: SentTasks, **fields: Any) -> Any:
    with sent.committing():
        return client.post(reverse("search-create"), fields)


def test_an_uploaded_picture_becomes_a_query_and_the_worker_is_told(
    client: Client, sent_tasks: SentTasks
) -> None:
    response = post(client, sent_tasks, file=upload())
    query = Query.objects.get()
    assert response.status_code == 302
    assert response["Location"] == reverse("query", args=[query.pk])
    assert (query.name, query.source, query.status) == ("holiday.jpg", "upload", "pending")
    assert original_path(query.content.sha256).read_bytes() == media.encoded(media.picture(1))
    assert [(sent.name, sent.args) for sent in sent_tasks] == [("tasks.queries.run_query", (str(query.pk),))]


def test_a_photo_from_the_camera_field_is_a_file_like_any_other(
    client: Client, sent_tasks: SentTasks
) -> None:
    post(client, sent_tasks, camera=upload("image.jpg"))
    assert Query.objects.get().name == "image.jpg"


def test_a_script_is_answered_with_the_address_of_the_results(client: Client, sent_tasks: SentTasks) -> None:
    with sent_tasks.committing():
        response = client.post(reverse("search-create"), {"file": upload()}, headers=JSON)
    assert response.status_code == 201
    assert response.json() == {"url": reverse("query", args=[Query.objects.get().pk])}


def test_the_same_bytes_are_stored_once_for_two_searches(client: Client, sent_tasks: SentTasks) -> None:
    post(client, sent_tasks, file=upload("a.jpg"))
    post(client, sent_tasks, file=upload("b.jpg"))
    assert (Query.objects.count(), Content.objects.count()) == (2, 1)


@pytest.mark.parametrize(
    ("fields", "field", "words"),
    [
        ({}, "file", "Choose a picture or clip"),
        ({"file": upload("empty.jpg", b"")}, "file", "empty"),
        ({"url": "not an address"}, "url", "not a web address"),
        ({"url": "ftp://example.org/a.jpg"}, "url", "http"),
    ],
    ids=["nothing", "empty file", "no address", "wrong scheme"],
)
def test_a_refusal_stands_beside_the_field_it_is_about(
    client: Client, sent_tasks: SentTasks, fields: dict[str, Any], field: str, words: str
) -> None:
    response = post(client, sent_tasks, **fields)
    assert response.status_code == 422
    assert words in " ".join(response.context["form"].errors[field])
    assert words in response.content.decode()
    assert not Query.objects.exists()
    assert not sent_tasks


def test_a_file_over_the_limit_is_refused_with_both_sizes(
    client: Client, sent_tasks: SentTasks, settings: Any
) -> None:
    from dataclasses import replace

    settings.SIGHTLINE = replace(settings.SIGHTLINE, max_upload_bytes=1024)
    response = post(client, sent_tasks, file=upload("big.jpg", b"x" * 3000))
    words = " ".join(response.context["form"].errors["file"])
    assert "2.9\xa0KB" in words
    assert "1.0\xa0KB" in words


def test_a_full_disk_is_said_in_words(
    client: Client, sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise StorageFull("The disk is full. Free some space and try again.")

    monkeypatch.setattr("webapp.views.search.store", full)
    with sent_tasks.committing():
        response = client.post(reverse("search-create"), {"file": upload()}, headers=JSON)
    assert response.status_code == 422
    assert json.loads(response.content)["errors"]["file"][0]["message"].startswith("The disk is full.")


def test_an_address_is_fetched_and_its_name_kept(
    client: Client, sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []

    def fetch(url: str) -> Any:
        fetched.append(url)
        return store([media.encoded(media.picture(2))], max_bytes=1 << 20), "from the web.jpg"

    monkeypatch.setattr("webapp.views.search.fetch_to_store", fetch)
    response = post(client, sent_tasks, url="https://example.org/from%20the%20web.jpg")
    query = Query.objects.get()
    assert response.status_code == 302
    assert fetched == ["https://example.org/from%20the%20web.jpg"]
    assert (query.name, query.source) == ("from the web.jpg", "url")


def test_an_address_that_cannot_be_fetched_keeps_what_was_typed(
    client: Client, sent_tasks: SentTasks, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fetch(url: str) -> Any:
        raise FetchError("The server answered “not found”.")

    monkeypatch.setattr("webapp.views.search.fetch_to_store", fetch)
    response = post(client, sent_tasks, url="https://example.org/x.jpg")
    assert response.status_code == 422
    assert 'value="https://example.org/x.jpg"' in response.content.decode()
    assert response.context["form"].errors["url"] == ["The server answered “not found”."]


def test_this_machine_cannot_be_searched_through_the_address_field(
    client: Client, sent_tasks: SentTasks
) -> None:
    response = post(client, sent_tasks, url="http://127.0.0.1:1/x.jpg")
    assert "not on the public internet" in " ".join(response.context["form"].errors["url"])


def test_a_region_makes_a_new_query_of_the_same_content(
    client: Client, sent_tasks: SentTasks, library: LibraryMaker
) -> None:
    whole = Query.objects.create(content=library.picture().content, name="whole.jpg")
    with sent_tasks.committing():
        fields = {"x": "25", "y": "50", "width": "60.5", "height": "90"}
        response = client.post(reverse("query-region", args=[whole.pk]), fields)
    part = Query.objects.exclude(pk=whole.pk).get()
    assert response["Location"] == reverse("query", args=[part.pk])
    assert part.content == whole.content
    # The height is cut at the lower edge.
    assert part.region == {"x": 0.25, "y": 0.5, "width": 0.605, "height": 0.5}
    assert sent_tasks.names() == ["tasks.queries.run_query"]


def test_a_region_that_makes_no_sense_is_refused_on_the_page(client: Client, library: LibraryMaker) -> None:
    whole = Query.objects.create(content=library.picture().content, name="whole.jpg")
    fields = {"x": "-3", "y": "0", "width": "0", "height": "50"}
    response = client.post(reverse("query-region", args=[whole.pk]), fields)
    assert response.status_code == 422
    assert set(response.context["region_form"].errors) == {"x", "width"}
    assert Query.objects.count() == 1


def test_a_clip_cannot_be_searched_by_a_part_of_its_picture(client: Client, library: LibraryMaker) -> None:
    clip = Query.objects.create(content=library.clip().content, name="clip.mp4")
    fields = {"x": "0", "y": "0", "width": "50", "height": "50"}
    assert client.post(reverse("query-region", args=[clip.pk]), fields).status_code == 422
    assert Query.objects.count() == 1


def test_more_like_this_searches_by_a_library_entry(
    client: Client, sent_tasks: SentTasks, library: LibraryMaker
) -> None:
    entry = library.picture(3, "art/three.jpg")
    with sent_tasks.committing():
        response = client.post(reverse("search-similar-to", args=[entry.pk]))
    query = Query.objects.get()
    assert response["Location"] == reverse("query", args=[query.pk])
    assert (query.content, query.name, query.source) == (entry.content, "three.jpg", "media")
    assert sent_tasks.names() == ["tasks.queries.run_query"]


def test_a_failed_search_can_be_tried_again(
    client: Client, sent_tasks: SentTasks, library: LibraryMaker
) -> None:
    query = Query.objects.create(
        content=library.picture().content, name="x", status="failed", error="No worker.", attempts=3
    )
    with sent_tasks.committing():
        client.post(reverse("query-again", args=[query.pk]))
    query.refresh_from_db()
    assert (query.status, query.error, query.attempts) == ("pending", "", 0)
    assert [sent.args for sent in sent_tasks] == [(str(query.pk),)]


def test_the_home_page_lists_this_visitors_searches_and_nobody_elses(
    client: Client, sent_tasks: SentTasks
) -> None:
    post(client, sent_tasks, file=upload("mine.jpg"))
    assert "mine.jpg" in client.get("/").content.decode()
    assert "mine.jpg" not in Client().get("/").content.decode()


def test_an_empty_library_offers_the_sample_library(client: Client, library: LibraryMaker) -> None:
    assert reverse("samples-load") in client.get("/").content.decode()
    library.picture()
    assert reverse("samples-load") not in client.get("/").content.decode()
