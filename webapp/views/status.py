"""The status page for people, and two addresses for machines that watch the server."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from webapp.selectors import status as selector
from webapp.views.access import may_edit, search_access
from webapp.views.readiness import CHECK_TITLES, run_checks


@require_safe
@search_access
@never_cache
def status(request: HttpRequest) -> HttpResponse:
    checks = run_checks()
    context: dict[str, Any] = {
        "checks": [(CHECK_TITLES[check.name](), check) for check in checks],
        "failing": [check for check in checks if not check.ok],
        "may_edit": may_edit(request),
    }
    if checks[0].ok:
        context |= _details()
    template = "status/_live.html" if request.headers.get("HX-Target") == "live" else "status/status.html"
    return render(request, template, context)


def _details() -> dict[str, Any]:
    titles = {
        "searches": _("Searches"),
        "files": _("Files to read"),
        "imports": _("Imports"),
        "reports": _("Duplicate reports"),
    }
    return {
        "workers": selector.workers(),
        "index": selector.index_report(),
        "backlogs": [(titles[backlog.name], backlog) for backlog in selector.backlogs()],
        "library": selector.library_counts(),
        "formats": selector.formats_report(),
        "disk": selector.disk(),
        "versions": selector.versions(),
    }


@require_safe
@never_cache
def live(request: HttpRequest) -> HttpResponse:
    """The process serves. Nothing else is asked: restarting it would mend nothing else."""
    return JsonResponse({"status": "live"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    checks = run_checks()
    failing = [check.name for check in checks if not check.ok]
    answer = {
        "status": "not ready" if failing else "ready",
        "failing": failing,
        "checks": {check.name: {"ok": check.ok, "message": check.words} for check in checks},
    }
    return JsonResponse(answer, status=503 if failing else 200)
