"""What every template may show."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest


def site(request: HttpRequest) -> dict[str, Any]:
    return {
        "public_search": settings.SIGHTLINE.public_search,
        "max_upload_bytes": settings.SIGHTLINE.max_upload_bytes,
    }
