"""The first account, logging in and out."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.sent_tasks import SentTasks

pytestmark = pytest.mark.django_db
PASSWORDS = {"password1": "a long enough phrase", "password2": "a long enough phrase"}


@pytest.fixture
def token() -> str:
    (settings.DATA_DIR / "setup_token").write_text("tok-123\n")
    return "tok-123"


def test_the_printed_address_makes_the_administrator_and_works_once(
    client: Client, token: str, sent_tasks: SentTasks
) -> None:
    page = client.get(f"{reverse('setup')}?token={token}").content.decode()
    assert "Make the administrator" in page and f'value="{token}"' in page
    with sent_tasks.committing():
        answer = client.post(reverse("setup"), {"token": token, "username": "ada", **PASSWORDS})
    assert answer["Location"] == reverse("home")
    user = User.objects.get()
    assert user.is_staff and user.is_superuser and user.check_password("a long enough phrase")
    assert client.get(reverse("imports")).status_code == 200
    assert not (settings.DATA_DIR / "setup_token").exists()
    stranger = Client()
    assert stranger.get(f"{reverse('setup')}?token={token}")["Location"] == reverse("login")
    assert (
        stranger.post(reverse("setup"), {"token": token, "username": "eve", **PASSWORDS}).status_code == 302
    )
    assert User.objects.count() == 1


@pytest.mark.parametrize("given", ["", "wrong", "tok-12", "tok-1234", "tök"])
def test_without_the_right_token_no_account_is_made(client: Client, token: str, given: str) -> None:
    shown = client.get(reverse("setup"), {"token": given})
    assert shown.status_code == 403 and "Make the administrator" not in shown.content.decode()
    answer = client.post(reverse("setup"), {"token": given, "username": "eve", **PASSWORDS})
    assert answer.status_code == 403
    assert not User.objects.exists()


def test_without_a_token_file_nothing_is_right(client: Client) -> None:
    assert client.get(reverse("setup"), {"token": ""}).status_code == 403


def test_a_weak_password_is_refused_in_words(client: Client, token: str) -> None:
    weak = {"token": token, "username": "ada", "password1": "12345", "password2": "12345"}
    answer = client.post(reverse("setup"), weak)
    assert answer.status_code == 422 and "too short" in answer.content.decode()
    assert not User.objects.exists()


def test_logging_in_returns_to_the_page_that_asked_and_logging_out_goes_home(client: Client) -> None:
    User.objects.create_user("edda", password="pass", is_staff=True)
    address = client.get(reverse("imports"))["Location"]
    page = client.get(address).content.decode()
    assert 'name="next" value="/imports/"' in page
    wrong = client.post(address, {"username": "edda", "password": "no"})
    assert "correct username and password" in wrong.content.decode()
    right = client.post(address, {"username": "edda", "password": "pass", "next": "/imports/"})
    assert right["Location"] == "/imports/"
    assert client.post(reverse("logout"))["Location"] == reverse("home")
    assert client.get(reverse("imports")).status_code == 302
