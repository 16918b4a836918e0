"""Who may search: everybody, or only people with an account where search is not public."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from tests.library import LibraryMaker
from tests.sent_tasks import SentTasks
from webapp.models import Match, Query

pytestmark = pytest.mark.django_db


def addresses(library: LibraryMaker) -> list[str]:
    entry = library.picture()
    query = Query.objects.create(content=entry.content, name="x", status="done")
    match = Match.objects.create(query=query, section="copy", rank=0, media=entry, band="exact", score=1)
    return [
        reverse("home"),
        reverse("query", args=[query.pk]),
        reverse("query-panel", args=[query.pk]),
        reverse("query-similar", args=[query.pk]),
        reverse("query-file", args=[query.pk]),
        reverse("evidence", args=[query.pk, match.pk]),
        reverse("media-file", args=[entry.pk]),
        reverse("rendition", args=[entry.content.sha256, "thumb.webp"]),
    ]


def test_a_stranger_may_search_where_search_is_public(client: Client, library: LibraryMaker) -> None:
    statuses = {address: client.get(address).status_code for address in addresses(library)}
    assert all(status in (200, 302) for status in statuses.values()), statuses
    assert not any(reverse("login") in client.get(a).get("Location", "") for a in statuses)


def test_a_stranger_is_sent_to_the_login_where_search_is_private(
    client: Client, library: LibraryMaker, settings: Any, sent_tasks: SentTasks
) -> None:
    settings.SIGHTLINE = replace(settings.SIGHTLINE, public_search=False)
    for address in addresses(library):
        response = client.get(address)
        assert response.status_code == 302, address
        assert response["Location"].startswith(reverse("login")), address
    query = Query.objects.get()
    for name in ("search-create", "query-region", "query-again", "search-similar-to"):
        arguments = {"search-create": [], "search-similar-to": [1]}.get(name, [query.pk])
        response = client.post(reverse(name, args=arguments))
        assert response["Location"].startswith(reverse("login")), name
    assert Query.objects.count() == 1
    assert not sent_tasks


def test_a_person_with_an_account_may_search_where_search_is_private(
    client: Client, library: LibraryMaker, settings: Any, django_user_model: Any
) -> None:
    settings.SIGHTLINE = replace(settings.SIGHTLINE, public_search=False)
    client.force_login(django_user_model.objects.create_user("mei", password="x"))
    assert all(client.get(address).status_code in (200, 302) for address in addresses(library))
    assert client.get("/").status_code == 200


def test_what_changes_something_must_be_posted(client: Client, library: LibraryMaker) -> None:
    addresses(library)
    query = Query.objects.get()
    for address in (
        reverse("search-create"),
        reverse("query-region", args=[query.pk]),
        reverse("query-again", args=[query.pk]),
        reverse("search-similar-to", args=[1]),
    ):
        assert client.get(address).status_code == 405


def test_a_form_without_its_token_is_refused(library: LibraryMaker) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(reverse("search-create"), {"url": "https://example.org/a.jpg"}).status_code == 403


def test_pages_forbid_inline_script_and_hold_none(client: Client, library: LibraryMaker) -> None:
    import re

    for address in addresses(library):
        response = client.get(address)
        if response.get("Content-Type", "").startswith("text/html"):
            html = response.content.decode()
            assert (
                "script-src" in response["Content-Security-Policy"]
                or "default-src 'self'" in response["Content-Security-Policy"]
            )
            inline = [
                tag for tag in re.findall(r"<script[^>]*>", html) if "src=" not in tag and "json" not in tag
            ]
            assert inline == []
            assert not re.search(r"\son[a-z]+=", html)


def test_errors_are_pages_with_words_and_a_way_on(client: Client, rf: Any) -> None:
    from django.views.defaults import permission_denied, server_error

    missing = client.get("/nowhere/")
    assert (missing.status_code, "does not exist" in missing.content.decode()) == (404, True)
    stale = Client(enforce_csrf_checks=True).post(reverse("search-create"))
    assert "open for too long" in stale.content.decode()
    assert "Something went wrong" in server_error(rf.get("/")).content.decode()
    assert "may not do this" in permission_denied(rf.get("/"), PermissionError()).content.decode()
