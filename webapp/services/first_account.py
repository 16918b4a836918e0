"""The token that proves who started the server, and the first account it allows to make."""

from __future__ import annotations

import secrets
from pathlib import Path

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.translation import gettext as _


class SetupClosed(Exception):
    """An account exists already. ``str(error)`` is a sentence for a person."""


def token_path() -> Path:
    return Path(settings.DATA_DIR) / "setup_token"


def token_is_right(given: str) -> bool:
    """Compare in constant time with the token of this installation; without one nothing is right."""
    try:
        expected = token_path().read_text().strip()
    except FileNotFoundError:
        return False
    return bool(expected) and secrets.compare_digest(given.encode(), expected.encode())


def setup_is_open() -> bool:
    return not User.objects.exists()


@transaction.atomic
def create_first_account(*, user: User) -> User:
    """Save the first account and forget the token.

    Raises:
        SetupClosed: somebody was faster.
    """
    if not setup_is_open():
        raise SetupClosed(_("An account exists already. Log in with it."))
    user.save()
    transaction.on_commit(lambda: token_path().unlink(missing_ok=True))
    return user
