"""The token that lets whoever started the server make the first account."""

from __future__ import annotations

import os
import secrets

from webapp.services.first_account import token_path


def write_setup_token() -> str:
    """The token of this installation; made once, readable by the owner alone."""
    path = token_path()
    if path.exists() and (kept := path.read_text().strip()):
        return kept
    token = secrets.token_urlsafe(24)
    part = path.with_name(f"setup_token.{secrets.token_hex(8)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as stream:
        stream.write(token)
        stream.flush()
        os.fsync(stream.fileno())
    part.replace(path)
    return token
