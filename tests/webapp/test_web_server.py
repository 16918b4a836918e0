"""The web server process: how much it takes, where it spools, and what it does not say."""

from __future__ import annotations

import json
import logging
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
import waitress
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.utils.log import log_response

from webapp.logs import ExpectedAnswers
from webapp.management import web


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the server is started with."""
    given: dict[str, Any] = {}
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(waitress, "serve", lambda _application, **options: given.update(options))
    monkeypatch.setattr("socket.socket", lambda **_: None)
    web.main(3)
    return given


def test_a_request_with_the_largest_upload_and_its_form_is_taken(served: dict[str, Any]) -> None:
    assert served["max_request_body_size"] > settings.SIGHTLINE.max_upload_bytes


def test_large_requests_are_spooled_beside_the_data(served: dict[str, Any]) -> None:
    assert Path(tempfile.gettempdir()).is_relative_to(settings.DATA_DIR)


def test_a_start_warns_of_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        WSGIHandler()


def test_not_ready_is_an_answer_and_no_error(
    client: Client, db: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    response = client.get("/status/ready")
    assert response.status_code == 503
    assert json.loads(response.content)["failing"]
    assert caplog.records == []


def test_other_errors_are_logged_as_ever(expected_errors: list[logging.LogRecord]) -> None:
    request = RequestFactory().get("/")
    response = HttpResponse(status=503)
    log_response("Service Unavailable", response=response, request=request)
    assert [record.levelname for record in expected_errors] == ["ERROR"]
    assert ExpectedAnswers().filter(expected_errors[0])
