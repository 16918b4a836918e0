"""System checks: what must hold before Sightline serves anything."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register


@register()
def data_directory_is_writable(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    try:
        with tempfile.NamedTemporaryFile(dir=settings.DATA_DIR):
            return []
    except OSError as error:
        hint = "Make the folder writable, or set SIGHTLINE_DATA_DIR to one that is."
        return [
            Error(f"Cannot write to {settings.DATA_DIR}: {error.strerror}.", hint=hint, id="sightline.E001")
        ]
