"""The first account of an installation."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from webapp.forms.accounts import FirstAccountForm
from webapp.services.first_account import SetupClosed, create_first_account, setup_is_open, token_is_right


@sensitive_post_parameters()
@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    if not setup_is_open():
        messages.info(request, _("An account exists already. Log in with it."))
        return redirect("login")
    token = request.POST.get("token", "") or request.GET.get("token", "")
    if not token_is_right(token):
        return render(request, "setup/setup.html", {"token": "", "wrong": bool(token)}, status=403)
    form = FirstAccountForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        return _create(request, form)
    status = 422 if form.errors else 200
    return render(request, "setup/setup.html", {"token": token, "form": form}, status=status)


def _create(request: HttpRequest, form: FirstAccountForm) -> HttpResponse:
    try:
        user = create_first_account(user=form.save(commit=False))
    except SetupClosed as error:
        messages.info(request, str(error))
        return redirect("login")
    login(request, user)
    messages.success(request, _("Welcome! You are the administrator now."))
    return redirect("home")
