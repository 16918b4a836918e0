"""Going back: where a form leads afterwards, and the message that offers to undo what it did."""

from __future__ import annotations

from collections.abc import Sequence

from django.contrib import messages
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.http import url_has_allowed_host_and_scheme


def next_address(request: HttpRequest, default: str) -> str:
    """The page the form asked to return to, if it is one of ours."""
    address = request.POST.get("next", "")
    ours = url_has_allowed_host_and_scheme(
        address, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return address if address and ours else default


def offer_restore(request: HttpRequest, *, words: str, media_ids: Sequence[int], back: str) -> None:
    """Say what went to the trash, with a button that brings it back."""
    context = {"words": words, "media_ids": media_ids, "back": back}
    messages.success(request, render_to_string("library/_undo.html", context, request=request))
