"""The people who open the pages: ``client`` is a stranger, a member has an account, an editor is staff."""

from __future__ import annotations

import dataclasses

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings


@pytest.fixture
def member(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("mia", password="pass"))
    return client


@pytest.fixture
def editor(db: None) -> Client:
    client = Client()
    client.force_login(User.objects.create_user("edda", password="pass", is_staff=True))
    return client


@pytest.fixture
def private_search(settings: Settings) -> None:
    """Searching needs an account."""
    settings.SIGHTLINE = dataclasses.replace(settings.SIGHTLINE, public_search=False)
