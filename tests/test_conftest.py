"""The tests' own safety nets hold."""

from __future__ import annotations

import logging
import socket
from pathlib import Path

import pytest
from django.conf import settings

from tests.network_guard import NetworkBlocked


def test_another_host_cannot_be_reached_or_looked_up() -> None:
    with pytest.raises(NetworkBlocked):
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    with pytest.raises(NetworkBlocked):
        socket.getaddrinfo("example.org", 80)


def test_the_data_directory_is_the_tests_own() -> None:
    root = Path(__file__).resolve().parent.parent
    assert root not in Path(settings.DATA_DIR).parents


def test_an_error_log_is_collected(expected_errors: list[logging.LogRecord]) -> None:
    logging.getLogger("somewhere").error("on purpose")
    assert [record.getMessage() for record in expected_errors] == ["on purpose"]
