"""Who may open a page: everybody or accounts may search, staff may change the library."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def may_search(request: HttpRequest) -> bool:
    return settings.SIGHTLINE.public_search or request.user.is_authenticated


def may_edit(request: HttpRequest) -> bool:
    return request.user.is_authenticated and request.user.is_staff


def search_access(view: View[P]) -> View[P]:
    """Searching and looking: everybody where search is public, else people with an account."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not may_search(request):
            return redirect_to_login(request.get_full_path())
        return view(request, *args, **kwargs)

    return checked


def editor_required(view: View[P]) -> View[P]:
    """Changing the library: staff. Others who are logged in are told so; strangers may log in."""

    @wraps(view)
    def checked(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        if not request.user.is_staff:
            raise PermissionDenied
        return view(request, *args, **kwargs)

    return checked
