"""Originals and renditions over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from tests.library import LibraryMaker
from webapp.models import Content, Media, Query
from webapp.services.storage import store
from webapp.views import ranges
from webapp.views.ranges import Unsatisfiable, parse_range

BODY = bytes(range(256)) * 40


def body(response: Any) -> bytes:
    return bytes(response.getvalue() if response.streaming else response.content)


@pytest.fixture
def entry(library: LibraryMaker) -> Media:
    stored = store([BODY], max_bytes=len(BODY))
    content = Content.objects.create(
        sha256=stored.sha256, byte_size=len(BODY), status="ready", kind="video", mime="video/mp4"
    )
    return Media.objects.create(content=content, path="folder/film one.mp4")


def get(client: Client, media: Media, **headers: str) -> Any:
    return client.get(reverse("media-file", args=[media.pk]), headers=headers)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-", (0, 100)),
        ("bytes=10-19", (10, 20)),
        ("bytes=90-400", (90, 100)),
        ("bytes=-7", (93, 100)),
        ("bytes=-400", (0, 100)),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=9-3", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("", None),
    ],
)
def test_a_range_header_means_these_bytes(header: str, expected: tuple[int, int] | None) -> None:
    part = parse_range(header, 100)
    assert (None if part is None else (part.start, part.stop)) == expected


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0"])
def test_a_range_outside_the_file_cannot_be_satisfied(header: str) -> None:
    with pytest.raises(Unsatisfiable):
        parse_range(header, 100)


@given(st.text(max_size=30), st.integers(0, 1000))
def test_no_range_header_reaches_outside_the_file(text: str, size: int) -> None:
    try:
        part = parse_range(f"bytes={text}", size)
    except Unsatisfiable:
        return
    assert part is None or 0 <= part.start < part.stop <= size


@pytest.mark.django_db
class TestOriginals:
    def test_the_whole_file_comes_with_its_type_and_digest(self, client: Client, entry: Media) -> None:
        response = get(client, entry)
        assert (response.status_code, body(response)) == (200, BODY)
        assert response["Content-Type"] == "video/mp4"
        assert response["ETag"] == f'"{entry.content.sha256}"'
        assert response["Accept-Ranges"] == "bytes"
        assert response["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in response["Content-Security-Policy"]

    def test_a_range_comes_as_partial_content(self, client: Client, entry: Media) -> None:
        response = get(client, entry, range="bytes=300-999")
        assert response.status_code == 206
        assert body(response) == BODY[300:1000]
        assert response["Content-Range"] == f"bytes 300-999/{len(BODY)}"
        assert response["Content-Length"] == "700"

    def test_the_last_bytes_can_be_asked_for(self, client: Client, entry: Media) -> None:
        assert body(get(client, entry, range="bytes=-5")) == BODY[-5:]

    def test_an_open_range_is_answered_in_parts_that_follow_each_other(
        self, client: Client, entry: Media, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ranges, "PART_BYTES", 4000)
        got = b""
        while len(got) < len(BODY):
            response = get(client, entry, range=f"bytes={len(got)}-")
            assert response.status_code == 206
            got += body(response)
        assert got == BODY

    def test_a_range_beyond_the_end_is_refused(self, client: Client, entry: Media) -> None:
        response = get(client, entry, range=f"bytes={len(BODY)}-")
        assert response.status_code == 416
        assert response["Content-Range"] == f"bytes */{len(BODY)}"

    def test_a_range_of_another_version_gives_the_whole_file(self, client: Client, entry: Media) -> None:
        response = get(client, entry, range="bytes=0-9", if_range='"another"')
        assert (response.status_code, len(body(response))) == (200, len(BODY))

    def test_a_known_file_is_not_sent_again(self, client: Client, entry: Media) -> None:
        tag = get(client, entry)["ETag"]
        assert get(client, entry, if_none_match=tag).status_code == 304

    def test_a_head_request_has_no_body(self, client: Client, entry: Media) -> None:
        response = client.head(reverse("media-file", args=[entry.pk]))
        assert (response.status_code, response["Content-Length"]) == (200, str(len(BODY)))

    @pytest.mark.parametrize("mime", ["text/html", "image/svg+xml", "application/pdf", "video/x-msvideo"])
    def test_what_a_browser_should_not_open_is_a_download(
        self, client: Client, entry: Media, mime: str
    ) -> None:
        Content.objects.filter(pk=entry.content_id).update(mime=mime)
        response = get(client, entry)
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"] == 'attachment; filename="film one.mp4"'

    def test_a_page_uploaded_as_a_picture_never_acts_as_a_page(self, client: Client, db: None) -> None:
        stored = store([b"<html><script>alert(1)</script>"], max_bytes=100)
        content = Content.objects.create(sha256=stored.sha256, byte_size=stored.byte_size)
        query = Query.objects.create(content=content, name="page.html")
        response = client.get(reverse("query-file", args=[query.pk]))
        assert response["Content-Type"] == "application/octet-stream"
        assert response["Content-Disposition"].startswith("attachment")

    def test_a_fresh_upload_is_shown_before_it_is_described(self, client: Client, db: None) -> None:
        stored = store([b"\x89PNG\r\n\x1a\n rest"], max_bytes=100)
        content = Content.objects.create(sha256=stored.sha256, byte_size=stored.byte_size)
        query = Query.objects.create(content=content, name="new.png")
        assert client.get(reverse("query-file", args=[query.pk]))["Content-Type"] == "image/png"

    def test_a_trashed_entry_is_hidden_from_visitors_but_not_from_staff(
        self, client: Client, admin_client: Client, entry: Media
    ) -> None:
        Media.objects.filter(pk=entry.pk).update(trashed_at=timezone.now())
        assert get(client, entry).status_code == 404
        assert get(admin_client, entry).status_code == 200

    def test_a_lost_original_is_not_found(self, client: Client, entry: Media) -> None:
        Content.objects.filter(pk=entry.content_id).update(sha256="0" * 64)
        assert get(client, entry).status_code == 404


@pytest.mark.django_db
class TestRenditions:
    def test_a_thumbnail_is_kept_by_the_browser_for_long(self, client: Client, library: LibraryMaker) -> None:
        sha256 = library.picture().content.sha256
        response = client.get(reverse("rendition", args=[sha256, "thumb.webp"]))
        assert response["Content-Type"] == "image/webp"
        assert body(response)[8:12] == b"WEBP"
        assert "private" in response["Cache-Control"]
        assert "immutable" in response["Cache-Control"]

    def test_a_frame_picture_has_an_address_by_position(self, client: Client, library: LibraryMaker) -> None:
        clip = library.clip(frames=3)
        response = client.get(reverse("rendition", args=[clip.content.sha256, "frames/2.webp"]))
        assert response.status_code == 200

    def test_a_missing_rendition_is_a_placeholder_that_is_not_kept(
        self, client: Client, library: LibraryMaker
    ) -> None:
        response = client.get(reverse("rendition", args=[library.picture().content.sha256, "view.webp"]))
        assert (response.status_code, response["Content-Type"]) == (404, "image/svg+xml")
        assert "no-store" in response["Cache-Control"]

    @pytest.mark.parametrize(
        "name",
        [
            "features.bin",
            "../thumb.webp",
            "frames/../thumb.webp",
            "frames/a.webp",
            "thumb.webp/",
            "frames/-1.webp",
        ],
    )
    def test_no_other_file_can_be_named(self, client: Client, library: LibraryMaker, name: str) -> None:
        sha256 = library.picture().content.sha256
        response = client.get(f"/content/{sha256}/{name}")
        assert response.status_code == 404
        assert response.get("Content-Type") != "image/svg+xml"

    @pytest.mark.parametrize("sha256", ["..", "A" * 64, "0" * 63, "%2e%2e"])
    def test_only_a_digest_names_a_content(self, client: Client, sha256: str, db: None) -> None:
        assert client.get(f"/content/{sha256}/thumb.webp").status_code == 404
